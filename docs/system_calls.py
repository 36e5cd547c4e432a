"""docs/system-calls.md: which Linux system calls the Starry form has, made from its own tables."""

from __future__ import annotations

import importlib
import pkgutil

#: Why calls are absent, and which; every one of the rest of Linux's table must stand here.
ABSENT: tuple[tuple[str, str], ...] = (
    (
        "Tracing and looking into other processes; arcetui itself is the debugger",
        "ptrace perf_event_open bpf uprobe uretprobe userfaultfd lookup_dcookie process_madvise"
        " process_mrelease pidfd_getfd",
    ),
    (
        "Asynchronous I/O; programs fall back to threads or poll",
        "io_setup io_destroy io_getevents io_submit io_cancel io_pgetevents io_uring_setup"
        " io_uring_enter io_uring_register",
    ),
    (
        "File events; programs fall back to looking again",
        "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_init fanotify_mark",
    ),
    (
        "Mounts and namespaces: the tree is fixed",
        "pivot_root setns open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick"
        " mount_setattr statmount listmount listns quotactl quotactl_fd nfsservctl"
        " name_to_handle_at open_by_handle_at",
    ),
    (
        "Newer forms of calls that are here",
        "futex_waitv futex_wait futex_wake futex_requeue setxattrat getxattrat listxattrat"
        " removexattrat file_getattr file_setattr cachestat remap_file_pages",
    ),
    (
        "Filters and keys: nothing here is to be kept from the program",
        "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"
        " lsm_get_self_attr lsm_set_self_attr lsm_list_modules add_key request_key keyctl"
        " memfd_secret mseal map_shadow_stack rseq_slice_yield",
    ),
    (
        "Memory of several nodes: there is one",
        "mbind set_mempolicy get_mempolicy migrate_pages move_pages set_mempolicy_home_node",
    ),
    (
        "The machine itself: modules, ports, swap, another kernel",
        "init_module finit_module delete_module create_module get_kernel_syms query_module"
        " iopl ioperm swapon swapoff acct kexec_load kexec_file_load",
    ),
    (
        "x86 segments, which 64-bit programs do not use",
        "modify_ldt set_thread_area get_thread_area",
    ),
    (
        "Linux itself answers ENOSYS, or has nothing behind them any more",
        "uselib ustat sysfs _sysctl getpmsg putpmsg afs_syscall tuxcall security vserver"
        " epoll_ctl_old epoll_wait_old",
    ),
)


def page() -> str:
    """The page's text.

    Raises:
        ValueError: A call is neither in a table nor in `ABSENT`, or in both.
    """
    from kernel.plugins.starry import api
    from kernel.plugins.starry.api.dispatch import merge_calls
    from kernel.plugins.starry.api.numbers import NUMBERS

    done = merge_calls()
    everything = sorted({name for table in NUMBERS.values() for name in table})
    listed = {name for _, names in ABSENT for name in names.split()}
    if wrong := sorted(set(everything) - set(done) - listed) + sorted(listed & set(done)):
        raise ValueError(f"docs/system_calls.py: put these right: {' '.join(wrong)}")
    counts = ", ".join(
        f"{arch} {sum(name in done for name in table)} of {len(table)}"
        for arch, table in NUMBERS.items()
    )
    out = [
        "# System calls",
        "",
        "What the Starry form answers, family by family as its files stand in",
        "`kernel/plugins/starry/api/`, with Linux's numbers, structures and errors on every",
        f"architecture ({counts}). Calls marked with an asterisk exist on some",
        "architectures only, as on Linux. An unknown call gives ENOSYS and is counted",
        "(`info syscalls`). This page is made from the tables by `docs/generate.py`.",
        "",
        "| Family | System calls |",
        "|---|---|",
    ]
    for module in sorted(module.name for module in pkgutil.iter_modules(api.__path__)):
        loaded = importlib.import_module(f"{api.__name__}.{module}")
        calls = getattr(loaded, "CALLS", {})
        if not calls:
            continue
        about = (loaded.__doc__ or module).split("\n")[0].split(". ")[0].split(": ")[0].rstrip(".")
        names = " ".join(_mark(name, NUMBERS) for name in sorted(calls))
        out.append(f"| {about} (`{module}.py`) | {names} |")
    out += ["", "## Not here", "", "| Why | System calls |", "|---|---|"]
    for why, names in ABSENT:
        marked = " ".join(_mark(name, NUMBERS) for name in sorted(names.split()))
        out.append(f"| {why} | {marked} |")
    return "\n".join([*out, ""])


def _mark(name: str, numbers: dict[str, dict[str, int]]) -> str:
    return f"`{name}`" + ("" if all(name in table for table in numbers.values()) else "\\*")
