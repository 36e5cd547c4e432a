/* execve, execveat and clone3 at their edges: scripts of scripts, lines too long or empty, files
   that are being written, closed descriptors, chosen ids; what a new program inherits. */
#include "tour.h"
#include <linux/sched.h>
#include <sys/vfs.h>
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
static long c3(struct clone_args *a, size_t n) { return syscall(SYS_clone3, a, n); }
static void reap(long p) {
    if (p > 0) {
        int s = 0;
        K(waitpid(p, &s, __WALL));
        st(s);
    }
}
static int wr(const char *p, const char *t, int m) {
    int f = open(p, O_CREAT | O_TRUNC | O_WRONLY, 0700);
    write(f, t, strlen(t));
    fchmod(f, m);
    close(f);
    return 0;
}
static long try(const char *p, char **av, char **ev) {
    pid_t k = fork();
    if (!k) {
        execve(p, av, ev);
        printf("  exec %.9s: %s\n", (long)p > 4096 ? p : "bad", en(errno));
        fflush(stdout);
        _exit(9);
    }
    int s;
    waitpid(k, &s, 0);
    st(s);
    return 0;
}
/* What this program does when it was started by the tour: say what it got. */
int tour_echo(int c, char **v) {
    { /* as child program */
        printf("  argc %d:", c);
        for (int i = 0; i < c; i++)
            printf(" [%s]", v[i]);
        printf("\n");
        if (!strcmp(v[1], "state")) {
            struct sigaction sa;
            sigset_t m;
            sigaction(SIGUSR1, 0, &sa);
            printf("  usr1 %s\n", sa.sa_handler == SIG_DFL   ? "dfl"
                                  : sa.sa_handler == SIG_IGN ? "ign"
                                                             : "fn");
            sigaction(SIGUSR2, 0, &sa);
            printf("  usr2 %s\n", sa.sa_handler == SIG_DFL   ? "dfl"
                                  : sa.sa_handler == SIG_IGN ? "ign"
                                                             : "fn");
            sigaction(SIGCHLD, 0, &sa);
            printf("  chld %s\n", sa.sa_handler == SIG_DFL   ? "dfl"
                                  : sa.sa_handler == SIG_IGN ? "ign"
                                                             : "fn");
            sigprocmask(0, 0, &m);
            printf("  hup blocked %d\n", sigismember(&m, SIGHUP));
            sigpending(&m);
            printf("  hup pending %d\n", sigismember(&m, SIGHUP));
            stack_t ss;
            sigaltstack(0, &ss);
            printf("  alt %d\n", ss.ss_flags);
            char nm[17] = {0};
            prctl(PR_GET_NAME, nm);
            printf("  name %s\n", nm);
            int d = -1;
            prctl(PR_GET_PDEATHSIG, &d);
            printf("  pdeath %d dump %d keep %d nnp %d\n", d, prctl(PR_GET_DUMPABLE),
                   prctl(PR_GET_KEEPCAPS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
            struct itimerval it;
            getitimer(ITIMER_REAL, &it);
            printf("  itimer %d\n", it.it_value.tv_sec > 0);
            printf("  fds");
            for (int i = 3; i < 10; i++)
                if (fcntl(i, F_GETFD) >= 0)
                    printf(" %d", i);
            printf("\n");
            printf("  umask %o nice %d\n", umask(0), getpriority(PRIO_PROCESS, 0));
            printf("  sched %d\n", sched_getscheduler(0));
            struct rlimit r;
            getrlimit(RLIMIT_NOFILE, &r);
            printf("  nofile %ld\n", (long)r.rlim_cur);
        }
        return 5;
    }
}
int tour_exec(int c, char **v) {
    setvbuf(stdout, 0, _IONBF, 0);
    char dir[] = "/tmp/r4XXXXXX";
    mkdtemp(dir);
    chdir(dir);
    SAY("== clone3\n");
    struct clone_args a;
    memset(&a, 0, sizeof a);
    K(c3(&a, 8));
    K(c3(&a, 63));
    K(c3(0, 64));
    K(c3(&a, 100000));
    a.exit_signal = SIGCHLD;
    {
        long p = c3(&a, sizeof a);
        if (!p)
            _exit(1);
        reap(p);
    }
    a.exit_signal = 200;
    K(c3(&a, sizeof a));
    a.exit_signal = 65;
    K(c3(&a, sizeof a));
    signal(64, SIG_IGN);
    a.exit_signal = 64;
    {
        long p = c3(&a, sizeof a);
        if (!p)
            _exit(2);
        if (p < 0)
            SAY("%s\n", en(errno));
        reap(p);
    }
    memset(&a, 0, sizeof a);
    a.flags = CLONE_THREAD;
    K(c3(&a, sizeof a));
    a.flags = CLONE_THREAD | CLONE_SIGHAND;
    K(c3(&a, sizeof a));
    a.flags = CLONE_SIGHAND;
    K(c3(&a, sizeof a));
    a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    a.exit_signal = SIGCHLD;
    K(c3(&a, sizeof a));
    a.flags = CLONE_DETACHED;
    a.exit_signal = 0;
    K(c3(&a, sizeof a));
    a.flags = 17;
    K(c3(&a, sizeof a));
    a.flags = CLONE_FS | CLONE_NEWNS;
    K(c3(&a, sizeof a));
    a.flags = 0;
    a.stack = 0x1000;
    K(c3(&a, sizeof a));
    a.stack = 0;
    a.stack_size = 4096;
    K(c3(&a, sizeof a));
    a.stack_size = 0;
    a.flags = CLONE_PIDFD;
    a.pidfd = 1;
    K(c3(&a, sizeof a));
    int pf = -1;
    a.pidfd = (uint64_t)&pf;
    a.exit_signal = SIGCHLD;
    {
        long p = c3(&a, sizeof a);
        if (!p) {
            ms(5);
            _exit(3);
        }
        siginfo_t i;
        memset(&i, 0, sizeof i);
        K(waitid(P_PIDFD, pf, &i, WEXITED | WNOWAIT));
        SAY("si %d %d %d same %d\n", i.si_signo, i.si_code, i.si_status, i.si_pid == p);
        struct pollfd q = {pf, POLLIN};
        R(poll(&q, 1, 0));
        SAY("%x fd flags %d\n", q.revents, fcntl(pf, F_GETFD));
        reap(p);
        R(poll(&q, 1, 0));
        SAY("%x\n", q.revents);
        K(syscall(SYS_pidfd_send_signal, pf, 0, 0, 0));
        K(waitid(P_PIDFD, pf, &i, WEXITED));
        close(pf);
    }
    a.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
    pid_t pt = 0;
    a.parent_tid = (uint64_t)&pt;
    {
        long p = c3(&a, sizeof a);
        if (!p)
            _exit(0);
        SAY("ptid %d\n", pt == p);
        reap(p);
        close(pf);
    }
    a.flags = CLONE_CLEAR_SIGHAND;
    signal(SIGUSR1, (void *)ms);
    signal(SIGUSR2, SIG_IGN);
    {
        long p = c3(&a, sizeof a);
        if (!p) {
            struct sigaction s;
            sigaction(SIGUSR1, 0, &s);
            struct sigaction s2;
            sigaction(SIGUSR2, 0, &s2);
            _exit((s.sa_handler == SIG_DFL) * 2 + (s2.sa_handler == SIG_IGN));
        }
        reap(p);
    }
    a.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM;
    K(c3(&a, sizeof a));
    a.flags = 0;
    pid_t want[1] = {4321};
    a.set_tid = (uint64_t)want;
    a.set_tid_size = 1;
    {
        long p = c3(&a, sizeof a);
        if (!p)
            _exit(getpid() == 4321 ? 7 : 8);
        reap(p);
    }
    a.set_tid_size = 33;
    K(c3(&a, sizeof a));
    a.set_tid = 0;
    a.set_tid_size = 1;
    K(c3(&a, sizeof a));
    a.set_tid = (uint64_t)want;
    want[0] = getpid();
    K(c3(&a, sizeof a));
    want[0] = -1;
    K(c3(&a, sizeof a));
    want[0] = 1;
    K(c3(&a, sizeof a));
    SAY("== clone raw\n");
    memset(&a, 0, sizeof a);
#define CL(f)                                                                                      \
    ({                                                                                             \
        long p_ = syscall(SYS_clone, (long)(f), 0L, 0L, 0L, 0L);                                   \
        if (!p_)                                                                                   \
            _exit(6);                                                                              \
        p_;                                                                                        \
    })
    {
        long p = CL(0);
        SAY("no exit signal %d\n", p > 0);
        int s;
        R(waitpid(p, &s, 0));
        K(waitpid(p, &s, __WCLONE));
        st(s);
    }
    signal(SIGUSR2, SIG_IGN);
    {
        long p = CL(SIGUSR2);
        int s;
        R(waitpid(p, &s, 0));
        K(waitpid(p, &s, __WALL));
        st(s);
    }
    {
        long p = CL(CLONE_SIGHAND | SIGCHLD);
        SAY("%s\n", p < 0 ? en(errno) : "ok");
        reap(p);
    }
    {
        long p = CL(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD);
        SAY("%s\n", p < 0 ? en(errno) : "ok");
    }
    {
        long p = CL(CLONE_FS | CLONE_NEWNS | SIGCHLD);
        SAY("%s\n", p < 0 ? en(errno) : "ok");
        reap(p);
    }
    {
        long p = CL(CLONE_VFORK | SIGCHLD);
        reap(p);
    }
    {
        long p = CL(CLONE_DETACHED | SIGCHLD);
        SAY("%s\n", p < 0 ? en(errno) : "ok");
        reap(p);
    }
    {
        long p = CL(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD);
        SAY("%s\n", p < 0 ? en(errno) : "ok");
        reap(p);
    }
    {
        long p = CL(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD);
        SAY("%s\n", p < 0 ? en(errno) : "ok");
        reap(p);
    }
    SAY("== exec\n");
    char self[256];
    ssize_t n = readlink("/proc/self/exe", self, 255);
    self[n] = 0;
    char link1[300];
    symlink(self, "prog");
    wr("s1", "#!prog  one two three  \nx", 0700);
    wr("s2", "#!./s1\n", 0700);
    wr("s3", "#!s2 z\n", 0700);
    wr("s4", "#!s3\n", 0700);
    wr("s5", "#!s4\n", 0700);
    wr("s6", "#!s5\n", 0700);
    wr("s7", "#!s6", 0700);
    char *av[] = {"zero", "first", 0};
    char *ev[] = {"TOUR_ECHO=1", 0};
    try("./s1", av, ev);
    try("s2", av, ev);
    try("s3", av, ev);
    try("s4", av, ev);
    try("s5", av, ev);
    try("s6", av, ev);
    try("s7", av, ev);
    wr("e0", "", 0700);
    try("e0", av, ev);
    wr("e1", "#!", 0700);
    try("e1", av, ev);
    wr("e2", "#!\n", 0700);
    try("e2", av, ev);
    wr("e3", "#!   \n", 0700);
    try("e3", av, ev);
    wr("e4", "#!/nonexistent\n", 0700);
    try("e4", av, ev);
    wr("e5", "#!\tprog\t\tx\ty\t\n", 0700);
    try("e5", av, ev);
    wr("e6", "#!./prog x\r\n", 0700);
    try("e6", av, ev);
    {
        char b[400];
        strcpy(b, "#!");
        memset(b + 2, 'a', 300);
        strcpy(b + 302, "\n");
        wr("e7", b, 0700);
        try("e7", av, ev);
        strcpy(b, "#!./prog ");
        memset(b + 9, 'a', 300);
        strcpy(b + 309, "\n");
        wr("e8", b, 0700);
        try("e8", av, ev);
    }
    wr("e9", "hello", 0700);
    try("e9", av, ev);
    wr("e10", "\177ELF", 0700);
    try("e10", av, ev);
    wr("e11", "#!prog x", 0600);
    try("e11", av, ev);
    mkdir("d", 0700);
    try("d", av, ev);
    try("e1/x", av, ev);
    try("", av, ev);
    try("nothing", av, ev);
    symlink("loop", "loop");
    try("loop", av, ev);
    {
        char b[5000];
        memset(b, 'x', 4999);
        b[4999] = 0;
        try(b, av, ev);
        b[300] = 0;
        try(b, av, ev);
    }
    try((char *)1, av, ev);
    try("prog", (char **)1, ev);
    char *bad[] = {"a", (char *)8, 0};
    try("prog", bad, ev);
    try("prog", av, (char **)1);
    wr("nx", "#!d\n", 0700);
    try("nx", av, ev);
    wr("nx2", "#!e11\n", 0700);
    try("nx2", av, ev);
    {
        char *big = malloc(140000);
        memset(big, 'q', 139999);
        big[139999] = 0;
        char *bv[] = {"a", big, 0};
        try("prog", bv, ev);
        big[131071] = 0;
        char *b2[] = {"a", big, 0};
        pid_t k = fork();
        if (!k) {
            int f = open("/dev/null", O_WRONLY);
            dup2(f, 1);
            execve("prog", b2, ev);
            _exit(errno);
        }
        int s;
        waitpid(k, &s, 0);
        st(s);
    }
    SAY("== execveat\n");
    extern char **environ;
    int df = open(".", O_RDONLY | O_DIRECTORY);
    int sf = open(self, O_RDONLY | O_CLOEXEC);
    int s1 = open("s1", O_RDONLY), s1c = open("s1", O_RDONLY | O_CLOEXEC);
    int pp = open("s1", O_PATH);
    int pe = open(self, O_PATH);
#define EA(d, p, f)                                                                                \
    ({                                                                                             \
        pid_t k = fork();                                                                          \
        if (!k) {                                                                                  \
            syscall(SYS_execveat, d, p, av, ev, f);                                                \
            printf("  %s\n", en(errno));                                                           \
            _exit(9);                                                                              \
        }                                                                                          \
        int s;                                                                                     \
        waitpid(k, &s, 0);                                                                         \
        printf(#d " " #p " " #f "\n");                                                             \
        st(s);                                                                                     \
    })
    EA(df, "prog", 0);
    EA(df, "prog", AT_SYMLINK_NOFOLLOW);
    EA(sf, "", AT_EMPTY_PATH);
    EA(sf, "", 0);
    EA(s1c, "", AT_EMPTY_PATH);
    EA(df, "", AT_EMPTY_PATH);
    EA(99, "prog", 0);
    EA(99, self, 0);
    EA(sf, "x", 0);
    EA(df, "prog", 0x8000);
    EA(pe, "", AT_EMPTY_PATH);
    EA(AT_FDCWD, "s2", 0);
    /* dev fd path name in scripts */
    {
        pid_t k = fork();
        if (!k) {
            dup2(s1, 15);
            syscall(SYS_execveat, 15, "", av, ev, AT_EMPTY_PATH);
            printf("  %s\n", en(errno));
            _exit(9);
        }
        int s;
        waitpid(k, &s, 0);
        st(s);
    }
    {
        pid_t k = fork();
        if (!k) {
            dup2(df, 15);
            syscall(SYS_execveat, 15, "s1", av, ev, 0);
            printf("  %s\n", en(errno));
            _exit(9);
        }
        int s;
        waitpid(k, &s, 0);
        st(s);
    }
    SAY("== state over exec\n");
    {
        pid_t k = fork();
        if (!k) {
            for (int i = 3; i < 30; i++)
                close(i);
            open("/dev/null", O_RDONLY);
            open("/dev/null", O_RDONLY | O_CLOEXEC);
            dup2(3, 9);
            fcntl(9, F_SETFD, FD_CLOEXEC);
            dup2(3, 11);
            signal(SIGUSR1, (void *)ms);
            signal(SIGUSR2, SIG_IGN);
            signal(SIGCHLD, SIG_IGN);
            sigset_t m;
            sigemptyset(&m);
            sigaddset(&m, SIGHUP);
            sigprocmask(SIG_BLOCK, &m, 0);
            raise(SIGHUP);
            stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
            sigaltstack(&ss, 0);
            prctl(PR_SET_NAME, "funny");
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            prctl(PR_SET_DUMPABLE, 0);
            prctl(PR_SET_KEEPCAPS, 1);
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            struct itimerval it = {{0, 0}, {100, 0}};
            setitimer(ITIMER_REAL, &it, 0);
            umask(027);
            setpriority(PRIO_PROCESS, 0, 7);
            struct rlimit r = {100, 200};
            setrlimit(RLIMIT_NOFILE, &r);
            char *sv[] = {"p", "state", 0};
            execve("./prog", sv, ev);
            _exit(9);
        }
        int s;
        waitpid(k, &s, 0);
        st(s);
    }
    SAY("== ETXTBSY\n");
    {
        int w = open("wr", O_CREAT | O_RDWR, 0700);
        int r = open(self, O_RDONLY);
        char buf[65536];
        ssize_t q;
        while ((q = read(r, buf, sizeof buf)) > 0)
            write(w, buf, q);
        try("wr", av, ev);
        close(w);
        try("wr", av, ev);
    }
    chdir("/");
    return 0;
}
