/* What all tours use: R prints a call, its result and errno; S only whether it worked. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *ename(int number);
void report(const char *what, long result, int number);

#define R(x)                                                                                       \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long result_ = (long)(x);                                                                  \
        report(#x, result_, errno);                                                                \
    } while (0)
#define P(...)                                                                                     \
    do {                                                                                           \
        printf(__VA_ARGS__);                                                                       \
        fflush(stdout);                                                                            \
    } while (0)
