/* pipeline: generate | square | sum, three processes and two pipes; then what a broken pipe does.
 *
 *     pipeline [COUNT]
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void generate(int count)
{
    for (int i = 1; i <= count; i++)
        printf("%d\n", i);
}

static void square(void)
{
    int number;
    while (scanf("%d", &number) == 1)
        printf("%ld\n", (long)number * number);
}

static void sum(void)
{
    long number, total = 0, lines = 0;
    while (scanf("%ld", &number) == 1) {
        total += number;
        lines++;
    }
    printf("%ld squares, sum %ld\n", lines, total);
}

static pid_t start(int stage, int in, int out, int other, int count)
{
    fflush(stdout);
    pid_t child = fork();
    if (child)
        return child;
    if (in >= 0) {
        dup2(in, 0);
        close(in);
    }
    if (out >= 0) {
        dup2(out, 1);
        close(out);
    }
    if (other >= 0)
        close(other);
    if (stage == 0)
        generate(count);
    else if (stage == 1)
        square();
    else
        sum();
    exit(stage);
}

static void broken(void)
{
    int ends[2], status;
    if (pipe(ends))
        return;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        close(ends[0]);
        for (;;)
            if (write(ends[1], "x", 1) < 0)
                _exit(1);
    }
    close(ends[1]);
    struct pollfd look = {ends[0], POLLIN, 0};
    printf("poll: %d, readable %d\n", poll(&look, 1, -1), !!(look.revents & POLLIN));
    close(ends[0]);
    waitpid(child, &status, 0);
    printf("the writer of a broken pipe: %s\n",
           WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE ? "SIGPIPE" : "?");
    signal(SIGPIPE, SIG_IGN);
    if (pipe(ends))
        return;
    close(ends[0]);
    ssize_t written = write(ends[1], "x", 1);
    printf("and when it ignores that: %s\n", written < 0 && errno == EPIPE ? "EPIPE" : "?");
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000;
    int first[2], second[2], status[3];
    pid_t stages[3];
    if (pipe(first))
        return 1;
    stages[0] = start(0, -1, first[1], first[0], count);
    close(first[1]);
    if (pipe(second))
        return 1;
    stages[1] = start(1, first[0], second[1], second[0], count);
    close(first[0]);
    close(second[1]);
    stages[2] = start(2, second[0], -1, -1, count);
    close(second[0]);
    for (int i = 0; i < 3; i++)
        waitpid(stages[i], &status[i], 0);
    for (int i = 0; i < 3; i++)
        printf("stage %d exited with %d\n", i, WEXITSTATUS(status[i]));
    broken();
    return 0;
}
