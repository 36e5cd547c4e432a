"""System V IPC and POSIX message queues: msgget(2), semop(2), shmat(2), mq_overview(7).

Layouts are those of 64-bit kernels (asm-generic/{ipcbuf,msgbuf,shmbuf}.h); only `semid64_ds` has
padding on x86_64.
"""

from __future__ import annotations

from struct import unpack

from arcetui.strace import structs
from arcetui.strace.call import Arg, Call, Decode, Spec
from arcetui.strace.results import address, number
from arcetui.strace.scalars import (
    PATH,
    arg,
    filled,
    flag_set,
    indirect,
    int32,
    int64,
    one_of,
    open_flags,
    pointer,
    read_buffer,
    sized_buffer,
    uint32,
    uint64,
)
from arcetui.strace.sigevent import sigevent
from arcetui.strace.tables import ipc as names
from arcetui.strace.tables.files import OPEN
from arcetui.strace.text import addr, flags, octal, struct

_PERMISSIONS = 48  # bytes of struct ipc64_perm


def key(_: Call, value: int) -> str:
    """A key_t."""
    value &= 0xFFFFFFFF
    return f"{value:#x}" if value else "IPC_PRIVATE"


def get_flags(more: tuple[tuple[int, str], ...] = ()) -> Decode:
    """The flags of msgget, semget and shmget: names, then the permissions."""

    def decode(_: Call, value: int) -> str:
        value &= 0xFFFFFFFF
        rest = value & ~0o777
        text = flags(rest, (*names.GET, *more), "")
        return f"{text}|{octal(value & 0o777)}" if rest else octal(value & 0o777)

    return decode


def permissions(call: Call, va: int, *, sets: bool) -> str:
    """`struct ipc64_perm`: all of it, or what IPC_SET takes."""
    got = call.unpack(va, "iIIIII")
    if got is None:
        return ""
    ident, uid, gid, cuid, cgid, mode = got
    given = [f"uid={uid}", f"gid={gid}", f"mode={octal(mode)}"]
    return struct(*given, *(() if sets else (f"key={ident}", f"cuid={cuid}", f"cgid={cgid}")))


def status(prefix: str, layout: str, fields: tuple[str, ...], set_fields: dict[str, int]) -> Decode:
    """The structure of IPC_STAT and IPC_SET.

    Args:
        prefix: Of its fields' names: "msg".
        layout: Of what follows the permissions.
        fields: Their names; "" is not shown.
        set_fields: What IPC_SET takes: name -> offset, of unsigned 64-bit numbers.
    """

    def decode(call: Call, value: int) -> str:
        sets = call.args[2 if prefix == "sem" else 1] & 0xFFFFFFFF == 1
        shown = permissions(call, value, sets=sets)
        here = layout
        if prefix == "sem" and call.arch == "x86_64":
            here = "q8xq8xQ"
        got = call.unpack(value + _PERMISSIONS, here)
        if not shown or got is None:
            return addr(value)
        out = [f"{prefix}_perm={shown}"]
        if sets:
            for name, at in set_fields.items():
                found = call.unpack(value + at, "Q")
                out.append(f"{name}={found[0] if found else 0}")
        else:
            out += [f"{name}={item}" for name, item in zip(fields, got, strict=True) if name]
        return struct(*out)

    return decode


_MSG_COUNTS = "msg_qnum msg_qbytes msg_lspid msg_lrpid"
_MSG = status(
    "msg",
    "qqqQQQii",
    (*["msg_stime", "msg_rtime", "msg_ctime"], "", *_MSG_COUNTS.split()),
    {"msg_qbytes": 88},
)
_SHM_FIELDS = "shm_segsz shm_atime shm_dtime shm_ctime shm_cpid shm_lpid shm_nattch"
_SHM_ORDER = "shm_segsz shm_cpid shm_lpid shm_nattch shm_atime shm_dtime shm_ctime"
_SEM = status("sem", "qqQ", ("sem_otime", "sem_ctime", "sem_nsems"), {})


def _shm(call: Call, value: int) -> str:
    """`struct shmid64_ds`, in strace's order."""
    sets = call.args[1] & 0xFFFFFFFF == 1
    shown = permissions(call, value, sets=sets)
    got = call.unpack(value + _PERMISSIONS, "QqqqiiQ")
    if not shown or got is None:
        return addr(value)
    fields = dict(zip(_SHM_FIELDS.split(), got, strict=True))
    rest = () if sets else tuple(f"{name}={fields[name]}" for name in _SHM_ORDER.split())
    return struct(f"shm_perm={shown}", *rest)


def _control(kinds: tuple[tuple[int, str], ...], unknown: str, show: Decode) -> Spec:
    """The calls that end with a command and a structure: msgctl, shmctl."""
    head = (arg("id", int32, 0), arg("cmd", one_of(kinds, unknown), 1))

    def vary(call: Call) -> tuple[Arg, ...]:
        command = call.args[1] & 0xFFFFFFFF
        if command == 1:
            return (*head, arg("buf", show, 2))
        return (*head, filled("buf", show, 2) if command == 2 else arg("buf", pointer, 2))

    return Spec((), number, vary)


def _semctl(call: Call) -> tuple[Arg, ...]:
    head = (
        arg("semid", int32, 0),
        arg("semnum", int32, 1),
        arg("cmd", one_of(names.SEM_COMMANDS, "SEM_???"), 2),
    )
    command = call.args[2] & 0xFFFFFFFF
    if command == 1:
        return (*head, arg("arg", _SEM, 3))
    return (*head, filled("arg", _SEM, 3) if command == 2 else arg("arg", pointer, 3))


def message(call: Call, value: int) -> str:
    """`struct msgbuf *`; the size of the text is the third argument."""
    kind = call.unpack(value, "q")
    if kind is None:
        return addr(value)
    return struct(f"mtype={kind[0]}", f"mtext={call.buffer(value + 8, call.args[2])}")


def operations(call: Call, value: int) -> str:
    """Semop's array of `struct sembuf`."""

    def one(data: bytes, _: int) -> str:
        at, op, bits = unpack("<HhH", data)
        return struct(
            f"sem_num={at}", f"sem_op={op}", f"sem_flg={flags(bits, names.SEM_FLAGS, 'SEM_???')}"
        )

    return call.many(value, call.args[2] & 0xFFFFFFFF, 6, one)


def queue_attributes(call: Call, value: int) -> str:
    """`struct mq_attr *`."""
    got = call.unpack(value, "4q")
    if got is None:
        return addr(value)
    bits, most, size, now = got
    return struct(
        f"mq_flags={flags(bits & (1 << 64) - 1, OPEN, 'O_???')}",
        f"mq_maxmsg={most}",
        f"mq_msgsize={size}",
        f"mq_curmsgs={now}",
    )


def _mq_open(call: Call) -> tuple[Arg, ...]:
    head = (PATH, arg("oflag", open_flags, 1))
    if not call.args[1] & 0o100:
        return head
    mode = arg("mode", lambda _, value: octal(value & 0xFFFF), 2)
    return (*head, mode, arg("attr", queue_attributes, 3))


MQ = arg("mqdes", int32)
TIMEOUT = arg("abs_timeout", structs.timespec)
ID = arg("id", int32)
SEM_OPERATIONS = arg("sops", operations)

CALLS: dict[str, Spec] = {
    "msgget": Spec((arg("key", key), arg("msgflg", get_flags())), number),
    "msgsnd": Spec(
        (
            arg("msqid", int32),
            arg("msgp", message),
            arg("msgsz", uint64),
            arg("msgflg", flag_set(names.MSG_FLAGS, "MSG_???")),
        ),
        number,
    ),
    "msgrcv": Spec(
        (
            arg("msqid", int32),
            filled("msgp", message),
            arg("msgsz", uint64),
            arg("msgtyp", int64),
            arg("msgflg", flag_set(names.MSG_FLAGS, "MSG_???")),
        ),
        number,
    ),
    "msgctl": _control(names.MSG_COMMANDS, "MSG_???", _MSG),
    "semget": Spec((arg("key", key), arg("nsems", int32), arg("semflg", get_flags())), number),
    "semop": Spec((ID, SEM_OPERATIONS, arg("nsops", uint32)), number),
    "semtimedop": Spec(
        (ID, SEM_OPERATIONS, arg("nsops", uint32), arg("timeout", structs.timespec)), number
    ),
    "semctl": Spec((), number, _semctl),
    "shmget": Spec(
        (arg("key", key), arg("size", uint64), arg("shmflg", get_flags(names.SHM_GET))), number
    ),
    "shmat": Spec(
        (ID, arg("shmaddr", pointer), arg("shmflg", flag_set(names.SHM_AT, "SHM_???"))), address
    ),
    "shmdt": Spec((arg("shmaddr", pointer),), number),
    "shmctl": _control(names.SHM_COMMANDS, "SHM_???", _shm),
    "mq_open": Spec((), number, _mq_open),
    "mq_unlink": Spec((PATH,), number),
    "mq_timedsend": Spec(
        (MQ, arg("msg", sized_buffer(2)), arg("len", uint64), arg("prio", uint32), TIMEOUT), number
    ),
    "mq_timedreceive": Spec(
        (
            MQ,
            filled("msg", read_buffer),
            arg("len", uint64),
            filled("prio", indirect("I")),
            TIMEOUT,
        ),
        number,
    ),
    "mq_notify": Spec((MQ, arg("sevp", sigevent)), number),
    "mq_getsetattr": Spec(
        (MQ, arg("newattr", queue_attributes), filled("oldattr", queue_attributes)), number
    ),
}
