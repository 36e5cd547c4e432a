/* Takes memory until there is none: exhaust mmap|brk|fault|stack|files|pipes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int deeper(int n) {
    volatile char room[4096];
    room[0] = (char)n;
    return n ? deeper(n + 1) + room[0] : 0;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "mmap";
    long count = 0;
    if (!strcmp(how, "mmap")) { /* populated at once: ENOMEM in the end */
        while (mmap(NULL, 1 << 18, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) != MAP_FAILED)
            if (++count > 100000)
                break;
    } else if (!strcmp(how, "brk")) {
        char *top;
        while ((top = sbrk(1 << 16)) != (void *)-1 && ++count < 100000)
            memset(top, 1, 1 << 16);
    } else if (!strcmp(how, "fault")) { /* promised, then touched: the program ends */
        char *all = mmap(NULL, 1 << 26, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED)
            return 3;
        for (; count < 1 << 14; count++)
            all[count << 12] = 1;
    } else if (!strcmp(how, "stack")) {
        count = deeper(1);
    } else if (!strcmp(how, "files")) {
        static char data[1 << 16];
        int fd = open("/tmp/big", O_WRONLY | O_CREAT, 0600);
        while (write(fd, data, sizeof data) > 0 && ++count < 100000)
            ;
    } else if (!strcmp(how, "pipes")) {
        int ends[2];
        static char data[1 << 16];
        while (!pipe(ends) && ++count < 100000 && write(ends[1], data, sizeof data) > 0)
            ;
    } else if (!strcmp(how, "areas")) { /* kernel memory: many small areas */
        char *all = mmap(NULL, 1L << 30, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        for (long at = 0; at < 1L << 30; at += 8192, count++)
            if (mprotect(all + at, 4096, 1))
                break;
    }
    printf("%s: %s after %s\n", how, errno ? strerror(errno) : "no error", count > 4 ? "many" : "few");
    return 0;
}
