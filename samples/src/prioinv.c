/* prioinv: priority inversion. A low thread holds a lock that a high one wants, while a middle one
 * only computes.
 *
 *     prioinv           an ordinary mutex: under a scheduler with priorities the middle one goes first
 *     prioinv inherit   a mutex with priority inheritance: the low one is lifted until it unlocks
 *
 * The order in which they end is printed with "order" as the last argument.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock;
static pthread_barrier_t ready;
static char order[4];
static int ended;

static void nice_to(int value) { setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), value); }

static unsigned long compute(int rounds)
{
    unsigned long x = 1;
    for (int i = 0; i < rounds * 1000; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

static void ends(char who)
{
    order[__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST)] = who;
}

static void *low(void *argument)
{
    nice_to(19);
    pthread_mutex_lock(&lock);
    pthread_barrier_wait(&ready);
    compute(200);
    pthread_mutex_unlock(&lock);
    ends('L');
    return argument;
}

static void *middle(void *argument)
{
    pthread_barrier_wait(&ready);
    nice_to(0);
    compute(800);
    ends('M');
    return argument;
}

static void *high(void *argument)
{
    nice_to(-20);
    pthread_barrier_wait(&ready);
    pthread_mutex_lock(&lock);
    ends('H');
    pthread_mutex_unlock(&lock);
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    pthread_mutexattr_t attr;
    int inherit = argc > 1 && !strcmp(argv[1], "inherit");
    pthread_mutexattr_init(&attr);
    if (inherit && pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT)) {
        puts("no priority inheritance here");
        return 1;
    }
    pthread_mutex_init(&lock, &attr);
    pthread_barrier_init(&ready, NULL, 3);
    pthread_create(&threads[0], NULL, low, NULL);
    pthread_create(&threads[1], NULL, middle, NULL);
    pthread_create(&threads[2], NULL, high, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("all three ended, %s priority inheritance\n", inherit ? "with" : "without");
    if (argc > 1 && !strcmp(argv[argc - 1], "order"))
        printf("order: %s\n", order);
    return 0;
}
