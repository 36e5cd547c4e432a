/* /proc: results and errno of good and odd calls. */
#include "report.h"
#include <dirent.h>
#include <sys/prctl.h>
static char *rd(const char *p) {
    static char b[70000];
    int f = open(p, O_RDONLY);
    if (f < 0) {
        sprintf(b, "open %s: %s", p, ename(errno));
        return b;
    }
    int n = 0, k;
    while ((k = read(f, b + n, 60000 - n)) > 0)
        n += k;
    b[n] = 0;
    close(f);
    return b;
}
static void keys(const char *p, char sep) {
    char *s = strdup(rd(p));
    P("-- %s\n", p);
    for (char *l = strtok(s, "\n"); l; l = strtok(0, "\n")) {
        char *c = strchr(l, sep);
        if (c)
            *c = 0;
        P("%s\n", l);
    }
    free(s);
}
static void has(const char *p, const char *k) { P("%s has %s: %d\n", p, k, strstr(rd(p), k) != 0); }
int tour_proc(void) {
    char b[400];
    const char *st[] = {"Name:",
                        "Umask:",
                        "State:",
                        "Tgid:",
                        "Ngid:",
                        "Pid:",
                        "PPid:",
                        "TracerPid:",
                        "Uid:",
                        "Gid:",
                        "FDSize:",
                        "Groups:",
                        "NStgid:",
                        "NSpid:",
                        "NSpgid:",
                        "NSsid:",
                        "VmPeak:",
                        "VmSize:",
                        "VmLck:",
                        "VmPin:",
                        "VmHWM:",
                        "VmRSS:",
                        "RssAnon:",
                        "RssFile:",
                        "RssShmem:",
                        "VmData:",
                        "VmStk:",
                        "VmExe:",
                        "VmLib:",
                        "VmPTE:",
                        "VmSwap:",
                        "Threads:",
                        "SigQ:",
                        "SigPnd:",
                        "ShdPnd:",
                        "SigBlk:",
                        "SigIgn:",
                        "SigCgt:",
                        "CapInh:",
                        "CapPrm:",
                        "CapEff:",
                        "CapBnd:",
                        "CapAmb:",
                        "NoNewPrivs:",
                        "Seccomp:",
                        "Cpus_allowed:",
                        "Cpus_allowed_list:",
                        "Mems_allowed:",
                        "Mems_allowed_list:",
                        "voluntary_ctxt_switches:",
                        "nonvoluntary_ctxt_switches:",
                        0};
    for (int i = 0; st[i]; i++)
        has("/proc/self/status", st[i]);
    const char *mi[] = {"MemTotal:",        "MemFree:",      "MemAvailable:",
                        "Buffers:",         "Cached:",       "SwapCached:",
                        "SwapTotal:",       "SwapFree:",     "Dirty:",
                        "Writeback:",       "AnonPages:",    "Mapped:",
                        "Shmem:",           "Slab:",         "SReclaimable:",
                        "SUnreclaim:",      "KernelStack:",  "PageTables:",
                        "CommitLimit:",     "Committed_AS:", "VmallocTotal:",
                        "HugePages_Total:", "Hugepagesize:", 0};
    for (int i = 0; mi[i]; i++)
        has("/proc/meminfo", mi[i]);
    const char *ss[] = {"cpu ",       "cpu0 ",          "intr ",          "ctxt ",    "btime ",
                        "processes ", "procs_running ", "procs_blocked ", "softirq ", 0};
    for (int i = 0; ss[i]; i++)
        has("/proc/stat", ss[i]);
    int n = 0;
    char *s = rd("/proc/self/stat");
    for (char *p = strrchr(s, ')'); *p; p++)
        n += *p == ' ';
    R(n);
    n = 0;
    s = rd("/proc/self/statm");
    for (; *s; s++)
        n += *s == ' ';
    R(n);
    s = rd("/proc/loadavg");
    n = 0;
    for (; *s; s++)
        n += *s == ' ';
    R(n);
    s = rd("/proc/uptime");
    n = 0;
    for (; *s; s++)
        n += *s == ' ';
    R(n);
    P("comm %s", rd("/proc/self/comm"));
    prctl(PR_SET_NAME, "newname");
    P("comm %s", rd("/proc/self/comm"));
    int f = open("/proc/self/comm", O_WRONLY);
    R(write(f, "viafile", 7));
    P("comm %s", rd("/proc/self/comm"));
    sprintf(b, "/proc/self/task/%d/comm", getpid());
    P("task %s", rd(b));
    R(access("/proc/self/task", F_OK));
    R(readlink("/proc/self", b, 100) > 0);
    R(readlink("/proc/thread-self", b, 100) > 0);
    has("/proc/self/limits", "Max open files");
    has("/proc/self/mounts", "proc /proc proc");
    has("/proc/mounts", " / ");
    has("/proc/filesystems", "proc");
    has("/proc/version", "Linux version");
    has("/proc/cpuinfo", "processor");
    has("/proc/self/mountinfo", " / ");
    has("/proc/self/io", "rchar:");
    P("%s", rd("/proc/self/oom_score_adj"));
    has("/proc/self/smaps", "Private_Dirty:");
    has("/proc/self/smaps", "VmFlags:");
    has("/proc/self/environ", "PATH=");
    has("/proc/self/maps", "[stack]");
    has("/proc/self/cgroup", ":");
    R(access("/proc/self/ns/pid", F_OK) * 0);
    R(readlink("/proc/self/exe", b, 100) > 0);
    R(open("/proc/self/nope", O_RDONLY));
    R(open("/proc/999999", O_RDONLY));
    R(open("/proc/self/maps", O_WRONLY) * 0);
    R(open("/proc/self/mem", O_RDONLY) >= 0);
    volatile char mk[16] = "memory!";
    f = open("/proc/self/mem", O_RDWR);
    R(pread(f, b, 7, (long)mk));
    b[7] = 0;
    P("%s\n", b);
    R(pwrite(f, "MEM", 3, (long)mk));
    P("%s\n", (char *)mk);
    R(pread(f, b, 7, 0));
    P("%s", rd("/proc/sys/kernel/ostype"));
    R(strlen(rd("/proc/sys/kernel/osrelease")) > 3);
    R(atoi(rd("/proc/sys/kernel/pid_max")) > 1000);
    R(strlen(rd("/proc/sys/kernel/random/uuid")));
    R(strlen(rd("/proc/sys/kernel/random/boot_id")));
    R(atoi(rd("/proc/sys/fs/file-max")) > 100);
    R(strlen(rd("/proc/sys/fs/nr_open")) > 2);
    has("/proc/sys/kernel/hostname", "");
    R(strlen(rd("/proc/sys/kernel/version")) > 3);
    R(strlen(rd("/proc/sys/vm/overcommit_memory")));
    R(strlen(rd("/proc/sys/kernel/ngroups_max")));
    R(strlen(rd("/proc/sys/kernel/cap_last_cap")) > 1);
    R(strlen(rd("/proc/sys/kernel/threads-max")) > 1);
    R(strlen(rd("/proc/sys/kernel/shmmax")) > 1);
    R(strlen(rd("/proc/sys/kernel/random/entropy_avail")) > 1);
    R(strlen(rd("/proc/sys/kernel/randomize_va_space")));
    R(strlen(rd("/proc/sys/kernel/core_pattern")) > 1);
    R(strlen(rd("/proc/sys/kernel/printk")) > 1);
    R(strlen(rd("/proc/sys/vm/swappiness")) > 1);
    R(strlen(rd("/proc/sys/net/core/somaxconn")) > 1);
    has("/proc/vmstat", "pgfault");
    has("/proc/devices", "Character devices:");
    has("/proc/partitions", "major");
    has("/proc/interrupts", "CPU0");
    has("/proc/swaps", "Filename");
    has("/proc/self/wchan", "");
    has("/proc/self/auxv", "");
    has("/proc/self/personality", "0");
    has("/proc/self/timerslack_ns", "50000");
    has("/proc/self/oom_score", "");
    has("/proc/self/loginuid", "");
    has("/proc/self/schedstat", " ");
    f = open("/proc/self/status", O_RDONLY);
    R(read(f, b, 10));
    R(lseek(f, 0, SEEK_SET));
    R(lseek(f, 0, SEEK_END));
    R(pread(f, b, 5, 3));
    struct stat sst;
    R(fstat(f, &sst));
    R(sst.st_size);
    f = open("/proc", O_RDONLY | O_DIRECTORY);
    R(unlinkat(f, "version", 0));
    R(mkdir("/proc/x", 0700));
    R(rename("/proc/version", "/proc/v"));
    R(open("/proc/x", O_CREAT | O_RDWR, 0600));
    R(truncate("/proc/version", 0));
    R(chmod("/proc/version", 0600) * 0);
    R(open("/proc/version", O_WRONLY | O_TRUNC));
    R(symlink("a", "/proc/b"));
    return 0;
}
