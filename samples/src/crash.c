/* crash: a deliberate write through a null pointer, three calls deep.
 *
 * Where did it happen, how did we get there, who put the 0 into the pointer?
 */
#include <stdio.h>

struct account {
    int number;
    int balance;
};

static struct account one = {1, 100};

static struct account *find(int number)
{
    return number == one.number ? &one : NULL;
}

static void deposit(struct account *account, int amount)
{
    account->balance += amount;
}

static void transfer(int number, int amount)
{
    struct account *to = find(number);
    printf("transfer of %d to account %d\n", amount, number);
    fflush(stdout);
    deposit(to, amount);
    printf("account %d has %d\n", number, to->balance);
    fflush(stdout);
}

int main(void)
{
    transfer(1, 50);
    transfer(2, 50);
    puts("not reached");
    return 0;
}
