/* Makes many system calls with plain and odd arguments; compared line by line with strace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define S(nr, ...) syscall(SYS_##nr, ##__VA_ARGS__)
static void handler(int s) { (void)s; }
static void *bad = (void *)8;

static void memory(void) {
  char *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  S(mmap, p, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  S(mmap, 0, 4096, 0xf0, 0xffffffff, 3, 0x1234);
  S(mmap, 0, 0, 3, 0, 7, 0);
  S(mmap, 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
  S(mmap, 0, 4096, 3, 3 | MAP_ANONYMOUS | MAP_POPULATE | MAP_STACK | MAP_GROWSDOWN, -1, 4096);
  mprotect(p, 4096, PROT_READ | PROT_EXEC);
  S(mprotect, p, 4096, 0x1000007);
  S(mprotect, 1, 4096, 8);
  S(mremap, p + 8192, 4096, 8192, 0);
  S(mremap, p + 8192, 4096, 8192, MREMAP_MAYMOVE);
  S(mremap, p + 8192, 4096, 8192, 3, p + 32768);
  S(mremap, p + 8192, 4096, 8192, 0x10);
  madvise(p, 4096, MADV_DONTNEED);
  madvise(p, 4096, 99);
  p[20480] = 1;
  unsigned char vec[64];
  mincore(p + 4096, 12288, vec);
  mincore(p, 4096, bad);
  S(mincore, p + 1, 4096, vec);
  S(mincore, p, 0, vec);
  msync(p, 4096, MS_SYNC | MS_INVALIDATE);
  S(mlock, p, 4096);
  S(mlock2, p, 4096, 1);
  S(munlock, p, 4096);
  S(mlockall, 1);
  S(munlockall);
  S(brk, 0);
  S(brk, 0x1234);
  munmap(p, 4096);
  munmap(p + 1, 4096);
  S(munmap, -1, -1);
  S(memfd_create, "hello", 3);
  S(memfd_create, "a name that is very very long, really longer than 32", 8);
}

static void files(void) {
  char buf[4096];
  struct stat st;
  int fd = open("tour.tmp", O_RDWR | O_CREAT | O_TRUNC, 0644);
  S(open, "nonexistent", O_RDONLY);
  S(open, "nonexistent", O_WRONLY | O_APPEND | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW, 0);
  S(open, ".", O_TMPFILE | O_RDWR | O_SYNC, 0600);
  S(openat, AT_FDCWD, "x", 0x3fffffff, 07777);
  S(openat, 5, bad, 3);
  S(openat, -1, 0, O_DSYNC | O_DIRECT | O_NOATIME | O_PATH);
  S(openat, -100, "a/\1\2\n\t\"\\\377\1", 0);
  S(creat, "tour2.tmp", 0);
  write(fd, "hello\nworld\t\"quoted\"\\ \0\1\0017\xff", 30);
  write(fd, "0123456789012345678901234567890123456789", 40);
  write(fd, "01234567890123456789012345678901", 32);
  S(write, fd, bad, 5);
  S(write, fd, 0, 0);
  S(write, fd, 0, 3);
  S(write, fd, buf, 0);
  S(write, 99, "x", 1);
  lseek(fd, 0, SEEK_SET);
  lseek(fd, -5, SEEK_END);
  lseek(fd, 1, 77);
  read(fd, buf, 3);
  read(fd, buf, 0);
  lseek(fd, 0, SEEK_SET);
  read(fd, buf, 4096);
  read(fd, buf, 4096);
  S(read, fd, bad, 10);
  S(read, -1, buf, 10);
  pread64(fd, buf, 10, 3);
  pread64(fd, buf, 10, -3);
  pwrite64(fd, "abc", 3, 2);
  struct iovec iov[3] = {{"one", 3}, {"twotwo", 6}, {0, 0}};
  writev(fd, iov, 3);
  S(writev, fd, bad, 2);
  S(writev, fd, 0, 0);
  S(writev, fd, iov, 0);
  struct iovec in[2] = {{buf, 4}, {buf + 100, 400}};
  lseek(fd, 0, SEEK_SET);
  readv(fd, in, 2);
  readv(99, in, 2);
  preadv(fd, in, 2, 1);
  S(preadv2, fd, in, 2, 1, 0, 8);
  pwritev(fd, iov, 2, 1);
  S(fstat, fd, &st);
  S(stat, "/dev/null", &st);
  S(stat, "/", &st);
  S(lstat, "/proc/self/exe", &st);
  S(fstat, 99, &st);
  S(stat, "/", 8);
  S(newfstatat, AT_FDCWD, "tour.tmp", &st, AT_SYMLINK_NOFOLLOW);
  S(newfstatat, fd, "", &st, AT_EMPTY_PATH);
  S(newfstatat, fd, "", &st, 0x80000000);
  S(statx, AT_FDCWD, "/tmp", 0x4100, 0xfff, buf);
  S(statx, AT_FDCWD, "/", 0, 0x7ff, buf);
  S(statx, fd, "", AT_EMPTY_PATH, 1, buf);
  S(statx, fd, "zz", 0x6000, 0x80000001, buf);
  S(access, "/", R_OK | X_OK);
  S(access, "/nope", F_OK);
  S(faccessat, AT_FDCWD, "/", 0xff);
  S(faccessat2, AT_FDCWD, "/", 4, 0x200);
  S(fcntl, fd, F_GETFL);
  S(fcntl, fd, F_GETFD);
  S(fcntl, fd, F_SETFD, FD_CLOEXEC);
  S(fcntl, fd, F_GETFD);
  S(fcntl, fd, F_SETFL, O_APPEND | O_NONBLOCK);
  S(fcntl, fd, F_GETFL);
  S(fcntl, fd, F_DUPFD, 10);
  S(fcntl, fd, F_DUPFD_CLOEXEC, 20);
  S(fcntl, fd, 77, 0x10);
  S(fcntl, 99, F_GETFL);
  struct flock fl = {F_WRLCK, SEEK_SET, 1, 2, 3};
  S(fcntl, fd, F_SETLK, &fl);
  S(fcntl, fd, F_GETLK, &fl);
  S(flock, fd, 6);
  S(dup, fd);
  S(dup2, fd, 30);
  S(dup3, fd, 31, O_CLOEXEC);
  S(dup3, fd, fd, 0);
  S(getcwd, buf, 4096);
  S(getcwd, buf, 2);
  S(chdir, ".");
  S(chdir, "/nonexistent");
  S(fchdir, 99);
  S(mkdir, "tourdir", 0755);
  S(mkdirat, AT_FDCWD, "tourdir", 0);
  S(mknod, "tournode", S_IFIFO | 0644, 0);
  S(mknodat, AT_FDCWD, "tourchr/", S_IFCHR | S_ISUID | 0600, 0x123456789a);
  S(mknodat, AT_FDCWD, "/", 07, 0);
  S(rmdir, "tourdir");
  S(symlink, "tour.tmp", "tourlink");
  S(symlinkat, "a", 99, "b");
  S(readlink, "tourlink", buf, 4096);
  S(readlinkat, AT_FDCWD, "tourlink", buf, 3);
  S(readlink, "tour.tmp", buf, 100);
  S(link, "tour.tmp", "tourhard");
  S(linkat, AT_FDCWD, "a", AT_FDCWD, "b", AT_SYMLINK_FOLLOW);
  S(unlink, "tourhard");
  S(unlinkat, AT_FDCWD, "tourlink", 0);
  S(unlinkat, AT_FDCWD, "nope", AT_REMOVEDIR);
  S(unlink, "tournode");
  S(rename, "tour2.tmp", "tour3.tmp");
  S(renameat, AT_FDCWD, "tour3.tmp", AT_FDCWD, "tour2.tmp");
  S(renameat2, AT_FDCWD, "nope", 9, "nope2", 3);
  S(unlink, "tour2.tmp");
  S(chmod, "tour.tmp", 04755);
  S(fchmod, fd, 0);
  S(fchmodat, AT_FDCWD, "nope", 0x1ffff);
  S(chown, "nope", -1, 0);
  S(fchown, fd, 0, -1);
  S(lchown, "nope", 1, 2);
  S(fchownat, AT_FDCWD, "nope", 0, 0, AT_SYMLINK_NOFOLLOW);
  S(umask, 022);
  S(umask, 0);
  S(umask, 022);
  S(truncate, "nope", 5);
  S(ftruncate, fd, 100);
  S(ftruncate, fd, -1);
  S(fallocate, fd, 1, 0, 8192);
  S(fadvise64, fd, 0, 0, 2);
  struct timespec ts[2] = {{0, UTIME_NOW}, {1000000000, 5}};
  S(utimensat, AT_FDCWD, "tour.tmp", ts, 0);
  S(utimensat, AT_FDCWD, "nope", 0, AT_SYMLINK_NOFOLLOW);
  S(sync_file_range, fd, 0, 0, 2);
  S(fsync, fd);
  S(fdatasync, fd);
  int d = S(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
  S(getdents64, d, buf, 4096);
  S(getdents64, d, buf, 4096);
  S(getdents64, fd, buf, 4096);
  int p[2];
  S(pipe2, p, O_CLOEXEC | O_NONBLOCK);
  S(pipe, p);
  S(pipe2, bad, 0);
  S(pipe2, p, 0x7);
  struct pollfd pf[3] = {{p[0], POLLIN | POLLPRI, 0}, {p[1], POLLOUT, 0}, {-1, 1, 0}};
  S(poll, pf, 3, 100);
  S(poll, pf, 1, 0);
  S(poll, 0, 0, 1);
  S(poll, bad, 1, 0);
  struct timespec t0 = {0, 1000};
  uint64_t set = 6;
  S(ppoll, pf, 2, &t0, &set, 8);
  S(ppoll, pf, 1, &t0, 0, 0);
  S(ppoll, pf, 1, 0, &set, 4);
  fd_set r, w;
  FD_ZERO(&r); FD_ZERO(&w); FD_SET(p[0], &r); FD_SET(p[1], &w); FD_SET(1, &w);
  struct timeval tv = {0, 0};
  S(select, 64, &r, &w, 0, &tv);
  FD_ZERO(&r); FD_SET(p[0], &r);
  S(select, 64, &r, 0, 0, &tv);
  S(pselect6, 0, 0, 0, 0, &t0, 0);
  int ep = S(epoll_create1, EPOLL_CLOEXEC);
  struct epoll_event ev = {EPOLLOUT | EPOLLET, {.u64 = 0x123456789abc}};
  S(epoll_ctl, ep, EPOLL_CTL_ADD, p[1], &ev);
  struct epoll_event evs[4];
  S(epoll_wait, ep, evs, 4, 0);
  S(epoll_pwait, ep, evs, 4, 0, 0, 8);
  S(eventfd2, 1, 0x80001);
  S(close, fd);
  S(close, 999);
  S(close_range, 500, 600, 4);
  S(statfs, "/nope", buf);
  S(unlink, "tour.tmp");
}

static void signals(void) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = handler;
  sigaddset(&a.sa_mask, SIGINT);
  sigaddset(&a.sa_mask, 34);
  a.sa_flags = SA_RESTART | SA_NODEFER | SA_RESETHAND | SA_ONSTACK | SA_NOCLDWAIT;
  sigaction(SIGUSR1, &a, 0);
  sigaction(SIGUSR1, 0, &a);
  a.sa_handler = SIG_IGN; a.sa_flags = SA_SIGINFO;
  sigfillset(&a.sa_mask);
  sigaction(SIGUSR2, &a, &a);
  a.sa_handler = SIG_DFL; a.sa_flags = 0; sigemptyset(&a.sa_mask);
  sigaction(SIGUSR2, &a, 0);
  sigaction(40, &a, 0);
  S(rt_sigaction, 99, 0, 0, 8);
  S(rt_sigaction, 64, bad, &a, 8);
  S(rt_sigaction, 0, 0, 0, 4);
  uint64_t set = 0x202, old;
  S(rt_sigprocmask, SIG_BLOCK, &set, &old, 8);
  S(rt_sigprocmask, SIG_SETMASK, 0, &old, 8);
  S(rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
  S(rt_sigprocmask, 77, &set, 0, 8);
  S(rt_sigprocmask, 0, &set, 0, 4);
  set = -1;
  S(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
  set = 0xffffffff;
  S(rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
  set = 0xfffffffe00000000;
  S(rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
  S(kill, getpid(), SIGURG);
  set = 0;
  stack_t ss = {.ss_sp = (void *)0x10000, .ss_flags = 0, .ss_size = 8192}, os;
  S(sigaltstack, 0, &os);
  S(sigaltstack, &ss, &os);
  ss.ss_flags = SS_DISABLE;
  S(sigaltstack, &ss, 0);
  S(rt_sigpending, &old, 8);
  S(kill, 99999, 0);
  S(kill, -5, 77);
  S(tkill, 99999, SIGRTMIN + 1);
  S(tgkill, 1, 99999, 33);
  struct timespec t = {0, 1000};
  siginfo_t si;
  set = 1 << 14;
  S(rt_sigtimedwait, &set, &si, &t, 8);
  S(rt_sigtimedwait, &set, 0, &t, 8);
  set = 0;
  S(rt_sigprocmask, SIG_SETMASK, &set, 0, 8);
  raise(SIGUSR1);
  memset(&a, 0, sizeof a);
  a.sa_handler = handler;
  sigaction(SIGALRM, &a, 0);
  sigaction(SIGFPE, &a, 0);
  struct itimerval it = {{0, 0}, {0, 1000}};
  set = 1 << (SIGALRM - 1);
  S(rt_sigprocmask, SIG_BLOCK, &set, 0, 8); /* else it may come before the wait for it */
  S(setitimer, ITIMER_REAL, &it, 0);
  set = 0;
  S(rt_sigsuspend, &set, 8);
  S(rt_sigprocmask, SIG_SETMASK, &set, 0, 8);
  union sigval v = {.sival_int = 5};
  sigqueue(getpid(), SIGALRM, v);
}

static void others(void) {
  char buf[4096];
  struct timespec ts = {0, 1000};
  struct timeval tv;
  S(clock_gettime, 1, 0);
  S(clock_gettime, 77, &ts);
  S(clock_gettime, -6, 0);
  S(clock_getres, 0, &ts);
  S(clock_getres, 1, 0);
  S(nanosleep, &ts, &ts);
  S(nanosleep, &ts, 0);
  ts.tv_nsec = -1;
  S(nanosleep, &ts, &ts);
  ts.tv_nsec = 1;
  S(clock_nanosleep, 1, 0, &ts, 0);
  S(clock_nanosleep, 0, 1, &ts, &ts);
  S(gettimeofday, 0, 0);
  S(settimeofday, 0, 0);
  S(getitimer, ITIMER_REAL, buf);
  S(getitimer, 5, buf);
  S(alarm, 0);
  struct rlimit rl = {8192, 1 << 20}, ol;
  S(prlimit64, 0, RLIMIT_NOFILE, 0, &ol);
  rl = ol;
  S(prlimit64, 0, RLIMIT_CORE, &rl, 0);
  S(getrlimit, RLIMIT_AS, &ol);
  S(getrlimit, 99, &ol);
  S(setrlimit, RLIMIT_STACK, bad);
  S(getpriority, PRIO_PROCESS, 0);
  S(setpriority, PRIO_USER, 0, 0);
  S(sched_yield);
  S(sched_getscheduler, 0);
  S(sched_getparam, 0, buf);
  int prio = 0;
  S(sched_setscheduler, 0, 0x40000000, &prio);
  S(sched_get_priority_max, 1);
  S(sched_rr_get_interval, 0, bad);
  S(sched_getaffinity, 0, 8, buf);
  uint64_t mask = 3;
  S(sched_setaffinity, 0, 8, &mask);
  S(uname, buf);
  S(uname, bad);
  S(sysinfo, bad);
  S(getrandom, buf, 0, 0);
  S(getrandom, bad, 8, 3);
  S(getgroups, 0, 0);
  S(setgroups, 2, bad);
  S(getresuid, buf, buf + 4, buf + 8);
  S(getresgid, buf, buf + 4, bad);
  S(setuid, 0);
  S(setreuid, -1, -1);
  S(setresgid, -1, 0, -1);
  S(getpgid, 999999);
  S(setpgid, 999999, 0);
  S(personality, 0xffffffff);
  S(set_tid_address, buf);
  S(set_robust_list, buf, 24);
  S(set_robust_list, buf, 2);
  S(rseq, buf, 32, 1, 0x53053053);
  uint32_t f = 1;
  S(futex, &f, FUTEX_WAIT_PRIVATE, 2, 0);
  S(futex, &f, FUTEX_WAKE, 1);
  S(futex, &f, FUTEX_WAIT, 1, &ts);
  S(futex, &f, FUTEX_WAIT_BITSET | 128 | 256, 2, 0, 0, 0xffffffff);
  S(futex, &f, FUTEX_WAKE_BITSET, 2, 0, 0, 5);
  S(futex, &f, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &f, 3);
  S(futex, &f, FUTEX_REQUEUE, 1, 2, &mask, 3);
  S(futex, &f, FUTEX_WAKE_OP_PRIVATE, 1, 1, &f, 0x4000001);
  S(futex, &f, FUTEX_WAKE_OP_PRIVATE, 1, 1, &f, 0x92345678);
  S(futex, &f, 99, 1, 2, 3, 4);
  S(futex, &f, FUTEX_UNLOCK_PI);
  prctl(PR_SET_NAME, "a name longer than fifteen");
  prctl(PR_GET_NAME, buf);
  prctl(PR_GET_DUMPABLE);
  prctl(PR_SET_DUMPABLE, 1);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGHUP);
  prctl(PR_GET_PDEATHSIG, buf);
  prctl(12345, 1, 2, 3, 4);
  S(arch_prctl, 0x3001, buf);
  S(arch_prctl, 0x1003, buf);
  S(arch_prctl, 0x1002, 0x8000000000000000UL);
  S(ioctl, 0, TIOCGWINSZ, buf);
  S(ioctl, 1, TCGETS, buf);
  S(ioctl, 99, FIONREAD, buf);
  int one = 1;
  S(ioctl, 0, FIONBIO, &one);
  S(ioctl, 0, TIOCSCTTY, 0);
  S(ioctl, 0, FIOCLEX);
  S(ioctl, 0, 0xc0104567, buf);
  S(ioctl, 0, 0, 0);
  S(ioctl, 0, 0x12345, 7);
  S(wait4, -1, 0, WNOHANG, 0);
  S(wait4, -1, buf, 0xff, buf);
  S(waitid, 0, 0, buf, 5, 0);

  S(getcpu, bad, 0, 0);
  S(unshare, 0);
  S(membarrier, 0, 0);
  S(membarrier, 777, 0);
  S(execve, "/nope", (char *[]){"a", "b\n", 0}, (char *[]){"X=1", 0});
  S(execve, "/nope", 0, 0);
  S(execve, bad, bad, bad);

  syscall(500, 1, 2, 3, 4, 5, 6);
  syscall(-5L, 1, 2, 3, 4, 5, 6);
  pid_t p = S(fork);
  if (!p) S(exit_group, 3);
  int st;
  S(wait4, p, &st, 0, 0);
  p = S(clone, SIGCHLD, 0, 0, 0, 0);
  if (!p) { S(kill, getpid(), 9); }
  S(wait4, p, &st, __WALL, 0);
  p = S(clone, 0x01200000 | SIGCHLD, 0, 0, buf, 0);
  if (!p) S(exit, 0);
  S(waitid, P_PID, p, buf + 64, WEXITED, 0);
  gettimeofday(&tv, 0);
}

int main(int argc, char **argv) {
  memory();
  files();
  signals();
  others();
  if (argc > 1 && argv[1][0] == 's') *(volatile int *)8 = 1;
  if (argc > 1 && argv[1][0] == 'i') __builtin_trap();
  if (argc > 1 && argv[1][0] == 'f') { volatile int z = 0; signal(SIGFPE, SIG_DFL); z = 1 / z; }
  if (argc > 1 && argv[1][0] == 'k') kill(getpid(), SIGKILL);
  return 3;
}
