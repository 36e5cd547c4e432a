/* Signals and exits of threads, signalfd(2), pipes with many writers, stops, poll(2) and select(2).
 */
#include "tour.h"
#include <sys/socket.h>
/* signalfd, pipes with many writers, exit_group, ITIMER inherit, kill of stopped, sigwait from
 * threads, process-directed signals, SIGPIPE, poll wakeups, vfork */
static volatile int n;
static pthread_t main_t;
static volatile pthread_t who;
static void h(int s) {
    n++;
    who = pthread_self();
}
static void *blk(void *a) {
    sigset_t m;
    sigfillset(&m);
    if (a)
        pthread_sigmask(SIG_BLOCK, &m, 0);
    ms(120);
    return 0;
}
static void *sw(void *a) {
    sigset_t m;
    int s;
    sigemptyset(&m);
    sigaddset(&m, SIGUSR2);
    sigwait(&m, &s);
    return (void *)(long)s;
}
static void *ex(void *a) {
    ms(20);
    if (a == (void *)1)
        exit(41);
    if (a == (void *)2)
        syscall(SYS_exit_group, 42);
    if (a == (void *)3)
        syscall(SYS_exit, 43);
    if (a == (void *)4)
        *(volatile int *)0 = 1;
    if (a == (void *)5)
        pthread_kill(main_t, SIGTERM);
    return 0;
}
static int pw[2];
static void *wr(void *a) {
    char b[600];
    memset(b, 'a' + (int)(long)a, 600);
    for (int i = 0; i < 50; i++)
        write(pw[1], b, 600);
    return 0;
}
int tour_more(int ac, char **av) {
    int s;
    pid_t p;
    main_t = pthread_self();
    struct sigaction sa = {.sa_handler = h};
    sigaction(SIGUSR1, &sa, 0);
    pthread_t t;
    void *r;
    /* process-directed goes to a thread that does not block */ pthread_create(&t, 0, blk, 0);
    sigset_t m, o;
    sigemptyset(&m);
    sigaddset(&m, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &m, &o);
    kill(getpid(), SIGUSR1);
    ms(20);
    SAY("n %d in thread %d\n", n, pthread_equal(who, t));
    pthread_join(t, 0);
    n = 0;
    pthread_create(&t, 0, blk, (void *)1);
    ms(10);
    kill(getpid(), SIGUSR1);
    ms(10);
    SAY("all block: n %d\n", n);
    pthread_sigmask(SIG_SETMASK, &o, 0);
    SAY("after unblock %d main %d\n", n, pthread_equal(who, main_t));
    pthread_join(t, 0);
    sigaddset(&m, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &m, 0);
    pthread_create(&t, 0, sw, 0);
    ms(10);
    kill(getpid(), SIGUSR2);
    pthread_join(t, &r);
    SAY("sigwait %ld\n", (long)r);
    int f = signalfd(-1, &m, SFD_NONBLOCK);
    struct signalfd_siginfo si[3];
    R(read(f, si, sizeof si));
    kill(getpid(), SIGUSR1);
    sigqueue(getpid(), SIGUSR2, (union sigval){7});
    R(read(f, si, 100));
    R(read(f, si, sizeof si) / 128);
    SAY("%d code %d pid %d / %d code %d int %d\n", si[0].ssi_signo, si[0].ssi_code,
        si[0].ssi_pid == getpid(), si[1].ssi_signo, si[1].ssi_code, si[1].ssi_int);
    R(signalfd(-1, &m, 99));
    R(signalfd(0, &m, 0));
    R(syscall(SYS_signalfd4, -1, &m, 4, 0));
    struct pollfd pf = {f, POLLIN};
    R(poll(&pf, 1, 0));
    kill(getpid(), SIGUSR1);
    R(poll(&pf, 1, 0));
    sigemptyset(&m);
    sigaddset(&m, SIGUSR2);
    R(signalfd(f, &m, 0) == f);
    R(poll(&pf, 1, 0));
    R(write(f, si, 128));
    R(lseek(f, 0, 0));
    pthread_sigmask(SIG_SETMASK, &o, 0);
    close(f);
    /* exits */ for (long i = 0; i < 6; i++) {
        if (!(p = fork())) {
            pthread_create(&t, 0, ex, (void *)i);
            if (i == 0)
                pthread_exit((void *)3);
            if (i == 3) {
                ms(60);
                _exit(9);
            }
            for (;;)
                pause();
        }
        waitpid(p, &s, 0);
        SAY("case %ld: ", i);
        if (WIFSIGNALED(s))
            SAY("sig %d\n", WTERMSIG(s));
        else
            SAY("exit %d\n", WEXITSTATUS(s));
    }
    if (!(p = fork())) {
        pthread_create(&t, 0, ex, (void *)3);
        syscall(SYS_exit, 7);
    }
    waitpid(p, &s, 0);
    SAY("leader exits first: %d\n", WEXITSTATUS(s));
    if (!(p = fork())) {
        pthread_create(&t, 0, blk, 0);
        syscall(SYS_exit, 7);
    }
    ms(40);
    R(kill(p, 0));
    R(waitpid(p, &s, WNOHANG));
    R(kill(p, SIGKILL));
    waitpid(p, &s, 0);
    st(s);
    /* SIGPIPE */ int pp[2];
    pipe(pp);
    close(pp[0]);
    if (!(p = fork())) {
        write(pp[1], "x", 1);
        _exit(1);
    }
    waitpid(p, &s, 0);
    st(s);
    signal(SIGPIPE, SIG_IGN);
    R(write(pp[1], "x", 1));
    struct pollfd pq = {pp[1], POLLOUT};
    R(poll(&pq, 1, 0));
    SAY("rev %x\n", pq.revents);
    signal(SIGPIPE, SIG_DFL);
    close(pp[1]);
    int sv[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
    close(sv[1]);
    if (!(p = fork())) {
        write(sv[0], "x", 1);
        _exit(1);
    }
    waitpid(p, &s, 0);
    st(s);
    R(send(sv[0], "x", 1, MSG_NOSIGNAL));
    close(sv[0]);
    /* atomic pipe writes of many writers */ pipe(pw);
    pthread_t w[4];
    for (long i = 0; i < 4; i++)
        pthread_create(&w[i], 0, wr, (void *)i);
    int bad = 0, cnt[4] = {0};
    char b[600];
    for (int i = 0; i < 200; i++) {
        int got = 0;
        while (got < 600) {
            int k = read(pw[0], b + got, 600 - got);
            if (k <= 0)
                break;
            got += k;
        }
        for (int j = 1; j < 600; j++)
            if (b[j] != b[0])
                bad = 1;
        cnt[b[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++)
        pthread_join(w[i], 0);
    SAY("pipe: torn %d counts %d %d %d %d\n", bad, cnt[0], cnt[1], cnt[2], cnt[3]);
    for (int i = 0; i < 2; i++)
        close(pw[i]);
    /* processes as writers */ pipe(pw);
    for (int i = 0; i < 5; i++)
        if (!fork()) {
            for (int j = 0; j < 20; j++) {
                dprintf(pw[1], "%d\n", i);
                if (j % 7 == 0)
                    sched_yield();
            }
            _exit(i);
        }
    close(pw[1]);
    FILE *fp = fdopen(pw[0], "r");
    int sum = 0, c2 = 0, v;
    while (fscanf(fp, "%d", &v) == 1) {
        sum += v;
        c2++;
    }
    SAY("lines %d sum %d\n", c2, sum);
    int ex_ = 0;
    while (wait(&s) > 0)
        ex_ += WEXITSTATUS(s);
    SAY("exits %d\n", ex_);
    fclose(fp);
    /* stop, kill stopped; SIGCONT handler; SA_NOCLDSTOP */ sa.sa_handler = h;
    sa.sa_flags = 0;
    sigaction(SIGCHLD, &sa, 0);
    n = 0;
    if (!(p = fork())) {
        setpgid(0, 0);
        for (;;)
            pause();
    }
    ms(10);
    kill(p, SIGSTOP);
    ms(20);
    SAY("chld on stop %d\n", n);
    kill(p, SIGCONT);
    ms(20);
    SAY("on cont %d\n", n);
    sa.sa_flags = SA_NOCLDSTOP;
    sigaction(SIGCHLD, &sa, 0);
    kill(p, SIGSTOP);
    ms(20);
    SAY("nocldstop %d\n", n);
    kill(p, SIGUSR1);
    kill(p, SIGTERM);
    ms(10);
    R(waitpid(p, &s, WNOHANG));
    kill(p, SIGKILL);
    ms(20);
    SAY("on kill %d\n", n);
    R(waitpid(p, &s, 0) == p);
    st(s);
    signal(SIGCHLD, SIG_DFL);
    /* sigchld siginfo */ siginfo_t sx;
    sigemptyset(&m);
    sigaddset(&m, SIGCHLD);
    sigprocmask(SIG_BLOCK, &m, 0);
    if (!(p = fork()))
        _exit(3);
    sigwaitinfo(&m, &sx);
    SAY("chld code %d status %d pid %d uid %d\n", sx.si_code, sx.si_status, sx.si_pid == p,
        sx.si_uid);
    waitpid(p, &s, 0);
    if (!(p = fork()))
        abort();
    sigwaitinfo(&m, &sx);
    SAY("code killed-or-dumped %d status %d\n",
        sx.si_code == CLD_KILLED || sx.si_code == CLD_DUMPED, sx.si_status);
    waitpid(p, &s, 0);
    sigprocmask(SIG_UNBLOCK, &m, 0);
    /* select/poll corners */ R(poll(0, 0, 10));
    R(poll((void *)8, 1, 0));
    struct pollfd many[3] = {{-1, POLLIN}, {99, POLLIN}, {1, POLLOUT}};
    R(poll(many, 3, 0));
    SAY("%x %x %x\n", many[0].revents, many[1].revents, many[2].revents & ~POLLOUT);
    fd_set fs;
    FD_ZERO(&fs);
    FD_SET(99, &fs);
    struct timeval tv = {0, 0};
    R(select(-1, 0, 0, 0, &tv));
    tv.tv_sec = -1;
    R(select(0, 0, 0, 0, &tv));
    tv.tv_sec = 0;
    tv.tv_usec = 20000;
    R(select(0, 0, 0, 0, &tv));
    SAY("tv left %ld\n", (long)tv.tv_usec);
    tv.tv_usec = 2000000;
    R(syscall(SYS_ppoll, 0, 0, (void *)8, 0, 8));
    struct timespec ts = {0, 1000000000};
    R(ppoll(0, 0, &ts, 0));
    R(syscall(SYS_ppoll, 0, 0, 0, &m, 4));

    return 0;
}
