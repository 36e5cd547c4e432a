/* stat(2), statx(2), utimensat(2): fields, and which times change: results and errno of good and
 * odd calls. */
#include "report.h"
#include <sys/sysmacros.h>
#include <sys/statfs.h>
#ifndef STATX_BASIC_STATS
#define STATX_BASIC_STATS 0x7ff
#endif
static void sx(int d, const char *p, int fl, unsigned m) {
    struct statx s;
    memset(&s, 0xff, sizeof s);
    errno = 0;
    long r = syscall(SYS_statx, d, p, fl, m, &s);
    if (r) {
        P("statx %s %x %x = %s\n", p ? p : "NULL", fl, m, ename(errno));
        return;
    }
    P("statx %s %x %x: mask %x mode %o size %d nlink %d uid %d gid %d attr_mask? blk %d\n",
      p ? p : "NULL", fl, m, s.stx_mask & 0xfff, s.stx_mode,
      S_ISDIR(s.stx_mode) ? 0 : (int)s.stx_size, (int)s.stx_nlink, s.stx_uid, s.stx_gid,
      (int)s.stx_blksize);
}
int tour_metadata(void) {
    struct stat st;
    umask(022);
    close(creat("f", 0640));
    symlink("f", "l");
    mkdir("d", 0750);
    int f = open("f", O_RDWR);
    write(f, "hello", 5);
    sx(AT_FDCWD, "f", 0, STATX_BASIC_STATS);
    sx(AT_FDCWD, "f", 0, STATX_ALL);
    sx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, 0x7ff);
    sx(AT_FDCWD, "d", 0, 0x7ff);
    sx(AT_FDCWD, "nope", 0, 0x7ff);
    sx(f, "", AT_EMPTY_PATH, 0x7ff);
    sx(f, "", 0, 0x7ff);
    sx(99, "", AT_EMPTY_PATH, 0x7ff);
    sx(AT_FDCWD, "f", 0x10, 0x7ff);
    sx(AT_FDCWD, "f", 0, 0x80000000);
    sx(AT_FDCWD, "f", 0x6000, 0x7ff);
    sx(99, "/dev/null", 0, 0x7ff);
    sx(AT_FDCWD, "f", 0x2000, 0x7ff);
    sx(AT_FDCWD, "f", 0x4000, 0x7ff);
    R(fstatat(AT_FDCWD, "f", &st, 0));
    R(fstatat(AT_FDCWD, "f", &st, 0x20));
    R(fstatat(AT_FDCWD, "", &st, 0));
    R(fstatat(f, "", &st, AT_EMPTY_PATH));
    R(st.st_size);
    R(fstatat(f, "x", &st, 0));
    R(stat("f/x", &st));
    R(stat("d/", &st));
    R(stat("f/", &st));
    R(lstat("l/", &st));
    R(fstat(99, &st));
    R(stat("/dev/null", &st));
    P("%o %d:%d %d\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev), (int)st.st_size);
    R(stat("/dev/zero", &st));
    P("%o %d:%d\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
    R(stat("/dev/urandom", &st));
    P("%o %d:%d\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
    R(stat("/dev/tty", &st));
    P("%o %d:%d\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
    R(stat("/dev/full", &st));
    P("%o\n", st.st_mode);
    R(stat("/dev/shm", &st));
    P("%o\n", st.st_mode);
    R(stat("/proc", &st));
    P("%o\n", st.st_mode);
    R(stat("/proc/self", &st));
    P("%o\n", st.st_mode);
    R(lstat("/proc/self", &st));
    P("%o\n", st.st_mode);
    R(stat("/proc/self/maps", &st));
    P("%o %d\n", st.st_mode, (int)st.st_size);
    R(stat("/proc/self/fd", &st));
    P("%o\n", st.st_mode);
    R(lstat("/proc/self/exe", &st));
    P("%o\n", st.st_mode);
    R(lstat("/dev/stdin", &st));
    P("%o\n", st.st_mode);
    R(lstat("/proc/self/fd/0", &st));
    P("%o %d\n", st.st_mode, (int)st.st_size);
    R(stat("/", &st));
    P("%o\n", st.st_mode & 0170000);
    int p[2];
    pipe(p);
    fstat(p[0], &st);
    P("%o nlink %d blk %d\n", st.st_mode, (int)st.st_nlink, (int)st.st_blksize);
    /* times */
    struct timespec ts[2] = {{1000, 5}, {2000, 6}};
    R(utimensat(AT_FDCWD, "f", ts, 0));
    stat("f", &st);
    P("%ld.%09ld %ld.%09ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec,
      st.st_mtim.tv_nsec);
    ts[0].tv_nsec = UTIME_OMIT;
    ts[1].tv_sec = 3000;
    R(utimensat(AT_FDCWD, "f", ts, 0));
    stat("f", &st);
    P("%ld %ld\n", st.st_atim.tv_sec, st.st_mtim.tv_sec);
    ts[0].tv_nsec = 2000000000;
    R(utimensat(AT_FDCWD, "f", ts, 0));
    ts[0].tv_nsec = -1;
    R(utimensat(AT_FDCWD, "f", ts, 0));
    ts[0].tv_nsec = UTIME_OMIT;
    ts[1].tv_nsec = UTIME_OMIT;
    R(utimensat(AT_FDCWD, "nope", ts, 0));
    R(utimensat(AT_FDCWD, "f", 0, 0));
    stat("f", &st);
    P("%d\n", st.st_mtim.tv_sec > 1000000);
    R(futimens(f, 0));
    ts[0].tv_nsec = 0;
    ts[0].tv_sec = -5;
    ts[1].tv_nsec = 7;
    R(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
    lstat("l", &st);
    P("%ld %ld\n", st.st_atim.tv_sec, st.st_mtim.tv_sec);
    R(syscall(SYS_utimensat, f, 0, ts, 0));
    R(syscall(SYS_utimensat, f, 0, ts, AT_SYMLINK_NOFOLLOW));
    R(syscall(SYS_utimensat, AT_FDCWD, 0, ts, 0));
    R(syscall(SYS_utimensat, f, "", ts, AT_EMPTY_PATH));
    R(utimensat(AT_FDCWD, "f", ts, 0x40));
    R(futimens(99, ts));
    R(syscall(SYS_utimensat, p[0], 0, ts, 0));
    ts[0].tv_sec = ts[1].tv_sec = 1l << 40;
    R(utimensat(AT_FDCWD, "f", ts, 0));
    struct timeval tv[2] = {{5, 999999}, {6, 1000000}};
    R(utimes("f", tv));
    tv[1].tv_usec = 1;
    R(utimes("f", tv));
    stat("f", &st);
    P("%ld %ld %ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec);
    /* which times change */
    struct timespec z[2] = {{10, 0}, {10, 0}};
#define Z(x)                                                                                       \
    do {                                                                                           \
        futimens(f, z);                                                                            \
        struct stat a, b;                                                                          \
        fstat(f, &a);                                                                              \
        usleep(20000);                                                                             \
        x;                                                                                         \
        fstat(f, &b);                                                                              \
        P(#x ": atime %d mtime %d ctime %d\n",                                                     \
          a.st_atim.tv_sec != b.st_atim.tv_sec || a.st_atim.tv_nsec != b.st_atim.tv_nsec,          \
          a.st_mtim.tv_sec != b.st_mtim.tv_sec,                                                    \
          a.st_ctim.tv_sec != b.st_ctim.tv_sec || a.st_ctim.tv_nsec != b.st_ctim.tv_nsec);         \
    } while (0)
    char c;
    Z(pread(f, &c, 1, 0));
    Z(pwrite(f, "x", 1, 0));
    Z(pwrite(f, "x", 0, 0));
    Z(fchmod(f, 0600));
    Z(fchown(f, -1, -1));
    Z(ftruncate(f, 5));
    Z(ftruncate(f, 3));
    Z(link("f", "f9"));
    Z(rename("f9", "f8"));
    Z(unlink("f8"));
    Z(fsync(f));
    Z(truncate("f", 3));
    Z(close(open("f", O_WRONLY | O_TRUNC)));
    Z(chmod("f", 0600));
    f = open("d", O_RDONLY);
    char nm[] = "d/x";
    Z(close(creat("d/x", 0600)));
    Z(unlink("d/x"));
    Z(mkdir("d/y", 0700));
    Z(rmdir("d/y"));
    Z(access("d/y", 0));
    struct statfs sf;
    R(statfs(".", &sf));
    R(statfs("/proc", &sf));
    P("%lx\n", (long)sf.f_type);
    R(statfs("/dev/shm", &sf));
    P("%lx %ld\n", (long)sf.f_type, (long)sf.f_namelen);
    R(statfs("nope", &sf));
    R(fstatfs(99, &sf));
    R(fstatfs(p[0], &sf));
    P("%lx\n", (long)sf.f_type);
    return 0;
}
