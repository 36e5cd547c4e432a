/* sigaction(2), masks, pending and real-time signals, sigtimedwait(2), sigqueue(3). */
#include "tour.h"
static volatile int n;
static siginfo_t last;
static int order[64];
static void h1(int s) {
    n++;
    order[(n - 1) & 63] = s;
}
static void h3(int s, siginfo_t *i, void *u) {
    n++;
    order[(n - 1) & 63] = s;
    last = *i;
}
static void act(int s, void *h, int fl) {
    struct sigaction sa = {0};
    sa.sa_flags = fl;
    sa.sa_handler = h;
    sigaction(s, &sa, 0);
}
static void show(void) {
    SAY("  si_signo %d errno %d code %d pid %s uid %d value %d\n", last.si_signo, last.si_errno,
        last.si_code,
        last.si_pid == getpid() ? "self"
        : last.si_pid           ? "other"
                                : "0",
        last.si_uid, last.si_value.sival_int);
}
static void mask(int how, int s) {
    sigset_t m;
    sigemptyset(&m);
    sigaddset(&m, s);
    sigprocmask(how, &m, 0);
}
static volatile int depth, maxd;
static void nest(int s) {
    depth++;
    n++;
    if (depth > maxd)
        maxd = depth;
    if (n < 3)
        raise(s);
    depth--;
}
int tour_sig(int ac, char **av) {
    struct sigaction sa, old;
    sigset_t m, o;
    struct timespec ts = {0, 10000000};
    siginfo_t si;
    pid_t p;
    int s;
    R(sigaction(0, 0, &old));
    R(syscall(SYS_rt_sigaction, 0, 0, &old, 8));
    R(syscall(SYS_rt_sigaction, 65, 0, &old, 8));
    R(syscall(SYS_rt_sigaction, 64, 0, &old, 8));
    R(syscall(SYS_rt_sigaction, 9, 0, &old, 8));
    R(syscall(SYS_rt_sigaction, 10, 0, 0, 7));
    R(syscall(SYS_rt_sigaction, 10, (void *)8, 0, 8));
    R(syscall(SYS_rt_sigaction, 10, 0, (void *)8, 8));
    R(syscall(SYS_rt_sigaction, 9, (void *)8, 0, 8));
    sa = (struct sigaction){.sa_handler = h1};
    R(sigaction(SIGKILL, &sa, 0));
    R(sigaction(SIGSTOP, &sa, 0));
    R(sigaction(SIGKILL, 0, &old));
    R(syscall(SYS_rt_sigprocmask, 5, &m, 0, 8));
    R(syscall(SYS_rt_sigprocmask, 5, 0, &o, 8));
    R(syscall(SYS_rt_sigprocmask, 0, &m, 0, 4));
    R(syscall(SYS_rt_sigprocmask, 0, (void *)8, 0, 8));
    R(syscall(SYS_rt_sigprocmask, 0, 0, (void *)8, 8));
    sigfillset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    sigprocmask(SIG_SETMASK, 0, &o);
    SAY("kill in mask %d stop %d\n", sigismember(&o, SIGKILL), sigismember(&o, SIGSTOP));
    sigemptyset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    /* flags kept */
    for (int i = 0; i < 32; i++) {
        unsigned long k[4] = {1, 1UL << i, 0, ~0UL}, g[4] = {0};
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif
        if (syscall(SYS_rt_sigaction, SIGUSR2, k, 0, 8) == 0) {
            syscall(SYS_rt_sigaction, SIGUSR2, 0, g, 8);
            if ((1UL << i) != SA_RESTORER)
                SAY("flag %x kept %lx\n", 1u << i, g[1] & ~SA_RESTORER);
        }
    }
    signal(SIGUSR2, SIG_DFL);
    /* siginfo of senders */
    act(SIGUSR1, h3, SA_SIGINFO);
    act(SIGRTMIN, h3, SA_SIGINFO);
    kill(getpid(), SIGUSR1);
    show();
    raise(SIGUSR1);
    show();
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42});
    show();
    syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN);
    show();
    {
        siginfo_t q = {0};
        q.si_code = -7;
        q.si_signo = 3;
        q.si_value.sival_int = 9;
        q.si_errno = 5;
        R(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &q));
        show();
        R(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &q));
        show();
        q.si_code = 0;
        R(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &q));
        show();
        R(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &q));
        q.si_code = SI_TKILL;
        R(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &q));
        q.si_code = SI_QUEUE;
        R(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &q));
        R(syscall(SYS_rt_sigqueueinfo, -1, 10, &q));
        R(syscall(SYS_rt_sigqueueinfo, 0, 10, &q));
        R(syscall(SYS_rt_sigqueueinfo, 999999, 10, &q));
        R(syscall(SYS_rt_tgsigqueueinfo, getpid(), -1, 10, &q));
        R(syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), 10, &q));
        R(syscall(SYS_rt_tgsigqueueinfo, getpid(), 999999, 10, &q));
        R(syscall(SYS_rt_tgsigqueueinfo, getpid() + 1, getpid(), 10, &q));
        R(syscall(SYS_rt_sigqueueinfo, getpid(), 10, (void *)8));
    }
    R(kill(getpid(), 65));
    R(kill(getpid(), -1));
    R(kill(999999, 9));
    R(kill(-999999, 9));
    R(kill(INT32_MIN, 0));
    R(kill(getpid(), 0));
    R(syscall(SYS_tgkill, getpid(), getpid(), 65));
    R(syscall(SYS_tgkill, -1, getpid(), 10));
    R(syscall(SYS_tgkill, getpid(), 0, 10));
    R(syscall(SYS_tgkill, getppid(), getpid(), 0));
    R(syscall(SYS_tkill, 0, 0));
    R(syscall(SYS_tkill, 999999, 0));
    R(syscall(SYS_tkill, getpid(), 0));
    /* rt order */
    n = 0;
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
        act(i, h3, SA_SIGINFO | SA_RESTART);
    act(SIGUSR1, h3, SA_SIGINFO);
    act(SIGUSR2, h3, SA_SIGINFO);
    act(SIGTERM, h3, SA_SIGINFO);
    sigfillset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){1});
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){2});
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){3});
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGUSR1);
    sigqueue(getpid(), SIGRTMAX, (union sigval){4});
    sigpending(&o);
    for (int i = 1; i <= 64; i++)
        if (sigismember(&o, i) == 1)
            SAY("pending %d\n", i < 32 ? i : i - SIGRTMIN + 100);
    R(syscall(SYS_rt_sigpending, &o, 9));
    R(syscall(SYS_rt_sigpending, &o, 4));
    R(syscall(SYS_rt_sigpending, (void *)8, 8));
    sigemptyset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    SAY("n %d:", n);
    for (int i = 0; i < n; i++)
        SAY(" %d", order[i] < 32 ? order[i] : order[i] - SIGRTMIN + 100);
    SAY("\n");
    /* sigwait family order */
    sigfillset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN + 2, (union sigval){10 + i});
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGSEGV);
    for (int i = 0; i < 7; i++) {
        int r = sigtimedwait(&m, &si, &ts);
        if (r < 0)
            SAY("timedwait %s\n", en(errno));
        else
            SAY("got %d code %d value %d\n", r < 32 ? r : r - SIGRTMIN + 100, si.si_code,
                r < 32 ? 0 : si.si_value.sival_int);
    }
    ts.tv_nsec = 1000000000;
    R(sigtimedwait(&m, &si, &ts));
    ts.tv_nsec = -1;
    R(sigtimedwait(&m, &si, &ts));
    ts.tv_nsec = 0;
    ts.tv_sec = -1;
    R(sigtimedwait(&m, &si, &ts));
    ts.tv_sec = 0;
    R(sigtimedwait(&m, &si, &ts));
    R(syscall(SYS_rt_sigtimedwait, &m, 0, &ts, 7));
    R(syscall(SYS_rt_sigtimedwait, (void *)8, 0, &ts, 8));
    R(syscall(SYS_rt_sigtimedwait, &m, 0, (void *)8, 8));
    kill(getpid(), SIGUSR1);
    R(syscall(SYS_rt_sigtimedwait, &m, (void *)8, 0, 8));
    R(sigtimedwait(&m, 0, &ts));
    sigemptyset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    R(syscall(SYS_rt_sigsuspend, (void *)8, 8));
    R(syscall(SYS_rt_sigsuspend, &m, 4));
    /* SIGSTOP in wait set ignored */
    /* nodefer, resethand */
    act(SIGUSR1, nest, 0);
    n = depth = maxd = 0;
    raise(SIGUSR1);
    SAY("plain nest %d maxd %d\n", n, maxd);
    act(SIGUSR1, nest, SA_NODEFER);
    n = depth = maxd = 0;
    raise(SIGUSR1);
    SAY("nodefer n %d maxd %d\n", n, maxd);
    act(SIGUSR1, h1, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, 0, &old);
    SAY("reset to dfl %d flags %x\n", old.sa_handler == SIG_DFL, old.sa_flags & ~SA_RESTORER);
    act(SIGUSR1, nest, SA_RESETHAND | SA_NODEFER);
    if (!(p = fork())) {
        n = depth = 0;
        raise(SIGUSR1);
        _exit(9);
    }
    waitpid(p, &s, 0);
    st(s);
    /* ignore while blocked then pending */
    act(SIGUSR1, h1, 0);
    mask(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    sigpending(&o);
    SAY("pending after ignore %d\n", sigismember(&o, SIGUSR1));
    raise(SIGUSR1);
    sigpending(&o);
    SAY("pending ignored+blocked %d\n", sigismember(&o, SIGUSR1));
    act(SIGUSR1, h1, 0);
    sigpending(&o);
    SAY("still %d\n", sigismember(&o, SIGUSR1));
    n = 0;
    mask(SIG_UNBLOCK, SIGUSR1);
    SAY("n %d\n", n);
    mask(SIG_BLOCK, SIGCHLD);
    raise(SIGCHLD);
    sigpending(&o);
    SAY("chld pending %d\n", sigismember(&o, SIGCHLD));
    signal(SIGCHLD, SIG_DFL);
    sigpending(&o);
    SAY("chld pending after dfl %d\n", sigismember(&o, SIGCHLD));
    mask(SIG_UNBLOCK, SIGCHLD);
    /* stop/cont cancel */
    sigfillset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    kill(getpid(), SIGTSTP);
    kill(getpid(), SIGTTIN);
    kill(getpid(), SIGCONT);
    sigpending(&o);
    SAY("tstp %d ttin %d cont %d\n", sigismember(&o, SIGTSTP), sigismember(&o, SIGTTIN),
        sigismember(&o, SIGCONT));
    kill(getpid(), SIGTTOU);
    sigpending(&o);
    SAY("ttou %d cont %d\n", sigismember(&o, SIGTTOU), sigismember(&o, SIGCONT));
    kill(getpid(), SIGCONT);
    act(SIGCONT, h1, 0);
    n = 0;
    sigemptyset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    SAY("cont n %d\n", n);
    /* fork inherits mask not pending; exec tested elsewhere */
    mask(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    if (!(p = fork())) {
        sigpending(&o);
        sigprocmask(SIG_SETMASK, 0, &m);
        _exit(sigismember(&o, SIGUSR1) * 2 + sigismember(&m, SIGUSR1));
    }
    waitpid(p, &s, 0);
    st(s);
    /* kill whole group incl self with blocked */
    n = 0;
    mask(SIG_UNBLOCK, SIGUSR1);
    SAY("n %d\n", n);
    return 0;
}
