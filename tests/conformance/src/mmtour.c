/* Random but seeded walks through the memory calls: mmtour SEED STEPS [lock] [maps] [merging].
 *
 * With lock, mlock and munlock are called, too (that needs rights); with maps, more is shown and
 * after every step. Anonymous neighbours are shown as one area, unless with merging: then no memory
 * is touched, for whether touched areas join depends on Linux's page of zeros. Everything happens in an arena with gaps around it; addresses are printed in pages relative to its
 * start, so that the output is the same on every Linux with 4 KiB pages. Shows result and errno of
 * every call, what touching memory does, and the lines of /proc/self/maps. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096L
#define ARENA 96L
#define GAP 16L

static uint64_t state;
static char *base, *heap;
static int file[2], locking, often, merging;
static sigjmp_buf back;
static volatile int caught, code;

static unsigned pick(unsigned n) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (unsigned)(state >> 20) % n;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    caught = number, code = info->si_code;
    siglongjmp(back, 1);
}

/* What can be written is: Linux has a page of zeros for what was only read, and then does not
 * yet know whether two areas can be one. */
static int touch(char *at, int write) {
    volatile char value = 0;
    int result;
    caught = 0;
    if (!sigsetjmp(back, 1)) {
        value = *(volatile char *)at;
        if (write)
            *(volatile char *)at = (char)(value * 3 + 1);
    }
    result = caught;
    if (!result && !write && !sigsetjmp(back, 1))
        *(volatile char *)at = value;
    caught = result;
    return result;
}

static char *read_maps(void) {
    static char text[65536];
    long size = 0, got;
    int fd = open("/proc/self/maps", O_RDONLY);
    while ((got = read(fd, text + size, sizeof text - 1 - (size_t)size)) > 0)
        size += got;
    close(fd);
    text[size] = 0;
    return text;
}

/* Whether one area has the whole range: Linux versions differ in what a failed mremap unmaps. */
static int whole(char *at, long length) {
    unsigned long start, end;
    for (char *line = strtok(read_maps(), "\n"); line; line = strtok(NULL, "\n"))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (char *)start <= at &&
            at + length <= (char *)end)
            return 1;
    return 0;
}

static void show(const char *what, long result) {
    if (result >= -4095 && result < 0)
        printf("%s = -1 %d\n", what, (int)-result);
    else if ((char *)result >= base - GAP * PAGE && (char *)result <= base + (ARENA + GAP) * PAGE)
        printf("%s = @%ld\n", what, ((char *)result - base) / PAGE);
    else
        printf("%s = %s\n", what, result ? "elsewhere" : "0");
}

static long call(long nr, long a, long b, long c, long d, long e, long f) {
    long result = syscall(nr, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

static struct { long start, end; char perms[8]; } held;

static void show_held(void) {
    if (held.end)
        printf("  %ld..%ld %s +0 \n", held.start, held.end, held.perms);
    held.end = 0;
}

static void maps(void) {
    for (char *line = strtok(read_maps(), "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, end, offset;
        char perms[8];
        int path = 0;
        sscanf(line, "%lx-%lx %7s %lx %*s %*s %n", &start, &end, perms, &offset, &path);
        if (strstr(line, "[heap]"))
            printf("  heap %ld..%ld %s\n", ((long)start - (long)heap) / PAGE,
                   ((long)end - (long)heap) / PAGE, perms);
        if ((char *)end <= base - GAP * PAGE || (char *)start >= base + (ARENA + GAP) * PAGE)
            continue;
        long first = ((char *)start - base) / PAGE, last = ((char *)end - base) / PAGE;
        if (!line[path] && !merging && perms[3] == 'p') {
            if (!held.end || held.end != first || strcmp(held.perms, perms)) {
                show_held();
                held.start = first;
                strcpy(held.perms, perms);
            }
            held.end = last;
            continue;
        }
        show_held();
        printf("  %ld..%ld %s +%lx %s\n", first, last, perms, strstr(line, "zero") ? 0 : offset / PAGE,
               strstr(line, "(deleted)") ? "deleted" : line + path);
    }
    show_held();
}

static void contents(void) {
    unsigned sum = 0, readable = 0;
    for (long page = -GAP; page < ARENA + GAP; page++)
        if (!touch(base + page * PAGE, 0)) {
            readable++;
            unsigned before = sum;
            for (int i = 0; i < 8; i++)
                sum = sum * 31 + (unsigned char)base[page * PAGE + i * 64];
            if (often)
                printf("  page %ld %08x\n", page, sum - before);
        }
    printf("  %u pages readable, contents %08x\n", readable, sum);
}

static const int prots[] = {0, 1, 1, 3, 3, 3, 3, 5, 7, 2};
static const int advices[] = {0, 1, 2, 3, 4, 4, 4, 10, 11, 16, 17, 18, 19, 20, 22, 23, 24, 99};

static void step(void) {
    char what[160];
    long page = (long)pick(ARENA), count = 1 + (long)pick(pick(2) ? 4 : 24);
    if (page + count > ARENA)
        count = ARENA - page;
    char *at = base + page * PAGE;
    long length = count * PAGE - (pick(8) ? 0 : 100);
    int prot = prots[pick(10)];
    switch (pick(24 + 2 * (unsigned)locking)) {
    case 0: case 1: case 2: case 3: case 4: {
        int flags = (pick(4) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_FIXED;
        if (!pick(8))
            flags |= MAP_NORESERVE;
        if (!pick(8))
            flags |= MAP_POPULATE;
        if (!pick(10))
            flags = (flags & ~MAP_FIXED) | MAP_FIXED_NOREPLACE;
        sprintf(what, "mmap @%ld %lx prot %d flags %x", page, length, prot, flags);
        show(what, call(SYS_mmap, (long)at, length, prot, flags, -1, 0));
        break;
    }
    case 5: case 6: {
        /* a file of its own for shared mappings: when private ones see a store is unspecified */
        int flags = (pick(3) ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED;
        long offset = (long)pick(6);
        sprintf(what, "mmap @%ld %lx prot %d flags %x file +%ld", page, length, prot, flags, offset);
        show(what, call(SYS_mmap, (long)at, length, prot, flags, file[flags & 1], offset * PAGE));
        break;
    }
    case 7: case 8: case 9:
        sprintf(what, "munmap @%ld %lx", page, length);
        show(what, call(SYS_munmap, (long)at, length, 0, 0, 0, 0));
        break;
    case 10: case 11: case 12: case 13:
        sprintf(what, "mprotect @%ld %lx %d", page, length, prot);
        show(what, call(SYS_mprotect, (long)at, length, prot, 0, 0, 0));
        break;
    case 14: case 15: {
        long old = (1 + (long)pick(6)) * PAGE, wanted = (1 + (long)pick(8)) * PAGE;
        int flags = (int)pick(2);
        sprintf(what, "mremap @%ld %lx %lx flags %d", page, old, wanted, flags);
        /* where it moves to is Linux's business: fixed places only, or in place */
        if (flags) {
            long to = (long)pick(ARENA - 8);
            sprintf(what + strlen(what), "+2 @%ld", to);
            if (!whole(at, old) || (at < base + to * PAGE + wanted && base + to * PAGE < at + old)) {
                puts("skipped");
                break;
            }
            show(what, call(SYS_mremap, (long)at, old, wanted, 3 | (pick(5) ? 0 : 4),
                            (long)(base + to * PAGE), 0));
        } else
            show(what, call(SYS_mremap, (long)at, old, wanted, 0, 0, 0));
        break;
    }
    case 16: case 17: {
        int advice = advices[pick(18)];
        sprintf(what, "madvise @%ld %lx %d", page, length, advice);
        show(what, call(SYS_madvise, (long)at, length, advice, 0, 0, 0));
        break;
    }
    case 18: case 19: case 20: {
        int write = (int)pick(3);
        if (merging) {
            puts("-");
            break;
        }
        for (long i = 0; i < count; i++)
            if (touch(at + i * PAGE + 64 * (long)pick(8), write)) {
                printf("touch @%ld %s: signal %d code %d\n", page + i, write ? "w" : "r", caught, code);
                return;
            }
        printf("touch @%ld +%ld %s\n", page, count, write ? "w" : "r");
        break;
    }
    case 21: {
        long delta = (long)pick(12) * PAGE - 4 * PAGE + (pick(3) ? 0 : 123);
        char *now = (char *)call(SYS_brk, 0, 0, 0, 0, 0, 0);
        char *then = (char *)call(SYS_brk, (long)(now + delta), 0, 0, 0, 0, 0);
        printf("brk %ld = %ld\n", delta, then - now);
        break;
    }
    case 22:
        switch (pick(9)) {
        case 0: show("mmap length 0", call(SYS_mmap, 0, 0, 3, 0x22, -1, 0)); break;
        case 1: show("mmap unaligned", call(SYS_mmap, (long)at + 5, PAGE, 3, 0x32, -1, 0)); break;
        case 2: show("mmap no type", call(SYS_mmap, 0, PAGE, 3, 0x20, -1, 0)); break;
        case 3: show("mmap bad fd", call(SYS_mmap, 0, PAGE, 3, 2, 77, 0)); break;
        case 4: show("mmap bad offset", call(SYS_mmap, 0, PAGE, 3, 2, file[0], 5)); break;
        case 5: show("mmap huge", call(SYS_mmap, 0, 1L << 60, 3, 0x22, -1, 0)); break;
        case 6: show("munmap 0", call(SYS_munmap, (long)at, 0, 0, 0, 0, 0)); break;
        case 7: show("mprotect odd", call(SYS_mprotect, (long)at + 1, PAGE, 1, 0, 0, 0)); break;
        case 8: show("mremap odd", call(SYS_mremap, (long)at, PAGE, PAGE, 8, 0, 0)); break;
        }
        break;
    case 24: case 25: {
        static const long calls[] = {SYS_mlock, SYS_munlock, SYS_munlock, SYS_mlock2};
        int which = (int)pick(4), flags = (int)pick(2);
        sprintf(what, "lock %d @%ld %lx %d", which, page, length, flags);
        show(what, call(calls[which], (long)at, length, flags, 0, 0, 0));
        break;
    }
    case 23: {
        int flags = (int)pick(8);
        sprintf(what, "msync @%ld %lx %d", page, length, flags);
        show(what, call(SYS_msync, (long)at, length, flags, 0, 0, 0));
        static unsigned char seen[ARENA];
        sprintf(what, "mincore @%ld %lx", page, length);
        show(what, call(SYS_mincore, (long)at, length, (long)seen, 0, 0, 0));
        break;
    }
    }
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    state = strtoull(argc > 1 ? argv[1] : "1", NULL, 0) * 0x9E3779B97F4A7C15u + 1;
    int steps = argc > 2 ? atoi(argv[2]) : 200;
    for (int i = 3; i < argc; i++)
        *(argv[i][0] == 'l' ? &locking : argv[i][1] == 'a' ? &often : &merging) = 1;
    static char stack[16384];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    static char data[3 * PAGE + 700];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / PAGE);
    for (int i = 0; i < 2; i++) {
        file[i] = open("mmtour.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (write(file[i], data, sizeof data) != (long)sizeof data)
            return 1;
        unlink("mmtour.tmp");
    }
    heap = (char *)call(SYS_brk, 0, 0, 0, 0, 0, 0);
    call(SYS_brk, (long)heap + 8 * PAGE, 0, 0, 0, 0, 0);
    long whole = (ARENA + 4 * GAP) * PAGE;
    base = mmap(NULL, (size_t)whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    base += 2 * GAP * PAGE;
    munmap(base - GAP * PAGE, (ARENA + 2 * GAP) * PAGE);
    for (int i = 1; i <= steps; i++) {
        printf("%d ", i);
        step();
        if (often || i % 10 == 0)
            maps();
        if (i % 10 == 0) {
            if (!merging)
                contents();
        }
    }
    return 0;
}
