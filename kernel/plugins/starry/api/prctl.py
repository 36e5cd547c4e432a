"""Properties of a process or thread: prctl(2), arch_prctl(2), personality(2).

Source: Linux kernel/sys.c (`SYSCALL_DEFINE5(prctl`), arch/x86/kernel/process_64.c
(`do_arch_prctl_64`), kernel/exec_domain.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.api.abi import U64, Handler, as_int32, as_uint32

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.plugins.starry.core.thread import Thread

ARCH_SET_GS: Final = 0x1001
ARCH_SET_FS: Final = 0x1002
ARCH_GET_FS: Final = 0x1003
ARCH_GET_GS: Final = 0x1004
ARCH_GET_CPUID: Final = 0x1011
ARCH_SET_CPUID: Final = 0x1012

_COMM_BYTES: Final = 16
_DEFAULT_SLACK_NS: Final = 50_000
_NSIG: Final = 64
_PR_TSC_ENABLE: Final = 1
_PR_MCE_KILL_DEFAULT: Final = 2
_LAST_CAP: Final = 40  # CAP_CHECKPOINT_RESTORE

_PrctlArgs = tuple[int, int, int, int]


# -- prctl ---------------------------------------------------------------------------------------


def _set_pdeathsig(t: Thread, a: _PrctlArgs) -> int:
    if a[0] > _NSIG:
        raise LinuxError(Errno.EINVAL)
    t.process.parent_death_signal = a[0]
    return 0


def _get_pdeathsig(t: Thread, a: _PrctlArgs) -> int:
    t.mem.write_u32(a[0], t.process.parent_death_signal)
    return 0


def _get_dumpable(t: Thread, a: _PrctlArgs) -> int:
    return t.process.dumpable


def _set_dumpable(t: Thread, a: _PrctlArgs) -> int:
    if a[0] not in (0, 1):
        raise LinuxError(Errno.EINVAL)
    t.process.dumpable = a[0]
    return 0


def _set_name(t: Thread, a: _PrctlArgs) -> int:
    raw = bytearray()
    for offset in range(_COMM_BYTES - 1):
        byte = t.mem.read_u8(a[0] + offset)
        if not byte:
            break
        raw.append(byte)
    t.task.name = raw.decode("utf-8", "surrogateescape")
    return 0


def _get_name(t: Thread, a: _PrctlArgs) -> int:
    raw = t.task.name.encode("utf-8", "surrogateescape")[: _COMM_BYTES - 1]
    t.mem.write(a[0], raw.ljust(_COMM_BYTES, b"\0"))
    return 0


def _set_no_new_privs(t: Thread, a: _PrctlArgs) -> int:
    if a != (1, 0, 0, 0):
        raise LinuxError(Errno.EINVAL)
    t.process.no_new_privs = 1
    return 0


def _get_no_new_privs(t: Thread, a: _PrctlArgs) -> int:
    if any(a):
        raise LinuxError(Errno.EINVAL)
    return t.process.no_new_privs


def _set_timer_slack(t: Thread, a: _PrctlArgs) -> int:
    slack = a[0] if a[0] < 1 << 63 else 0
    t.timer_slack_ns = slack or _DEFAULT_SLACK_NS
    return 0


def _get_timer_slack(t: Thread, a: _PrctlArgs) -> int:
    return t.timer_slack_ns


def _get_tid_address(t: Thread, a: _PrctlArgs) -> int:
    t.mem.write_u64(a[0], t.clear_child_tid)
    return 0


def _set_subreaper(t: Thread, a: _PrctlArgs) -> int:
    t.process.is_subreaper = int(bool(a[0]))
    return 0


def _get_subreaper(t: Thread, a: _PrctlArgs) -> int:
    t.mem.write_u32(a[0], t.process.is_subreaper)
    return 0


def _set_thp(t: Thread, a: _PrctlArgs) -> int:
    if any(a[1:]):
        raise LinuxError(Errno.EINVAL)
    t.process.thp_disabled = int(bool(a[0]))
    return 0


def _get_thp(t: Thread, a: _PrctlArgs) -> int:
    if any(a):
        raise LinuxError(Errno.EINVAL)
    return t.process.thp_disabled


def _capbset_read(t: Thread, a: _PrctlArgs) -> int:
    if a[0] > 40:  # CAP_LAST_CAP
        raise LinuxError(Errno.EINVAL)
    return 1


def _get_seccomp(t: Thread, a: _PrctlArgs) -> int:
    return 0


def _get_keepcaps(t: Thread, a: _PrctlArgs) -> int:
    return t.process.keep_caps


def _set_keepcaps(t: Thread, a: _PrctlArgs) -> int:
    if a[0] > 1:
        raise LinuxError(Errno.EINVAL)
    t.process.keep_caps = a[0]
    return 0


def _get_tsc(t: Thread, a: _PrctlArgs) -> int:
    _need_x86(t)
    t.mem.write_u32(a[0], _PR_TSC_ENABLE)
    return 0


def _set_tsc(t: Thread, a: _PrctlArgs) -> int:
    """Only "enabled" is possible: the counter shows virtual time anyway."""
    _need_x86(t)
    if a[0] != _PR_TSC_ENABLE:
        raise LinuxError(Errno.EINVAL)
    return 0


def _need_x86(t: Thread) -> None:
    if t.arch.name != "x86_64":
        raise LinuxError(Errno.EINVAL)


def _mce_kill_get(t: Thread, a: _PrctlArgs) -> int:
    if any(a):
        raise LinuxError(Errno.EINVAL)
    return _PR_MCE_KILL_DEFAULT


def _zero(t: Thread, a: _PrctlArgs) -> int:
    """Nothing is set here that could be told, or nothing there that could be switched."""
    return 0


def _cap_ambient(t: Thread, a: _PrctlArgs) -> int:
    """PR_CAP_AMBIENT: no capability is inheritable here, so none can be raised."""
    operation, capability, *rest = a
    if any(rest) or operation not in (1, 2, 3, 4) or (operation == 4 and capability):
        raise LinuxError(Errno.EINVAL)
    if operation != 4 and capability > _LAST_CAP:
        raise LinuxError(Errno.EINVAL)
    if operation == 2:
        raise LinuxError(Errno.EPERM)
    return 0


def _set_vma_name(t: Thread, a: _PrctlArgs) -> int:
    """PR_SET_VMA_ANON_NAME: names for anonymous areas; EINVAL where there are none."""
    raise LinuxError(Errno.EINVAL)


_PRCTL: Final[dict[int, Callable[[Thread, _PrctlArgs], int]]] = {
    1: _set_pdeathsig,
    2: _get_pdeathsig,
    3: _get_dumpable,
    4: _set_dumpable,
    7: _get_keepcaps,
    8: _set_keepcaps,
    15: _set_name,
    16: _get_name,
    21: _get_seccomp,
    23: _capbset_read,
    25: _get_tsc,
    26: _set_tsc,
    27: _zero,  # PR_GET_SECUREBITS
    29: _set_timer_slack,
    30: _get_timer_slack,
    31: _zero,  # PR_TASK_PERF_EVENTS_DISABLE
    32: _zero,  # PR_TASK_PERF_EVENTS_ENABLE
    34: _mce_kill_get,
    36: _set_subreaper,
    37: _get_subreaper,
    38: _set_no_new_privs,
    39: _get_no_new_privs,
    40: _get_tid_address,
    41: _set_thp,
    42: _get_thp,
    47: _cap_ambient,
    0x5356_4D41: _set_vma_name,
}


def sys_prctl(t: Thread, option: int, a2: int, a3: int, a4: int, a5: int) -> int:
    """Read or change a property; unknown options are EINVAL."""
    operation = _PRCTL.get(as_int32(option))
    if operation is None:
        raise LinuxError(Errno.EINVAL)
    return operation(t, (a2, a3, a4, a5))


# -- arch_prctl, personality ---------------------------------------------------------------------


def sys_arch_prctl(t: Thread, code: int, address: int) -> int:
    """x86_64: the FS and GS bases."""
    code = as_int32(code)
    engine = t.cpu.engine
    if code in (ARCH_SET_FS, ARCH_SET_GS):
        if address >= t.process.aspace.end:
            raise LinuxError(Errno.EPERM)
        engine.set("fs_base" if code == ARCH_SET_FS else "gs_base", address)
        return 0
    if code in (ARCH_GET_FS, ARCH_GET_GS):
        t.mem.write_u64(address, engine.get("fs_base" if code == ARCH_GET_FS else "gs_base"))
        return 0
    if code == ARCH_GET_CPUID:
        return 1
    if code == ARCH_SET_CPUID:
        raise LinuxError(Errno.ENODEV)
    raise LinuxError(Errno.EINVAL)


def sys_personality(t: Thread, persona: int) -> int:
    """The execution domain; 0xffffffff only asks."""
    old = t.process.personality
    persona = as_uint32(persona)
    if persona != U64 & 0xFFFF_FFFF:
        t.process.personality = persona
    return old


CALLS: dict[str, Handler] = {
    "arch_prctl": sys_arch_prctl,
    "personality": sys_personality,
    "prctl": sys_prctl,
}
