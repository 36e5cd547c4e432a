/* Tours of the system calls: each in a process and a directory of its own; see report.h.
   Usage: calltour [TOUR...]; without names all of them, in this order. */
#include "report.h"

#define TOURS(X)                                                                                   \
    X(open) X(readwrite) X(names) X(listing) X(metadata) X(permissions) X(descriptors) X(locks)    \
    X(copying) X(memfd) X(mapping) X(sockets) X(clocks) X(proc) X(waiting)

#define DECLARE(name) int tour_##name(void);
TOURS(DECLARE)

static const struct {
    const char *name;
    int (*run)(void);
} tours[] = {
#define ENTRY(name) {#name, tour_##name},
    TOURS(ENTRY)
};

const char *ename(int number) {
    static char text[16];
    static const struct {
        int number;
        const char *name;
    } names[] = {
#define N(x) {x, #x}
        N(EPERM), N(ENOENT), N(ESRCH), N(EINTR), N(EIO), N(ENXIO), N(E2BIG), N(ENOEXEC),
        N(EBADF), N(ECHILD), N(EAGAIN), N(ENOMEM), N(EACCES), N(EFAULT), N(EBUSY), N(EEXIST),
        N(EXDEV), N(ENODEV), N(ENOTDIR), N(EISDIR), N(EINVAL), N(ENFILE), N(EMFILE), N(ENOTTY),
        N(ETXTBSY), N(EFBIG), N(ENOSPC), N(ESPIPE), N(EROFS), N(EMLINK), N(EPIPE), N(EDOM),
        N(ERANGE), N(EDEADLK), N(ENAMETOOLONG), N(ENOLCK), N(ENOSYS), N(ENOTEMPTY), N(ELOOP),
        N(ENODATA), N(EOVERFLOW), N(EOPNOTSUPP), N(ETIMEDOUT), N(ENOTSOCK), N(EAFNOSUPPORT),
        N(EPROTONOSUPPORT), N(ESOCKTNOSUPPORT), N(EPROTOTYPE), N(EADDRINUSE), N(EISCONN),
        N(ENOTCONN), N(ECONNREFUSED), N(ECONNRESET), N(EDESTADDRREQ), N(EMSGSIZE),
        N(ENOPROTOOPT), N(EADDRNOTAVAIL), N(EALREADY),
    };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    snprintf(text, sizeof text, "E%d", number);
    return text;
}

void report(const char *what, long result, int number) {
    if (result == -1)
        printf("%s = -1 %s\n", what, ename(number));
    else
        printf("%s = %ld\n", what, result);
    fflush(stdout);
}

static void tour(int index) {
    P("== %s\n", tours[index].name);
    pid_t child = fork();
    if (child == 0) {
        char home[32];
        snprintf(home, sizeof home, "tour-%s", tours[index].name);
        if (mkdir(home, 0755) || chdir(home))
            _exit(125);
        _exit(tours[index].run());
    }
    int status = 0;
    waitpid(child, &status, 0);
    P("== %s ended: %x\n", tours[index].name, status);
}

int main(int argc, char **argv) {
    umask(022);
    for (unsigned i = 0; i < sizeof tours / sizeof *tours; i++) {
        int wanted = argc == 1;
        for (int k = 1; k < argc; k++)
            wanted |= !strcmp(argv[k], tours[i].name);
        if (wanted)
            tour(i);
    }
    return 0;
}
