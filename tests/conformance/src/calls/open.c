/* open(2), openat2(2): flags, kinds of files, links, confined walks, O_TMPFILE: results and errno
 * of good and odd calls. */
#include "report.h"
#include <linux/openat2.h>
#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif
int tour_open(void) {
    umask(022);
    R(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
    R(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
    R(open("a", O_DIRECTORY));
    R(mkdir("d", 0755));
    R(open("d", O_RDONLY));
    R(open("d", O_RDWR));
    R(open("d", O_CREAT | O_RDONLY, 0644));
    R(open("d", O_DIRECTORY | O_CREAT, 0644));
    R(open("d", O_WRONLY | O_DIRECTORY));
    R(symlink("a", "la"));
    R(symlink("nope", "ln"));
    R(symlink("loop", "loop"));
    R(open("la", O_RDONLY | O_NOFOLLOW));
    R(open("la", O_PATH | O_NOFOLLOW));
    R(open("la", O_PATH));
    R(open("ln", O_RDONLY));
    R(open("ln", O_RDWR | O_CREAT | O_EXCL, 0600));
    R(open("ln", O_RDWR | O_CREAT, 0600));
    R(access("nope", F_OK));
    R(open("loop", O_RDONLY));
    R(open("loop/x", O_RDONLY));
    R(open("loop", O_CREAT | O_RDWR, 0600));
    R(open("a/", O_RDONLY));
    R(open("a/b", O_RDONLY));
    R(open("new/", O_CREAT | O_RDWR, 0600));
    R(open("", O_RDONLY));
    R(open((char *)1, O_RDONLY));
    char big[5000];
    memset(big, 'x', 4999);
    big[4999] = 0;
    R(open(big, O_RDONLY));
    big[300] = 0;
    R(open(big, O_RDONLY));
    R(open(big, O_CREAT | O_RDWR, 0600));
    big[255] = 0;
    R(open(big, O_CREAT | O_RDWR, 0600));
    int p = open("a", O_PATH);
    char c[4];
    R(read(p, c, 1));
    R(write(p, "x", 1));
    R(fcntl(p, F_GETFL) & O_PATH ? 1 : 0);
    R(fchmod(p, 0600));
    struct stat st;
    R(fstat(p, &st));
    R(ftruncate(p, 0));
    R(dup(p));
    R(lseek(p, 0, SEEK_SET));
    R(ioctl(p, FIONREAD, &st));
    R(fchown(p, 0, 0));
    R(mmap(0, 4096, PROT_READ, MAP_SHARED, p, 0) == MAP_FAILED ? -1 : 0);
    R(fsync(p));
    R(fchdir(p));
    struct pollfd pf = {p, POLLIN, 0};
    R(poll(&pf, 1, 0));
    R(pf.revents);
    int dp = open("d", O_PATH);
    R(openat(dp, "f", O_CREAT | O_RDWR, 0600));
    R(fchdir(dp));
    R(chdir(".."));
    R(openat(p, "f", O_RDONLY));
    R(openat(99, "f", O_RDONLY));
    R(openat(99, "/dev/null", O_RDONLY) >= 0);
    R(write(open("a", O_WRONLY | O_TRUNC), "hello", 5));
    int ap = open("a", O_WRONLY | O_APPEND);
    R(lseek(ap, 0, SEEK_CUR));
    R(write(ap, "XY", 2));
    R(lseek(ap, 0, SEEK_CUR));
    R(pwrite(ap, "Z", 1, 0));
    R(lseek(ap, 0, SEEK_CUR));
    R(lseek(ap, 0, SEEK_SET));
    R(write(ap, "Q", 1));
    R(fstat(ap, &st));
    R(st.st_size);
    char b[32] = {0};
    int rd = open("a", O_RDONLY);
    R(read(rd, b, 31));
    P("%s\n", b);
    R(write(rd, "x", 1));
    R(ftruncate(rd, 0));
    R(open("a", O_RDONLY | O_TRUNC));
    R(stat("a", &st));
    R(st.st_size);
    int fl = fcntl(ap, F_GETFL);
    P("%o\n", fl & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    R(fcntl(ap, F_SETFL, O_NONBLOCK));
    fl = fcntl(ap, F_GETFL);
    P("%o\n", fl & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    R(open("a", 3));
    int t = open(".", O_TMPFILE | O_RDWR, 0600);
    R(t >= 0);
    R(fstat(t, &st));
    P("nlink %d mode %o\n", (int)st.st_nlink, st.st_mode);
    R(write(t, "tmp", 3));
    char lk[64];
    sprintf(lk, "/proc/self/fd/%d", t);
    R(linkat(AT_FDCWD, lk, AT_FDCWD, "fromtmp", AT_SYMLINK_FOLLOW));
    R(stat("fromtmp", &st));
    P("nlink %d size %d\n", (int)st.st_nlink, (int)st.st_size);
    int t2 = open("d", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    R(t2 >= 0);
    sprintf(lk, "/proc/self/fd/%d", t2);
    R(linkat(AT_FDCWD, lk, AT_FDCWD, "fromtmp2", AT_SYMLINK_FOLLOW));
    R(open("d", O_TMPFILE | O_RDONLY, 0600));
    R(open("a", O_TMPFILE | O_RDWR, 0600));
    R(open("nodir", O_TMPFILE | O_RDWR, 0600));
    R(open("d", O_TMPFILE | O_RDWR | O_CREAT, 0600));
    R(linkat(t, "", AT_FDCWD, "viaempty", AT_EMPTY_PATH));
    struct open_how h = {0};
    h.flags = O_RDONLY;
#define O2(path, ...)                                                                              \
    do {                                                                                           \
        struct open_how h = {__VA_ARGS__};                                                         \
        errno = 0;                                                                                 \
        long r = syscall(SYS_openat2, AT_FDCWD, path, &h, sizeof h);                               \
        P("openat2 %s %s = %s\n", path, #__VA_ARGS__, r < 0 ? ename(errno) : "ok");                \
        if (r >= 0)                                                                                \
            close(r);                                                                              \
    } while (0)
    O2("a", .flags = O_RDONLY);
    O2("a", .flags = O_RDONLY, .mode = 0600);
    O2("a", .flags = 1ull << 40);
    O2("a", .flags = O_CREAT | O_RDWR, .mode = 010000);
    O2("a", .resolve = RESOLVE_NO_SYMLINKS);
    O2("la", .resolve = RESOLVE_NO_SYMLINKS);
    O2("../x", .resolve = RESOLVE_BENEATH);
    O2("/dev/null", .resolve = RESOLVE_BENEATH);
    O2("d/../a", .resolve = RESOLVE_BENEATH);
    O2("la", .resolve = RESOLVE_BENEATH);
    O2("/a", .resolve = RESOLVE_IN_ROOT);
    O2("../../a", .resolve = RESOLVE_IN_ROOT);
    O2("/proc/self/exe", .resolve = RESOLVE_NO_MAGICLINKS);
    O2("/proc/self/status", .resolve = RESOLVE_NO_XDEV);
    O2("a", .resolve = RESOLVE_NO_XDEV);
    O2("a", .resolve = 0x100);
    O2("d", .flags = O_PATH | O_RDWR);
    O2("a", .flags = O_PATH | O_NOFOLLOW);
    O2("a", .resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT);
    O2("a", .resolve = RESOLVE_CACHED);
    O2("nn", .flags = O_CREAT | O_EXCL | O_WRONLY, .mode = 0640);
    O2("nn", .flags = O_CREAT | O_EXCL | O_WRONLY, .mode = 0640);
    R(syscall(SYS_openat2, AT_FDCWD, "a", &h, 8));
    R(syscall(SYS_openat2, AT_FDCWD, "a", 0, sizeof h));
    R(creat("cc", 0777) >= 0);
    R(stat("cc", &st));
    P("%o\n", st.st_mode);
    umask(0);
    R(open("cd", O_CREAT, 07777) >= 0);
    R(stat("cd", &st));
    P("%o\n", st.st_mode);
    R(open("/dev/tty", O_RDWR | O_NOCTTY) < 0);
    R(open("/etc/passwd/", O_RDONLY));
    R(open(".", O_RDONLY | O_CREAT, 0600));
    R(open("d/..", O_RDONLY | O_CREAT | O_EXCL, 0600));
    R(open("d/.", O_WRONLY));
    R(open("/", O_RDONLY | O_CREAT | O_EXCL, 0600));
    R(mkfifo("ff", 0644));
    R(open("ff", O_WRONLY | O_NONBLOCK));
    R(open("ff", O_RDONLY | O_NONBLOCK) >= 0);
    R(open("ff", O_WRONLY | O_NONBLOCK) >= 0);
    R(open("ff", O_DIRECTORY));
    return 0;
}
