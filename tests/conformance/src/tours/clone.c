/* clone(2), clone3(2), unshare(2), pidfd_open(2): flags that go together and flags that do not. */
#include "tour.h"
#include <linux/sched.h>
static char stk[8][65536] __attribute__((aligned(16)));
static volatile int shared;
static int fn(void *a) {
    shared = (long)a;
    _exit((long)a);
}
#define C3(fl, sig, ...)                                                                           \
    ({                                                                                             \
        struct clone_args ca = {.flags = (fl), .exit_signal = (sig), __VA_ARGS__};                 \
        errno = 0;                                                                                 \
        fflush(stdout);                                                                            \
        long r = syscall(SYS_clone3, &ca, sizeof ca);                                              \
        if (r == 0)                                                                                \
            _exit(7);                                                                              \
        SAY("clone3 %s sig %s %s -> %s\n", #fl, #sig, #__VA_ARGS__, r < 0 ? en(errno) : "child");  \
        if (r > 0) {                                                                               \
            int s = 0;                                                                             \
            long w;                                                                                \
            do                                                                                     \
                w = waitpid(r, &s, __WALL);                                                        \
            while (w < 0 && errno == EINTR);                                                       \
            SAY("  wait %s ", w == r ? "it" : en(errno));                                          \
            st(s);                                                                                 \
        }                                                                                          \
        r;                                                                                         \
    })
static int got;
static void h(int s) { got = s; }
static int pidf[2];
#define CL(fl)                                                                                     \
    ({                                                                                             \
        errno = 0;                                                                                 \
        shared = 0;                                                                                \
        int pidfd = -5;                                                                            \
        int ctid = -1;                                                                             \
        fflush(stdout);                                                                            \
        int r = clone(fn, stk[0] + 65536, (fl), (void *)5, &pidfd, NULL, &ctid);                   \
        SAY("clone %s -> %s\n", #fl, r < 0 ? en(errno) : "child");                                 \
        if (r > 0) {                                                                               \
            int s = 0;                                                                             \
            int w = waitpid(r, &s, __WALL);                                                        \
            SAY("  wait %s ", w == r ? "it" : en(errno));                                          \
            st(s);                                                                                 \
            SAY("  shared %d pidfd %s ctid %d got %d\n", shared,                                   \
                pidfd == -5  ? "unset"                                                             \
                : pidfd == r ? "pid"                                                               \
                             : "set",                                                              \
                ctid == -1  ? -1                                                                   \
                : ctid == 0 ? 0                                                                    \
                            : 1,                                                                   \
                got);                                                                              \
            got = 0;                                                                               \
        }                                                                                          \
        r;                                                                                         \
    })
int tour_clone(int ac, char **av) {
    for (int s = 1; s < 32; s++)
        if (s == 10 || s == 12 || s == 17)
            signal(s, h);
    CL(SIGCHLD);
    CL(0);
    CL(CLONE_VM);
    CL(CLONE_VM | SIGCHLD);
    CL(CLONE_VM | CLONE_VFORK | SIGCHLD);
    CL(CLONE_VFORK | SIGCHLD);
    CL(SIGUSR1);
    CL(CLONE_FS | CLONE_FILES | SIGCHLD);
    CL(CLONE_SIGHAND | SIGCHLD);
    CL(CLONE_SIGHAND | CLONE_VM | SIGCHLD);
    CL(CLONE_THREAD | SIGCHLD);
    CL(CLONE_THREAD | CLONE_VM);
    CL(CLONE_PARENT_SETTID | SIGCHLD);
    CL(CLONE_CHILD_CLEARTID | SIGCHLD);
    CL(CLONE_CHILD_CLEARTID | CLONE_VM | SIGCHLD);
    CL(CLONE_CHILD_SETTID | SIGCHLD);
    CL(CLONE_CHILD_SETTID | CLONE_VM | CLONE_VFORK | SIGCHLD);
    CL(CLONE_PIDFD | SIGCHLD);
    CL(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD);
    CL(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD);
    CL(CLONE_DETACHED | SIGCHLD);
    CL(CLONE_IO | SIGCHLD);
    CL(CLONE_SYSVSEM | SIGCHLD);
    CL(CLONE_UNTRACED | SIGCHLD);
    CL(CLONE_PTRACE | SIGCHLD);
    CL(0xff);
    CL(65);
    CL(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
    CL(CLONE_NEWNS | CLONE_FS | SIGCHLD);
    CL(CLONE_NEWUSER | CLONE_FS | SIGCHLD);
    CL(CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD);
    C3(0, SIGCHLD);
    C3(0, 0);
    C3(CLONE_THREAD, SIGCHLD);
    C3(CLONE_PARENT, SIGCHLD);
    C3(0, 65);
    C3(0, 256 + 17);
    C3(CLONE_DETACHED, SIGCHLD);
    C3(1, SIGCHLD);
    C3(0xff, SIGCHLD);
    C3(1ULL << 34, SIGCHLD);
    C3(1ULL << 63, SIGCHLD);
    C3(CLONE_CLEAR_SIGHAND, SIGCHLD);
    C3(CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, SIGCHLD);
    C3(0, SIGCHLD, .stack = 0x1000);
    C3(0, SIGCHLD, .stack_size = 0x1000);
    C3(CLONE_VFORK, SIGCHLD);
    C3(0, SIGCHLD, .set_tid_size = 33);
    C3(0, SIGCHLD, .set_tid_size = 1);
    C3(0, SIGCHLD, .set_tid = 1);
    C3(0, SIGCHLD, .cgroup = 5);
    C3(CLONE_PIDFD, SIGCHLD, .pidfd = 8);
    C3(CLONE_PARENT_SETTID, SIGCHLD, .parent_tid = 8);
    C3(0, SIGCHLD, .stack = (uintptr_t)-4096, .stack_size = 4096);
    {
        int t = -1, p = -1;
        C3(CLONE_PIDFD | CLONE_PARENT_SETTID, SIGCHLD, .pidfd = (uintptr_t)&p,
           .parent_tid = (uintptr_t)&t);
        SAY("pidfd set %d ptid set %d cloexec %d\n", p > 2, t > 0, fcntl(p, F_GETFD));
        struct pollfd pf = {p, POLLIN};
        R(poll(&pf, 1, 0));
        SAY("rev %x\n", pf.revents);
        close(p);
    }
    R(syscall(SYS_clone3, NULL, 64));
    R(syscall(SYS_clone3, NULL, 0));
    R(syscall(SYS_clone3, NULL, 63));
    R(syscall(SYS_clone3, NULL, 4097));
    R(syscall(SYS_clone3, (void *)8, 88));
    {
        char big[200];
        memset(big, 0, 200);
        struct clone_args *ca = (void *)big;
        ca->exit_signal = SIGCHLD;
        big[150] = 1;
        R(syscall(SYS_clone3, big, 200));
        big[150] = 0;
        fflush(stdout);
        long r = syscall(SYS_clone3, big, 200);
        if (!r)
            _exit(3);
        int s;
        waitpid(r, &s, 0);
        st(s);
    }
    /* CLONE_PARENT: child's child becomes ours */
    R(pipe(pidf));
    {
        pid_t a = fork();
        if (!a) {
            int r = syscall(SYS_clone, CLONE_PARENT | SIGUSR1, 0, 0, 0, 0);
            if (r == 0) {
                _exit(getppid() != 1 ? 9 : 8);
            }
            write(pidf[1], &r, sizeof r);
            _exit(4);
        }
        int s, n;
        pid_t b;
        read(pidf[0], &b, sizeof b);
        n = waitpid(a, &s, __WALL);
        st(s);
        n = waitpid(b, &s, __WALL);
        SAY("sibling %d\n", n == b);
        st(s);
        SAY("got %d\n", got);
    }
    /* wait for clone child without __WALL / with __WCLONE */
    {
        pid_t a = syscall(SYS_clone, 0, 0, 0, 0, 0);
        if (!a)
            _exit(1);
        int s;
        R(waitpid(-1, &s, 0));
        R(waitpid(-1, &s, __WCLONE) > 0);
        st(s);
        a = fork();
        if (!a)
            _exit(2);
        R(waitpid(a, &s, __WCLONE));
        R(waitpid(a, &s, __WALL) == a);
        st(s);
        a = syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0);
        if (!a)
            _exit(1);
        R(waitpid(a, &s, WNOHANG));
        int w = waitpid(a, &s, __WCLONE);
        SAY("%s\n", w == a ? "it" : en(errno));
    }
    /* unshare */
    R(unshare(0));
    R(unshare(CLONE_FILES));
    R(unshare(CLONE_FS));
    R(unshare(CLONE_VM));
    R(unshare(CLONE_SIGHAND));
    R(unshare(CLONE_THREAD));
    R(unshare(CLONE_SYSVSEM));
    R(unshare(CLONE_PARENT));
    R(unshare(1));
    R(unshare(CLONE_VFORK));
    R(unshare(CLONE_SETTLS));
    /* pidfd_open */
    int self = R(syscall(SYS_pidfd_open, getpid(), 0));
    (void)self;
    R(syscall(SYS_pidfd_open, 0, 0));
    R(syscall(SYS_pidfd_open, -1, 0));
    R(syscall(SYS_pidfd_open, 99999, 0));
    R(syscall(SYS_pidfd_open, getpid(), 1));
    K(syscall(SYS_pidfd_open, getpid(), O_NONBLOCK));
    R(unshare(CLONE_VM));
    R(waitpid(-1, 0, 0));
    R(waitpid(-1, 0, WNOHANG));
    return 0;
}
