/* waitid and stopped children, process groups, scheduling policies and niceness, prctl. */
#include "tour.h"
#include <sys/sysinfo.h>
/* waitid, ptrace-less stops, pgrp corner cases, nice, sched per scheduler */
static void si(siginfo_t *i, pid_t p) {
    SAY("  signo %d code %d status %d pidok %d uid %d\n", i->si_signo, i->si_code, i->si_status,
        i->si_pid == p, i->si_uid);
    memset(i, 0, sizeof *i);
}
static volatile int chld;
static siginfo_t last;
static void hc(int s, siginfo_t *i, void *u) {
    chld++;
    last = *i;
}
int tour_policy(int ac, char **av) {
    setvbuf(stdout, 0, _IONBF, 0);
    siginfo_t i;
    memset(&i, 0, sizeof i);
    int s;
    R(waitid(P_ALL, 0, &i, 0));
    R(waitid(P_ALL, 0, &i, WEXITED));
    R(waitid(9, 0, &i, WEXITED));
    R(waitid(P_PID, 0, &i, WEXITED));
    R(waitid(P_PID, -5, &i, WEXITED));
    R(waitid(P_PGID, -1, &i, WEXITED));
    R(waitid(P_ALL, 0, &i, WEXITED | 0x40));
    R(waitid(3, -1, &i, WEXITED));
    R(waitid(3, 0, &i, WEXITED));
    pid_t k = fork();
    if (!k) {
        pause();
        _exit(0);
    }
    R(waitid(P_PID, k, &i, WEXITED | WNOHANG));
    SAY("%d %d\n", i.si_signo, i.si_pid);
    kill(k, SIGSTOP);
    R(waitid(P_PID, k, &i, WSTOPPED));
    si(&i, k);
    R(waitid(P_PID, k, &i, WSTOPPED | WNOHANG));
    SAY("%d\n", i.si_signo);
    kill(k, SIGCONT);
    R(waitid(P_PID, k, &i, WCONTINUED | WNOWAIT));
    si(&i, k);
    R(waitid(P_PID, k, &i, WCONTINUED));
    si(&i, k);
    kill(k, SIGTSTP);
    R(waitid(P_PID, k, &i, WSTOPPED | WNOWAIT));
    si(&i, k);
    K(waitpid(k, &s, WUNTRACED));
    st(s);
    R(waitpid(k, &s, WUNTRACED | WNOHANG));
    kill(k, SIGTERM);
    R(waitpid(k, &s, WNOHANG));
    kill(k, SIGCONT);
    R(waitid(P_PGID, 0, &i, WEXITED | WNOWAIT));
    si(&i, k);
    struct rusage ru;
    memset(&ru, 1, sizeof ru);
    R(syscall(SYS_waitid, P_PID, k, &i, WEXITED, &ru));
    si(&i, k);
    SAY("ru %d\n", ru.ru_utime.tv_sec < 5);
    R(waitpid(k, &s, 0));
    k = fork();
    if (!k)
        abort();
    R(waitid(P_ALL, 0, &i, WEXITED));
    si(&i, k);
    k = fork();
    if (!k)
        _exit(0x1234);
    R(waitid(P_ALL, 0, &i, WEXITED));
    si(&i, k);
    k = fork();
    if (!k)
        _exit(7);
    R(waitid(P_PID, k, 0, WEXITED));
    k = fork();
    if (!k)
        _exit(7);
    R(waitid(P_PID, k, (siginfo_t *)8, WEXITED));
    R(waitpid(k, &s, 0));
    k = fork();
    if (!k)
        _exit(7);
    R(wait4(k, (int *)8, 0, 0) == -1);
    R(waitpid(-1, &s, 0));
    R(waitpid(-1, &s, 0x100));
    R(waitpid(-2147483647 - 1, &s, 0));
    R(waitpid(-99999, &s, 0));
    R(waitpid(0, &s, WNOHANG));
    SAY("== SIGCHLD\n");
    struct sigaction sa = {.sa_sigaction = hc, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &sa, 0);
    k = fork();
    if (!k) {
        raise(SIGSTOP);
        _exit(3);
    }
    while (chld < 1)
        ms(1);
    SAY("chld %d code %d st %d\n", chld, last.si_code, last.si_status);
    kill(k, SIGCONT);
    waitid(P_PID, k, &i, WEXITED | WNOWAIT);
    ms(3);
    SAY("more %d code %d st %d\n", chld > 1, last.si_code, last.si_status);
    waitpid(k, &s, 0);
    st(s);
    chld = 0;
    sa.sa_flags = SA_SIGINFO | SA_NOCLDSTOP;
    sigaction(SIGCHLD, &sa, 0);
    k = fork();
    if (!k) {
        raise(SIGSTOP);
        _exit(3);
    }
    waitpid(k, &s, WUNTRACED);
    st(s);
    SAY("chld %d\n", chld);
    kill(k, SIGCONT);
    while (!chld)
        ms(1);
    waitpid(k, &s, 0);
    sa.sa_flags = SA_SIGINFO | SA_NOCLDWAIT;
    chld = 0;
    sigaction(SIGCHLD, &sa, 0);
    k = fork();
    if (!k)
        _exit(1);
    R(waitpid(k, &s, 0));
    SAY("chld %d\n", chld);
    signal(SIGCHLD, SIG_IGN);
    k = fork();
    if (!k)
        _exit(1);
    R(waitpid(-1, &s, 0));
    signal(SIGCHLD, SIG_DFL);
    SAY("== groups\n");
    K(setpgid(0, 0));
    R(setsid() == getpid());
    R(getsid(0) == getpid());
    R(setpgid(0, 0));
    R(setpgid(1 << 20, 0));
    R(setpgid(0, -1));
    R(getpgid(1 << 20));
    R(getsid(-1));
    R(setsid());
    k = fork();
    if (!k) {
        pause();
        _exit(0);
    }
    R(setpgid(k, k));
    R(getpgid(k) == k);
    R(setpgid(k, k + 100));
    pid_t k2 = fork();
    if (!k2) {
        setpgid(0, k);
        pause();
        _exit(0);
    }
    setpgid(k2, k);
    R(kill(-k, SIGTERM));
    K(waitpid(-k, &s, 0));
    K(waitpid(-k, &s, 0));
    R(kill(-k, 0));
    R(waitpid(-k, &s, 0));
    R(kill(1 << 20, 0));
    R(kill(getpid(), 65));
    R(kill(getpid(), -1));
    R(kill(0, 0));
    R(kill(-1 << 30, 0));
    k = fork();
    if (!k) {
        char *av[] = {"/proc/self/exe", 0};
        pause();
    }
    k2 = k;
    kill(k2, 9);
    waitpid(k2, &s, 0);
    SAY("== sched\n");
    struct sched_param sp = {0};
    sp.sched_priority = 10;
    R(syscall(SYS_sched_getparam, 0, &sp));
    SAY("%d\n", sp.sched_priority);
    sp.sched_priority = 100;
    R(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &sp));
    sp.sched_priority = 1;
    R(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &sp));
    R(syscall(SYS_sched_getscheduler, 0));
    R(syscall(SYS_sched_setscheduler, 0, SCHED_RR | SCHED_RESET_ON_FORK, &sp));
    R(syscall(SYS_sched_getscheduler, 0));
    k = fork();
    if (!k)
        _exit(syscall(SYS_sched_getscheduler, 0));
    waitpid(k, &s, 0);
    st(s);
    sp.sched_priority = 0;
    R(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &sp));
    R(syscall(SYS_sched_getscheduler, 0));
    R(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &sp));
    R(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &sp));
    R(syscall(SYS_sched_setscheduler, 0, 7, &sp));
    R(syscall(SYS_sched_setscheduler, 0, -1, &sp));
    R(syscall(SYS_sched_setscheduler, -1, 0, &sp));
    R(syscall(SYS_sched_setscheduler, 1 << 20, 0, &sp));
    R(syscall(SYS_sched_setscheduler, 0, 0, 0));
    for (int p = -1; p < 8; p++) {
        SAY("%d: ", p);
        R(sched_get_priority_min(p));
        R(sched_get_priority_max(p));
    }
    struct timespec ts;
    R(sched_rr_get_interval(-1, &ts));
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t prio;
        uint64_t rt, dl, pe;
        uint32_t umin, umax;
    } at;
    memset(&at, 0, sizeof at);
    R(syscall(SYS_sched_getattr, 0, &at, sizeof at, 0));
    SAY("%u %u %lu %d %u\n", at.size, at.policy, (long)at.flags, at.nice, at.prio);
    R(syscall(SYS_sched_getattr, 0, &at, 40, 0));
    R(syscall(SYS_sched_getattr, 0, &at, 48, 1));
    R(syscall(SYS_sched_getattr, 0, &at, 48, 0));
    at.size = 48;
    at.nice = 5;
    at.flags = 0;
    R(syscall(SYS_sched_setattr, 0, &at, 0));
    R(getpriority(PRIO_PROCESS, 0));
    at.size = 10;
    R(syscall(SYS_sched_setattr, 0, &at, 0));
    SAY("size %u\n", at.size);
    at.size = 0;
    R(syscall(SYS_sched_setattr, 0, &at, 0));
    at.size = 48;
    at.policy = 99;
    R(syscall(SYS_sched_setattr, 0, &at, 0));
    at.policy = 0;
    at.flags = 1 << 20;
    R(syscall(SYS_sched_setattr, 0, &at, 0));
    at.flags = 1;
    R(syscall(SYS_sched_setattr, 0, &at, 0));
    R(syscall(SYS_sched_getscheduler, 0));
    R(nice(3));
    R(getpriority(PRIO_PROCESS, 0));
    R(setpriority(PRIO_PROCESS, 0, 100));
    R(getpriority(PRIO_PROCESS, 0));
    R(setpriority(PRIO_PROCESS, 0, -100));
    errno = 0;
    R(getpriority(PRIO_PROCESS, 0));
    R(syscall(SYS_getpriority, 0, 0));
    R(setpriority(7, 0, 0));
    R(getpriority(7, 0));
    R(setpriority(PRIO_PROCESS, 1 << 20, 0));
    R(setpriority(PRIO_PGRP, 0, 4));
    R(getpriority(PRIO_PGRP, 0));
    k = fork();
    if (!k)
        _exit(getpriority(PRIO_PROCESS, 0));
    waitpid(k, &s, 0);
    st(s);
    cpu_set_t cs;
    CPU_ZERO(&cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    CPU_SET(900, &cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    CPU_SET(0, &cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    R(syscall(SYS_sched_getaffinity, 0, 1, &cs));
    R(syscall(SYS_sched_getaffinity, 0, 8, &cs));
    R(syscall(SYS_sched_getaffinity, 0, 9, &cs));
    SAY("%d\n", CPU_COUNT_S(8, &cs));
    R(sched_setaffinity(-1, sizeof cs, &cs));
    R(sched_setaffinity(1 << 20, sizeof cs, &cs));
    unsigned cpu = 9, node = 9;
    R(syscall(SYS_getcpu, &cpu, &node, 0));
    SAY("%u %u\n", cpu, node);
    R(syscall(SYS_getcpu, 0, 0, 0));
    R(syscall(SYS_getcpu, 8, 0, 0));
    SAY("== prctl\n");
    R(prctl(PR_SET_PDEATHSIG, 65));
    R(prctl(PR_SET_PDEATHSIG, 64));
    int d = 0;
    R(prctl(PR_GET_PDEATHSIG, &d));
    SAY("%d\n", d);
    R(prctl(PR_SET_DUMPABLE, 2));
    R(prctl(PR_SET_DUMPABLE, 0));
    R(prctl(PR_GET_DUMPABLE));
    R(prctl(PR_SET_NAME, "abcdefghijklmnopqrstuvwxyz"));
    char n[20] = {0};
    R(prctl(PR_GET_NAME, n));
    SAY("%s\n", n);
    R(prctl(9999, 0, 0, 0, 0));
    R(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(PR_GET_TIMERSLACK));
    R(prctl(PR_SET_TIMERSLACK, 5));
    R(prctl(PR_GET_TIMERSLACK));
    R(prctl(PR_SET_CHILD_SUBREAPER, 1));
    R(prctl(PR_GET_CHILD_SUBREAPER, &d));
    SAY("%d\n", d);
    R(prctl(PR_CAPBSET_READ, 0));
    R(prctl(PR_CAPBSET_READ, 63));
    R(prctl(PR_GET_SECUREBITS));
    R(prctl(PR_GET_SECCOMP));
    R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    R(prctl(PR_GET_TID_ADDRESS, n) >= -1);
    R(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0));
    R(prctl(PR_TASK_PERF_EVENTS_DISABLE));
    /* subreaper */
    pid_t a = fork();
    if (!a) {
        pid_t b = fork();
        if (!b) {
            ms(30);
            _exit(getppid() != 1 ? 44 : 45);
        }
        _exit(1);
    }
    K(waitpid(a, &s, 0));
    st(s);
    K(waitpid(-1, &s, 0));
    st(s);
    /* pdeathsig */
    int pp[2];
    pipe(pp);
    a = fork();
    if (!a) {
        pid_t b = fork();
        if (!b) {
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            sigset_t m;
            sigemptyset(&m);
            sigaddset(&m, SIGUSR1);
            sigprocmask(SIG_BLOCK, &m, 0);
            write(pp[1], "x", 1);
            siginfo_t q;
            int g = sigwaitinfo(&m, &q);
            SAY("pdeath sig %d code %d\n", g, q.si_code);
            _exit(5);
        }
        char c;
        read(pp[0], &c, 1);
        _exit(1);
    }
    waitpid(a, &s, 0);
    waitpid(-1, &s, 0);
    st(s);
    return 0;
}
