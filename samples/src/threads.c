/* threads: everything pthreads offers, one piece after the other, on N threads (default 4).
 *
 *     threads [N]
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200
#define MAX 16

static int count = 4;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static sem_t items, done;
static pthread_key_t key;
static __thread int mine;
static long counter, reads, destroyed, inits, phases;

static void must(int error, const char *what)
{
    if (error) {
        printf("%s: %s\n", what, strerror(error));
        exit(1);
    }
}

static void on_all(const char *name, void *(*work)(void *))
{
    pthread_t threads[MAX];
    long sum = 0;
    for (long i = 0; i < count; i++)
        must(pthread_create(&threads[i], NULL, work, (void *)i), "pthread_create");
    for (int i = 0; i < count; i++) {
        void *result;
        must(pthread_join(threads[i], &result), "pthread_join");
        sum += (long)result;
    }
    printf("%-10s results add up to %ld\n", name, sum);
}

static void *locked(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        long seen = counter;
        if (i % 50 == 0)
            sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

static int turn;

static void *in_turn(void *argument)
{
    long me = (long)argument;
    for (int i = 0; i < 5; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % count != me)
            pthread_cond_wait(&cond, &mutex);
        turn++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

static void *in_phases(void *argument)
{
    for (int i = 0; i < 5; i++) {
        int last = pthread_barrier_wait(&barrier);
        if (last == PTHREAD_BARRIER_SERIAL_THREAD)
            phases++;
        pthread_barrier_wait(&barrier);
    }
    return argument;
}

static void *reads_and_writes(void *argument)
{
    for (int i = 0; i < 50; i++) {
        if (i % 10 == 0) {
            pthread_rwlock_wrlock(&rwlock);
            reads++;
            pthread_rwlock_unlock(&rwlock);
        } else {
            pthread_rwlock_rdlock(&rwlock);
            volatile long seen = reads;
            (void)seen;
            pthread_rwlock_unlock(&rwlock);
        }
    }
    return argument;
}

static void init(void) { inits++; }

static void destroy(void *value)
{
    pthread_spin_lock(&spin);
    destroyed += (long)value;
    pthread_spin_unlock(&spin);
}

static void *own(void *argument)
{
    pthread_once(&once, init);
    pthread_setspecific(key, (void *)((long)argument + 1));
    mine = (int)(long)argument * 10;
    sched_yield();
    return (void *)(long)mine;
}

static void *produce(void *argument)
{
    for (int i = 0; i < 10; i++)
        sem_post(&items);
    return argument;
}

static void *consume(void *argument)
{
    int *taken = argument;
    while (*taken < 10 * count) {
        sem_wait(&items);
        ++*taken;
    }
    sem_post(&done);
    return NULL;
}

static int cleanups;

static void cleanup(void *argument) { cleanups += (int)(long)argument; }

static void *sleeps_forever(void *argument)
{
    pthread_cleanup_push(cleanup, (void *)1);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return argument;
}

static void *spins_forever(void *argument)
{
    volatile long *cell = argument;
    pthread_cleanup_push(cleanup, (void *)1);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL); /* from here on, at any moment */
    for (;;) {
        ++*cell;
        if (*cell % 1000 == 0)
            sched_yield();
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void *waits_forever(void *argument)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
    pthread_cleanup_push(cleanup, (void *)1);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return argument;
}

static void cancellation(void)
{
    void *(*victims[])(void *) = {sleeps_forever, spins_forever, waits_forever};
    long cell = 0;
    int canceled = 0;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        void *result;
        must(pthread_create(&thread, NULL, victims[i], &cell), "pthread_create");
        struct timespec soon = {0, 2000000};
        nanosleep(&soon, NULL);
        must(pthread_cancel(thread), "pthread_cancel");
        must(pthread_join(thread, &result), "pthread_join");
        canceled += result == PTHREAD_CANCELED;
    }
    printf("canceled   %d threads, %d cleanups\n", canceled, cleanups);
}

static void timeouts(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 3000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&mutex);
    int error = pthread_cond_timedwait(&cond, &mutex, &until);
    pthread_mutex_unlock(&mutex);
    printf("timeout    %s\n", error == ETIMEDOUT ? "came" : "did not come");
}

static void *detached(void *argument)
{
    (void)argument;
    sem_post(&done);
    return NULL;
}

static void kinds(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m, &attr);
    int again = pthread_mutex_lock(&m) | pthread_mutex_lock(&m) | pthread_mutex_unlock(&m);
    pthread_mutex_unlock(&m);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m, &attr);
    pthread_mutex_lock(&m);
    int twice = pthread_mutex_lock(&m);
    pthread_mutex_unlock(&m);
    int unowned = pthread_mutex_unlock(&m);
    printf("mutexes    recursive %s, twice %s, unlock %s\n", again ? "fails" : "works",
           twice == EDEADLK ? "EDEADLK" : "?", unowned == EPERM ? "EPERM" : "?");
}

static void *dies_with_mutex(void *argument)
{
    pthread_mutex_lock(argument);
    return NULL;
}

static void robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    pthread_t thread;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m, &attr);
    pthread_create(&thread, NULL, dies_with_mutex, &m);
    pthread_join(thread, NULL);
    int error = pthread_mutex_lock(&m);
    pthread_mutex_consistent(&m);
    pthread_mutex_unlock(&m);
    printf("robust     %s\n", error == EOWNERDEAD ? "owner died, made consistent" : "?");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        count = atoi(argv[1]) < 1 ? 1 : atoi(argv[1]) > MAX ? MAX : atoi(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_barrier_init(&barrier, NULL, count);
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    pthread_key_create(&key, destroy);
    sem_init(&items, 0, 0);
    sem_init(&done, 0, 0);
    on_all("mutex", locked);
    printf("           counter %ld\n", counter);
    on_all("cond", in_turn);
    printf("           %d turns\n", turn);
    on_all("barrier", in_phases);
    printf("           %ld phases\n", phases);
    on_all("rwlock", reads_and_writes);
    printf("           %ld writes\n", reads);
    on_all("own data", own);
    printf("           initialised %ld time(s), destroyed %ld\n", inits, destroyed);
    int taken = 0;
    pthread_t consumer;
    pthread_create(&consumer, NULL, consume, &taken);
    on_all("semaphore", produce);
    sem_wait(&done);
    pthread_join(consumer, NULL);
    printf("           %d items\n", taken);
    cancellation();
    timeouts();
    kinds();
    robust();
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    must(pthread_create(&thread, &attr, detached, NULL), "pthread_create");
    sem_wait(&done);
    puts("detached   ran");
    must(pthread_create(&thread, NULL, sleeps_forever, NULL), "pthread_create");
    puts("leaving while a thread still waits");
    return 0;
}
