/* guess: a game on the console. The program sleeps in read() until you type a line.
 *
 * The number comes from the first argument if there is one; else it is always the same.
 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int secret = argc > 1 ? atoi(argv[1]) % 100 : 37;
    char line[64];
    int tries = 0;

    puts("I think of a number from 0 to 99.");
    for (;;) {
        printf("Your guess: ");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) {
            puts("\nNo more input. Good-bye.");
            return 1;
        }
        char *end;
        long guess = strtol(line, &end, 10);
        if (end == line) {
            puts("That is no number.");
            continue;
        }
        tries++;
        if (guess < secret)
            puts("Too small.");
        else if (guess > secret)
            puts("Too large.");
        else
            break;
    }
    printf("Yes! It took you %d %s.\n", tries, tries == 1 ? "try" : "tries");
    return 0;
}
