/* mmap(2) of files and memory, faults, mremap(2), process_vm_readv(2): results and errno of good
 * and odd calls. */
#include "report.h"
#include <setjmp.h>
static sigjmp_buf J;
static volatile int sg;
static void h(int s, siginfo_t *i, void *u) {
    sg = s * 100 + i->si_code;
    siglongjmp(J, 1);
}
#define T(x)                                                                                       \
    do {                                                                                           \
        sg = 0;                                                                                    \
        if (!sigsetjmp(J, 1)) {                                                                    \
            x;                                                                                     \
        }                                                                                          \
        P(#x " -> sig %d code %d\n", sg / 100, sg % 100);                                          \
    } while (0)
#define M(...)                                                                                     \
    ({                                                                                             \
        void *r_ = mmap(__VA_ARGS__);                                                              \
        errno;                                                                                     \
        r_;                                                                                        \
    })
#define RM(...)                                                                                    \
    do {                                                                                           \
        errno = 0;                                                                                 \
        void *r_ = mmap(__VA_ARGS__);                                                              \
        P("mmap(" #__VA_ARGS__ ") = %s\n", r_ == MAP_FAILED ? ename(errno) : "ok");                \
    } while (0)
int tour_mapping(void) {
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = h;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &sa, 0);
    sigaction(SIGBUS, &sa, 0);
    int f = open("f", O_CREAT | O_RDWR, 0644);
    char b[8192];
    memset(b, 'a', 5000);
    write(f, b, 5000);
    char c;
    volatile char *s = mmap(0, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    volatile char *p = mmap(0, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
    T(c = s[0]);
    T(c = s[4999]);
    T(c = s[5000]);
    R(c);
    T(s[6000] = 1);
    T(c = s[8192]);
    T(s[8192] = 1);
    T(c = p[8192]);
    T(p[8192] = 1);
    s[0] = 'S';
    pread(f, b, 1, 0);
    R(b[0]);
    R(p[0]);
    p[1] = 'P';
    pread(f, b, 2, 0);
    R(b[1]);
    pwrite(f, "W", 1, 1);
    R(s[1]);
    R(p[1]);
    pwrite(f, "V", 1, 10);
    R(p[10]);
    pwrite(f, "U", 1, 4100);
    R(p[4100]);
    struct stat st;
    fstat(f, &st);
    R(st.st_size);
    R(ftruncate(f, 9000));
    T(c = s[8192]);
    R(c);
    R(s[6000]);
    T(s[8192] = 'x');
    R(ftruncate(f, 100));
    T(c = s[4096]);
    T(c = s[50]);
    T(c = p[4096]);
    T(c = p[4097]);
    s[200] = 7;
    R(ftruncate(f, 4096));
    R(s[200]);
    R(msync((void *)s, 4096, MS_SYNC));
    R(msync((void *)s, 4096, MS_SYNC | MS_ASYNC));
    R(msync((void *)(s + 1), 4096, MS_SYNC));
    R(msync((void *)s, 4096, 8));
    R(munmap((void *)s, 4096));
    R(msync((void *)s, 8192, MS_ASYNC));
    T(c = s[0]);
    close(f);
    T(c = p[0]);
    R(unlink("f"));
    T(p[0] = 1);
    int ro = open("g", O_CREAT | O_RDWR, 0644);
    write(ro, b, 4096);
    close(ro);
    ro = open("g", O_RDONLY);
    int wo = open("g", O_WRONLY);
    int d = open(".", O_RDONLY);
    int pi[2];
    pipe(pi);
    RM(0, 4096, PROT_WRITE, MAP_SHARED, ro, 0);
    RM(0, 4096, PROT_WRITE, MAP_PRIVATE, ro, 0);
    RM(0, 4096, PROT_READ, MAP_SHARED, wo, 0);
    RM(0, 4096, PROT_READ, MAP_PRIVATE, wo, 0);
    RM(0, 4096, PROT_READ, MAP_SHARED, d, 0);
    RM(0, 4096, PROT_READ, MAP_SHARED, pi[0], 0);
    RM(0, 0, PROT_READ, MAP_SHARED, ro, 0);
    RM(0, 4096, PROT_READ, MAP_SHARED, ro, 1);
    RM(0, 4096, PROT_READ, MAP_SHARED, 99, 0);
    RM(0, 4096, PROT_READ, 0, ro, 0);
    RM(0, 4096, PROT_READ, MAP_SHARED | MAP_PRIVATE, ro, 0);
    RM(0, 4096, PROT_READ, MAP_SHARED, ro, 1l << 62);
    RM((void *)12345, 4096, PROT_READ, MAP_FIXED | MAP_PRIVATE, ro, 0);
    RM((void *)0x1000, 4096, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANON, -1, 0);
    RM((void *)(1l << 62), 4096, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANON, -1, 0);
    RM(0, 1l << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    RM(0, -1, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0);
    RM(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0x7000);
    RM(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 1);
    char *m = mmap(0, 4096, PROT_READ, MAP_SHARED, ro, 0);
    R(mprotect(m, 4096, PROT_READ | PROT_WRITE));
    R(mprotect(m, 4096, PROT_NONE));
    T(c = m[0]);
    R(read(pi[0] * 0 + ro, m, 10));
    R(write(pi[1], m, 10));
    T(m[0] = 1);
    char *a = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    memset(a, 1, 5 * 4096);
    R(munmap(a + 4096, 4096));
    R(mprotect(a, 3 * 4096, PROT_READ));
    T(a[0] = 1);
    T(a[2 * 4096] = 1);
    T(c = a[4096]);
    R(mprotect(a + 1, 10, PROT_READ));
    R(mprotect(a, 4096, 0x40));
    char *g = mremap(a + 2 * 4096, 4096, 2 * 4096, 0);
    R(g == MAP_FAILED ? -1 : 0);
    g = mremap(a + 2 * 4096, 4096, 8 * 4096, MREMAP_MAYMOVE);
    R(g == MAP_FAILED ? -1 : 0);
    R(g[0]);
    T(c = g[5000]);
    T(g[5000] = 1);
    R(mremap(g, 0, 4096, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    R(mremap(g, 8 * 4096, 0, 0) == MAP_FAILED ? -1 : 0);
    R(mremap(g + 1, 4096, 4096, 0) == MAP_FAILED ? -1 : 0);
    R(mremap(g, 8 * 4096, 4096, 0) == g);
    T(c = g[4096]);
    R(mremap(g, 4096, 4096, MREMAP_FIXED, a) == MAP_FAILED ? -1 : 0);
    R(mremap(g, 4096, 4096, MREMAP_FIXED | MREMAP_MAYMOVE, a + 4096) == a + 4096);
    R(a[4096]);
    R(mremap((void *)0x5000, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    char *dn = mremap(a + 3 * 4096, 4096, 4096, MREMAP_MAYMOVE | 4, 0);
    R(dn == MAP_FAILED ? -1 : 0);
    R(a[3 * 4096]);
    R(madvise(a, 4096, MADV_DONTNEED));
    R(a[0]);
    R(madvise(a + 1, 1, MADV_DONTNEED));
    R(madvise(a, 4096, 1000));
    R(madvise((void *)0x10000, 4096, MADV_DONTNEED));
    R(madvise(a, 0, MADV_WILLNEED));
    unsigned char v[8];
    R(mincore(a, 5 * 4096, v));
    P("%d %d %d %d\n", v[0] & 1, v[1] & 1, v[3] & 1, v[4] & 1);
    R(mincore(a + 1, 1, v));
    R(mincore((void *)0x10000, 4096, v));
    R(mincore(a, 4096, (void *)1));
    R(mlock(a, 4096));
    R(munlock(a, 4096));
    R(mlock((void *)0x10000, 4096));
    R(mlockall(0));
    R(munlockall());
    R(munmap(a + 1, 4096));
    R(munmap(a, 0));
    R(munmap((void *)(1l << 62), 4096));
    char *e = (char *)syscall(SYS_brk, 0);
    R(syscall(SYS_brk, e + 10000) == (long)e + 10000);
    e[9999] = 1;
    R(syscall(SYS_brk, e) == (long)e);
    R(syscall(SYS_brk, 1) == (long)e);
    T(e[9000] = 1);
    char *fx = mmap(a, 4096, PROT_READ, MAP_PRIVATE | MAP_ANON | 0x100000, -1, 0);
    R(fx == MAP_FAILED ? -1 : 0);
    /* shared anon across fork; zero dev */
    volatile int *sh = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (!fork()) {
        *sh = 77;
        _exit(0);
    }
    wait(0);
    R(*sh);
    int z = open("/dev/zero", O_RDWR);
    volatile int *zp = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, z, 0);
    R(zp != MAP_FAILED);
    R(*zp);
    *zp = 5;
    volatile int *zs = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, z, 0);
    if (!fork()) {
        *zs = 9;
        _exit(0);
    }
    wait(0);
    R(*zs);
    RM(0, 4096, PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDWR), 0);
    RM(0, 4096, PROT_READ, MAP_PRIVATE, open("/dev/urandom", O_RDWR), 0);
    RM(0, 4096, PROT_READ, MAP_PRIVATE, open("/proc/self/maps", O_RDONLY), 0);
    /* process_vm */
    char src[64] = "remote data", dst[64] = {0};
    struct iovec l[2] = {{dst, 4}, {dst + 10, 20}}, r[1] = {{src, 12}};
    R(syscall(SYS_process_vm_readv, getpid(), l, 2, r, 1, 0));
    P("%.4s|%s\n", dst, dst + 10);
    R(syscall(SYS_process_vm_writev, getpid(), r, 1, l, 1, 0));
    struct iovec bad[2] = {{src, 4}, {(void *)1, 5}};
    R(syscall(SYS_process_vm_readv, getpid(), l, 2, bad, 2, 0));
    R(syscall(SYS_process_vm_readv, getpid(), l, 2, bad + 1, 1, 0));
    R(syscall(SYS_process_vm_readv, 999999, l, 2, r, 1, 0));
    R(syscall(SYS_process_vm_readv, getpid(), l, 2, r, 1, 1));
    R(syscall(SYS_process_vm_readv, getpid(), l, 2000, r, 1, 0));
    R(syscall(SYS_process_vm_readv, getpid(), 0, 0, r, 1, 0));
    pid_t k = fork();
    if (!k) {
        strcpy(src, "child here!");
        sh[1] = 1;
        pause();
    }
    while (!sh[1])
        usleep(1000);
    R(syscall(SYS_process_vm_readv, k, l, 2, r, 1, 0));
    P("%.4s|%s\n", dst, dst + 10);
    strcpy(dst, "wxyz");
    R(syscall(SYS_process_vm_writev, k, l, 1, r, 1, 0));
    R(syscall(SYS_process_vm_readv, k, l, 2, r, 1, 0));
    P("%.4s|%s\n", dst, dst + 10);
    kill(k, 9);
    wait(0);
    R(syscall(SYS_process_vm_readv, k, l, 2, r, 1, 0));
    return 0;
}
