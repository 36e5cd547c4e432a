"""Recognise call instructions, for stepping over them in both directions.

Only what that needs: whether a call ends at, or starts at, an address. Source: the architectures'
manuals (Intel SDM vol. 2 CALL; RISC-V jal, jalr, c.jalr; Arm BL, BLR; LoongArch bl, jirl).
"""

from __future__ import annotations

from kernel.control.types import MemoryReader
from kernel.machine.arch import Arch

#: Prefixes that calls are found with: what linkers make of an indirect call they can shorten
#: (addr32), and marks of control-flow protection (bnd, notrack).
_X86_PREFIXES = (0x67, 0xF2, 0x3E)


def _is_x86_call(code: bytes) -> bool:
    if code[:1] and code[0] in _X86_PREFIXES:
        code = code[1:]
    if code[:1] and code[0] & 0xF0 == 0x40:  # REX prefix
        code = code[1:]
    if len(code) == 5 and code[0] == 0xE8:
        return True
    if len(code) < 2 or code[0] != 0xFF or code[1] >> 3 & 7 != 2:
        return False
    mod, rm = code[1] >> 6, code[1] & 7
    size = 2 + (1 if rm == 4 and mod != 3 else 0) + (0, 1, 4, 0)[mod]
    if mod == 0 and rm == 5:
        size += 4
    if mod == 0 and rm == 4 and len(code) > 2 and code[2] & 7 == 5:
        size += 4
    return len(code) == size


def _is_risc_call(arch: Arch, code: bytes) -> bool:
    word = int.from_bytes(code, "little")
    if arch.name == "riscv64":
        if len(code) == 2:  # c.jalr rs1
            return word & 0xF07F == 0x9002 and word >> 7 & 31 != 0
        return word & 0x7F in (0x6F, 0x67) and word >> 7 & 31 == 1
    if len(code) != 4:
        return False
    if arch.name == "aarch64":
        return word >> 26 == 0b100101 or word & 0xFFFFFC1F == 0xD63F0000
    return word >> 26 == 0b010101 or (word >> 26 == 0b010011 and word & 31 == 1)


def is_call(arch: Arch, code: bytes) -> bool:
    """Whether `code` is exactly one call instruction."""
    if arch.name == "x86_64":
        return _is_x86_call(code)
    return _is_risc_call(arch, code)


def call_before(arch: Arch, address: int, memory: MemoryReader) -> list[int]:
    """Addresses of call instructions that would return to `address`."""
    sizes = range(2, 9) if arch.name == "x86_64" else (2, 4) if arch.insn_align == 2 else (4,)
    found: list[int] = []
    for size in sizes:
        code = memory(address - size, size)
        if len(code) == size and is_call(arch, code):
            found.append(address - size)
    return found
