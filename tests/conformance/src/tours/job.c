/* Job control: to be run on a terminal, as the job of a parent in the same session. */
#include "tour.h"
#include <termios.h>
static volatile int hup, cont, ttin, ttou;
static void h(int s) {
    if (s == SIGHUP)
        hup++;
    if (s == SIGCONT)
        cont++;
    if (s == SIGTTIN)
        ttin++;
    if (s == SIGTTOU)
        ttou++;
}
static void act(int s, int fl) {
    struct sigaction sa = {.sa_handler = h, .sa_flags = fl};
    sigaction(s, &sa, 0);
}
int tour_job(int ac, char **av) {
    if (ac > 1) {
        ms(5000);
        return 0;
    }
    int s;
    pid_t p, q;
    int pp[2];
    pipe(pp);
    char c;
    struct termios tm;
    setvbuf(stdout, 0, _IONBF, 0);
    SAY("leader of group %d not session %d fg %d\n", getpgrp() == getpid(), getsid(0) != getpid(),
        tcgetpgrp(0) == getpgrp());
    R(tcgetsid(0) == getsid(0));
    R(isatty(0));
    R(setsid());
    R(tcsetpgrp(0, 999999));
    R(tcsetpgrp(0, -1));
    R(tcsetpgrp(0, getpgrp()));
    R(setpgid(0, 0));
    R(setpgid(0, 999999));
    R(setpgid(999999, 0));
    R(setpgid(0, -1));
    R(getpgid(999999));
    R(getsid(999999));
    R(setpgid(getppid(), 0));
    /* background read: SIGTTIN stops */
    if (!(p = fork())) {
        setpgid(0, 0);
        write(pp[1], "x", 1);
        int r = read(0, &c, 1);
        SAY("child read %d %s\n", r, r < 0 ? en(errno) : "");
        _exit(1);
    }
    read(pp[0], &c, 1);
    R(waitpid(p, &s, WUNTRACED) == p);
    st(s);
    kill(p, SIGKILL);
    R(waitpid(p, &s, 0) == p);
    st(s);
    /* ignored/blocked: EIO */ if (!(p = fork())) {
        setpgid(0, 0);
        signal(SIGTTIN, SIG_IGN);
        R(read(0, &c, 1));
        sigset_t m;
        sigemptyset(&m);
        sigaddset(&m, SIGTTIN);
        signal(SIGTTIN, SIG_DFL);
        sigprocmask(SIG_BLOCK, &m, 0);
        R(read(0, &c, 1));
        _exit(0);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    /* handler: EINTR or restart */ if (!(p = fork())) {
        setpgid(0, 0);
        act(SIGTTIN, 0);
        R(read(0, &c, 1));
        SAY("ttin %d\n", ttin);
        _exit(0);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    /* background tcsetattr, tcsetpgrp: TTOU */ if (!(p = fork())) {
        setpgid(0, 0);
        tcgetattr(0, &tm);
        tcsetattr(0, TCSANOW, &tm);
        _exit(1);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    kill(p, 9);
    waitpid(p, &s, 0);
    if (!(p = fork())) {
        setpgid(0, 0);
        tcsetpgrp(0, getpgrp());
        _exit(1);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    kill(p, 9);
    waitpid(p, &s, 0);
    if (!(p = fork())) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN);
        R(tcsetpgrp(0, getpgrp()));
        SAY("child now fg %d\n", tcgetpgrp(0) == getpgrp());
        _exit(1);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    SAY("fg group is gone: %s\n", kill(-tcgetpgrp(0), 0) ? en(errno) : "alive");
    signal(SIGTTOU, SIG_IGN);
    R(tcsetpgrp(0, getpgrp()));
    signal(SIGTTOU, SIG_DFL);
    /* background write is fine without TOSTOP, stops with */ if (!(p = fork())) {
        setpgid(0, 0);
        SAY("bg write\n");
        _exit(0);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    tcgetattr(0, &tm);
    tm.c_lflag |= TOSTOP;
    R(tcsetattr(0, TCSANOW, &tm));
    if (!(p = fork())) {
        setpgid(0, 0);
        write(1, "never\n", 6);
        _exit(0);
    }
    waitpid(p, &s, WUNTRACED);
    st(s);
    tcsetpgrp(0, p);
    kill(p, SIGCONT);
    waitpid(p, &s, WUNTRACED);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(0, getpgrp());
    signal(SIGTTOU, SIG_DFL);
    st(s);
    tm.c_lflag &= ~TOSTOP;
    tcsetattr(0, TCSANOW, &tm);
    /* fg again and read typed line is not tested here */
    /* orphaned stopped group gets HUP, CONT */ if (!(p = fork())) {
        setpgid(0, 0);
        if (!(q = fork())) {
            act(SIGHUP, 0);
            act(SIGCONT, 0);
            write(pp[1], "y", 1);
            raise(SIGSTOP);
            SAY("grandchild hup %d cont %d ppid changed %d\n", hup, cont, 1);
            R(read(0, &c, 1));
            kill(getpid(), SIGTSTP);
            SAY("tstp ignored in orphan\n");
            write(pp[1], "z", 1);
            _exit(0);
        }
        read(pp[0], &c, 1);
        waitpid(q, &s, WUNTRACED);
        _exit(5);
    }
    waitpid(p, &s, 0);
    st(s);
    read(pp[0], &c, 1);
    ms(20);
    /* new session: no terminal */ if (!(p = fork())) {
        R(setsid() == getpid());
        SAY("tty %s\n", open("/dev/tty", O_RDWR) < 0 ? en(errno) : "open");
        R(tcgetpgrp(0));
        R(tcgetsid(0));
        R(tcsetpgrp(0, getpgrp()));
        R(setpgid(0, 0));
        R(ioctl(0, TIOCSCTTY, 0));
        R(ioctl(0, TIOCNOTTY));
        R(tcgetattr(0, &tm));
        if (!(q = fork())) {
            R(setpgid(0, 0));
            R(getsid(0) == getppid());
            _exit(0);
        }
        waitpid(q, &s, 0);
        st(s);
        _exit(0);
    }
    waitpid(p, &s, 0);
    st(s);
    if (!(p = fork())) {
        execl("/proc/self/exe", "x", "job", "sleep", NULL);
        _exit(1);
    }
    ms(30);
    R(setpgid(p, p));
    kill(p, 9);
    waitpid(p, &s, 0);
    int t = open("/dev/tty", O_RDWR);
    SAY("dev tty %d isatty %d pgrp %d\n", t >= 0, isatty(t), tcgetpgrp(t) == getpgrp());
    struct winsize w;
    R(ioctl(t, TIOCGWINSZ, &w));
    int n;
    R(ioctl(t, FIONREAD, &n));
    close(t);
    int pg;
    R(ioctl(0, TIOCGPGRP, (void *)8));
    R(ioctl(pp[0], TIOCGPGRP, &pg));
    R(tcgetpgrp(99));
    R(tcflush(0, 9));
    R(tcflush(0, TCIFLUSH));
    R(tcdrain(0));
    R(tcflow(0, 9));
    R(tcsendbreak(0, 0));
    /* child setpgid races, sessions */ if (!(p = fork())) {
        setsid();
        ms(60);
        _exit(0);
    }
    ms(20);
    R(setpgid(p, p));
    R(setpgid(p, getpgrp()));
    R(getpgid(p) == p);
    R(getsid(p) == p);
    R(kill(-p, 0));
    waitpid(p, &s, 0);
    R(kill(-p, 0));
    /* hangup of a session's end does not touch us */ act(SIGTTIN, SA_RESTART);
    if (!(p = fork())) {
        ms(50);
        _exit(0);
    }
    R(kill(0, SIGTTIN));
    SAY("ttin %d\n", ttin);
    while (waitpid(p, &s, 0) < 0 && errno == EINTR)
        ;
    st(s);
    return 0;
}
