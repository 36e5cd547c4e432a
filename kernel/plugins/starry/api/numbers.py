"""Linux's system-call numbers, per architecture, complete: any call can be named.

Source: the installed asm/unistd_64.h of each architecture. riscv64, aarch64 and loongarch64 use
the generic table; what one of them has besides stands here.
"""

from __future__ import annotations

from typing import Final

from kernel.plugins.starry.api import numbers_generic, numbers_x86_64


def parse_table(text: str) -> dict[str, int]:
    """Read `NUMBER name name ... NUMBER name ...`: names count up from the number before them."""
    table: dict[str, int] = {}
    number = 0
    for word in text.split():
        if word.isdigit():
            number = int(word)
        else:
            table[word] = number
            number += 1
    return table


_GENERIC = parse_table(numbers_generic.TABLE)

#: `NUMBERS[arch][name]`: the number of a call; a name is absent where Linux has no such call.
NUMBERS: Final[dict[str, dict[str, int]]] = {
    "x86_64": parse_table(numbers_x86_64.TABLE),
    "riscv64": _GENERIC
    | parse_table("163 getrlimit setrlimit 258 riscv_hwprobe riscv_flush_icache"),
    "aarch64": _GENERIC | parse_table("38 renameat 163 getrlimit setrlimit"),
    "loongarch64": _GENERIC,
}

#: `NAMES[arch][number]`: the inverse.
NAMES: Final[dict[str, dict[int, str]]] = {
    arch: {number: name for name, number in table.items()} for arch, table in NUMBERS.items()
}


def syscall_name(arch: str, number: int) -> str:
    """The call's name, or `syscall_0x...` as strace writes unknown ones."""
    return NAMES[arch].get(number) or f"syscall_{number:#x}"
