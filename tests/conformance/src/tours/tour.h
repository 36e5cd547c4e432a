/* What all tours use: each call is printed with its result or its errno's name. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <time.h>
#include <pthread.h>
#include <stdint.h>
#include <poll.h>
#include <setjmp.h>
#include <ucontext.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/time.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/select.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <linux/futex.h>
static const char *en(int e) {
    switch (e) {
#define X(n)                                                                                       \
    case n:                                                                                        \
        return #n;
        X(EPERM)
        X(ENOENT) X(ESRCH) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(ENOEXEC) X(EBADF) X(ECHILD) X(EAGAIN)
            X(ENOMEM) X(EACCES) X(EFAULT) X(EBUSY) X(EEXIST) X(EXDEV) X(ENODEV) X(ENOTDIR) X(EISDIR)
                X(EINVAL) X(ENFILE) X(EMFILE) X(ENOTTY) X(ETXTBSY) X(EFBIG) X(ENOSPC) X(ESPIPE)
                    X(EROFS) X(EMLINK) X(EPIPE) X(EDOM) X(ERANGE) X(EDEADLK) X(ENAMETOOLONG)
                        X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(ENOMSG) X(EIDRM) X(ETIME) X(EPROTO)
                            X(EBADMSG) X(EOVERFLOW) X(EOWNERDEAD) X(ENOTRECOVERABLE) X(ETIMEDOUT)
                                X(ECONNRESET) X(ENOTSOCK) X(EMSGSIZE) X(EOPNOTSUPP) X(ENOTCONN)
                                    X(ECANCELED) X(EINPROGRESS) X(EALREADY) X(EISCONN)
                                        X(EAFNOSUPPORT) X(EPROTONOSUPPORT) X(EPROTOTYPE)
                                            X(EADDRINUSE) X(EDESTADDRREQ) X(ENOBUFS) X(ECONNREFUSED)
                                                X(ENOPROTOOPT) X(ESOCKTNOSUPPORT)
#undef X
                                                    default : {
            static char b[8][20];
            static int i;
            i = (i + 1) & 7;
            sprintf(b[i], "E%d", e);
            return b[i];
        }
    }
}
/* print the result of a call: value if >=0, or errno name */
#define R(e)                                                                                       \
    ({                                                                                             \
        errno = 0;                                                                                 \
        long r_ = (long)(e);                                                                       \
        int er_ = errno;                                                                           \
        if (r_ == -1)                                                                              \
            printf("%s = -1 %s\n", #e, en(er_));                                                   \
        else                                                                                       \
            printf("%s = %ld\n", #e, r_);                                                          \
        fflush(stdout);                                                                            \
        errno = er_;                                                                               \
        r_;                                                                                        \
    })
/* print only success or errno (value varies) */
#define K(e)                                                                                       \
    ({                                                                                             \
        errno = 0;                                                                                 \
        long r_ = (long)(e);                                                                       \
        int er_ = errno;                                                                           \
        if (r_ == -1)                                                                              \
            printf("%s = -1 %s\n", #e, en(er_));                                                   \
        else                                                                                       \
            printf("%s ok\n", #e);                                                                 \
        fflush(stdout);                                                                            \
        errno = er_;                                                                               \
        r_;                                                                                        \
    })
/* pthread style: returns error number */
#define P(e)                                                                                       \
    ({                                                                                             \
        int r_ = (e);                                                                              \
        printf("%s = %s\n", #e, r_ ? en(r_) : "0");                                                \
        fflush(stdout);                                                                            \
        r_;                                                                                        \
    })
#define SAY(...)                                                                                   \
    ({                                                                                             \
        printf(__VA_ARGS__);                                                                       \
        fflush(stdout);                                                                            \
    })
static inline void ms(int n) {
    struct timespec ts = {n / 1000, (n % 1000) * 1000000L};
    while (nanosleep(&ts, &ts) && errno == EINTR)
        ;
}
static inline void st(int s) {
    if (WIFEXITED(s))
        SAY("  exited %d\n", WEXITSTATUS(s));
    else if (WIFSIGNALED(s))
        SAY("  killed %d core %d\n", WTERMSIG(s), !!WCOREDUMP(s));
    else if (WIFSTOPPED(s))
        SAY("  stopped %d\n", WSTOPSIG(s));
    else if (WIFCONTINUED(s))
        SAY("  continued\n");
    else
        SAY("  status %x\n", s);
}
static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
