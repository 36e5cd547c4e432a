/* Every call that waits, interrupted by a handler without and with SA_RESTART. */
#include "tour.h"
#include <sys/file.h>
/* every blocking call, interrupted by a handler without and with SA_RESTART */
static volatile int hits;
static int pp[2], qq[2], evfd, tfd, epfd, sfd, fifo;
static pid_t kid;
static volatile int done;
static void h(int s) {
    hits++;
    if (hits >= 2 || 1)
        ;
}
static void arm(int usec, int n) {
    struct itimerval it = {{0, n > 1 ? usec : 0}, {0, usec}};
    setitimer(ITIMER_REAL, &it, 0);
}
#define W(pre, call, post)                                                                         \
    do {                                                                                           \
        pre;                                                                                       \
        hits = 0;                                                                                  \
        pid_t helper = fork();                                                                     \
        if (!helper) {                                                                             \
            setpgid(0, 0);                                                                         \
            signal(SIGALRM, SIG_DFL);                                                              \
            ms(40);                                                                                \
            kill(getppid(), SIGALRM);                                                              \
            ms(100);                                                                               \
            post;                                                                                  \
            ms(100);                                                                               \
            kill(getppid(), SIGUSR2);                                                              \
            _exit(0);                                                                              \
        }                                                                                          \
        errno = 0;                                                                                 \
        long r = (long)(call);                                                                     \
        int e = errno;                                                                             \
        int hh = hits;                                                                             \
        SAY("%s%s: %ld %s hits %d\n", #call, restart ? " [restart]" : "", r, r < 0 ? en(e) : "",   \
            hh > 0);                                                                               \
        kill(helper, SIGKILL);                                                                     \
        while (waitpid(helper, 0, 0) < 0 && errno == EINTR)                                        \
            ;                                                                                      \
        drain();                                                                                   \
    } while (0)
static void usr2(int s) {}
static void drain(void) {
    char b[64];
    fcntl(pp[0], F_SETFL, O_NONBLOCK);
    while (read(pp[0], b, 64) > 0)
        ;
    fcntl(pp[0], F_SETFL, 0);
    uint64_t v;
    fcntl(evfd, F_SETFL, O_NONBLOCK);
    read(evfd, &v, 8);
    fcntl(evfd, F_SETFL, 0);
    sigset_t m;
    sigemptyset(&m);
    sigaddset(&m, SIGWINCH);
    struct timespec z = {0, 0};
    while (sigtimedwait(&m, 0, &z) > 0)
        ;
}
int tour_restart(int ac, char **av) {
    pipe(pp);
    pipe(qq);
    evfd = eventfd(0, 0);
    sigset_t m, em;
    sigemptyset(&em);
    sigemptyset(&m);
    sigaddset(&m, SIGWINCH);
    sigprocmask(SIG_BLOCK, &m, 0);
    sfd = signalfd(-1, &m, 0);
    epfd = epoll_create1(0);
    struct epoll_event ev = {EPOLLIN, {.fd = pp[0]}};
    epoll_ctl(epfd, EPOLL_CTL_ADD, pp[0], &ev);
    tfd = timerfd_create(CLOCK_MONOTONIC, 0);
    int fl = open("lockf", O_CREAT | O_RDWR, 0600);
    char c;
    uint64_t v;
    struct timespec ts = {0, 300000000}, rem;
    struct pollfd pf = {pp[0], POLLIN};
    siginfo_t si;
    fd_set fs;
    struct timeval tv;
    int st_;
    struct sigaction u2 = {.sa_handler = usr2};
    sigaction(SIGUSR2, &u2, 0);
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction sa = {.sa_handler = h, .sa_flags = restart ? SA_RESTART : 0};
        sigaction(SIGALRM, &sa, 0);
        W(, read(pp[0], &c, 1), write(pp[1], "x", 1));
        W(, poll(&pf, 1, -1), write(pp[1], "x", 1));
        W(, poll(&pf, 1, 300), write(pp[1], "x", 1));
        W(, ppoll(&pf, 1, NULL, NULL), write(pp[1], "x", 1));
        W(, ppoll(&pf, 1, NULL, &em), write(pp[1], "x", 1));
        W(ts.tv_nsec = 300000000, ppoll(&pf, 1, &ts, NULL), write(pp[1], "x", 1));
        W(FD_ZERO(&fs); FD_SET(pp[0], &fs), select(pp[0] + 1, &fs, 0, 0, 0), write(pp[1], "x", 1));
        W(FD_ZERO(&fs);
          FD_SET(pp[0], &fs), pselect(pp[0] + 1, &fs, 0, 0, 0, &em), write(pp[1], "x", 1));
        W(FD_ZERO(&fs); FD_SET(pp[0], &fs); tv.tv_sec = 0;
          tv.tv_usec = 300000, select(pp[0] + 1, &fs, 0, 0, &tv), write(pp[1], "x", 1));
        W(, epoll_wait(epfd, &ev, 1, -1), write(pp[1], "x", 1));
        W(, epoll_pwait(epfd, &ev, 1, -1, &em), write(pp[1], "x", 1));
        W(, read(evfd, &v, 8), ({
              v = 1;
              write(evfd, &v, 8);
          }));
        W(, read(sfd, &(struct signalfd_siginfo){0}, 128), kill(getppid(), SIGWINCH));
        W(ts.tv_nsec = 300000000; rem.tv_nsec = 0, nanosleep(&ts, &rem), 0);
        SAY("  rem %d\n", rem.tv_nsec > 100000000);
        W(rem.tv_nsec = 0, clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &rem), 0);
        SAY("  rem %d\n", rem.tv_nsec > 100000000);
        W(clock_gettime(CLOCK_MONOTONIC, &ts);
          ts.tv_sec += 1, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, 0), 0);
        W(, pause(), 0);
        W(, sigsuspend(&em), 0);
        W(, sigwaitinfo(&m, &si), kill(getppid(), SIGWINCH));
        W(ts.tv_sec = 0; ts.tv_nsec = 250000000, sigtimedwait(&m, &si, &ts), 0);
        W(
            if (!(kid = fork())) {
                setpgid(0, 0);
                ms(150);
                _exit(1);
            },
            waitpid(kid, &st_, 0) == kid, 0);
        W(
            if (!(kid = fork())) {
                setpgid(0, 0);
                ms(150);
                _exit(1);
            },
            waitid(P_PID, kid, &si, WEXITED), 0);
        while (waitpid(kid, 0, WNOHANG) >= 0)
            ms(10);
        W(fcntl(qq[1], F_SETFL, O_NONBLOCK);
          while (write(qq[1], "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
                       64) > 0);
          fcntl(qq[1], F_SETFL, 0), write(qq[1], "z", 1), ({
              char b[8192];
              read(qq[0], b, 8192);
          }));
        W(, flock(fl, LOCK_SH) && 0, 0);
        flock(fl, LOCK_UN);
        {
            struct itimerspec its = {{0, 0}, {0, 200000000}};
            timerfd_settime(tfd, 0, &its, 0);
        }
        W(, read(tfd, &v, 8), 0);
        {
            int fd2 = open("lockf", O_RDWR);
            W(
                if (!(kid = fork())) {
                    setpgid(0, 0);
                    int f = open("lockf", O_RDWR);
                    flock(f, LOCK_EX);
                    ms(180);
                    _exit(0);
                } ms(20),
                flock(fd2, LOCK_EX), 0);
            while (waitpid(kid, 0, 0) < 0 && errno == EINTR)
                ;
            flock(fd2, LOCK_UN);
            struct flock lk = {.l_type = F_WRLCK};
            W(
                if (!(kid = fork())) {
                    setpgid(0, 0);
                    fcntl(fd2, F_SETLK, &lk);
                    ms(180);
                    _exit(0);
                } ms(20),
                fcntl(fd2, F_SETLKW, &lk), 0);
            while (waitpid(kid, 0, 0) < 0 && errno == EINTR)
                ;
            lk.l_type = F_UNLCK;
            fcntl(fd2, F_SETLK, &lk);
            close(fd2);
        }
        mkfifo("ff", 0600);
        W(, fifo = open("ff", O_RDONLY) > 0, open("ff", O_WRONLY));
    }
    unlink("ff");
    unlink("lockf");
    return 0;
}
