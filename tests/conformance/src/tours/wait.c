/* wait4(2), waitid(2), pidfds, subreapers, parent-death signals, CPU time of children. */
#include "tour.h"
static void info(siginfo_t *i, pid_t p) {
    SAY("  signo %d errno %d code %d pid %s uid %d status %d\n", i->si_signo, i->si_errno,
        i->si_code,
        i->si_pid == p ? "child"
        : i->si_pid    ? "other"
                       : "0",
        i->si_uid, i->si_status);
}
int tour_wait(int ac, char **av) {
    int s;
    pid_t p, q;
    siginfo_t si;
    struct rusage ru;
    R(wait(&s));
    R(waitpid(-1, &s, WNOHANG));
    R(waitpid(12345, &s, 0));
    R(waitpid(INT32_MIN, &s, 0));
    R(waitpid(-1, &s, 0x100));
    R(waitpid(0, &s, 0));
    R(waitpid(-12345, &s, 0));
    R(waitpid(getpid(), &s, 0));
    R(waitpid(1, &s, WNOWAIT));
    R(waitid(P_ALL, 0, &si, WEXITED));
    R(waitid(P_ALL, 0, &si, 0));
    R(waitid(P_ALL, 0, &si, WNOHANG));
    R(waitid(P_ALL, 0, &si, WEXITED | 0x800));
    R(waitid(P_PID, 0, &si, WEXITED));
    R(waitid(P_PID, -1, &si, WEXITED));
    R(waitid(P_PGID, -1, &si, WEXITED));
    R(waitid(P_PGID, 0, &si, WEXITED));
    R(waitid(9, 0, &si, WEXITED));
    R(waitid(P_PIDFD, 99, &si, WEXITED));
    R(waitid(P_PIDFD, 0, &si, WEXITED));
    R(waitid(P_PIDFD, -1, &si, WEXITED));
    R(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT | WNOHANG));
    if (!(p = fork())) {
        _exit(300);
    }
    R(waitpid(p, &s, 0) == p);
    st(s);
    if (!(p = fork())) {
        raise(SIGKILL);
    }
    R(waitid(P_PID, p, &si, WEXITED | WNOWAIT));
    info(&si, p);
    R(waitid(P_PID, p, &si, WEXITED | WNOWAIT | WNOHANG));
    info(&si, p);
    R(waitid(P_PID, p, NULL, WEXITED));
    R(waitid(P_PID, p, NULL, WEXITED));
    if (!(p = fork())) {
        for (;;)
            pause();
    }
    memset(&si, 0x55, sizeof si);
    R(waitid(P_PID, p, &si, WEXITED | WNOHANG));
    info(&si, p);
    R(waitpid(p, &s, WNOHANG));
    kill(p, SIGSTOP);
    R(waitpid(p, &s, WUNTRACED) == p);
    st(s);
    R(waitpid(p, &s, WUNTRACED | WNOHANG));
    kill(p, SIGCONT);
    R(waitid(P_PID, p, &si, WCONTINUED | WNOWAIT));
    info(&si, p);
    R(waitpid(p, &s, WCONTINUED) == p);
    st(s);
    R(waitpid(p, &s, WCONTINUED | WNOHANG));
    kill(p, SIGSTOP);
    R(waitid(P_PID, p, &si, WSTOPPED));
    info(&si, p);
    kill(p, SIGCONT);
    kill(p, SIGSTOP);
    R(waitid(P_PID, p, &si, WSTOPPED | WCONTINUED) >= 0);
    ms(30);
    kill(p, SIGSTOP);
    waitid(P_PID, p, &si, WSTOPPED);
    kill(p, SIGTERM);
    ms(50);
    R(waitpid(p, &s, WNOHANG));
    R(kill(p, SIGCONT));
    R(waitpid(p, &s, 0) == p);
    st(s);
    /* core */ int cs[] = {SIGQUIT,   SIGILL,    SIGTRAP,  SIGABRT, SIGBUS,  SIGFPE,  SIGSEGV,
                           SIGSYS,    SIGXCPU,   SIGXFSZ,  SIGHUP,  SIGUSR1, SIGPIPE, SIGALRM,
                           SIGSTKFLT, SIGVTALRM, SIGPROF,  SIGIO,   SIGPWR,  34,      64,
                           SIGCHLD,   SIGURG,    SIGWINCH, SIGCONT};
    struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};
    for (int i = 0; i < sizeof cs / sizeof *cs; i++) {
        if (!(p = fork())) {
            prctl(PR_SET_DUMPABLE, 0);
            kill(getpid(), cs[i]);
            _exit(i);
        }
        waitid(P_PID, p, &si, WEXITED | WNOWAIT);
        SAY("sig %d: code %d ", cs[i], si.si_code == CLD_DUMPED ? CLD_KILLED : si.si_code);
        waitpid(p, &s, 0);
        SAY("%s %d\n", WIFSIGNALED(s) ? "sig" : "exit",
            WIFSIGNALED(s) ? WTERMSIG(s) : WEXITSTATUS(s));
    }
    /* group */
    int pp[2];
    pipe(pp);
    if (!(p = fork())) {
        setpgid(0, 0);
        if (!(q = fork())) {
            _exit(3);
        }
        waitpid(q, &s, 0);
        write(pp[1], "x", 1);
        _exit(4);
    }
    char c;
    read(pp[0], &c, 1);
    R(waitpid(0, &s, WNOHANG));
    R(waitpid(-p, &s, 0) == p);
    st(s);
    if (!(p = fork())) {
        setpgid(0, 0);
        write(pp[1], "x", 1);
        _exit(4);
    }
    read(pp[0], &c, 1);
    R(waitid(P_PGID, p, &si, WEXITED));
    info(&si, p);
    /* pidfd */
    if (!(p = fork())) {
        ms(30);
        _exit(5);
    }
    int fd = syscall(SYS_pidfd_open, p, 0);
    struct pollfd pf = {fd, POLLIN};
    R(poll(&pf, 1, 0));
    R(waitid(P_PIDFD, fd, &si, WEXITED | WNOHANG));
    R(poll(&pf, 1, -1));
    SAY("rev %x\n", pf.revents);
    R(waitid(P_PIDFD, fd, &si, WEXITED));
    info(&si, p);
    R(poll(&pf, 1, 0));
    SAY("rev %x\n", pf.revents);
    R(waitid(P_PIDFD, fd, &si, WEXITED));
    R(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    close(fd);
    if (!(p = fork())) {
        pause();
        _exit(5);
    }
    fd = syscall(SYS_pidfd_open, p, O_NONBLOCK);
    R(waitid(P_PIDFD, fd, &si, WEXITED));
    R(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    R(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0));
    R(syscall(SYS_pidfd_send_signal, fd, 10, NULL, 8));
    R(syscall(SYS_pidfd_send_signal, 0, 10, NULL, 0));
    R(syscall(SYS_pidfd_send_signal, 99, 10, NULL, 0));
    R(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
    poll(&(struct pollfd){fd, POLLIN}, 1, -1);
    R(waitid(P_PIDFD, fd, &si, WEXITED));
    info(&si, p);
    char b[4];
    R(read(fd, b, 4));
    R(write(fd, b, 4));
    R(lseek(fd, 0, 0));
    close(fd);
    /* rusage */
    R(getrusage(RUSAGE_CHILDREN, &ru));
    R(getrusage(RUSAGE_SELF, &ru));
    R(getrusage(RUSAGE_THREAD, &ru));
    R(getrusage(5, &ru));
    R(getrusage(RUSAGE_SELF, (void *)8));
    if (!(p = fork())) {
        for (volatile long i = 0; i < 3000000; i++)
            ;
        _exit(0);
    }
    R(wait4(p, &s, 0, &ru) == p);
    SAY("cpu>0 %d\n", ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 0);
    if (!(p = fork())) {
        _exit(0);
    }
    waitid(P_PID, p, &si, WEXITED | WNOWAIT);
    R(wait4(p, (void *)8, 0, 0));
    R(wait4(p, 0, 0, 0));
    if (!(p = fork())) {
        _exit(0);
    }
    waitid(P_PID, p, &si, WEXITED | WNOWAIT);
    R(wait4(p, &s, 0, (void *)8));
    R(wait4(p, 0, 0, 0));
    /* SIGCHLD ignored */
    signal(SIGCHLD, SIG_IGN);
    if (!(p = fork())) {
        ms(20);
        _exit(0);
    }
    R(waitpid(p, &s, 0));
    R(waitpid(-1, &s, 0));
    signal(SIGCHLD, SIG_DFL);
    struct sigaction sa = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &sa, 0);
    if (!(p = fork())) {
        _exit(0);
    }
    R(wait(&s));
    sa.sa_flags = 0;
    sigaction(SIGCHLD, &sa, 0);
    /* orphan & subreaper */
    R(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    pid_t me = getpid();
    if (!(p = fork())) {
        if (!(q = fork())) {
            ms(60);
            _exit(getppid() == me ? 11 : 12);
        }
        _exit(1);
    }
    R(waitpid(p, &s, 0) == p);
    st(s);
    R(wait(&s) > 0);
    st(s);
    R(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
    /* pdeathsig */
    if (!(p = fork())) {
        if (!(q = fork())) {
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            write(pp[1], "x", 1);
            ms(2000);
            _exit(1);
        }
        read(pp[0], &c, 1);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
        _exit(2);
    }
    R(waitpid(p, &s, 0) == p);
    int d;
    R(prctl(PR_SET_PDEATHSIG, 65));
    R(prctl(PR_SET_PDEATHSIG, 9));
    R(prctl(PR_GET_PDEATHSIG, &d));
    SAY("%d\n", d);
    if (!(p = fork())) {
        prctl(PR_GET_PDEATHSIG, &d);
        _exit(d);
    }
    waitpid(p, &s, 0);
    st(s);
    return 0;
}
