/* philosophers: five at a round table with a fork between each two.
 *
 *     philosophers          each takes the left fork, then the right: they starve together
 *     philosophers ordered  each takes the lower-numbered fork first: all get to eat
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEATS 5
#define MEALS 3

/* Error-checking mutexes: their word holds the thread id of who has the fork, so that a debugger
 * (and `info waits`) can say who waits for whom. A normal mutex's word only says that it is taken. */
static pthread_mutex_t forks[SEATS];
static int ordered, meals[SEATS];

static void think(void) { usleep(1000); }

static void *dine(void *argument)
{
    int seat = (int)(long)argument;
    int left = seat, right = (seat + 1) % SEATS;
    if (ordered && left > right) {
        left = right;
        right = seat;
    }
    while (meals[seat] < MEALS) {
        pthread_mutex_lock(&forks[left]);
        think();
        pthread_mutex_lock(&forks[right]);
        meals[seat]++;
        pthread_mutex_unlock(&forks[right]);
        pthread_mutex_unlock(&forks[left]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t philosophers[SEATS];
    pthread_mutexattr_t named;
    ordered = argc > 1 && !strcmp(argv[1], "ordered");
    printf("%s forks\n", ordered ? "ordered" : "left, then right");
    fflush(stdout);
    pthread_mutexattr_init(&named);
    pthread_mutexattr_settype(&named, PTHREAD_MUTEX_ERRORCHECK);
    for (int i = 0; i < SEATS; i++)
        pthread_mutex_init(&forks[i], &named);
    for (long i = 0; i < SEATS; i++)
        pthread_create(&philosophers[i], NULL, dine, (void *)i);
    for (int i = 0; i < SEATS; i++)
        pthread_join(philosophers[i], NULL);
    for (int i = 0; i < SEATS; i++)
        printf("philosopher %d had %d meals\n", i, meals[i]);
    return 0;
}
