"""The first words on a program's stack: argc, argv, envp, the auxiliary vector, and the strings.

Source: Linux fs/exec.c (`copy_strings`), fs/binfmt_elf.c (`create_elf_tables`) and each
architecture's ARCH_DLINFO; man 3 getauxval; ELF_HWCAP as the emulated CPUs have it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from kernel.crates.errno import Errno, LinuxError
from kernel.plugins.starry.core.layout import MAX_ARG_BYTES, MAX_ARGS_BYTES

AT_NULL: Final = 0
AT_PHDR: Final = 3
AT_PHENT: Final = 4
AT_PHNUM: Final = 5
AT_PAGESZ: Final = 6
AT_BASE: Final = 7
AT_FLAGS: Final = 8
AT_ENTRY: Final = 9
AT_UID: Final = 11
AT_EUID: Final = 12
AT_GID: Final = 13
AT_EGID: Final = 14
AT_PLATFORM: Final = 15
AT_HWCAP: Final = 16
AT_CLKTCK: Final = 17
AT_SECURE: Final = 23
AT_RANDOM: Final = 25
AT_HWCAP2: Final = 26
AT_RSEQ_FEATURE_SIZE: Final = 27
AT_RSEQ_ALIGN: Final = 28
AT_EXECFN: Final = 31
AT_L1I_CACHESIZE: Final = 40  # riscv64 passes 40..47: sizes and geometries of four caches
AT_MINSIGSTKSZ: Final = 51

RSEQ_FEATURE_BYTES: Final = 28
RSEQ_ALIGN: Final = 32


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the auxiliary vector says about the processor.

    Attributes:
        hwcap: AT_HWCAP.
        hwcap2: AT_HWCAP2; None where the architecture has none.
        platform: AT_PLATFORM; "" where there is none.
        before: Entries in front of AT_HWCAP (ARCH_DLINFO). No AT_SYSINFO_EHDR: no vDSO.
    """

    hwcap: int
    hwcap2: int | None
    platform: str
    before: tuple[tuple[int, int], ...] = ()


HARDWARE: Final[dict[str, Hardware]] = {
    # CPUID.1 EDX of a Westmere; the smallest frame has a 512-byte FXSAVE area.
    "x86_64": Hardware(0x078B_FBFD, 0, "x86_64", ((AT_MINSIGSTKSZ, 1152),)),
    # IMAFDC; the caches are not described.
    "riscv64": Hardware(0x112D, None, "", tuple((AT_L1I_CACHESIZE + i, 0) for i in range(8))),
    # FP ASIMD AES PMULL SHA1 SHA2 CRC32 of a Cortex-A72; CPUID: the engine emulates ID registers.
    "aarch64": Hardware(0x8FB, 0, "aarch64", ((AT_MINSIGSTKSZ, 4720),)),
    # CPUCFG LAM UAL FPU CRC32
    "loongarch64": Hardware(0x4F, None, "loongarch"),
}


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What the auxiliary vector says about the loaded program; addresses with the load bias."""

    entry: int
    phdr: int
    phdr_bytes: int
    phdr_count: int
    exec_path: bytes


@dataclass(frozen=True, slots=True)
class StackImage:
    """The bytes to put right below the stack's top.

    Attributes:
        sp: Initial stack pointer: where `data` goes; argc is its first word.
        data: From `sp` up to the stack's top.
        argv: (start, end) of the argument strings, one after the other, as /proc/PID/cmdline.
        envp: (start, end) of the environment strings.
        auxv: (start, end) of the auxiliary vector, AT_NULL included.
    """

    sp: int
    data: bytes
    argv: tuple[int, int]
    envp: tuple[int, int]
    auxv: tuple[int, int]


def build_stack(
    arch: str,
    top: int,
    argv: tuple[bytes, ...],
    envp: tuple[bytes, ...],
    program: ProgramFacts,
    random: bytes,
) -> StackImage:
    """Lay out the initial stack.

    Args:
        arch: Linux's name of the architecture.
        top: End of the stack, exclusive, page-aligned.
        argv: Arguments without NUL; an empty tuple becomes one empty string, as since Linux 5.18.
        envp: Environment strings without NUL.
        program: For the auxiliary vector.
        random: 16 random bytes.

    Raises:
        LinuxError: E2BIG: too long.
    """
    argv = argv or (b"",)
    _check_sizes(argv, envp)
    hardware = HARDWARE[arch]
    strings = _Strings(top - 8)
    exec_va = strings.push(program.exec_path)
    envp_end = strings.cursor
    envp_vas = strings.push_all(envp)
    argv_end = strings.cursor
    argv_vas = strings.push_all(argv)
    argv_start = strings.cursor
    strings.align(16)
    platform_va = strings.push(hardware.platform.encode()) if hardware.platform else 0
    random_va = strings.push_raw(random)
    auxv = _auxv(hardware, program, random_va, exec_va, platform_va)
    words = [len(argv), *argv_vas, 0, *envp_vas, 0]
    for key, value in auxv:
        words += (key, value)
    sp = (strings.cursor - 8 * len(words)) & ~15
    table = struct.pack(f"<{len(words)}Q", *(word & 0xFFFF_FFFF_FFFF_FFFF for word in words))
    gap = strings.cursor - sp - len(table)
    data = table + bytes(gap) + strings.bytes() + bytes(8)
    auxv_end = sp + len(table)
    auxv_range = (auxv_end - 16 * len(auxv), auxv_end)
    return StackImage(sp, data, (argv_start, argv_end), (argv_end, envp_end), auxv_range)


class _Strings:
    """Strings pushed downward from an address."""

    def __init__(self, top: int) -> None:
        self.cursor = top
        self._pieces: list[bytes] = []

    def push_raw(self, data: bytes) -> int:
        """Push bytes; their address."""
        self.cursor -= len(data)
        self._pieces.append(data)
        return self.cursor

    def push(self, text: bytes) -> int:
        """Push a string and its NUL; its address."""
        return self.push_raw(text + b"\0")

    def push_all(self, texts: tuple[bytes, ...]) -> list[int]:
        """Push strings so that the first has the lowest address; their addresses in order."""
        return [self.push(text) for text in reversed(texts)][::-1]

    def align(self, align: int) -> None:
        """Move down to a multiple of `align`."""
        self.push_raw(bytes(self.cursor % align))

    def bytes(self) -> bytes:
        """Everything pushed, lowest address first."""
        return b"".join(reversed(self._pieces))


def _check_sizes(argv: tuple[bytes, ...], envp: tuple[bytes, ...]) -> None:
    """Linux's limits on arguments.

    Raises:
        LinuxError: E2BIG.
    """
    total = 0
    for text in (*argv, *envp):
        if len(text) >= MAX_ARG_BYTES:
            raise LinuxError(Errno.E2BIG, "an argument is longer than 128 KiB")
        total += len(text) + 1 + 8
    if total > MAX_ARGS_BYTES:
        raise LinuxError(Errno.E2BIG, "arguments and environment are longer than 2 MiB")


def _auxv(
    hardware: Hardware, program: ProgramFacts, random_va: int, exec_va: int, platform_va: int
) -> list[tuple[int, int]]:
    """The auxiliary vector in Linux's order, AT_NULL included."""
    auxv = [
        *hardware.before,
        (AT_HWCAP, hardware.hwcap),
        (AT_PAGESZ, 4096),
        (AT_CLKTCK, 100),
        (AT_PHDR, program.phdr),
        (AT_PHENT, program.phdr_bytes),
        (AT_PHNUM, program.phdr_count),
        (AT_BASE, 0),
        (AT_FLAGS, 0),
        (AT_ENTRY, program.entry),
        (AT_UID, 0),
        (AT_EUID, 0),
        (AT_GID, 0),
        (AT_EGID, 0),
        (AT_SECURE, 0),
        (AT_RANDOM, random_va),
    ]
    if hardware.hwcap2 is not None:
        auxv.append((AT_HWCAP2, hardware.hwcap2))
    auxv.append((AT_EXECFN, exec_va))
    if platform_va:
        auxv.append((AT_PLATFORM, platform_va))
    auxv += [(AT_RSEQ_FEATURE_SIZE, RSEQ_FEATURE_BYTES), (AT_RSEQ_ALIGN, RSEQ_ALIGN)]
    auxv.append((AT_NULL, 0))
    return auxv
