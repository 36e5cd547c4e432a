/* fcntl(2) record locks of processes and open files, flock(2): results and errno of good and odd
 * calls. */
#include "report.h"
#include <sys/file.h>
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif
static struct flock L(int t, int w, long s, long l) {
    struct flock x;
    memset(&x, 0, sizeof x);
    x.l_type = t;
    x.l_whence = w;
    x.l_start = s;
    x.l_len = l;
    return x;
} static int lk(int fd, int cmd, int t, long s, long l) {
    struct flock x = L(t, SEEK_SET, s, l);
    return fcntl(fd, cmd, &x);
}
static pid_t me;
static void q(int fd, int cmd, int t, long s, long l) {
    struct flock x = L(t, SEEK_SET, s, l);
    errno = 0;
    int r = fcntl(fd, cmd, &x);
    P("getlk(%d,%ld,%ld)=%d type %d start %ld len %ld whence %d pid %s\n", t, s, l, r, x.l_type,
      (long)x.l_start, (long)x.l_len, x.l_whence,
      x.l_pid == me   ? "parent"
      : x.l_pid == 0  ? "0"
      : x.l_pid == -1 ? "-1"
                      : "other");
}
int tour_locks(void) {
    me = getpid();
    int f = open("a", O_CREAT | O_RDWR, 0644);
    write(f, "0123456789", 10);
    int s[2], u[2];
    pipe(s);
    pipe(u);
    char c;
    R(lk(f, F_SETLK, F_WRLCK, 0, 10));
    q(f, F_GETLK, F_WRLCK, 0, 0);
    if (!fork()) {
        int g = open("a", O_RDWR);
        q(g, F_GETLK, F_WRLCK, 0, 0);
        q(g, F_GETLK, F_RDLCK, 5, 1);
        q(g, F_GETLK, F_WRLCK, 10, 1);
        q(f, F_GETLK, F_WRLCK, 0, 1);
        R(lk(g, F_SETLK, F_WRLCK, 5, 10));
        R(lk(g, F_SETLK, F_RDLCK, 9, 1));
        R(lk(g, F_SETLK, F_WRLCK, 10, 5));
        R(lk(g, F_SETLK, F_UNLCK, 0, 0));
        q(g, F_OFD_GETLK, F_WRLCK, 0, 0);
        R(lk(g, F_OFD_SETLK, F_WRLCK, 0, 1));
        R(lk(g, F_OFD_SETLK, F_WRLCK, 100, 1));
        _exit(0);
    }
    wait(0);
    q(f, F_GETLK, F_WRLCK, 100, 1);
    R(lk(f, F_SETLK, F_UNLCK, 4, 2));
    if (!fork()) {
        q(f, F_GETLK, F_WRLCK, 0, 0);
        q(f, F_GETLK, F_WRLCK, 4, 0);
        R(lk(f, F_SETLK, F_RDLCK, 4, 2));
        R(lk(f, F_SETLK, F_RDLCK, 4, 3));
        _exit(0);
    }
    wait(0);
    R(lk(f, F_SETLK, F_RDLCK, 0, 0));
    if (!fork()) {
        q(f, F_GETLK, F_RDLCK, 0, 0);
        q(f, F_GETLK, F_WRLCK, 0, 0);
        R(lk(f, F_SETLK, F_RDLCK, 0, 5));
        R(lk(f, F_SETLK, F_WRLCK, 0, 5));
        _exit(0);
    }
    wait(0);
    /* closing any descriptor drops the record locks */
    close(dup(f));
    if (!fork()) {
        q(f, F_GETLK, F_WRLCK, 0, 0);
        _exit(0);
    }
    wait(0);
    /* waiting */
    R(lk(f, F_SETLK, F_WRLCK, 0, 0));
    pid_t k = fork();
    if (!k) {
        write(u[1], "r", 1);
        R(lk(f, F_SETLKW, F_WRLCK, 0, 0));
        read(s[0], &c, 1);
        P("child has it %c\n", c);
        _exit(0);
    }
    read(u[0], &c, 1);
    usleep(20000);
    write(s[1], "P", 1);
    P("parent releases\n");
    R(lk(f, F_SETLK, F_UNLCK, 0, 0));
    wait(0);
    /* waiting for process death */
    k = fork();
    if (!k) {
        lk(f, F_SETLK, F_WRLCK, 0, 0);
        write(u[1], "r", 1);
        usleep(50000);
        P("child ends\n");
        _exit(0);
    }
    read(u[0], &c, 1);
    R(lk(f, F_SETLKW, F_WRLCK, 0, 0));
    wait(0);
    R(lk(f, F_SETLK, F_UNLCK, 0, 0));
    /* interrupted */
    k = fork();
    if (!k) {
        lk(f, F_SETLK, F_WRLCK, 0, 0);
        write(u[1], "r", 1);
        pause();
        _exit(0);
    }
    read(u[0], &c, 1);
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = (void (*)(int))getpid;
    sigaction(SIGALRM, &sa, 0);
    struct itimerval it = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &it, 0);
    R(lk(f, F_SETLKW, F_WRLCK, 0, 0));
    kill(k, 9);
    wait(0);
    /* deadlock */
    k = fork();
    if (!k) {
        lk(f, F_SETLK, F_WRLCK, 0, 1);
        write(u[1], "r", 1);
        read(s[0], &c, 1);
        int r = lk(f, F_SETLKW, F_WRLCK, 1, 1);
        _exit(r < 0);
    }
    read(u[0], &c, 1);
    lk(f, F_SETLK, F_WRLCK, 1, 1);
    write(s[1], "g", 1);
    usleep(50000);
    R(lk(f, F_SETLKW, F_WRLCK, 0, 1));
    lk(f, F_SETLK, F_UNLCK, 0, 0);
    wait(0);
    struct flock x = L(F_WRLCK, SEEK_END, -5, 5);
    R(fcntl(f, F_SETLK, &x));
    if (!fork()) {
        q(f, F_GETLK, F_WRLCK, 0, 0);
        _exit(0);
    }
    wait(0);
    x = L(F_UNLCK, SEEK_CUR, 0, 0);
    R(fcntl(f, F_SETLK, &x));
    x = L(F_WRLCK, SEEK_SET, 10, -5);
    R(fcntl(f, F_SETLK, &x));
    if (!fork()) {
        q(f, F_GETLK, F_WRLCK, 0, 0);
        _exit(0);
    }
    wait(0);
    x = L(F_WRLCK, SEEK_SET, -1, 5);
    R(fcntl(f, F_SETLK, &x));
    x = L(9, SEEK_SET, 0, 5);
    R(fcntl(f, F_SETLK, &x));
    x = L(F_RDLCK, 9, 0, 5);
    R(fcntl(f, F_SETLK, &x));
    int ro = open("a", O_RDONLY);
    int wo = open("a", O_WRONLY);
    R(lk(ro, F_SETLK, F_WRLCK, 0, 1));
    R(lk(wo, F_SETLK, F_RDLCK, 0, 1));
    R(lk(99, F_SETLK, F_RDLCK, 0, 1));
    int p[2];
    pipe(p);
    R(lk(p[0], F_SETLK, F_RDLCK, 0, 1));
    R(fcntl(f, F_SETLK, 1));
    close(ro);
    close(wo);
    /* OFD */
    int g = open("a", O_RDWR);
    R(lk(f, F_OFD_SETLK, F_WRLCK, 0, 10));
    R(lk(g, F_OFD_SETLK, F_WRLCK, 0, 10));
    q(g, F_OFD_GETLK, F_WRLCK, 0, 0);
    q(g, F_GETLK, F_WRLCK, 0, 0);
    R(lk(g, F_SETLK, F_WRLCK, 0, 5));
    R(lk(dup(f), F_OFD_SETLK, F_WRLCK, 0, 10));
    close(open("a", O_RDONLY));
    R(lk(g, F_OFD_SETLK, F_RDLCK, 0, 1));
    if (!fork()) {
        R(lk(f, F_OFD_SETLK, F_UNLCK, 0, 0));
        _exit(0);
    }
    wait(0);
    R(lk(g, F_OFD_SETLK, F_WRLCK, 0, 10));
    close(g);
    R(lk(f, F_OFD_SETLK, F_WRLCK, 0, 10));
    lk(f, F_OFD_SETLK, F_UNLCK, 0, 0);
    x = L(F_WRLCK, 0, 0, 1);
    x.l_pid = 5;
    R(fcntl(f, F_OFD_SETLK, &x));
    /* flock */
    g = open("a", O_RDWR);
    R(flock(f, LOCK_EX));
    R(flock(g, LOCK_EX | LOCK_NB));
    R(flock(g, LOCK_SH | LOCK_NB));
    R(flock(f, LOCK_SH));
    R(flock(g, LOCK_SH | LOCK_NB));
    R(flock(f, LOCK_EX | LOCK_NB));
    R(flock(g, LOCK_UN));
    R(flock(f, LOCK_EX | LOCK_NB));
    R(flock(f, 0));
    R(flock(f, LOCK_EX | LOCK_SH));
    R(flock(99, LOCK_EX));
    R(flock(p[0], LOCK_EX));
    if (!fork()) {
        R(flock(f, LOCK_EX | LOCK_NB));
        R(flock(g, LOCK_EX | LOCK_NB));
        _exit(0);
    }
    wait(0);
    if (!fork()) {
        R(flock(f, LOCK_UN));
        _exit(0);
    }
    wait(0);
    R(flock(g, LOCK_EX | LOCK_NB));
    k = fork();
    if (!k) {
        close(g);
        write(u[1], "r", 1);
        R(flock(f, LOCK_EX));
        P("flock child\n");
        _exit(0);
    }
    read(u[0], &c, 1);
    usleep(20000);
    P("close g\n");
    close(g);
    wait(0); /* child still has g */
    R(flock(f, LOCK_EX | LOCK_NB));
    R(lk(f, F_SETLK, F_WRLCK, 0, 0));
    R(lockf(f, F_TEST, 5));
    return 0;
}
