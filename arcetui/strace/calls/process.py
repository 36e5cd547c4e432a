"""Processes and threads: clone(2), execve(2), exit(2), wait4(2), prctl(2), futex(2), scheduling."""

from __future__ import annotations

from arcetui.strace import structs
from arcetui.strace.call import Arg, Call, Spec
from arcetui.strace.results import number
from arcetui.strace.scalars import (
    DIRFD,
    PATH,
    arg,
    filled,
    flag_set,
    hex32,
    hex64,
    indirect,
    int32,
    one_of,
    pointer,
    signo,
    uint32,
    uint64,
)
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables import process as process_names
from arcetui.strace.tables.signals import signal
from arcetui.strace.text import addr, choice, flags, hexa, lookup, struct

PID = arg("pid", int32)


def _named(name: str, decode: object, index: int, out: bool = False) -> Arg:
    """An argument printed as `name=value` (clone's way)."""
    return Arg(name, decode, out, index, True)  # type: ignore[arg-type]  # a Decode


def clone_flags(_: Call, value: int) -> str:
    """CLONE_* bits and the signal at the child's end."""
    bits = value & ~0xFF
    end = value & 0xFF
    if not bits:
        return signal(end)
    text = flags(bits, process_names.CLONE, "CLONE_???")
    return f"{text}|{signal(end)}" if end else text


def _clone(call: Call) -> tuple[Arg, ...]:
    """Clone's arguments that its flags call for; the order of the last two differs."""
    value = call.args[0]
    tls, child = (4, 3) if call.arch == "x86_64" else (3, 4)
    out = [_named("child_stack", pointer, 1), _named("flags", clone_flags, 0)]
    if value & 0x101000:
        out.append(_named("parent_tid", indirect("i"), 2, True))
    if value & 0x80000:
        out.append(_named("tls", pointer, tls, True))
    if value & 0x1200000:
        out.append(_named("child_tidptr", pointer, child, True))
    return tuple(out)


def clone_args(call: Call, value: int) -> str:
    """`struct clone_args *` of clone3."""
    got = call.unpack(value, "8Q") if call.args[1] >= 64 else None
    if got is None:
        return addr(value)
    bits, pidfd, child, parent, end, stack, stack_size, tls = got
    fields = [f"flags={flags(bits, process_names.CLONE3, 'CLONE_???')}"]
    if bits & 0x1000:
        fields.append(f"pidfd={addr(pidfd)}")
    if bits & 0x1200000:
        fields.append(f"child_tid={addr(child)}")
    if bits & 0x100000:
        fields.append(f"parent_tid={addr(parent)}")
    fields.append(f"exit_signal={signal(end) if end < 1 << 31 else end}")
    fields += [f"stack={addr(stack)}", f"stack_size={hexa(stack_size)}"]
    if bits & 0x80000:
        fields.append(f"tls={addr(tls)}")
    text = struct(*fields)
    tid = call.unpack(parent, "i") if bits & 0x100000 and not call.failed else None
    return f"{text} => {{parent_tid=[{tid[0]}]}}" if tid and call.result is not None else text


def wait_status(call: Call, value: int) -> str:
    """wait4's status, taken apart as the W macros do."""
    got = call.unpack(value, "i") if call.result else None
    if got is None:
        return addr(value)
    status = got[0] & 0xFFFF
    if status & 0xFF == 0x7F:
        return f"[{{WIFSTOPPED(s) && WSTOPSIG(s) == {signal(status >> 8 & 0x7F)}}}]"
    if status & 0x7F:
        core = " && WCOREDUMP(s)" if status & 0x80 else ""
        return f"[{{WIFSIGNALED(s) && WTERMSIG(s) == {signal(status & 0x7F)}{core}}}]"
    if status == 0xFFFF:
        return "[{WIFCONTINUED(s)}]"
    return f"[{{WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8}}}]"


def wait_usage(call: Call, value: int) -> str:
    """wait4's rusage: filled in only if a child was found."""
    return structs.rusage(call, value) if (call.result or 0) > 0 else addr(value)


# -- futex ------------------------------------------------------------------------------------


def wake_op(_: Call, value: int) -> str:
    """FUTEX_WAKE_OP's packed operation."""
    value &= 0xFFFFFFFF
    out = ["FUTEX_OP_OPARG_SHIFT<<28"] if value >> 28 & 8 else []
    op = lookup(value >> 28 & 7, process_names.FUTEX_OPS)
    out.append(f"{op or hexa(value >> 28 & 7)}<<28" + ("" if op else " /* FUTEX_OP_??? */"))
    out.append(f"{hexa(value >> 12 & 0xFFF)}<<12")
    compare = lookup(value >> 24 & 0xF, process_names.FUTEX_CMPS)
    shown = f"{compare or hexa(value >> 24 & 0xF)}<<24"
    out.append(shown + ("" if compare else " /* FUTEX_OP_CMP_??? */"))
    out.append(hexa(value & 0xFFF))
    return "|".join(out)


_VAL = arg("val", uint32, 2)
_TIMEOUT = arg("timeout", structs.timespec, 3)
_VAL2 = arg("val2", uint32, 3)
_UADDR2 = arg("uaddr2", pointer, 4)
_BITSET = arg("val3", one_of(process_names.FUTEX_BITSET, ""), 5)
_FUTEX_ARGS: dict[int, tuple[Arg, ...]] = {
    0: (_VAL, _TIMEOUT),
    1: (_VAL,),
    2: (_VAL,),
    3: (_VAL, _VAL2, _UADDR2),
    4: (_VAL, _VAL2, _UADDR2, arg("val3", uint32, 5)),
    5: (_VAL, _VAL2, _UADDR2, arg("val3", wake_op, 5)),
    6: (_TIMEOUT,),
    7: (),
    8: (),
    9: (_VAL, _TIMEOUT, _BITSET),
    10: (_VAL, _BITSET),
    11: (_VAL, _TIMEOUT, _UADDR2),
    12: (_VAL, _VAL2, _UADDR2, arg("val3", uint32, 5)),
    13: (_TIMEOUT,),
}
_FUTEX_OTHER = (_VAL, arg("timeout", pointer, 3), _UADDR2, arg("val3", hex32, 5))


def _futex(call: Call) -> tuple[Arg, ...]:
    head = (arg("uaddr", pointer, 0), arg("futex_op", one_of(process_names.FUTEX, "FUTEX_???"), 1))
    return (*head, *_FUTEX_ARGS.get(call.args[1] & 127, _FUTEX_OTHER))


# -- prctl ------------------------------------------------------------------------------------


def comm(call: Call, value: int) -> str:
    """A task's name: at most 15 bytes."""
    return call.string(value, 15)


def comm_out(call: Call, value: int) -> str:
    """PR_GET_NAME's buffer."""
    return call.string(value, 16)


_OPTION = arg("option", one_of(process_names.PRCTL, "PR_???"))
_PRCTL_ARGS: dict[int, tuple[Arg, ...]] = {
    **dict.fromkeys((3, 7, 13, 21, 27, 30, 31, 32), ()),
    **dict.fromkeys((8, 10, 12, 14, 20, 36), (arg("arg2", uint64, 1),)),
    1: (arg("arg2", signo, 1),),
    2: (filled("arg2", indirect("I", signal), 1),),
    4: (arg("arg2", one_of(process_names.DUMPABLE, "SUID_DUMP_???", 64), 1),),
    15: (arg("arg2", comm, 1),),
    16: (filled("arg2", comm_out, 1),),
    29: (arg("arg2", uint64, 1),),
    37: (filled("arg2", indirect("I"), 1),),
    40: (filled("arg2", indirect("Q", addr), 1),),
}
_UNSIGNED_FIRST = frozenset({38, 41, 57})


def _prctl(call: Call) -> tuple[Arg, ...]:
    option = call.args[0] & 0xFFFFFFFF
    if option in _PRCTL_ARGS:
        return (_OPTION, *_PRCTL_ARGS[option])
    first = arg("arg2", uint64 if option in _UNSIGNED_FIRST else hex64, 1)
    return (_OPTION, first, *[arg(f"arg{i + 1}", hex64, i) for i in range(2, 5)])


def prctl_result(call: Call, result: int) -> str:
    """Prctl's result: the dumpable state by name."""
    if call.args[0] & 0xFFFFFFFF == 3:
        name = lookup(result, process_names.DUMPABLE)
        return f"{result} ({name})" if name else str(result)
    return str(result)


def membarrier_result(call: Call, result: int) -> str:
    """Membarrier's result: the commands there are, for MEMBARRIER_CMD_QUERY."""
    if call.args[0] & 0xFFFFFFFF or not result:
        return str(result)
    return f"{hexa(result)} ({flags(result, process_names.MEMBARRIER, '')})"


def _arch_prctl(call: Call) -> tuple[Arg, ...]:
    code = call.args[0] & 0xFFFFFFFF
    head = arg("code", one_of(process_names.ARCH_PRCTL, "ARCH_???"))
    if code in {0x1003, 0x1004}:
        return (head, filled("addr", indirect("Q", addr)))
    if code == 0x1011:
        return (head,)
    return (head, arg("addr", uint64 if code == 0x1012 else pointer))


# -- scheduling and limits --------------------------------------------------------------------


def policy(_: Call, value: int) -> str:
    """A scheduling policy."""
    return choice(value & 0xFFFFFFFF, process_names.SCHED, "SCHED_???")


def policy_result(call: Call, result: int) -> str:
    """sched_getscheduler's result."""
    return f"{result} ({policy(call, result)})"


def sched_param(call: Call, value: int) -> str:
    """`struct sched_param *`: `[0]`."""
    got = call.unpack(value, "i")
    return addr(value) if got is None else f"[{got[0]}]"


def cpu_mask(call: Call, value: int) -> str:
    """A CPU set given by the program; its size is the second argument."""
    return cpu_bits(call, value, call.args[1])


def cpu_mask_out(call: Call, value: int) -> str:
    """The CPU set sched_getaffinity gave; the result says how many bytes."""
    return cpu_bits(call, value, call.result or 0)


def cpu_bits(call: Call, value: int, size: int) -> str:
    """`[0 1]`."""
    data = call.read(value, min(size, 1024) & ~7) if size else None
    if data is None:
        return addr(value) if size or not value else "[]"
    bits = int.from_bytes(data, "little")
    return "[" + " ".join(str(i) for i in range(len(data) * 8) if bits >> i & 1) + "]"


def rusage_who(_: Call, value: int) -> str:
    """RUSAGE_*."""
    return choice(value & 0xFFFFFFFF, process_names.RUSAGE, "RUSAGE_???")


RESOURCE = arg("resource", one_of(process_names.RLIMITS, "RLIMIT_???"))
PRIORITY_WHICH = arg("which", one_of(process_names.PRIO, "PRIO_???"))
WAIT_OPTIONS = flag_set(process_names.WAIT, "W???")

CALLS: dict[str, Spec] = {
    "clone": Spec((), number, _clone),
    "clone3": Spec((arg("cl_args", clone_args), arg("size", uint64)), number),
    "fork": Spec((), number),
    "vfork": Spec((), number),
    "execve": Spec(
        (PATH, arg("argv", structs.string_array), arg("envp", structs.environment)), number
    ),
    "execveat": Spec(
        (
            DIRFD,
            PATH,
            arg("argv", structs.string_array),
            arg("envp", structs.environment),
            arg("flags", flag_set(file_names.AT, "AT_???")),
        ),
        number,
    ),
    "exit": Spec((arg("status", int32),), number),
    "exit_group": Spec((arg("status", int32),), number),
    "wait4": Spec(
        (
            PID,
            filled("wstatus", wait_status),
            arg("options", WAIT_OPTIONS),
            filled("rusage", wait_usage, even_failed=True),
        ),
        number,
    ),
    "waitid": Spec(
        (
            arg("idtype", one_of(process_names.WAITID, "P_???")),
            arg("id", int32),
            filled("infop", structs.siginfo_pointer),
            arg("options", WAIT_OPTIONS),
            filled("rusage", structs.rusage),
        ),
        number,
    ),
    "set_tid_address": Spec((arg("tidptr", pointer),), number),
    "set_robust_list": Spec((arg("head", pointer), arg("len", uint64)), number),
    "get_robust_list": Spec(
        (PID, filled("head_ptr", indirect("Q", addr)), filled("len_ptr", indirect("Q"))), number
    ),
    "rseq": Spec(
        (
            arg("rseq", pointer),
            arg("rseq_len", hex32),
            arg("flags", hex32),
            arg("sig", hex32),
        ),
        number,
    ),
    "futex": Spec((), number, _futex),
    "membarrier": Spec(
        (arg("cmd", one_of(process_names.MEMBARRIER, "MEMBARRIER_CMD_???")), arg("flags", hex32)),
        membarrier_result,
    ),
    "prctl": Spec((), prctl_result, _prctl),
    "arch_prctl": Spec((), number, _arch_prctl),
    "unshare": Spec((arg("flags", flag_set(process_names.CLONE, "CLONE_???", 64)),), number),
    "setns": Spec(
        (arg("fd", int32), arg("nstype", flag_set(process_names.CLONE, "CLONE_NEW???"))), number
    ),
    "sched_yield": Spec((), number),
    "sched_getscheduler": Spec((PID,), policy_result),
    "sched_setscheduler": Spec((PID, arg("policy", policy), arg("param", sched_param)), number),
    "sched_getparam": Spec((PID, filled("param", sched_param)), number),
    "sched_setparam": Spec((PID, arg("param", sched_param)), number),
    "sched_getaffinity": Spec(
        (PID, arg("cpusetsize", uint64), filled("mask", cpu_mask_out)), number
    ),
    "sched_setaffinity": Spec((PID, arg("cpusetsize", uint64), arg("mask", cpu_mask)), number),
    "sched_get_priority_max": Spec(
        (arg("policy", one_of(process_names.SCHED, "SCHED_???")),), number
    ),
    "sched_get_priority_min": Spec(
        (arg("policy", one_of(process_names.SCHED, "SCHED_???")),), number
    ),
    "sched_rr_get_interval": Spec((PID, filled("tp", structs.timespec)), number),
    "getpriority": Spec((PRIORITY_WHICH, arg("who", int32)), number),
    "setpriority": Spec((PRIORITY_WHICH, arg("who", int32), arg("prio", int32)), number),
    "getrlimit": Spec((RESOURCE, filled("rlim", structs.rlimit)), number),
    "setrlimit": Spec((RESOURCE, arg("rlim", structs.rlimit)), number),
    "prlimit64": Spec(
        (
            PID,
            RESOURCE,
            arg("new_limit", structs.rlimit),
            filled("old_limit", structs.rlimit),
        ),
        number,
    ),
    "getrusage": Spec((arg("who", rusage_who), filled("usage", structs.rusage)), number),
    "getcpu": Spec(
        (filled("cpu", indirect("I")), filled("node", indirect("I")), arg("tcache", pointer)),
        number,
    ),
    "pidfd_open": Spec((PID, arg("flags", flag_set(process_names.PIDFD, "PIDFD_???"))), number),
}
