/* poll(2), select(2) on every kind of file: results and errno of good and odd calls. */
#include "report.h"
#include <sys/select.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <dirent.h>
static void pl(int fd, const char *n) {
    struct pollfd p = {
        fd, POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM | POLLRDBAND | POLLWRBAND | 0x2000,
        0};
    int r = poll(&p, 1, 0);
    P("%s: %d %x\n", n, r, p.revents);
}
int tour_waiting(void) {
    int f = open("f", O_CREAT | O_RDWR, 0600), p[2];
    pipe(p);
    pl(f, "file");
    pl(open(".", O_RDONLY), "dir");
    pl(p[0], "pipe r");
    pl(p[1], "pipe w");
    write(p[1], "x", 1);
    pl(p[0], "pipe r full");
    pl(open("/dev/null", O_RDWR), "null");
    pl(open("/dev/zero", O_RDWR), "zero");
    pl(open("/dev/urandom", O_RDWR), "urandom");
    pl(open("/dev/full", O_RDWR), "full");
    pl(99, "bad");
    pl(-1, "neg");
    int e = eventfd(0, 0);
    pl(e, "eventfd 0");
    uint64_t v = 1;
    write(e, &v, 8);
    pl(e, "eventfd 1");
    v = ~0ull - 2;
    write(e, &v, 8);
    pl(e, "eventfd max");
    int tf = timerfd_create(1, 0);
    pl(tf, "timerfd");
    struct itimerspec its = {{0, 0}, {0, 1}};
    timerfd_settime(tf, 0, &its, 0);
    usleep(2000);
    pl(tf, "timerfd due");
    sigset_t ss;
    sigemptyset(&ss);
    sigaddset(&ss, SIGUSR1);
    sigprocmask(SIG_BLOCK, &ss, 0);
    int sf = signalfd(-1, &ss, 0);
    pl(sf, "signalfd");
    raise(SIGUSR1);
    pl(sf, "signalfd due");
    int ep = epoll_create1(0);
    pl(ep, "epoll");
    struct epoll_event ev = {EPOLLIN, {.fd = e}};
    R(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
    pl(ep, "epoll due");
    pl(open("/proc/self/status", O_RDONLY), "proc");
    R(poll(0, 0, 10));
    R(poll((void *)1, 1, 0));
    struct pollfd pp[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-5, POLLIN, 7}};
    R(poll(pp, 3, -1));
    P("%x %x %x\n", pp[0].revents, pp[1].revents, pp[2].revents);
    R(poll(pp, 70000, 0));
    struct timespec ts = {0, 10000000};
    R(ppoll(0, 0, &ts, 0));
    ts.tv_nsec = -1;
    R(ppoll(pp, 1, &ts, 0));
    fd_set r, w, x;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&x);
    FD_SET(p[0], &r);
    FD_SET(f, &r);
    FD_SET(p[1], &w);
    FD_SET(p[0], &x);
    struct timeval tv = {1, 0};
    R(select(60, &r, &w, &x, &tv));
    P("%d %d %d %d left %d\n", FD_ISSET(p[0], &r) != 0, FD_ISSET(f, &r) != 0,
      FD_ISSET(p[1], &w) != 0, FD_ISSET(p[0], &x) != 0, tv.tv_sec == 1 || tv.tv_usec > 900000);
    FD_ZERO(&r);
    tv.tv_sec = 0;
    tv.tv_usec = 10000;
    R(select(0, 0, 0, 0, &tv));
    P("%d %d\n", (int)tv.tv_sec, (int)tv.tv_usec);
    FD_SET(50, &r);
    R(select(60, &r, 0, 0, &tv));
    R(select(-1, 0, 0, 0, &tv));
    tv.tv_usec = -1;
    R(select(0, 0, 0, 0, &tv));
    tv.tv_usec = 0;
    R(select(2000, 0, 0, 0, &tv));
    /* wake by another process */
    char c;
    read(p[0], &c, 1);
    if (!fork()) {
        usleep(20000);
        write(p[1], "z", 1);
        _exit(0);
    }
    R(poll(pp, 1, -1));
    wait(0);
    read(p[0], &c, 1);
    if (!fork()) {
        usleep(20000);
        _exit(0);
    }
    close(p[1]);
    pp[0].revents = 0;
    R(poll(pp, 1, -1));
    P("%x\n", pp[0].revents);
    wait(0);

    return 0;
}
