/* POSIX message queues. */
#include "tour.h"
#include <mqueue.h>
static volatile int n;
static siginfo_t li;
static void h(int s, siginfo_t *i, void *u) {
    n++;
    li = *i;
}
int tour_mq(int ac, char **av) {
    struct mq_attr a = {0, 2, 16, 0}, b;
    char buf[64];
    unsigned pr;
    int s;
    pid_t p;
    mq_unlink("/q8a");
    R(mq_open("/q8a", O_RDWR));
    R(mq_open("noslash", O_CREAT | O_RDWR, 0600, &a) >= 0);
    mq_unlink("noslash");
    R(mq_open("/a/b", O_CREAT | O_RDWR, 0600, &a));
    R(mq_open("/", O_CREAT | O_RDWR, 0600, &a));
    mqd_t q = mq_open("/q8a", O_CREAT | O_RDWR, 0600, &a);
    SAY("open %d\n", q >= 0);
    R(mq_open("/q8a", O_CREAT | O_EXCL | O_RDWR, 0600, &a));
    R(mq_getattr(q, &b));
    SAY("flags %ld max %ld size %ld cur %ld\n", b.mq_flags, b.mq_maxmsg, b.mq_msgsize,
        b.mq_curmsgs);
    struct mq_attr bad = {0, 0, 16, 0};
    R(mq_open("/q8b", O_CREAT | O_RDWR, 0600, &bad));
    bad.mq_maxmsg = 10;
    bad.mq_msgsize = 0;
    R(mq_open("/q8b", O_CREAT | O_RDWR, 0600, &bad));
    bad.mq_maxmsg = 100000;
    bad.mq_msgsize = 1;
    R(mq_open("/q8b", O_CREAT | O_RDWR, 0600, &bad));
    R(mq_send(q, "lo", 3, 1));
    R(mq_send(q, "hi", 3, 5));
    R(mq_getattr(q, &b));
    SAY("cur %ld\n", b.mq_curmsgs);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    R(mq_timedsend(q, "x", 1, 0, &ts));
    struct timespec badts = {0, -1};
    R(mq_timedsend(q, "x", 1, 0, &badts));
    R(mq_receive(q, buf, 15, &pr));
    R(mq_receive(q, buf, 64, &pr));
    SAY("%s %u\n", buf, pr);
    R(mq_receive(q, buf, 64, &pr));
    SAY("%s %u\n", buf, pr);
    clock_gettime(CLOCK_REALTIME, &ts);
    R(mq_timedreceive(q, buf, 64, &pr, &ts));
    R(mq_send(q, "12345678901234567", 17, 0));
    R(mq_send(q, "x", 1, 32768));
    R(mq_send(q, "", 0, 0));
    R(mq_receive(q, buf, 64, &pr));
    b.mq_flags = O_NONBLOCK;
    R(mq_setattr(q, &b, &a));
    R(mq_receive(q, buf, 64, &pr));
    R(mq_send(q, "a", 1, 2));
    R(mq_send(q, "b", 1, 2));
    R(mq_send(q, "c", 1, 2));
    struct pollfd pf = {q, POLLIN | POLLOUT};
    R(poll(&pf, 1, 0));
    SAY("rev %x\n", pf.revents);
    R(mq_receive(q, buf, 64, &pr));
    SAY("%c\n", buf[0]);
    R(poll(&pf, 1, 0));
    SAY("rev %x\n", pf.revents);
    R(mq_receive(q, buf, 64, &pr));
    R(poll(&pf, 1, 0));
    SAY("rev %x\n", pf.revents);
    b.mq_flags = 0;
    mq_setattr(q, &b, 0);
    b.mq_flags = 1;
    R(mq_setattr(q, &b, 0));
    if (!(p = fork())) {
        int r = mq_receive(q, buf, 64, &pr);
        _exit(r == 5 && pr == 3 ? 1 : 2);
    }
    ms(30);
    R(mq_send(q, "hello", 5, 3));
    waitpid(p, &s, 0);
    st(s);
    mq_send(q, "1", 1, 0);
    mq_send(q, "2", 1, 0);
    if (!(p = fork())) {
        int r = mq_send(q, "3", 1, 9);
        _exit(r == 0 ? 1 : 2);
    }
    ms(30);
    R(mq_receive(q, buf, 64, &pr));
    waitpid(p, &s, 0);
    st(s);
    R(mq_receive(q, buf, 64, &pr));
    SAY("%c %u\n", buf[0], pr);
    R(mq_receive(q, buf, 64, &pr));
    struct sigaction sa = {.sa_sigaction = h, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0);
    struct sigevent se = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    R(mq_notify(q, &se));
    R(mq_notify(q, &se));
    if (!(p = fork())) {
        int r = mq_notify(q, &se);
        _exit(r < 0 && errno == EBUSY ? 1 : 2);
    }
    waitpid(p, &s, 0);
    st(s);
    R(mq_send(q, "n", 1, 0));
    SAY("n %d code %d value %d pid %d\n", n, li.si_code, li.si_value.sival_int,
        li.si_pid == getpid());
    R(mq_send(q, "n", 1, 0));
    SAY("n %d\n", n);
    R(mq_notify(q, &se));
    R(mq_notify(q, 0));
    R(mq_notify(q, 0));
    se.sigev_signo = 65;
    R(mq_notify(q, &se));
    se.sigev_notify = 9;
    R(mq_notify(q, &se));
    se.sigev_notify = SIGEV_NONE;
    R(mq_notify(q, &se));
    mqd_t r = mq_open("/q8a", O_RDONLY);
    SAY("%d\n", r >= 0);
    R(mq_send(r, "x", 1, 0));
    mqd_t w = mq_open("/q8a", O_WRONLY);
    R(mq_receive(w, buf, 64, &pr));
    R(mq_unlink("/q8a"));
    R(mq_unlink("/q8a"));
    R(mq_receive(q, buf, 64, &pr));
    R(mq_close(q));
    R(mq_close(q));
    R(mq_send(0, "x", 1, 0));
    R(mq_getattr(0, &b));
    q = mq_open("/q8c", O_CREAT | O_RDWR, 0600, NULL);
    mq_getattr(q, &b);
    SAY("default %ld %ld\n", b.mq_maxmsg, b.mq_msgsize);
    mq_unlink("/q8c");
    return 0;
}
