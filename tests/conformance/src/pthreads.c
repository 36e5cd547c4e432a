// POSIX threads, one section a subject; every line printed is the same on every Linux, C library,
// architecture and number of CPUs. `pthreads SECTION` runs one section, no argument runs all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef void *(*Body)(void *);
enum { THREADS = 4, ROUNDS = 300 };

static const char *name_of(int error) {
    switch (error) {
    case 0: return "ok";
    case EAGAIN: return "EAGAIN";
    case EBUSY: return "EBUSY";
    case EDEADLK: return "EDEADLK";
    case EINVAL: return "EINVAL";
    case ENOTRECOVERABLE: return "ENOTRECOVERABLE";
    case EOWNERDEAD: return "EOWNERDEAD";
    case EPERM: return "EPERM";
    case ESRCH: return "ESRCH";
    case ETIMEDOUT: return "ETIMEDOUT";
    default: return strerror(error);
    }
}

static const char *result(int value) { return name_of(value < 0 ? errno : value); }

static void say(const char *what, int error) { printf("  %s: %s\n", what, name_of(error)); }

static void count(const char *what, long value) { printf("  %s: %ld\n", what, value); }

static pthread_t start(Body body, void *arg) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, arg);
    if (error) {
        say("pthread_create", error);
        exit(1);
    }
    return thread;
}

static void *join(pthread_t thread) {
    void *value = NULL;
    pthread_join(thread, &value);
    return value;
}

static void crew(Body body) {
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) threads[i] = start(body, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
}

static struct timespec after_ms(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void pause_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

// -- mutexes --------------------------------------------------------------------------------------

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long shared;

static void *add(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        long seen = shared;
        if (i % 64 == 0) sched_yield();
        shared = seen + 1;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *try_it(void *mutex) { return (void *)(long)pthread_mutex_trylock(mutex); }
static void *unlock_it(void *mutex) { return (void *)(long)pthread_mutex_unlock(mutex); }

static void *timed(void *mutex) {
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    return (void *)(long)pthread_mutex_timedlock(mutex, &soon);
}

static void of_type(pthread_mutex_t *mutex, int type, int protocol, int robust) {
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    if (protocol) say("protocol", pthread_mutexattr_setprotocol(&attr, protocol));
    if (robust) say("robust", pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}

static void try_type(const char *name, int type, int protocol) {
    pthread_mutex_t mutex;
    printf(" %s\n", name);
    of_type(&mutex, type, protocol, 0);
    say("lock", pthread_mutex_lock(&mutex));
    say("trylock again", pthread_mutex_trylock(&mutex));
    if (type != PTHREAD_MUTEX_NORMAL) say("lock again", pthread_mutex_lock(&mutex));
    if (type != PTHREAD_MUTEX_NORMAL)
        say("unlock by another", (int)(long)join(start(unlock_it, &mutex)));
    say("trylock by another", (int)(long)join(start(try_it, &mutex)));
    say("timedlock by another", (int)(long)join(start(timed, &mutex)));
    for (int i = 0; i < (type == PTHREAD_MUTEX_RECURSIVE ? 3 : 1); i++)
        say("unlock", pthread_mutex_unlock(&mutex));
    if (type != PTHREAD_MUTEX_NORMAL) say("unlock once more", pthread_mutex_unlock(&mutex));
    say("destroy", pthread_mutex_destroy(&mutex));
}

static void mutexes(void) {
    shared = 0;
    crew(add);
    count("sum", shared);
    try_type("normal", PTHREAD_MUTEX_NORMAL, 0);
    try_type("recursive", PTHREAD_MUTEX_RECURSIVE, 0);
    try_type("error checking", PTHREAD_MUTEX_ERRORCHECK, 0);
}

static void inheritance(void) {
    try_type("inheriting", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT);
    pthread_mutex_t kept = lock;
    of_type(&lock, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 0);
    shared = 0;
    crew(add);
    count("sum", shared);
    lock = kept;
}

// -- robust mutexes -------------------------------------------------------------------------------

static void *die_holding(void *mutex) {
    pthread_mutex_lock(mutex);
    return NULL;
}

static void robust(void) {
    pthread_mutex_t *mutex = mmap(NULL, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    of_type(mutex, PTHREAD_MUTEX_NORMAL, 0, 1);
    join(start(die_holding, mutex));
    say("lock after its owner's end", pthread_mutex_lock(mutex));
    say("consistent", pthread_mutex_consistent(mutex));
    say("unlock", pthread_mutex_unlock(mutex));
    say("lock", pthread_mutex_lock(mutex));
    say("consistent", pthread_mutex_consistent(mutex));
    say("unlock", pthread_mutex_unlock(mutex));
    join(start(die_holding, mutex));
    say("trylock", pthread_mutex_trylock(mutex));
    say("unlock, not made consistent", pthread_mutex_unlock(mutex));
    say("lock", pthread_mutex_lock(mutex));
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &attr);
    pid_t child = fork();
    if (!child) {
        pthread_mutex_lock(mutex);
        pause_ms(20);
        kill(getpid(), SIGKILL);
    }
    pause_ms(5);
    say("lock after its process was killed", pthread_mutex_lock(mutex));
    waitpid(child, NULL, 0);
}

// -- condition variables, barriers, reader-writer locks -------------------------------------------

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, gate;

static void *take_turns(void *self) {
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&lock);
        while (turn != (long)self) pthread_cond_wait(&changed, &lock);
        turn = (turn + 1) % THREADS;
        shared++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void conditions(void) {
    turn = shared = 0;
    crew(take_turns);
    count("turns", shared);
    struct timespec soon = after_ms(CLOCK_REALTIME, 20), past = {1, 0};
    pthread_mutex_lock(&lock);
    say("timedwait", pthread_cond_timedwait(&changed, &lock, &soon));
    say("timedwait for the past", pthread_cond_timedwait(&changed, &lock, &past));
    say("the mutex is held", (int)(long)join(start(try_it, &lock)));
    pthread_condattr_t attr;
    pthread_cond_t other;
    pthread_condattr_init(&attr);
    say("setclock", pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    pthread_cond_init(&other, &attr);
    soon = after_ms(CLOCK_MONOTONIC, 20);
    say("timedwait, monotonic", pthread_cond_timedwait(&other, &lock, &soon));
    pthread_mutex_unlock(&lock);
    say("destroy", pthread_cond_destroy(&other));
}

static pthread_barrier_t barrier;
static int serial, arrived, too_early;

static void *meet(void *unused) {
    (void)unused;
    for (int round = 1; round <= 20; round++) {
        __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
        int got = pthread_barrier_wait(&barrier);
        if (got == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < round * THREADS) too_early++;
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void barriers(void) {
    serial = arrived = too_early = 0;
    say("init for none", pthread_barrier_init(&barrier, NULL, 0));
    pthread_barrier_init(&barrier, NULL, THREADS);
    crew(meet);
    printf("  %d arrived, %d serial, %d too early\n", arrived, serial, too_early);
    say("destroy", pthread_barrier_destroy(&barrier));
}

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long left, right;
static int torn;

static void *read_and_write(void *self) {
    for (int i = 0; i < 100; i++) {
        if ((i + (long)self) % 5 == 0) {
            pthread_rwlock_wrlock(&rw);
            left++;
            if (i % 3 == 0) sched_yield();
            right++;
        } else {
            pthread_rwlock_rdlock(&rw);
            if (left != right) __atomic_fetch_add(&torn, 1, __ATOMIC_SEQ_CST);
        }
        pthread_rwlock_unlock(&rw);
    }
    return NULL;
}

static void *try_rd(void *p) { return (void *)(long)pthread_rwlock_tryrdlock(p); }
static void *try_wr(void *p) { return (void *)(long)pthread_rwlock_trywrlock(p); }

static void *timed_wr(void *p) {
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    return (void *)(long)pthread_rwlock_timedwrlock(p, &soon);
}

static void rwlocks(void) {
    left = right = torn = 0;
    crew(read_and_write);
    printf("  %ld writes, %d torn\n", left, torn);
    pthread_rwlock_rdlock(&rw);
    say("trywrlock while read", (int)(long)join(start(try_wr, &rw)));
    say("timedwrlock while read", (int)(long)join(start(timed_wr, &rw)));
    say("tryrdlock while read", pthread_rwlock_tryrdlock(&rw));
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_wrlock(&rw);
    say("tryrdlock while written", (int)(long)join(start(try_rd, &rw)));
    say("wrlock again", pthread_rwlock_trywrlock(&rw));
    say("unlock", pthread_rwlock_unlock(&rw));
}

// -- once, spin locks, storage of a thread --------------------------------------------------------

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised;

static void initialise(void) {
    pause_ms(5);
    initialised++;
}

static void *call_once(void *unused) {
    (void)unused;
    pthread_once(&once, initialise);
    if (initialised != 1) __atomic_fetch_add(&too_early, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static pthread_spinlock_t spin;

static void *spin_add(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&spin);
        shared++;
        pthread_spin_unlock(&spin);
    }
    return NULL;
}

static void onces(void) {
    too_early = shared = 0;
    crew(call_once);
    printf("  ran %d times, seen too early %d times\n", initialised, too_early);
    pthread_spin_init(&spin, 0);
    crew(spin_add);
    count("under a spin lock", shared);
    say("spin_trylock", pthread_spin_trylock(&spin));
    say("spin_trylock again", pthread_spin_trylock(&spin));
}

static __thread long own = 7;
static __thread char block[300];
static pthread_key_t key;
static int destroyed;

static void destroy(void *value) {
    __atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST);
    if ((long)value < 2) pthread_setspecific(key, (void *)10L);
}

static void *storage_of(void *self) {
    pthread_setspecific(key, (void *)((long)self + 1));
    memset(block, (int)(long)self, sizeof block);
    own += (long)self;
    sched_yield();
    if (own != 7 + (long)self || block[299] != (long)self) exit(1);
    return NULL;
}

static void storage(void) {
    pthread_key_create(&key, destroy);
    crew(storage_of);
    printf("  own %ld, %d destructors\n", own, destroyed);
    say("key_delete", pthread_key_delete(key));
}

// -- cancellation ---------------------------------------------------------------------------------

static int cleaned;
static int ends[2];
static sem_t never;

static void clean(void *what) {
    cleaned += (int)(long)what;
}

static void unlock(void *mutex) {
    cleaned += pthread_mutex_trylock(mutex) == EBUSY;  // a cancelled wait has taken it again
    pthread_mutex_unlock(mutex);
}

static void *wait_for(void *what) {
    char byte;
    int old;
    switch ((long)what) {
    case 0:
        pthread_mutex_lock(&lock);
        pthread_cleanup_push(unlock, &lock);
        for (;;) pthread_cond_wait(&changed, &lock);
        pthread_cleanup_pop(1);
        break;
    case 1: read(ends[0], &byte, 1); break;
    case 2: sem_wait(&never); break;
    case 3: pause_ms(100000); break;
    case 4: waitpid(getppid() + 100000, NULL, 0); sigsuspend(&(sigset_t){0}); break;
    case 5: for (;;) pthread_testcancel();
    case 6:
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
        for (;;) __asm__ volatile("" ::: "memory");
    case 7:
        pthread_cleanup_push(clean, (void *)100L);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
        pause_ms(30);
        pthread_testcancel();
        cleaned += 1000;
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
        pthread_testcancel();
        pthread_cleanup_pop(0);
    }
    return NULL;
}

static void cancellation(void) {
    static const char *const names[] = {"cond_wait", "read", "sem_wait", "nanosleep",
                                        "sigsuspend", "testcancel", "any time", "disabled"};
    pipe(ends);
    sem_init(&never, 0, 0);
    for (long i = 0; i < 8; i++) {
        cleaned = 0;
        pthread_t thread = start(wait_for, (void *)i);
        pause_ms(10);
        pthread_cancel(thread);
        void *value = join(thread);
        printf("  %s: %s, cleaned %d\n", names[i],
               value == PTHREAD_CANCELED ? "cancelled" : "returned", cleaned);
    }
    say("the mutex is free", pthread_mutex_trylock(&lock));
    pthread_mutex_unlock(&lock);
}

// -- semaphores -----------------------------------------------------------------------------------

static sem_t items, room;
static long ring[5], put_at, taken;

static void *consume(void *unused) {
    (void)unused;
    for (int i = 0; i < 100; i++) {
        sem_wait(&items);
        taken += ring[i % 5];
        sem_post(&room);
    }
    return NULL;
}

static void semaphores(void) {
    int value;
    sem_init(&items, 0, 0);
    sem_init(&room, 0, 5);
    put_at = taken = 0;
    pthread_t consumer = start(consume, NULL);
    for (; put_at < 100; put_at++) {
        sem_wait(&room);
        ring[put_at % 5] = put_at;
        sem_post(&items);
    }
    join(consumer);
    count("taken", taken);
    printf("  trywait: %s\n", result(sem_trywait(&items)));
    struct timespec soon = after_ms(CLOCK_REALTIME, 20), bad = {0, 2000000000};
    printf("  timedwait: %s\n", result(sem_timedwait(&items, &soon)));
    printf("  timedwait, no such time: %s\n", result(sem_timedwait(&items, &bad)));
    sem_getvalue(&room, &value);
    count("room", value);
    sem_t *between = mmap(NULL, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(between, 1, 0);
    sem_init(between + 1, 1, 0);
    if (!fork()) {
        for (int i = 0; i < 20; i++) {
            sem_wait(between);
            sem_post(between + 1);
        }
        _exit(0);
    }
    for (int i = 0; i < 20; i++) {
        sem_post(between);
        sem_wait(between + 1);
    }
    wait(NULL);
    sem_getvalue(between, &value);
    count("between processes", value);
}

// -- signals, fork, the end -----------------------------------------------------------------------

static pthread_t hit;

static void on_signal(int signal) {
    (void)signal;
    hit = pthread_self();
}

static void *be_hit(void *unused) {
    (void)unused;
    while (!__atomic_load_n((long *)&hit, __ATOMIC_SEQ_CST)) pause_ms(1);
    return NULL;
}

static void *wait_signal(void *set) {
    int signal = 0;
    sigwait(set, &signal);
    return (void *)(long)signal;
}

static void before(void) { printf("  before the fork\n"); }
static void in_parent(void) { shared = 1; }
static void in_child(void) { shared = 2; }

static void signals(void) {
    sigset_t set;
    int status;
    signal(SIGUSR1, on_signal);
    pthread_t thread = start(be_hit, NULL);
    say("pthread_kill", pthread_kill(thread, SIGUSR1));
    join(thread);
    printf("  the handler ran in %s\n", pthread_equal(hit, thread) ? "it" : "another");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    thread = start(wait_signal, &set);
    kill(getpid(), SIGUSR2);
    count("sigwait", (long)join(thread));
    pthread_atfork(before, in_parent, in_child);
    fflush(stdout);
    pid_t child = fork();
    if (!child) _exit((int)shared);
    waitpid(child, &status, 0);
    printf("  parent %ld, child %d\n", shared, WEXITSTATUS(status));
    pthread_attr_t attr;
    size_t size = 0;
    pthread_attr_init(&attr);
    say("stack too small", pthread_attr_setstacksize(&attr, 100));
    pthread_attr_setstacksize(&attr, 1 << 17);
    pthread_attr_getstacksize(&attr, &size);
    count("stack", (long)size);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sem_init(&items, 0, 0);
    say("detached", pthread_create(&thread, &attr, (Body)sem_post, &items));
    sem_wait(&items);
}

static void *outlive(void *main_thread) {
    join(*(pthread_t *)main_thread);
    printf("  the last thread\n");
    exit(3);
}

static const struct {
    const char *name;
    void (*run)(void);
} sections[] = {{"mutexes", mutexes},       {"inheritance", inheritance}, {"robust", robust},
                {"conditions", conditions}, {"barriers", barriers},       {"rwlocks", rwlocks},
                {"onces", onces},           {"storage", storage},         {"cancellation", cancellation},
                {"semaphores", semaphores}, {"signals", signals}};

int main(int argc, char **argv) {
    static pthread_t self;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (argc > 1 && strcmp(argv[1], sections[i].name)) continue;
        printf("%s\n", sections[i].name);
        sections[i].run();
    }
    self = pthread_self();
    start(outlive, &self);
    pthread_exit(NULL);
}
