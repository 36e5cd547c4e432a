/* clocks, sleeps, limits, ids, prctl(2), scheduling: results and errno of good and odd calls. */
#include "report.h"
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/sysinfo.h>
#include <sys/prctl.h>
#include <sys/personality.h>
#include <sched.h>
#include <sys/timex.h>
static long ms(struct timespec a, struct timespec b) {
    return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}
int tour_clocks(void) {
    struct timespec a, b;
    int c[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, 12, -1, 100};
    for (int i = 0; i < 12; i++) {
        errno = 0;
        int r = clock_gettime(c[i], &a);
        P("clock %d: %d %s nsec ok %d\n", c[i], r, r ? ename(errno) : "",
          r || (a.tv_nsec >= 0 && a.tv_nsec < 1000000000));
        errno = 0;
        r = clock_getres(c[i], &a);
        P("res %d: %d %s %ld\n", c[i], r, r ? ename(errno) : "",
          r ? 0 : (a.tv_nsec == 1 ? 1l : 2l));
    }
    R(clock_getres(1, 0));
    R(clock_settime(1, &a));
    a.tv_nsec = -1;
    R(clock_settime(0, &a));
    a.tv_sec = 0;
    a.tv_nsec = 20000000;
    clock_gettime(1, &b);
    struct timespec t0 = b;
    R(nanosleep(&a, 0));
    clock_gettime(1, &b);
    P("%d\n", ms(t0, b) >= 20);
    a.tv_nsec = 1000000000;
    R(nanosleep(&a, 0));
    a.tv_nsec = 0;
    a.tv_sec = -1;
    R(nanosleep(&a, 0));
    a.tv_sec = 0;
    R(nanosleep(&a, 0));
    R(nanosleep((void *)1, 0));
    clock_gettime(1, &a);
    a.tv_nsec += 30000000;
    if (a.tv_nsec >= 1000000000) {
        a.tv_sec++;
        a.tv_nsec -= 1000000000;
    }
    R(clock_nanosleep(1, TIMER_ABSTIME, &a, 0));
    R(clock_nanosleep(1, TIMER_ABSTIME, &t0, 0));
    R(clock_nanosleep(3, 0, &t0, 0));
    R(clock_nanosleep(77, 0, &t0, 0));
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = (void (*)(int))getppid;
    sigaction(SIGALRM, &sa, 0);
    struct itimerval it = {{0, 0}, {0, 20000}};
    setitimer(0, &it, 0);
    a.tv_sec = 1;
    a.tv_nsec = 0;
    struct timespec rem = {0, 0};
    R(nanosleep(&a, &rem));
    P("%d\n", rem.tv_sec == 0 && rem.tv_nsec > 900000000);
    it.it_value.tv_usec = 1000000;
    R(setitimer(0, &it, 0));
    it.it_value.tv_usec = 0;
    it.it_value.tv_sec = 5;
    R(setitimer(9, &it, 0));
    R(setitimer(0, &it, 0));
    R(getitimer(0, &it));
    P("%ld\n", it.it_value.tv_sec);
    R(alarm(0));
    R(alarm(3));
    R(alarm(0));
    R(getitimer(0, (void *)1));
    struct timeval tv;
    struct timezone tz;
    R(gettimeofday(&tv, &tz));
    P("%d\n", tv.tv_sec > 1000000000);
    R(time(0) > 1000000000);
    struct tms tm;
    R(times(&tm) >= 0);
    R(times(0) >= 0);
    struct rusage ru;
    R(getrusage(0, &ru));
    R(getrusage(-1, &ru));
    R(getrusage(1, &ru));
    R(getrusage(5, &ru));
    R(getrusage(0, (void *)1));
    if (!fork()) {
        volatile long k = 0;
        struct timespec s, e;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &s);
        do {
            for (int i = 0; i < 100000; i++)
                k++;
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &e);
        } while (ms(s, e) < 30);
        _exit(0);
    }
    wait(0);
    getrusage(RUSAGE_CHILDREN, &ru);
    P("%d\n", ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec >= 20000);
    times(&tm);
    P("%d\n", tm.tms_cutime + tm.tms_cstime >= 2);
    getrusage(0, &ru);
    struct utsname u;
    R(uname(&u));
    P("%s %s\n", u.sysname, u.nodename[0] ? "named" : "");
    R(uname((void *)1));
    struct sysinfo si;
    R(sysinfo(&si));
    P("%d %d %d\n", si.totalram > 0, si.procs > 0, si.mem_unit);
    R(sysinfo((void *)1));
    R(gethostname(u.nodename, 65));
    R(gethostname(u.nodename, 1) * 0);
    char r[300];
    R(syscall(SYS_getrandom, r, 300, 0));
    R(syscall(SYS_getrandom, r, 10, 1));
    R(syscall(SYS_getrandom, r, 10, 2));
    R(syscall(SYS_getrandom, r, 10, 8));
    R(syscall(SYS_getrandom, 1, 10, 0));
    R(syscall(SYS_getrandom, r, 10, 6));
    struct rlimit rl;
    for (int i = 0; i < 17; i++) {
        errno = 0;
        int k = getrlimit(i, &rl);
        P("rlimit %d %d %s\n", i, k,
          k                            ? ename(errno)
          : rl.rlim_cur <= rl.rlim_max ? "ordered"
                                       : "bad");
    }
    rl.rlim_cur = 5;
    rl.rlim_max = 4;
    R(setrlimit(RLIMIT_CORE, &rl));
    rl.rlim_cur = 0;
    R(setrlimit(RLIMIT_CORE, &rl));
    R(getrlimit(RLIMIT_CORE, &rl));
    P("%d %d\n", (int)rl.rlim_cur, (int)rl.rlim_max);
    R(setrlimit(99, &rl));
    R(setrlimit(0, (void *)1));
    R(syscall(SYS_prlimit64, getpid(), RLIMIT_NOFILE, 0, &rl));
    R(syscall(SYS_prlimit64, 999999, RLIMIT_NOFILE, 0, &rl));
    rl.rlim_cur = rl.rlim_max = 1l << 40;
    R(setrlimit(RLIMIT_NOFILE, &rl));
    R(prctl(PR_SET_NAME, "abc"));
    R(prctl(PR_GET_NAME, r));
    P("%s\n", r);
    R(prctl(PR_GET_DUMPABLE));
    R(prctl(PR_SET_DUMPABLE, 0));
    R(prctl(PR_GET_DUMPABLE));
    R(prctl(PR_SET_DUMPABLE, 2));
    R(prctl(PR_SET_DUMPABLE, 1));
    R(prctl(PR_SET_PDEATHSIG, 10));
    int v;
    R(prctl(PR_GET_PDEATHSIG, &v));
    R(v);
    R(prctl(PR_SET_PDEATHSIG, 99));
    R(prctl(PR_GET_KEEPCAPS));
    R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(9999));
    R(prctl(PR_GET_TIMERSLACK));
    R(prctl(PR_SET_TIMERSLACK, 1));
    R(prctl(PR_GET_TIMERSLACK));
    R(prctl(PR_SET_CHILD_SUBREAPER, 1));
    R(prctl(PR_GET_CHILD_SUBREAPER, &v));
    R(v);
    R(prctl(PR_CAPBSET_READ, 0));
    R(prctl(PR_CAPBSET_READ, 99));
    R(prctl(PR_GET_SECCOMP));
    R(prctl(PR_GET_TID_ADDRESS, r) * 0);
    R(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    R(prctl(PR_GET_TSC, &v) * 0);
    R(personality(0xffffffff));
    R(personality(0x0040000));
    R(personality(0xffffffff) == 0x40000);
    cpu_set_t cs;
    CPU_ZERO(&cs);
    R(sched_getaffinity(0, sizeof cs, &cs) == 0);
    R(syscall(SYS_sched_getaffinity, 0, 4, &cs));
    R(syscall(SYS_sched_getaffinity, 999999, 128, &cs));
    CPU_ZERO(&cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    CPU_SET(0, &cs);
    R(sched_setaffinity(0, sizeof cs, &cs));
    unsigned cpu, node;
    R(syscall(SYS_getcpu, &cpu, &node, 0));
    R(cpu);
    R(node);
    R(sched_yield());
    R(sched_getscheduler(0));
    R(sched_get_priority_max(SCHED_FIFO));
    R(sched_get_priority_min(SCHED_RR));
    R(sched_get_priority_max(SCHED_OTHER));
    R(sched_get_priority_max(99));
    struct sched_param sp = {0};
    R(sched_getparam(0, &sp));
    R(sched_rr_get_interval(0, &a));
    R(getpriority(PRIO_PROCESS, 0));
    R(setpriority(PRIO_PROCESS, 0, 5));
    R(getpriority(PRIO_PROCESS, 0));
    R(nice(3));
    R(getpriority(9, 0));
    R(getpriority(0, 999999));
    R(syscall(SYS_membarrier, 0, 0) > 0);
    R(syscall(SYS_membarrier, 8, 0) * 0);
    R(syscall(SYS_membarrier, 1 << 30, 0));
    struct {
        uint32_t v;
        int pid;
    } ch = {0x20080522, 0};
    uint32_t cd[6];
    R(syscall(SYS_capget, &ch, cd));
    P("%d %d\n", cd[0] != 0, cd[1] != 0);
    ch.v = 1;
    R(syscall(SYS_capget, &ch, cd));
    P("%x\n", ch.v);
    R(syscall(SYS_capget, &ch, 0));
    R(getpid() == syscall(SYS_gettid));
    R(getppid() > 0);
    R(getpgid(0) == getpgrp());
    R(getpgid(999999));
    R(getsid(0) > 0);
    R(setpgid(0, 999999));
    R(syscall(SYS_set_tid_address, &v) == getpid());
    struct timex tx;
    memset(&tx, 0, sizeof tx);
    R(adjtimex(&tx) >= 0);
    R(syscall(SYS_ioprio_get, 1, 0));
    R(syscall(SYS_ioprio_set, 1, 0, (2 << 13) | 4));
    R(syscall(SYS_ioprio_get, 1, 0));
    R(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0));
    R(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 1) > 0);
    return 0;
}
