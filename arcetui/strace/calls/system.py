"""Identity and the system as a whole: getpid(2), setuid(2), uname(2), sysinfo(2), getrandom(2)."""

from __future__ import annotations

from arcetui.strace import structs
from arcetui.strace.call import Call, Spec
from arcetui.strace.results import number
from arcetui.strace.scalars import (
    arg,
    filled,
    flag_set,
    hex32,
    indirect,
    int32,
    one_of,
    pointer,
    string,
    uint32,
    uint64,
    user_id,
)
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables import process as process_names
from arcetui.strace.text import addr, array, choice, flags

_PLAIN = "getpid getppid gettid getuid geteuid getgid getegid getpgrp setsid"


def random_bytes(call: Call, value: int) -> str:
    """Getrandom's bytes, always in hexadecimal."""
    return call.buffer(value, call.result or 0, force_hex=True)


def group_list(count: int, call: Call, value: int) -> str:
    """A list of group ids."""
    got = call.unpack(value, f"{count}I") if 0 < count <= 65536 else None
    if got is None:
        return addr(value) if count or not value else "[]"
    shown = [str(number_) for number_ in got[: call.string_limit]]
    return array(shown + (["..."] if count > call.string_limit else []))


def groups_in(call: Call, value: int) -> str:
    """Setgroups' list."""
    return group_list(call.args[0] & 0xFFFFFFFF, call, value)


def groups_out(call: Call, value: int) -> str:
    """Getgroups' list."""
    if not call.args[0] & 0xFFFFFFFF:
        return addr(value)
    return group_list(call.result or 0, call, value)


def persona(_: Call, value: int) -> str:
    """A personality: its kind and flags."""
    value &= 0xFFFFFFFF
    if value == 0xFFFFFFFF:
        return "0xffffffff"
    kind = choice(value & 0xFF, process_names.PERSONALITY, "PER_???")
    rest = value & ~0xFF
    return f"{kind}|{flags(rest, process_names.PERSONALITY_FLAGS, '')}" if rest else kind


def persona_result(call: Call, result: int) -> str:
    """The old personality."""
    return f"{result:#x} ({persona(call, result)})" if result else "0 (PER_LINUX)"


def hostname(call: Call, value: int) -> str:
    """Sethostname's string; its length is the second argument."""
    return call.buffer(value, call.args[1])


UID = filled("ruid", indirect("I"))

CALLS: dict[str, Spec] = {
    **{name: Spec((), number) for name in _PLAIN.split()},
    "getpgid": Spec((arg("pid", int32),), number),
    "getsid": Spec((arg("pid", int32),), number),
    "setpgid": Spec((arg("pid", int32), arg("pgid", int32)), number),
    "setuid": Spec((arg("uid", user_id),), number),
    "setgid": Spec((arg("gid", user_id),), number),
    "setreuid": Spec((arg("ruid", user_id), arg("euid", user_id)), number),
    "setregid": Spec((arg("rgid", user_id), arg("egid", user_id)), number),
    "setresuid": Spec((arg("ruid", user_id), arg("euid", user_id), arg("suid", user_id)), number),
    "setresgid": Spec((arg("rgid", user_id), arg("egid", user_id), arg("sgid", user_id)), number),
    "getresuid": Spec((UID, filled("euid", indirect("I")), filled("suid", indirect("I"))), number),
    "getresgid": Spec(
        (
            filled("rgid", indirect("I")),
            filled("egid", indirect("I")),
            filled("sgid", indirect("I")),
        ),
        number,
    ),
    "setfsuid": Spec((arg("fsuid", user_id),), number),
    "setfsgid": Spec((arg("fsgid", user_id),), number),
    "getgroups": Spec((arg("size", int32), filled("list", groups_out)), number),
    "setgroups": Spec((arg("size", uint32), arg("list", groups_in)), number),
    "uname": Spec((filled("buf", structs.uname),), number),
    "sethostname": Spec((arg("name", hostname), arg("len", uint64)), number),
    "setdomainname": Spec((arg("name", hostname), arg("len", uint64)), number),
    "sysinfo": Spec((filled("info", structs.sysinfo),), number),
    "getrandom": Spec(
        (
            filled("buf", random_bytes),
            arg("buflen", uint64),
            arg("flags", flag_set(file_names.GETRANDOM, "GRND_???")),
        ),
        number,
    ),
    "personality": Spec((arg("persona", persona),), persona_result),
    "syslog": Spec((arg("type", int32), arg("bufp", pointer), arg("len", int32)), number),
    "reboot": Spec(
        (
            arg("magic", hex32),
            arg("magic2", hex32),
            arg("cmd", one_of(process_names.REBOOT, "LINUX_REBOOT_CMD_???")),
            arg("arg", pointer),
        ),
        number,
    ),
    "swapon": Spec((arg("path", string), arg("flags", hex32)), number),
    "riscv_flush_icache": Spec(
        (arg("start", pointer), arg("end", pointer), arg("flags", uint64)), number
    ),
}
