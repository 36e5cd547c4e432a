"""The smallest emulator of a static program on Unicorn: flat memory, write and exit, nothing else.

What the compute benchmark is held against. It counts instructions in slices as any debugger has
to; without counting Unicorn is several times faster, but then nobody knows where it is.

There are two: plain `mem_map`, as everyone writes it, and the same with Unicorn's virtual TLB and
an identity mapping that never lets data be executed, which spares a check at every store. The
second is the fastest counted Unicorn we know of.
"""

from __future__ import annotations

import struct
from typing import Any

import unicorn
from unicorn import arm64_const, riscv_const, x86_const

_PT_LOAD = 1
_STACK_TOP, _STACK_BYTES = 0x7000_0000, 0x10_0000
_MODES = {
    "x86_64": (unicorn.UC_ARCH_X86, unicorn.UC_MODE_64),
    "riscv64": (unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64),
    "aarch64": (unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_LITTLE_ENDIAN),
}
#: Program counter, stack pointer, call number, first three arguments; numbers of write and exit.
_REGISTERS = {
    "x86_64": (
        x86_const.UC_X86_REG_RIP,
        x86_const.UC_X86_REG_RSP,
        x86_const.UC_X86_REG_RAX,
        (x86_const.UC_X86_REG_RDI, x86_const.UC_X86_REG_RSI, x86_const.UC_X86_REG_RDX),
        (1, 60),
    ),
    "riscv64": (
        riscv_const.UC_RISCV_REG_PC,
        riscv_const.UC_RISCV_REG_SP,
        riscv_const.UC_RISCV_REG_A7,
        (riscv_const.UC_RISCV_REG_A0, riscv_const.UC_RISCV_REG_A1, riscv_const.UC_RISCV_REG_A2),
        (64, 93),
    ),
    "aarch64": (
        arm64_const.UC_ARM64_REG_PC,
        arm64_const.UC_ARM64_REG_SP,
        arm64_const.UC_ARM64_REG_X8,
        (arm64_const.UC_ARM64_REG_X0, arm64_const.UC_ARM64_REG_X1, arm64_const.UC_ARM64_REG_X2),
        (64, 93),
    ),
}


class BareEmulator:
    """A program loaded into a fresh Unicorn.

    Args:
        arch: Its architecture.
        elf: Its file.
        virtual_tlb: Use the faster of the two ways to map memory.

    Attributes:
        output: What it wrote so far.
    """

    def __init__(self, arch: str, elf: bytes, *, virtual_tlb: bool = False) -> None:
        self.arch = arch
        self.output = b""
        self._done = False
        self._uc = uc = unicorn.Uc(*_MODES[arch])
        if arch == "aarch64":
            uc.ctl_set_page_size(4096)  # the default is 1 KiB
        self._pc, sp, self._nr, self._args, self._calls = _REGISTERS[arch]
        self._perms: dict[int, int] = {}
        self._load(elf)
        if virtual_tlb:
            uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
            uc.hook_add(unicorn.UC_HOOK_TLB_FILL, self._fill)
        uc.reg_write(sp, _STACK_TOP - 64)
        if arch == "x86_64":
            uc.hook_add(unicorn.UC_HOOK_INSN, self._call, None, 1, 0, x86_const.UC_X86_INS_SYSCALL)
        else:
            uc.hook_add(unicorn.UC_HOOK_INTR, self._call)
        if arch == "aarch64":  # let EL0 use floating point
            uc.reg_write(arm64_const.UC_ARM64_REG_CPACR_EL1, 3 << 20)
        if arch == "riscv64":  # mstatus.FS
            uc.reg_write(riscv_const.UC_RISCV_REG_MSTATUS, 1 << 13)

    def _load(self, elf: bytes) -> None:
        (self._entry, start) = struct.unpack_from("<QQ", elf, 24)
        size, count = struct.unpack_from("<HH", elf, 54)
        perms = self._perms
        parts: list[tuple[int, bytes]] = []
        for at in range(start, start + size * count, size):
            kind, flags, offset, va, _, in_file, in_memory = struct.unpack_from("<IIQQQQQ", elf, at)
            if kind != _PT_LOAD:
                continue
            for page in range(va & -4096, va + in_memory, 4096):
                perms[page] = perms.get(page, 0) | (flags >> 2 & 1 | flags & 2 | (flags & 1) << 2)
            parts.append((va, elf[offset : offset + in_file]))
        for page in range(_STACK_TOP - _STACK_BYTES, _STACK_TOP, 4096):
            perms[page] = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        for page, allowed in _runs(perms):
            self._uc.mem_map(*page, allowed)
        for va, data in parts:
            self._uc.mem_write(va, data)

    def _fill(self, _uc: unicorn.Uc, va: int, _access: int, entry: Any, *_: object) -> bool:
        page = va & -4096
        entry.paddr, entry.perms = page, self._perms.get(page, 0)
        return page in self._perms

    def _call(self, uc: unicorn.Uc, *_: object) -> None:
        number = uc.reg_read(self._nr)
        _, second, third = (uc.reg_read(register) for register in self._args)
        if number == self._calls[0]:
            self.output += bytes(uc.mem_read(second, third))
            uc.reg_write(self._nr if self.arch == "x86_64" else self._args[0], third)
        else:
            self._done = True
            uc.emu_stop()

    def run(self, slice_insns: int = 100_000) -> None:
        """Run to the program's end, counting in slices."""
        uc, pc = self._uc, self._entry
        while not self._done:
            uc.emu_start(pc, 0, count=slice_insns)
            pc = uc.reg_read(self._pc)


def _runs(perms: dict[int, int]) -> list[tuple[tuple[int, int], int]]:
    """Neighbouring pages of equal rights as ((address, size), rights)."""
    found: list[tuple[tuple[int, int], int]] = []
    for page in sorted(perms):
        if found and sum(found[-1][0]) == page and found[-1][1] == perms[page]:
            (start, size), allowed = found.pop()
            found.append(((start, size + 4096), allowed))
        else:
            found.append(((page, 4096), perms[page]))
    return found
