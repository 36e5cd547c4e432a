/* futex(2): every operation, timeouts, requeueing, priority inheritance, robust lists. */
#include "tour.h"
static int *w;
static int *w2;
static long fx(int *u, int op, long val, void *to, int *u2, long v3) {
    return syscall(SYS_futex, u, op, val, to, u2, v3);
}
static void *waiter(void *a) {
    long r = fx(w, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    return (void *)(r < 0 ? -(long)errno : r);
}
static void *waiterb(void *a) {
    long r = fx(w, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, (long)a);
    return (void *)(r < 0 ? -(long)errno : (long)a);
}
static void *waiter2(void *a) {
    long r = fx(w2, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    return (void *)(r < 0 ? -(long)errno : r);
}
static pthread_t th[8];
static void go(void *(*f)(void *), int n) {
    for (int i = 0; i < n; i++)
        pthread_create(&th[i], 0, f, (void *)(1L << i));
    ms(60);
}
static void join(int n) {
    void *r;
    for (int i = 0; i < n; i++) {
        pthread_join(th[i], &r);
        SAY("  thread %d: %s%ld\n", i, "", (long)r);
    }
}
static void h(int s) {}
static int pi;
static volatile int locked;
static void *pil(void *a) {
    long r = fx(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0);
    int ok = (pi & FUTEX_TID_MASK) == syscall(SYS_gettid);
    locked++;
    if (!a)
        fx(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0);
    return (void *)(r < 0 ? -(long)errno : ok);
}
struct node {
    struct robust_list l;
    int f;
};
static struct node nd[3];
static struct robust_list_head hd;
static void *rob(void *a) {
    int tid = syscall(SYS_gettid);
    nd[0].f = tid;
    nd[1].f = tid | FUTEX_WAITERS;
    nd[2].f = tid;
    hd.list.next = &nd[0].l;
    nd[0].l.next = &nd[1].l;
    nd[1].l.next = &hd.list;
    hd.futex_offset = offsetof(struct node, f);
    hd.list_op_pending = &nd[2].l;
    syscall(SYS_set_robust_list, &hd, sizeof hd);
    if (a)
        syscall(SYS_exit, 0);
    return 0;
}
int tour_futex(int ac, char **av) {
    w = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    w2 = w + 1;
    struct timespec ts = {0, 10000000}, neg = {-1, 0}, big = {0, 1000000000}, abs_;
    int *sh = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int s;
    struct sigaction sa = {.sa_handler = h};
    sigaction(SIGUSR1, &sa, 0);
    sa.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &sa, 0);
    R(fx(w, FUTEX_WAIT, 1, 0, 0, 0));
    R(fx(w, FUTEX_WAIT, 0, &ts, 0, 0));
    R(fx(w, FUTEX_WAIT, 0, &neg, 0, 0));
    R(fx(w, FUTEX_WAIT, 0, &big, 0, 0));
    R(fx(w, FUTEX_WAIT, 0, (void *)8, 0, 0));
    R(fx((int *)((char *)w + 1), FUTEX_WAIT, 0, 0, 0, 0));
    R(fx((int *)8, FUTEX_WAIT, 0, 0, 0, 0));
    R(fx((int *)0, FUTEX_WAIT, 0, 0, 0, 0));
    R(fx((int *)8, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0));
    R(fx((int *)0xffffffffffff0000, FUTEX_WAKE, 0, 0, 0, 0));
    R(fx((int *)8, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    R(fx((int *)8, FUTEX_WAKE, 1, 0, 0, 0));
    R(fx((int *)9, FUTEX_WAKE, 1, 0, 0, 0));
    R(fx(w, FUTEX_WAKE, 1, 0, 0, 0));
    R(fx(w, FUTEX_WAKE, -1, 0, 0, 0));
    ts.tv_nsec = 0;
    R(fx(w, FUTEX_WAIT, 0, &ts, 0, 0));
    ts.tv_nsec = 1000000;
    R(fx(w, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &ts, 0, 0));
    R(fx(w, FUTEX_WAIT_BITSET, 0, &ts, 0, -1));
    R(fx(w, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &ts, 0, -1));
    R(fx(w, FUTEX_WAIT_BITSET, 0, &ts, 0, 0));
    R(fx(w, FUTEX_WAKE_BITSET, 0, &ts, 0, 0));
    R(fx(w, FUTEX_WAKE_BITSET, 1, 0, 0, 4));
    R(fx(w, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0));
    R(fx(w, FUTEX_FD, 1, 0, 0, 0));
    R(fx(w, 14, 1, 0, 0, 0));
    R(fx(w, 127, 1, 0, 0, 0));
    R(fx(w, FUTEX_CMP_REQUEUE | FUTEX_CLOCK_REALTIME, 1, 0, w2, 0));
    R(fx(w, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 1, 0, w2, 0));
    *w = 0;
    clock_gettime(CLOCK_MONOTONIC, &abs_);
    abs_.tv_nsec += 20000000;
    if (abs_.tv_nsec > 999999999) {
        abs_.tv_sec++;
        abs_.tv_nsec -= 1000000000;
    }
    R(fx(w, FUTEX_WAIT_BITSET, 0, &abs_, 0, -1));
    clock_gettime(CLOCK_MONOTONIC, &ts);
    SAY("past %d\n",
        ts.tv_sec > abs_.tv_sec || (ts.tv_sec == abs_.tv_sec && ts.tv_nsec >= abs_.tv_nsec));
    clock_gettime(CLOCK_REALTIME, &abs_);
    abs_.tv_nsec += 20000000;
    if (abs_.tv_nsec > 999999999) {
        abs_.tv_sec++;
        abs_.tv_nsec -= 1000000000;
    }
    R(fx(w, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &abs_, 0, -1));
    go(waiter, 3);
    R(fx(w, FUTEX_WAKE_PRIVATE, 0, 0, 0, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 10, 0, 0, 0));
    join(3);
    go(waiter, 3);
    R(fx(w, FUTEX_WAKE, 10, 0, 0, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    join(3);
    go(waiterb, 4);
    R(fx(w, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 5));
    R(fx(w, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 5));
    R(fx(w, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 16));
    R(fx(w, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0));
    join(4);
    go(waiter, 4);
    R(fx(w, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, w2, 1));
    R(fx(w, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, w2, 0));
    R(fx(w2, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0));
    join(4);
    go(waiter, 3);
    R(fx(w, FUTEX_REQUEUE_PRIVATE, 0, (void *)9, w2, 0));
    R(fx(w, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0));
    R(fx(w2, FUTEX_REQUEUE_PRIVATE, 1, (void *)0, w, 0));
    R(fx(w2, FUTEX_REQUEUE_PRIVATE, -1, (void *)9, w, 0));
    R(fx(w2, FUTEX_REQUEUE_PRIVATE, 1, (void *)-1, w, 0));
    R(fx(w2, FUTEX_REQUEUE_PRIVATE, 1, (void *)1, w2, 0));
    R(fx(w2, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0));
    join(3);
    R(fx(w, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, (int *)8, 0));
    R(fx(w, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, (int *)9, 0));
    R(fx(w, FUTEX_CMP_REQUEUE, 1, (void *)1, (int *)8, 0));
#define OP(op, oparg, cmp, cmparg) FUTEX_OP(op, oparg, cmp, cmparg)
    *w2 = 5;
    go(waiter, 1);
    R(fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, w2, OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
    SAY("w2 %d\n", *w2);
    join(1);
    int ops[] = {
        FUTEX_OP_SET,     FUTEX_OP_ADD,     FUTEX_OP_OR,    FUTEX_OP_ANDN, FUTEX_OP_XOR, 5, 6, 7,
        FUTEX_OP_SET | 8, FUTEX_OP_ADD | 8, FUTEX_OP_OR | 8};
    for (int i = 0; i < 11; i++) {
        *w2 = 12;
        R(fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, w2, OP(ops[i], 6, FUTEX_OP_CMP_LT, 0)));
        SAY(" op %d w2 %d\n", ops[i], *w2);
    }
    *w2 = 1;
    R(fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, w2, OP(FUTEX_OP_ADD, -1, FUTEX_OP_CMP_GE, -2)));
    SAY("w2 %d\n", *w2);
    R(fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, w2,
         OP(FUTEX_OP_ADD | 8, 40, FUTEX_OP_CMP_GE, -2)));
    SAY("w2 %d\n", *w2);
    R(fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, w2, OP(0, 0, 7, 0)));
    R(fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, (int *)8, OP(0, 0, 0, 0)));
    for (int c = 0; c < 6; c++) {
        *w2 = 0;
        go(waiter2, 1);
        int v = (int[]){0, 1, -1, 0, 1, 1}[c];
        int r = fx(w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, w2, OP(FUTEX_OP_SET, 7, c, v));
        SAY("cmp %d %d -> %d\n", c, v, r);
        fx(w2, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
        join(1);
    }
    /* signals */ *w = 0;
    alarm(0);
    signal(SIGALRM, h);
    struct itimerval it = {{0, 0}, {0, 30000}};
    sa.sa_flags = 0;
    sigaction(SIGALRM, &sa, 0);
    setitimer(ITIMER_REAL, &it, 0);
    R(fx(w, FUTEX_WAIT, 0, 0, 0, 0));
    ts.tv_sec = 5;
    setitimer(ITIMER_REAL, &it, 0);
    R(fx(w, FUTEX_WAIT, 0, &ts, 0, 0));
    sa.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &sa, 0);
    ts.tv_sec = 0;
    ts.tv_nsec = 90000000;
    double t0 = now();
    setitimer(ITIMER_REAL, &it, 0);
    R(fx(w, FUTEX_WAIT, 0, &ts, 0, 0));
    SAY("waited all %d\n", now() - t0 > 0.08);
    t0 = now();
    ts.tv_sec = 5;
    setitimer(ITIMER_REAL, &it, 0);
    abs_.tv_sec = 1;
    clock_gettime(CLOCK_MONOTONIC, &abs_);
    abs_.tv_sec += 1;
    abs_.tv_nsec = 0;
    R(fx(w, FUTEX_WAIT_BITSET, 0, &abs_, 0, -1));
    /* shared between processes */ pid_t p;
    *sh = 0;
    if (!(p = fork())) {
        long r = fx(sh, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(r == 0 ? 1 : errno);
    }
    ms(40);
    R(fx(sh, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    R(fx(sh, FUTEX_WAKE, 1, 0, 0, 0));
    waitpid(p, &s, 0);
    st(s);
    /* PI */ pi = 0;
    R(fx(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
    SAY("own %d\n", pi == getpid());
    R(fx(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
    R(fx(&pi, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
    pthread_create(&th[0], 0, pil, 0);
    pthread_create(&th[1], 0, pil, 0);
    ms(50);
    SAY("waiters bit %d\n", !!(pi & FUTEX_WAITERS));
    R(fx(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    join(2);
    SAY("pi %x\n", pi);
    R(fx(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    pi = 999999;
    R(fx(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
    R(fx(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    R(fx(&pi, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
    pi = 0;
    R(fx(&pi, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec = 0;
    R(fx(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    pthread_create(&th[0], 0, pil, (void *)1);
    join(1);
    SAY("left locked by dead %d\n", pi != 0);
    R(fx(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
    pi |= FUTEX_OWNER_DIED;
    R(fx(&pi, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
    SAY("pi od %d mine %d\n", !!(pi & FUTEX_OWNER_DIED), (pi & FUTEX_TID_MASK) == getpid());
    pi = 0;
    /* robust */ R(syscall(SYS_set_robust_list, &hd, 23));
    void *hp;
    size_t hl;
    R(syscall(SYS_get_robust_list, 0, &hp, &hl));
    SAY("len %zu\n", hl);
    R(syscall(SYS_get_robust_list, 999999, &hp, &hl));
    R(syscall(SYS_get_robust_list, -1, &hp, &hl));
    R(syscall(SYS_get_robust_list, 0, (void *)8, &hl));
    pthread_create(&th[0], 0, rob, (void *)1);
    ms(50);
    for (int i = 0; i < 3; i++)
        SAY("robust %d: died %d waiters %d tid0 %d\n", i, !!(nd[i].f & FUTEX_OWNER_DIED),
            !!(nd[i].f & FUTEX_WAITERS), (nd[i].f & FUTEX_TID_MASK) == 0);
    struct node *sn = (void *)sh;
    if (!(p = fork())) {
        struct robust_list_head *H = (void *)(sn + 2);
        int tid = syscall(SYS_gettid);
        sn[0].f = tid;
        H->list.next = &sn[0].l;
        sn[0].l.next = &H->list;
        H->futex_offset = offsetof(struct node, f);
        H->list_op_pending = 0;
        syscall(SYS_set_robust_list, H, sizeof *H);
        execl("/bin/true", "true", NULL);
        execl("/nonexistent", 0);
        kill(getpid(), 9);
    }
    waitpid(p, &s, 0);
    SAY("after end: died %d\n", !!(sn[0].f & FUTEX_OWNER_DIED));
    return 0;
}
