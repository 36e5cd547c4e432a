/* systour: a few system calls of each family, and some that fail on purpose.
 *
 * Run it under `arcetui trace`, or stop with `catch syscall`. Nothing printed depends on the
 * machine; `systour -v` adds what does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static void show(const char *call, long result)
{
    if (result < 0)
        printf("  %-34s -> -1 %s\n", call, strerror(errno));
    else
        printf("  %-34s -> %ld\n", call, result);
}

static void truth(const char *claim, int holds)
{
    printf("  %-34s -> %s\n", claim, holds ? "yes" : "no");
}

static void memory(void)
{
    unsigned char vec[4];
    puts("memory");
    char *area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    truth("mmap gives a page address", ((uintptr_t)area & (PAGE - 1)) == 0);
    area[0] = area[2 * PAGE] = 1;
    show("mincore", mincore(area, 4 * PAGE, vec));
    truth("pages 0 and 2 are there", vec[0] & vec[2] & ~vec[1] & ~vec[3] & 1);
    char *moved = mremap(area, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
    truth("mremap kept the contents", moved != MAP_FAILED && moved[2 * PAGE] == 1);
    show("mprotect", mprotect(moved, PAGE, PROT_READ));
    show("madvise MADV_DONTNEED", madvise(moved + PAGE, 2 * PAGE, MADV_DONTNEED));
    truth("the page reads as zero", moved[2 * PAGE] == 0);
    show("munmap", munmap(moved, 8 * PAGE));
    show("munmap again", munmap(moved, 8 * PAGE));
    show("munmap of half a page", munmap((char *)moved + 1, PAGE));
    show("mprotect of nothing mapped", mprotect(moved, PAGE, PROT_READ));
    truth("mmap of size 0 fails", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                      == MAP_FAILED && errno == EINVAL);
    truth("brk(0) twice is the same", syscall(SYS_brk, 0) == syscall(SYS_brk, 0));
}

static void files(void)
{
    struct stat st;
    struct iovec parts[2] = {{"gather ", 7}, {"scatter\n", 8}};
    char buffer[64], path[] = "/tmp/arcetui-systour";

    puts("files");
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    truth("open", fd >= 0);
    show("open again with O_EXCL", open(path, O_RDWR | O_CREAT | O_EXCL, 0640));
    show("writev", writev(fd, parts, 2));
    show("pwrite64 beyond the end", pwrite(fd, "end", 3, 100));
    show("lseek SEEK_END", lseek(fd, 0, SEEK_END));
    show("pread64 in the hole", pread(fd, buffer, 10, 50));
    truth("a hole reads as zero", buffer[0] == 0 && buffer[9] == 0);
    show("ftruncate", ftruncate(fd, 15));
    show("fstat", fstat(fd, &st));
    printf("  size %d, regular file: %s\n", (int)st.st_size, S_ISREG(st.st_mode) ? "yes" : "no");
    lseek(fd, 7, SEEK_SET);
    show("read", read(fd, buffer, sizeof buffer));
    show("read at the end", read(fd, buffer, sizeof buffer));
    truth("fcntl F_GETFD has FD_CLOEXEC", fcntl(fd, F_GETFD) == FD_CLOEXEC);
    truth("fcntl F_GETFL has O_RDWR", (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
    truth("dup3 to 20", dup3(fd, 20, O_CLOEXEC) == 20);
    truth("dup of 20 is above it with F_DUPFD", fcntl(20, F_DUPFD, 21) == 21);
    show("dup3 to itself", dup3(fd, fd, 0));
    close(20), close(21);
    show("access", access(path, R_OK | W_OK));
    show("rename", rename(path, "/tmp/arcetui-systour2"));
    show("stat of the old name", stat(path, &st));
    show("symlink", symlink("target", path));
    show("readlink", readlink(path, buffer, sizeof buffer));
    show("unlink", unlink(path));
    show("unlink", unlink("/tmp/arcetui-systour2"));
    show("close", close(fd));
    show("close again", close(fd));
    show("read of a bad address", read(open("/dev/zero", O_RDONLY), (void *)8, 10));
    show("write to /dev/full", write(open("/dev/full", O_WRONLY), "x", 1));
    show("mkdir with an empty name", mkdir("", 0755));
    show("open of a directory to write", open("/tmp", O_WRONLY));
    show("a path through a file", open("/dev/null/x", O_RDONLY));
    show("chdir", chdir("/tmp"));
    truth("getcwd", getcwd(buffer, sizeof buffer) && strcmp(buffer, "/tmp") == 0);
    show("getcwd into 2 bytes", getcwd(buffer, 2) ? 0 : -1);
}

static void pipes(void)
{
    int ends[2];
    char buffer[8];

    puts("pipes and polling");
    show("pipe2 O_NONBLOCK", pipe2(ends, O_NONBLOCK));
    struct pollfd poller = {.fd = ends[0], .events = POLLIN};
    show("poll, empty", poll(&poller, 1, 0));
    show("read, empty", read(ends[0], buffer, 8));
    show("write", write(ends[1], "pipe", 4));
    show("poll, filled", poll(&poller, 1, 1000));
    show("read", read(ends[0], buffer, 8));
    show("lseek on a pipe", lseek(ends[0], 0, SEEK_CUR));
    close(ends[1]);
    show("read, no writer left", read(ends[0], buffer, 8));
    close(ends[0]);
}

static void times_and_clocks(void)
{
    struct timespec a, b, nap = {0, 2000000};
    struct timeval now;
    struct tms used;

    puts("time");
    clock_gettime(CLOCK_MONOTONIC, &a);
    show("nanosleep 2 ms", nanosleep(&nap, NULL));
    clock_gettime(CLOCK_MONOTONIC, &b);
    long passed = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
    truth("at least 2 ms passed", passed >= 2000000);
    truth("the year is after 2000", gettimeofday(&now, NULL) == 0 && now.tv_sec > 946684800);
    truth("times", times(&used) != (clock_t)-1);
    nap.tv_nsec = 1000000000;
    show("nanosleep of 1000000000 ns", nanosleep(&nap, NULL));
    show("clock_gettime of clock 99", clock_gettime(99, &a));
}

static void identity(void)
{
    struct utsname name;
    struct sysinfo info;
    struct rlimit limit;
    struct rusage usage;
    unsigned char dice[16] = {0};
    cpu_set_t cpus;

    puts("who and where");
    truth("getpid is gettid", getpid() == syscall(SYS_gettid));
    truth("getppid is another", getppid() != getpid());
    truth("getuid is geteuid", getuid() == geteuid() && getgid() == getegid());
    truth("uname says Linux", uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0);
    truth("sysinfo counts memory", sysinfo(&info) == 0 && info.totalram > info.freeram);
    truth("getrlimit RLIMIT_NOFILE", getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 20);
    show("getrlimit 99", getrlimit(99, &limit));
    show("getrusage", getrusage(RUSAGE_SELF, &usage));
    show("getrandom", getrandom(dice, sizeof dice, 0));
    mode_t old = umask(077);
    truth("umask", umask(old) == 077);
    show("sched_yield", sched_yield());
    truth("sched_getaffinity", sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus));
    show("futex wake, nobody waits", syscall(SYS_futex, &old, 1, 5, NULL, NULL, 0));
    show("system call 9999", syscall(9999));
}

static volatile sig_atomic_t got;

static void on_signal(int signo)
{
    got = signo;
}

static void signals(void)
{
    sigset_t set, old;

    puts("signals");
    truth("signal", signal(SIGUSR1, on_signal) == SIG_DFL);
    show("kill to myself", kill(getpid(), SIGUSR1));
    truth("it was handled", got == SIGUSR1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    show("sigprocmask", sigprocmask(SIG_BLOCK, &set, &old));
    show("raise while blocked", raise(SIGUSR2));
    show("sigpending", sigpending(&set));
    truth("SIGUSR2 waits", sigismember(&set, SIGUSR2));
    signal(SIGUSR2, SIG_IGN);
    show("kill with signal 0", kill(getpid(), 0));
    show("kill with signal 99", kill(getpid(), 99));
    truth("SIGKILL has no handler", signal(SIGKILL, on_signal) == SIG_ERR && errno == EINVAL);
}

static void verbose(void)
{
    struct utsname name;
    struct sysinfo info;

    uname(&name);
    sysinfo(&info);
    printf("pid %d, machine %s, release %s, %lu MiB of memory\n", (int)getpid(), name.machine,
           name.release, (unsigned long)(info.totalram * info.mem_unit >> 20));
}

int main(int argc, char **argv)
{
    memory();
    files();
    pipes();
    times_and_clocks();
    identity();
    signals();
    if (argc > 1 && strcmp(argv[1], "-v") == 0)
        verbose();
    puts("end of the tour");
    return 3;
}
