/* sigaltstack(2), handlers that change their context, epoll(7), eventfd(2), sched(7), prctl(2),
 * execve(2). */
#include "tour.h"
#include <sys/socket.h>
/* sigaltstack, ucontext edits, FP state; epoll; sched; exec */
static char alt[65536];
static volatile int n, onalt, arg;
static stack_t in;
static sigjmp_buf jb;
static void ha(int s) {
    stack_t o;
    char c;
    onalt = (&c >= alt && &c < alt + sizeof alt);
    sigaltstack(0, &in);
    n++;
    stack_t ne = {alt, 0, 32768};
    errno = 0;
    int r = sigaltstack(&ne, 0);
    arg = r < 0 ? errno : 0;
}
static void hs(int s) { siglongjmp(jb, 1); }
static int deep(int i) {
    volatile char b[4096];
    b[0] = i;
    return deep(i + 1) + b[0];
}
static void hpc(int s, siginfo_t *i, void *u) {
    ucontext_t *c = u;
    n++;
#if defined(__x86_64__)
    c->uc_mcontext.gregs[REG_RIP] += 2;
    c->uc_mcontext.gregs[REG_RAX] = 1234;
#elif defined(__aarch64__)
    c->uc_mcontext.pc += 4;
    c->uc_mcontext.regs[0] = 1234;
#elif defined(__riscv)
    c->uc_mcontext.__gregs[0] += 4;
    c->uc_mcontext.__gregs[10] = 1234;
#elif defined(__loongarch__)
    c->uc_mcontext.__pc += 4;
    c->uc_mcontext.__gregs[4] = 1234;
#endif
    sigaddset(&c->uc_sigmask, SIGUSR2);
}
static long trap(void) {
#if defined(__x86_64__)
    long r;
    asm volatile("ud2" : "=a"(r)::"memory");
    return r;
#elif defined(__aarch64__)
    register long r asm("x0");
    asm volatile(".word 0" : "=r"(r)::"memory");
    return r;
#elif defined(__riscv)
    register long r asm("a0");
    asm volatile(".word 0" : "=r"(r)::"memory");
    return r;
#else
    register long r asm("a0");
    asm volatile(".word 0" : "=r"(r)::"memory");
    return r;
#endif
}
static void hfp(int s) {
    volatile double x = 3;
    for (int i = 0; i < 9; i++)
        x = x * 1.5 + i;
    n++;
}
static int cb;
static pid_t kid;
static void *exth(void *a) {
    char *av[] = {"self", "misc", "exec", "from thread", 0};
    execv(a, av);
    return 0;
}
int tour_misc(int ac, char **av) {
    int s;
    pid_t p;
    if (ac > 1 && !strcmp(av[1], "exec")) {
        sigset_t m, pe;
        sigprocmask(0, 0, &m);
        sigpending(&pe);
        struct sigaction o1, o2;
        sigaction(SIGUSR1, 0, &o1);
        sigaction(SIGUSR2, 0, &o2);
        stack_t st_;
        sigaltstack(0, &st_);
        char nm[20];
        prctl(PR_GET_NAME, nm);
        struct itimerval it;
        getitimer(0, &it);
        SAY("exec'd %s: argc %d pid==tid %d blocked %d pending %d usr1 dfl %d usr2 ign %d altstack "
            "off %d name ok %d fd9 %s fd10 %s timer kept %d\n",
            ac > 2 ? av[2] : "", ac, getpid() == syscall(SYS_gettid), sigismember(&m, SIGWINCH),
            sigismember(&pe, SIGWINCH), o1.sa_handler == SIG_DFL, o2.sa_handler == SIG_IGN,
            st_.ss_flags == SS_DISABLE, nm[0] != 0, fcntl(9, F_GETFD) < 0 ? en(errno) : "open",
            fcntl(10, F_GETFD) < 0 ? en(errno) : "open", it.it_value.tv_sec > 0);
        return 5;
    }
    stack_t st_ = {alt, 0, 32768}, old;
    R(sigaltstack(0, &old));
    SAY("flags %d\n", old.ss_flags);
    st_.ss_size = 100;
    R(sigaltstack(&st_, 0));
    st_.ss_size = 32768;
    st_.ss_flags = 9;
    R(sigaltstack(&st_, 0));
    st_.ss_flags = SS_ONSTACK;
    R(sigaltstack(&st_, 0));
    st_.ss_flags = 0;
    R(sigaltstack(&st_, &old));
    R(syscall(SYS_sigaltstack, 8, 0));
    struct sigaction sa = {.sa_handler = ha, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &sa, 0);
    raise(SIGUSR1);
    SAY("onalt %d flags in %d change inside %s\n", onalt, in.ss_flags, en(arg));
    sa.sa_flags = 0;
    sigaction(SIGUSR1, &sa, 0);
    raise(SIGUSR1);
    SAY("onalt %d flags in %d change %d\n", onalt, in.ss_flags, arg);
    sa.sa_handler = hs;
    sa.sa_flags = SA_ONSTACK;
    sigaction(SIGSEGV, &sa, 0);
    for (int i = 0; i < 3; i++)
        if (!sigsetjmp(jb, 1))
            deep(0);
        else
            SAY("overflow caught\n");
    signal(SIGSEGV, SIG_DFL);
    if (!(p = fork())) {
        stack_t d = {0, SS_DISABLE, 0};
        sigaltstack(&d, 0);
        sigaction(SIGSEGV, &sa, 0);
        struct rlimit rl = {0, 0};
        setrlimit(RLIMIT_CORE, &rl);
        deep(0);
    }
    waitpid(p, &s, 0);
    SAY("without altstack: sig %d\n", WTERMSIG(s));
    sa.sa_sigaction = (void *)hpc;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &sa, 0);
    n = 0;
    R(trap());
    SAY("n %d\n", n);
    sigset_t m;
    sigprocmask(0, 0, &m);
    SAY("usr2 now blocked %d ill %d\n", sigismember(&m, SIGUSR2), sigismember(&m, SIGILL));
    sigemptyset(&m);
    sigprocmask(SIG_SETMASK, &m, 0);
    sa.sa_handler = hfp;
    sa.sa_flags = 0;
    sigaction(SIGALRM, &sa, 0);
    struct itimerval it = {{0, 2000}, {0, 2000}};
    setitimer(0, &it, 0);
    double acc = 0;
    n = 0;
    for (long i = 1; n < 10 && i < 200000000; i++)
        acc = acc * 0.5 + (double)(i % 7);
    it = (struct itimerval){0};
    setitimer(0, &it, 0);
    double b = 0;
    for (int i = 1; i < 1000; i++)
        b = b * 0.5 + (double)(i % 7);
    SAY("fp %d %.3f\n", n >= 10, b);
    sa.sa_handler = hs;
    sigaction(SIGUSR1, &sa, 0);
    sigaction(SIGALRM, &sa, 0);
    for (int i = 0; i < 3; i++)
        if (!sigsetjmp(jb, 1))
            raise(SIGUSR1);
        else
            SAY("jumped %d\n", i);
    sigprocmask(0, 0, &m);
    SAY("usr1 blocked %d\n", sigismember(&m, SIGUSR1));
    for (int i = 0; i < 2; i++)
        if (!setjmp(*(jmp_buf *)&jb)) {}
    /* epoll */ int ep = epoll_create1(0), pp[2], ev = eventfd(0, EFD_NONBLOCK);
    pipe(pp);
    struct epoll_event e = {EPOLLIN, {.u32 = 1}}, out[8];
    R(epoll_create(0));
    R(epoll_create1(1));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, pp[0], &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, pp[0], &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
    R(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
    R(epoll_ctl(ep, EPOLL_CTL_DEL, ev, &e));
    R(epoll_ctl(ep, 9, pp[0], &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &e));
    R(epoll_ctl(pp[0], EPOLL_CTL_ADD, ev, &e));
    int rf = open("x.tmp", O_CREAT | O_RDWR, 0600);
    R(epoll_ctl(ep, EPOLL_CTL_ADD, rf, &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, ev, (void *)8));
    R(epoll_wait(ep, out, 0, 0));
    R(epoll_wait(ep, out, -1, 0));
    R(epoll_wait(ep, (void *)8, 1, 0));
    R(epoll_wait(ep, out, 8, 0));
    unlink("x.tmp");
    write(pp[1], "ab", 2);
    R(epoll_wait(ep, out, 8, 0));
    SAY("ev %x\n", out[0].events);
    char c;
    read(pp[0], &c, 1);
    R(epoll_wait(ep, out, 8, 0));
    e.events = EPOLLIN | EPOLLET;
    R(epoll_ctl(ep, EPOLL_CTL_MOD, pp[0], &e));
    R(epoll_wait(ep, out, 8, 0));
    R(epoll_wait(ep, out, 8, 0));
    write(pp[1], "c", 1);
    R(epoll_wait(ep, out, 8, 0));
    R(epoll_wait(ep, out, 8, 0));
    e.events = EPOLLIN | EPOLLONESHOT;
    R(epoll_ctl(ep, EPOLL_CTL_MOD, pp[0], &e));
    R(epoll_wait(ep, out, 8, 0));
    R(epoll_wait(ep, out, 8, 0));
    write(pp[1], "d", 1);
    R(epoll_wait(ep, out, 8, 0));
    R(epoll_ctl(ep, EPOLL_CTL_MOD, pp[0], &e));
    R(epoll_wait(ep, out, 8, 0));
    e.events = EPOLLIN | EPOLLEXCLUSIVE;
    R(epoll_ctl(ep, EPOLL_CTL_MOD, pp[0], &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
    e.events = EPOLLIN;
    R(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
    int ep2 = epoll_create1(0);
    e.events = EPOLLIN;
    R(epoll_ctl(ep2, EPOLL_CTL_ADD, ep, &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, ep2, &e));
    uint64_t v = 1;
    R(epoll_wait(ep2, out, 8, 0));
    write(ev, &v, 8);
    R(epoll_wait(ep2, out, 8, 0));
    struct pollfd pf = {ep, POLLIN};
    R(poll(&pf, 1, 0));
    R(epoll_wait(ep, out, 8, 0));
    SAY("data %u ev %x\n", out[0].data.u32, out[0].events);
    close(pp[1]);
    e.events = 0;
    epoll_ctl(ep, EPOLL_CTL_DEL, ev, 0);
    R(epoll_ctl(ep, EPOLL_CTL_MOD, pp[0], &e));
    R(epoll_wait(ep, out, 8, 0));
    SAY("hup %x\n", out[0].events);
    close(pp[0]);
    R(epoll_wait(ep, out, 8, 0));
    int sv[2];
    R(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    e.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT;
    R(epoll_ctl(ep, EPOLL_CTL_ADD, sv[0], &e));
    R(epoll_wait(ep, out, 8, 0));
    SAY("ev %x\n", out[0].events);
    shutdown(sv[1], SHUT_WR);
    R(epoll_wait(ep, out, 8, 0));
    SAY("ev %x\n", out[0].events);
    close(sv[1]);
    R(epoll_wait(ep, out, 8, 0));
    SAY("ev %x\n", out[0].events);
    /* eventfd */ int es = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
    R(read(es, &v, 8));
    SAY("%d\n", (int)v);
    R(read(es, &v, 8));
    R(read(es, &v, 8));
    R(read(es, &v, 8));
    R(read(es, &v, 4));
    v = -1;
    R(write(es, &v, 8));
    v = -2;
    R(write(es, &v, 8));
    v = 1;
    R(write(es, &v, 8));
    R(write(es, &v, 4));
    R(eventfd(0, 99));
    R(syscall(SYS_eventfd2, 0, 0) >= 0);
    R(lseek(es, 0, 0));
    pf.fd = es;
    pf.events = POLLIN | POLLOUT;
    R(poll(&pf, 1, 0));
    SAY("%x\n", pf.revents);
    /* sched */ struct sched_param sp = {0};
    R(sched_getscheduler(0));
    R(sched_setscheduler(0, SCHED_FIFO, &sp));
    sp.sched_priority = 10;
    R(sched_setscheduler(0, SCHED_OTHER, &sp));
    R(sched_setscheduler(0, SCHED_RR, &sp));
    R(sched_getscheduler(0));
    R(sched_getparam(0, &sp));
    SAY("%d\n", sp.sched_priority);
    struct timespec ts;
    R(sched_rr_get_interval(0, &ts));
    sp.sched_priority = 100;
    R(sched_setparam(0, &sp));
    sp.sched_priority = 0;
    R(sched_setscheduler(0, SCHED_BATCH, &sp));
    R(sched_setscheduler(0, SCHED_IDLE, &sp));
    R(sched_setscheduler(0, SCHED_OTHER, &sp));
    R(sched_setscheduler(0, 99, &sp));
    R(sched_setscheduler(999999, 0, &sp));
    R(sched_setscheduler(-1, 0, &sp));
    R(sched_getparam(0, 0));
    for (int i = 0; i < 7; i++)
        SAY("prio %d %d %d\n", i, sched_get_priority_min(i), sched_get_priority_max(i));
    cpu_set_t cs;
    R(sched_getaffinity(0, sizeof cs, &cs) >= 0);
    SAY("cpu0 %d\n", CPU_ISSET(0, &cs));
    R(sched_getaffinity(0, 3, &cs));
    R(sched_getaffinity(999999, sizeof cs, &cs));
    CPU_ZERO(&cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    CPU_SET(0, &cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    CPU_SET(900, &cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    CPU_ZERO(&cs);
    CPU_SET(900, &cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    R(sched_getcpu());
    R(sched_yield());
    R(nice(5));
    R(getpriority(PRIO_PROCESS, 0));
    R(setpriority(PRIO_PROCESS, 0, 30));
    R(getpriority(PRIO_PROCESS, 0));
    R(setpriority(PRIO_PROCESS, 0, -30));
    R(getpriority(PRIO_PROCESS, 0));
    R(setpriority(9, 0, 0));
    R(getpriority(PRIO_PROCESS, 999999));
    R(setpriority(PRIO_PGRP, 0, 3));
    R(getpriority(PRIO_PGRP, 0));
    R(getpriority(PRIO_USER, 12345));
    R(setpriority(PRIO_PROCESS, 0, 0));
    char nm[32];
    R(prctl(PR_SET_NAME, "averyveryverylongname"));
    prctl(PR_GET_NAME, nm);
    SAY("%s\n", nm);
    R(prctl(PR_SET_NAME, 8));
    R(prctl(12345));
    R(prctl(PR_GET_DUMPABLE));
    R(prctl(PR_SET_DUMPABLE, 2));
    R(prctl(PR_SET_DUMPABLE, 0));
    R(prctl(PR_GET_DUMPABLE));
    R(prctl(PR_SET_DUMPABLE, 1));
    R(prctl(PR_GET_KEEPCAPS));
    R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(PR_GET_TIMERSLACK));
    R(prctl(PR_SET_TIMERSLACK, 100));
    R(prctl(PR_GET_TIMERSLACK));
    R(prctl(PR_CAPBSET_READ, 99));
    R(prctl(PR_CAPBSET_READ, 1));
    R(prctl(PR_GET_SECCOMP));

    /* exec */ char *ev0[] = {0};
    char *a0[] = {"x", 0};
    R(execve("/nonexistent", a0, ev0));
    R(execve("/", a0, ev0));
    R(execve("", a0, ev0));
    R(execve((void *)8, a0, ev0));
    int f = open("noexec", O_CREAT | O_RDWR | O_TRUNC, 0644);
    write(f, "#!/bin/true\n", 12);
    R(execve("noexec", a0, ev0));
    fchmod(f, 0755);
    R(execve("noexec/x", a0, ev0));
    close(f);
    f = open("junk", O_CREAT | O_RDWR | O_TRUNC, 0755);
    write(f, "junkjunk", 8);
    R(execve("junk", a0, ev0) == -1 && (errno == ENOEXEC || errno == ETXTBSY));
    close(f);
    R(execve("junk", a0, ev0));
    f = open("script", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(f, "#!/nonexistent/interp\n", 22);
    close(f);
    R(execve("script", a0, ev0));
    f = open("empty", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    close(f);
    R(execve("empty", a0, ev0));
    f = open("hashbang", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(f, "#!\n", 3);
    close(f);
    R(execve("hashbang", a0, ev0));
    char *big = malloc(200000);
    memset(big, 'a', 199999);
    big[199999] = 0;
    char *ab[] = {"x", big, 0};
    R(execve("/proc/self/exe", ab, ev0));
    unlink("noexec");
    unlink("junk");
    unlink("script");
    unlink("empty");
    unlink("hashbang");
    char self[512];
    int l = readlink("/proc/self/exe", self, 511);
    self[l] = 0;
    f = open(self, O_WRONLY);
    SAY("open running file for writing: %s\n", f < 0 ? en(errno) : "ok");
    sigemptyset(&m);
    sigaddset(&m, SIGWINCH);
    sigprocmask(SIG_BLOCK, &m, 0);
    raise(SIGWINCH);
    signal(SIGUSR2, SIG_IGN);
    dup2(1, 9);
    dup2(1, 10);
    fcntl(9, F_SETFD, 1);
    if (!(p = fork())) {
        it.it_value.tv_sec = 100;
        setitimer(0, &it, 0);
        char *x[] = {"self", "misc", "exec", "main", 0};
        execv(self, x);
        _exit(1);
    }
    waitpid(p, &s, 0);
    st(s);
    if (!(p = fork())) {
        pthread_t t;
        pthread_create(&t, 0, exth, self);
        pthread_join(t, 0);
        _exit(1);
    }
    waitpid(p, &s, 0);
    st(s);
    int fd = open(self, O_RDONLY);
    if (!(p = fork())) {
        char *x[] = {"self", "misc", "exec", "fexecve", 0};
        fexecve(fd, x, ev0);
        _exit(1);
    }
    waitpid(p, &s, 0);
    st(s);
    if (!(p = fork())) {
        char *x[] = {"self", "misc", "exec", "vfork", 0};
        if (!vfork()) {
            execv(self, x);
            _exit(2);
        }
        _exit(7);
    }
    waitpid(p, &s, 0);
    st(s);
    R(syscall(SYS_execveat, fd, "", a0, ev0, 0));
    R(syscall(SYS_execveat, 99, "", a0, ev0, AT_EMPTY_PATH));
    R(syscall(SYS_execveat, AT_FDCWD, self, a0, ev0, 0x8000));

    return 0;
}
