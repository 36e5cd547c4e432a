/* pthreads: cancellation points, keys, barriers, mutexes of all kinds, atfork, semaphores. */
#include "tour.h"
#include <semaphore.h>
static int cl[32], ncl;
static void cu(void *a) { cl[ncl++] = (int)(long)a; }
static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static sem_t sm;
static int pp[2];
static volatile int ready;
static void pr(void) {
    SAY("  cleanups");
    for (int i = 0; i < ncl; i++)
        SAY(" %d", cl[i]);
    SAY("\n");
    ncl = 0;
}
#define BODY(name, what)                                                                           \
    static void *name(void *a) {                                                                   \
        pthread_cleanup_push(cu, (void *)1);                                                       \
        pthread_cleanup_push(cu, (void *)2);                                                       \
        ready = 1;                                                                                 \
        what;                                                                                      \
        pthread_cleanup_pop(0);                                                                    \
        pthread_cleanup_pop(0);                                                                    \
        return (void *)7;                                                                          \
    }
static sigset_t ss;
static siginfo_t si;
static pid_t kid;
BODY(b_read, char c; read(pp[0], &c, 1))
BODY(b_sleep, sleep(100)) BODY(b_nano, ms(100000)) BODY(b_pause, pause())
    BODY(b_poll, poll(0, 0, -1)) BODY(b_select, select(0, 0, 0, 0, 0)) BODY(b_sem, sem_wait(&sm))
        BODY(b_cond, pthread_mutex_lock(&mx); pthread_cond_wait(&cv, &mx))
            BODY(b_wait, int s; waitpid(kid, &s, 0)) BODY(b_sigw, sigwaitinfo(&ss, &si))
                BODY(b_susp, sigset_t e; sigemptyset(&e); sigsuspend(&e)) BODY(
                    b_test,
                    for (;;) {
                        pthread_testcancel();
                        sched_yield();
                    }) BODY(b_async, int o; pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &o);
                            for (;;)) BODY(b_open, open("ff", O_RDONLY))
                    BODY(b_lockf, struct flock lk = {.l_type = F_WRLCK};
                         int f = open("lf", O_RDWR | O_CREAT, 0600); fcntl(f, F_SETLKW, &lk);
                         for (;;) pthread_testcancel())
                        BODY(b_off, int o; pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &o);
                             ms(60); pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &o);
                             pthread_testcancel()) BODY(b_exit, pthread_exit((void *)9))
                            BODY(b_cnw, sleep(50)) BODY(b_write, char b[65536];
                                                        for (;;) write(pp[1], b, 65536))
                                BODY(b_mutex, pthread_mutex_lock(&mx); pthread_mutex_unlock(&mx);
                                     pthread_testcancel()) static void *b_join2(void *a) {
    pthread_t t;
    pthread_cleanup_push(cu, (void *)5);
    ready = 1;
    pthread_join(*(pthread_t *)a, 0);
    pthread_cleanup_pop(0);
    return 0;
}
static void can(const char *n, void *(*f)(void *)) {
    pthread_t t;
    void *r;
    ready = 0;
    pthread_create(&t, 0, f, 0);
    while (!ready)
        sched_yield();
    ms(15);
    int c = pthread_cancel(t);
    pthread_join(t, &r);
    SAY("%s: cancel %d %s\n", n, c,
        r == PTHREAD_CANCELED ? "CANCELED"
        : r == (void *)7      ? "7"
        : r == (void *)9      ? "9"
                              : "?");
    pr();
    if (f == b_cond)
        SAY("  mutex held %d\n", pthread_mutex_trylock(&mx) == EBUSY), pthread_mutex_unlock(&mx);
}
static pthread_key_t k1, k2;
static int kd;
static void kdes(void *v) {
    kd++;
    if ((long)v < 3)
        pthread_setspecific(k1, (void *)((long)v + 1));
}
static void *keyer(void *a) {
    pthread_setspecific(k1, (void *)1);
    pthread_setspecific(k2, 0);
    return pthread_getspecific(k1);
}
static pthread_once_t on = PTHREAD_ONCE_INIT;
static int onc;
static void once(void) { onc++; }
static void *onr(void *a) {
    pthread_once(&on, once);
    return 0;
}
static pthread_barrier_t ba;
static void *bar(void *a) {
    return (void *)(long)(pthread_barrier_wait(&ba) == PTHREAD_BARRIER_SERIAL_THREAD);
}
static pthread_mutex_t rm;
static void *robust(void *a) {
    pthread_mutex_lock(&rm);
    return 0;
}
static void *other(void *a) { return (void *)(long)pthread_mutex_unlock((pthread_mutex_t *)a); }
static void *tryl(void *a) { return (void *)(long)pthread_mutex_trylock((pthread_mutex_t *)a); }
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static void *rwt(void *a) {
    return (void *)(long)(pthread_rwlock_tryrdlock(&rw) * 1000 + pthread_rwlock_trywrlock(&rw));
}
static volatile int sg;
static pthread_t sgt;
static void sh(int s) {
    sg = s;
    sgt = pthread_self();
}
static void *slp(void *a) {
    ready = 1;
    ms(80);
    return 0;
}
static int af[8], naf;
static void a1(void) { af[naf++] = 1; }
static void a2(void) { af[naf++] = 2; }
static void a3(void) { af[naf++] = 3; }
static void a4(void) { af[naf++] = 4; }
int tour_thr(int ac, char **av) {
    pthread_t t, t2;
    void *r;
    int s;
    pipe(pp);
    sem_init(&sm, 0, 0);
    sigemptyset(&ss);
    sigaddset(&ss, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &ss, 0);
    mkfifo("ff", 0600);
    if (!(kid = fork())) {
        sleep(30);
        _exit(0);
    }
    can("read", b_read);
    can("sleep", b_sleep);
    can("nanosleep", b_nano);
    can("pause", b_pause);
    can("poll", b_poll);
    can("select", b_select);
    can("sem_wait", b_sem);
    can("cond_wait", b_cond);
    can("waitpid", b_wait);
    can("sigwaitinfo", b_sigw);
    can("sigsuspend", b_susp);
    can("testcancel", b_test);
    can("async", b_async);
    can("open fifo", b_open);
    can("disabled", b_off);
    can("exit", b_exit);
    can("clock_nanosleep", b_cnw);
    can("write", b_write);
    can("lock", b_lockf);
    kill(kid, 9);
    waitpid(kid, 0, 0);
    pthread_create(&t, 0, b_test, 0);
    pthread_create(&t2, 0, b_join2, &t);
    ms(20);
    ready = 0;
    P(pthread_cancel(t2));
    pthread_join(t2, &r);
    SAY("join cancelled %d\n", r == PTHREAD_CANCELED);
    pr();
    pthread_cancel(t);
    P(pthread_join(t, &r));
    ncl = 0;
    P(pthread_key_create(&k1, kdes));
    pthread_key_create(&k2, kdes);
    pthread_create(&t, 0, keyer, 0);
    pthread_join(t, &r);
    SAY("key %ld destructors %d\n", (long)r, kd);
    P(pthread_key_delete(k1));
    for (int i = 0; i < 3; i++) {
        pthread_create(&t, 0, onr, 0);
        pthread_join(t, 0);
    }
    SAY("once %d\n", onc);
    P(pthread_barrier_init(&ba, 0, 0));
    pthread_barrier_init(&ba, 0, 3);
    {
        pthread_t b[2];
        void *r1, *r2;
        for (int round = 0; round < 3; round++) {
            pthread_create(&b[0], 0, bar, 0);
            pthread_create(&b[1], 0, bar, 0);
            int me = pthread_barrier_wait(&ba) == PTHREAD_BARRIER_SERIAL_THREAD;
            pthread_join(b[0], &r1);
            pthread_join(b[1], &r2);
            SAY("serial %ld\n", me + (long)r1 + (long)r2);
        }
        P(pthread_barrier_destroy(&ba));
    }
    pthread_mutexattr_t ma;
    pthread_mutexattr_init(&ma);
    pthread_mutex_t m;
    int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK};
    for (int i = 0; i < 3; i++) {
        pthread_mutexattr_settype(&ma, types[i]);
        pthread_mutex_init(&m, &ma);
        P(pthread_mutex_lock(&m));
        if (i) {
            P(pthread_mutex_lock(&m));
        }
        P(pthread_mutex_trylock(&m));
        pthread_create(&t, 0, tryl, &m);
        pthread_join(t, &r);
        SAY(" other try %ld\n", (long)r);
        if (i) {
            pthread_create(&t, 0, other, &m);
            pthread_join(t, &r);
            SAY(" other unlock %ld\n", (long)r);
        }
        struct timespec ts;
        clock_gettime(CLOCK_REALTIME, &ts);
        P(pthread_mutex_timedlock(&m, &ts));
        P(pthread_mutex_unlock(&m));
        if (i == 1) {
            P(pthread_mutex_unlock(&m));
            P(pthread_mutex_unlock(&m));
            P(pthread_mutex_unlock(&m));
        }
        P(pthread_mutex_destroy(&m));
    }
    pthread_mutexattr_init(&ma);
    P(pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST));
    for (int pi = 0; pi < 2; pi++) {
        if (pi)
            P(pthread_mutexattr_setprotocol(&ma, PTHREAD_PRIO_INHERIT));
        pthread_mutex_init(&rm, &ma);
        pthread_create(&t, 0, robust, 0);
        pthread_join(t, 0);
        P(pthread_mutex_lock(&rm));
        P(pthread_mutex_consistent(&rm));
        P(pthread_mutex_unlock(&rm));
        P(pthread_mutex_lock(&rm));
        P(pthread_mutex_unlock(&rm));
        pthread_create(&t, 0, robust, 0);
        pthread_join(t, 0);
        P(pthread_mutex_lock(&rm));
        P(pthread_mutex_unlock(&rm));
        P(pthread_mutex_lock(&rm));
        pthread_mutex_destroy(&rm);
    }
    /* shared robust between processes */ {
        pthread_mutex_t *sm_ = mmap(0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pthread_mutexattr_init(&ma);
        pthread_mutexattr_setpshared(&ma, 1);
        pthread_mutexattr_setrobust(&ma, 1);
        pthread_mutex_init(sm_, &ma);
        pid_t p = fork();
        if (!p) {
            pthread_mutex_lock(sm_);
            ms(40);
            kill(getpid(), SIGKILL);
        }
        ms(15);
        P(pthread_mutex_lock(sm_));
        P(pthread_mutex_consistent(sm_));
        P(pthread_mutex_unlock(sm_));
        waitpid(p, &s, 0);
    }
    pthread_mutexattr_init(&ma);
    P(pthread_mutexattr_setprotocol(&ma, 9));
    {
        int e = pthread_mutexattr_setprotocol(&ma, PTHREAD_PRIO_INHERIT);
        SAY("prio_inherit %s\n", e ? en(e) : "0");
        if (!e) {
            pthread_mutex_init(&m, &ma);
            P(pthread_mutex_lock(&m));
            pthread_create(&t, 0, tryl, &m);
            pthread_join(t, &r);
            SAY("try %ld\n", (long)r);
            P(pthread_mutex_unlock(&m));
        }
    }
    pthread_condattr_t ca;
    pthread_condattr_init(&ca);
    P(pthread_condattr_setclock(&ca, CLOCK_MONOTONIC));
    P(pthread_condattr_setclock(&ca, CLOCK_PROCESS_CPUTIME_ID));
    pthread_cond_t c;
    pthread_cond_init(&c, &ca);
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += 20000000;
    if (ts.tv_nsec > 999999999) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    pthread_mutex_init(&m, 0);
    pthread_mutex_lock(&m);
    P(pthread_cond_timedwait(&c, &m, &ts));
    ts.tv_nsec = -1;
    P(pthread_cond_timedwait(&c, &m, &ts));
    pthread_mutex_unlock(&m);
    pthread_rwlock_rdlock(&rw);
    pthread_create(&t, 0, rwt, 0);
    pthread_join(t, &r);
    SAY("rw under rd: %ld\n", (long)r);
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_wrlock(&rw);
    pthread_create(&t, 0, rwt, 0);
    pthread_join(t, &r);
    SAY("rw under wr: %ld\n", (long)r);
    clock_gettime(CLOCK_REALTIME, &ts);
    int e = pthread_rwlock_timedrdlock(&rw, &ts);
    SAY("timedrd %s\n", e == EDEADLK || e == ETIMEDOUT ? "no" : en(e));
    P(pthread_rwlock_unlock(&rw));
    signal(SIGUSR1, sh);
    ready = 0;
    pthread_create(&t, 0, slp, 0);
    while (!ready)
        sched_yield();
    ms(10);
    P(pthread_kill(t, SIGUSR1));
    ms(10);
    SAY("handled in thread %d\n", sg == SIGUSR1 && pthread_equal(sgt, t));
    P(pthread_kill(t, 0));
    P(pthread_kill(t, 65));
    pthread_join(t, 0);
    pthread_atfork(a1, a2, a3);
    pthread_atfork(a4, 0, 0);
    {
        pid_t p = fork();
        if (!p) {
            _exit(naf == 3 && af[0] == 4 && af[1] == 1 && af[2] == 3 ? 0 : 1);
        }
        waitpid(p, &s, 0);
        st(s);
        SAY("atfork %d %d %d\n", af[0], af[1], af[2]);
    }
    /* detached, attrs */ pthread_attr_t at;
    pthread_attr_init(&at);
    P(pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED));
    P(pthread_attr_setstacksize(&at, 100));
    P(pthread_attr_setstacksize(&at, 1 << 20));
    P(pthread_create(&t, &at, slp, 0));
    ms(100);
    P(pthread_attr_setschedpolicy(&at, SCHED_RR));
    struct sched_param sp = {5};
    P(pthread_attr_setschedparam(&at, &sp));
    P(pthread_attr_setinheritsched(&at, PTHREAD_EXPLICIT_SCHED));
    pthread_attr_setdetachstate(&at, PTHREAD_CREATE_JOINABLE);
    P(pthread_create(&t, &at, keyer, 0));
    pthread_join(t, 0);
    char nm[20];
    P(pthread_setname_np(pthread_self(), "abcdefghijklmnop"));
    P(pthread_setname_np(pthread_self(), "worker"));
    prctl(PR_GET_NAME, nm);
    SAY("%s\n", nm);
    /* semaphores */ sem_t sx;
    R(sem_init(&sx, 0, 2));
    R(sem_trywait(&sx));
    R(sem_wait(&sx));
    R(sem_trywait(&sx));
    clock_gettime(CLOCK_REALTIME, &ts);
    R(sem_timedwait(&sx, &ts));
    ts.tv_nsec = -1;
    R(sem_timedwait(&sx, &ts));
    R(sem_post(&sx));
    int v;
    R(sem_getvalue(&sx, &v));
    SAY("%d\n", v);
    sem_unlink("/q8s");
    sem_t *ns = sem_open("/q8s", O_CREAT | O_EXCL, 0600, 1);
    SAY("named %d\n", ns != SEM_FAILED);
    if (ns != SEM_FAILED) {
        SAY("again %s\n",
            sem_open("/q8s", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED ? en(errno) : "?");
        pid_t p = fork();
        if (!p) {
            sem_t *o = sem_open("/q8s", 0);
            sem_wait(o);
            sem_wait(o);
            _exit(3);
        }
        ms(20);
        sem_getvalue(ns, &v);
        SAY("v %d\n", v);
        sem_post(ns);
        waitpid(p, &s, 0);
        st(s);
        R(sem_close(ns));
    }
    R(sem_unlink("/q8s"));
    R(sem_unlink("/q8s"));
    int sf = shm_open("/q8m", O_CREAT | O_RDWR, 0600);
    SAY("shm_open %d\n", sf >= 0);
    R(ftruncate(sf, 4096));
    R(shm_unlink("/q8m"));
    /* main exits first */ pthread_create(&t, 0, slp, 0);
    unlink("ff");
    unlink("lf");
    pthread_exit(0);
}
