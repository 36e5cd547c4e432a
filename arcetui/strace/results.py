"""How results read: decimal, an address, or with strace's words in parentheses."""

from __future__ import annotations

from arcetui.strace.call import Call
from arcetui.strace.scalars import open_flags_text, set_bits
from arcetui.strace.structs import timespec
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables.signals import signal_name, sigset
from arcetui.strace.text import U64, as_int32, flags, hexa, lookup, octal, struct


def number(_: Call, result: int) -> str:
    """A decimal number."""
    return str(result)


def address(_: Call, result: int) -> str:
    """An address."""
    return hexa(result & U64)


def octal_mode(_: Call, result: int) -> str:
    """Umask's old mask."""
    return octal(result)


def fcntl(call: Call, result: int) -> str:
    """Fcntl's result by its command."""
    command = call.args[1] & 0xFFFFFFFF
    if command == 1 and result:
        return f"{hexa(result)} (flags {flags(result, file_names.FD, '')})"
    if command == 3:
        return f"{hexa(result)} (flags {open_flags_text(result, call.arch)})"
    if command == 1025:
        return f"{hexa(result)} ({lookup(result, file_names.LOCK)})"
    if command == 1034 and result:
        return f"{hexa(result)} (seals {flags(result, file_names.SEALS, '')})"
    if command == 11 and result:
        return f"{result} ({signal_name(result)})"
    return str(result)


def poll(call: Call, result: int) -> str:
    """Poll's result with the descriptors that are ready."""
    if not result:
        return "0 (Timeout)"
    out: list[str] = []
    for i in range(min(call.args[1] & 0xFFFFFFFF, 4096)):
        got = call.unpack(call.args[0] + 8 * i, "ihH")
        if got is None:
            break
        if got[2]:
            if len(out) >= call.string_limit:
                out.append("...")
                break
            out.append(struct(f"fd={got[0]}", f"revents={flags(got[2], file_names.POLL, '')}"))
    text = f"[{', '.join(out)}]" if out else ""
    if call.name == "ppoll" and call.args[2]:
        text += (", " if text else "") + f"left {timespec(call, call.args[2])}"
    return f"{result} ({text})" if text else str(result)


def select(call: Call, result: int) -> str:
    """Select's result with the sets that are ready."""
    if not result:
        return "0 (Timeout)"
    out: list[str] = []
    count = min(max(as_int32(call.args[0]), 0), 1024 * 1024)
    size = (count + 63) // 64 * 8
    left = result
    for name, va in zip(("in", "out", "except"), call.args[1:4], strict=True):
        data = call.read(va, size) if left > 0 else None
        if data is None:
            continue
        ready = set_bits(data, count)[:left]
        left -= len(ready)
        if ready:
            out.append(f"{name} [{' '.join(map(str, ready))}]")
    if call.args[4]:
        if call.name == "select":
            got = call.unpack(call.args[4], "qq")
            shown = struct(f"tv_sec={got[0]}", f"tv_usec={got[1]}") if got else "?"
        else:
            shown = timespec(call, call.args[4])
        out.append(f"left {shown}")
    return f"{result} ({', '.join(out)})"


def old_mask(_: Call, result: int) -> str:
    """A result that is a signal set."""
    return f"{hexa(result)} (old mask {sigset(result)})"
