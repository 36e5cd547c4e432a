"""Memory calls: mmap(2) and its family, brk(2)."""

from __future__ import annotations

from arcetui.strace.call import Arg, Call, Spec
from arcetui.strace.results import address, number
from arcetui.strace.scalars import (
    arg,
    filled,
    flag_set,
    hex64,
    int32,
    one_of,
    pointer,
    string,
    uint64,
)
from arcetui.strace.tables import memory as memory_names
from arcetui.strace.text import addr, choice, flags

ADDR = arg("addr", pointer)
LENGTH = arg("length", uint64)


def protection(call: Call, value: int) -> str:
    """PROT_* bits."""
    names = memory_names.PROT_AARCH64 if call.arch == "aarch64" else memory_names.PROT
    return flags(value & 0xFFFFFFFF, names, "PROT_???")


def map_flags(call: Call, value: int) -> str:
    """MAP_* bits: the kind of mapping first, the size of huge pages last."""
    names = memory_names.MAP_X86 if call.arch == "x86_64" else memory_names.MAP
    huge = value >> 26 & 0x3F if value & 0x40000 else 0
    out = [choice(value & 0xF, memory_names.MAP_TYPE, "MAP_???")]
    rest = value & ~(huge << 26) & 0xFFFFFFF0
    if rest:
        out.append(flags(rest, names, ""))
    if huge:
        out.append(f"{huge}<<MAP_HUGE_SHIFT")
    return "|".join(out)


def residency(call: Call, value: int) -> str:
    """Mincore's vector: one number a page."""
    pages = (call.args[1] + 4095) // 4096
    if call.args[1] and not call.read(value, min(pages, call.string_limit)):
        return addr(value)
    shown = call.memory(value, min(pages, call.string_limit))
    items = [str(byte & 1) for byte in shown]
    return "[" + ", ".join(items + (["..."] if pages > len(shown) else [])) + "]"


def _mremap(call: Call) -> tuple[Arg, ...]:
    """Mremap has its fifth argument only with both MREMAP_MAYMOVE and MREMAP_FIXED."""
    args = (
        arg("old_address", pointer),
        arg("old_size", uint64),
        arg("new_size", uint64),
        arg("flags", flag_set(memory_names.MREMAP, "MREMAP_???", 64)),
        arg("new_address", pointer),
    )
    return args if call.args[3] & 3 == 3 else args[:4]


CALLS: dict[str, Spec] = {
    "mmap": Spec(
        (
            ADDR,
            LENGTH,
            arg("prot", protection),
            arg("flags", map_flags),
            arg("fd", int32),
            arg("offset", hex64),
        ),
        address,
    ),
    "munmap": Spec((ADDR, LENGTH), number),
    "mprotect": Spec((ADDR, LENGTH, arg("prot", protection)), number),
    "pkey_mprotect": Spec((ADDR, LENGTH, arg("prot", protection), arg("pkey", int32)), number),
    "mremap": Spec((), address, _mremap),
    "brk": Spec((ADDR,), address),
    "madvise": Spec((ADDR, LENGTH, arg("advice", one_of(memory_names.MADV, "MADV_???"))), number),
    "msync": Spec((ADDR, LENGTH, arg("flags", flag_set(memory_names.MS, "MS_???"))), number),
    "mincore": Spec((ADDR, LENGTH, filled("vec", residency)), number),
    "mlock": Spec((ADDR, LENGTH), number),
    "mlock2": Spec(
        (ADDR, LENGTH, arg("flags", flag_set(memory_names.MLOCK2, "MLOCK_???"))), number
    ),
    "munlock": Spec((ADDR, LENGTH), number),
    "mlockall": Spec((arg("flags", flag_set(memory_names.MCL, "MCL_???")),), number),
    "munlockall": Spec((), number),
    "memfd_create": Spec(
        (arg("name", string), arg("flags", flag_set(memory_names.MFD, "MFD_???"))), number
    ),
    "pkey_alloc": Spec(
        (arg("flags", hex64), arg("access_rights", flag_set(memory_names.PKEY, "PKEY_???"))), number
    ),
    "pkey_free": Spec((arg("pkey", int32),), number),
    "remap_file_pages": Spec(
        (
            ADDR,
            arg("size", uint64),
            arg("prot", protection),
            arg("pgoff", uint64),
            arg("flags", map_flags),
        ),
        number,
    ),
}
