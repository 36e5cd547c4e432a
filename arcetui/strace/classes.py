"""Classes of system calls, as strace's `-e trace=%class` knows them. Source: strace(1)."""

from __future__ import annotations

_FILE = """
access acct chdir chmod chown chroot creat execve execveat faccessat faccessat2 fanotify_mark
fchmodat fchownat futimesat getcwd getxattr inotify_add_watch lchown lgetxattr link linkat
listxattr llistxattr lremovexattr lsetxattr lstat mkdir mkdirat mknod mknodat mount mount_setattr
name_to_handle_at newfstatat open openat openat2 open_tree pivot_root quotactl readlink readlinkat
removexattr rename renameat renameat2 rmdir setxattr stat statfs statx swapoff swapon symlink
symlinkat truncate umount2 unlink unlinkat uselib utime utimensat utimes
"""
_PROCESS = """
clone clone3 execve execveat exit exit_group fork kill pidfd_open pidfd_send_signal
rt_sigqueueinfo rt_tgsigqueueinfo tgkill tkill vfork wait4 waitid
"""
_MEMORY = """
brk get_mempolicy io_destroy io_setup madvise map_shadow_stack mbind migrate_pages mincore mlock
mlock2 mlockall mmap move_pages mprotect mremap msync munlock munlockall munmap pkey_mprotect
process_madvise remap_file_pages set_mempolicy set_mempolicy_home_node shmat shmdt
"""
_NETWORK = """
accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg
sendfile sendmmsg sendmsg sendto setsockopt shutdown socket socketpair
"""
_SIGNAL = """
kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4 tgkill tkill pidfd_send_signal
"""
_IPC = """
msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget
"""
_DESC = """
bpf cachestat close copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execveat faccessat faccessat2 fadvise64
fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat fchown fchownat fcntl fdatasync
fgetxattr finit_module flistxattr flock fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat
fstatfs fsync ftruncate futimesat getdents getdents64 inotify_add_watch inotify_init inotify_init1
inotify_rm_watch io_uring_enter io_uring_register io_uring_setup ioctl linkat lseek memfd_create
memfd_secret mkdirat mknodat mmap mount_setattr move_mount mq_getsetattr mq_notify mq_open
mq_timedreceive mq_timedsend name_to_handle_at newfstatat open open_by_handle_at open_tree openat
openat2 perf_event_open pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 poll ppoll pread64
preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead readlinkat readv renameat
renameat2 select sendfile setns signalfd signalfd4 splice statx symlinkat sync_file_range syncfs tee
timerfd_create timerfd_gettime timerfd_settime unlinkat userfaultfd utimensat vmsplice write writev
"""
_CLOCK = """
adjtimex clock_adjtime clock_getres clock_gettime clock_settime gettimeofday settimeofday time
"""
_CREDS = """
capget capset getegid geteuid getgid getgroups getresgid getresuid getuid prctl setfsgid setfsuid
setgid setgroups setregid setresgid setresuid setreuid setuid
"""
_PURE = "getegid geteuid getgid getpgrp getpid getppid gettid getuid"

CLASSES: dict[str, frozenset[str]] = {
    "file": frozenset(_FILE.split()),
    "process": frozenset(_PROCESS.split()),
    "memory": frozenset(_MEMORY.split()),
    "network": frozenset(_NETWORK.split()),
    "net": frozenset(_NETWORK.split()),
    "signal": frozenset(_SIGNAL.split()),
    "ipc": frozenset(_IPC.split()),
    "desc": frozenset(_DESC.split()),
    "clock": frozenset(_CLOCK.split()),
    "creds": frozenset(_CREDS.split()),
    "stat": frozenset({"stat"}),
    "lstat": frozenset({"lstat"}),
    "fstat": frozenset({"fstat", "newfstatat", "statx"}),
    "statfs": frozenset({"statfs"}),
    "fstatfs": frozenset({"fstatfs"}),
    "%stat": frozenset({"stat", "lstat", "fstat", "newfstatat", "statx"}),
    "%statfs": frozenset({"statfs", "fstatfs"}),
    "pure": frozenset(_PURE.split()),
}
