"""Reading ELF64 program files: header, program headers, and every check before loading one.

Knows nothing of address spaces: it gives the loader a list of segments that fit together and fit
into user space, or refuses with one sentence that says why and what to do.
Source: System V gABI chapters 4-5; Linux fs/binfmt_elf.c (what is checked); kernel-elf-parser.
Differs from Linux: overlapping segments and absurd sizes are refused instead of mapped somehow.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import Final

from kernel.crates.errno import KernelError
from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE, align_up

_ET_REL: Final = 1
ET_EXEC: Final = 2
ET_DYN: Final = 3
_ET_CORE: Final = 4
PT_LOAD: Final = 1
PT_DYNAMIC: Final = 2
PT_INTERP: Final = 3
PT_PHDR: Final = 6
PT_TLS: Final = 7
PT_GNU_STACK: Final = 0x6474E551
PF_X: Final = 1
PF_W: Final = 2
PF_R: Final = 4

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_MAX_PHDRS = 65536 // _PHDR.size  # Linux: the table must fit in 64 KiB
_MAX_IMAGE_BYTES = 1 << 36  # memory a program may ask for: 64 GiB is more than any guest has

#: Machines whose programs this project runs.
PROGRAM_MACHINES: Final[dict[int, str]] = {
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
}

_MACHINES: Final[dict[int, str]] = {
    3: "Intel 80386",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC64",
    22: "IBM S/390",
    40: "32-bit Arm",
    43: "SPARC V9",
    247: "BPF",
}


class ElfError(KernelError):
    """The file cannot be loaded; the text is one sentence with the reason and the remedy."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header.

    Attributes:
        kind: `p_type`.
        flags: `PF_R | PF_W | PF_X`.
        offset: First byte in the file.
        vaddr: Address in memory, before the load bias.
        file_bytes, memory_bytes: Length in the file and in memory; the rest is zero.
        align: `p_align`; 0 and 1 mean none.
    """

    kind: int
    flags: int
    offset: int
    vaddr: int
    file_bytes: int
    memory_bytes: int
    align: int

    @property
    def end(self) -> int:
        """First address after the segment, before the load bias."""
        return self.vaddr + self.memory_bytes


@dataclass(frozen=True, slots=True)
class ElfImage:
    """A checked program file.

    Attributes:
        machine: `e_machine`.
        is_pie: `ET_DYN`: the loader chooses where it goes.
        entry: Entry point before the load bias.
        segments: All program headers, in file order.
        loads: The `PT_LOAD` ones with memory, ascending, not overlapping.
        phdr_vaddr: Where the program headers are in memory before the bias; 0 if not loaded.
        phdr_bytes, phdr_count: `e_phentsize`, `e_phnum`.
        flags: `e_flags`.
        executable_stack: PT_GNU_STACK asks for one.
    """

    machine: int
    is_pie: bool
    entry: int
    segments: tuple[Segment, ...]
    loads: tuple[Segment, ...]
    phdr_vaddr: int
    phdr_bytes: int
    phdr_count: int
    flags: int
    executable_stack: bool

    @property
    def start(self) -> int:
        """Lowest address of a segment, before the bias."""
        return self.loads[0].vaddr

    @property
    def end(self) -> int:
        """First address after the last segment, before the bias."""
        return self.loads[-1].end

    @property
    def max_align(self) -> int:
        """Largest alignment of a loadable segment: the load bias must be a multiple of it."""
        return max(PAGE_SIZE, *(s.align for s in self.loads))


def parse_elf(
    data: bytes,
    machines: dict[int, str] | None = None,
    user_base: int = PAGE_SIZE,
    user_end: int = 1 << 47,
) -> ElfImage:
    """Read and check a program file.

    Args:
        data: The file.
        machines: Accepted `e_machine` values and their names; default `PROGRAM_MACHINES`.
        user_base: Where user addresses begin.
        user_end: Where they end, exclusive.

    Raises:
        ElfError: It is no program that can be loaded.
    """
    kind, machine, entry, phoff, flags, phdr_bytes, phdr_count = _parse_header(
        data, PROGRAM_MACHINES if machines is None else machines
    )
    segments = _parse_segments(data, phoff, phdr_bytes, phdr_count)
    _refuse_dynamic(segments, kind, entry)
    loads = _check_loads(segments, len(data))
    is_pie = kind == ET_DYN
    _check_placement(loads, is_pie, user_base, user_end)
    if not any(s.vaddr <= entry < s.end for s in loads):
        raise ElfError(
            f"the entry point {entry:#x} lies outside the program's segments: "
            "the file is damaged; build it again"
        )
    return ElfImage(
        machine=machine,
        is_pie=is_pie,
        entry=entry,
        segments=segments,
        loads=loads,
        phdr_vaddr=_phdr_vaddr(segments, loads, phoff),
        phdr_bytes=phdr_bytes,
        phdr_count=phdr_count,
        flags=flags,
        executable_stack=any(s.kind == PT_GNU_STACK and s.flags & PF_X for s in segments),
    )


def _parse_header(
    data: bytes, machines: dict[int, str]
) -> tuple[int, int, int, int, int, int, int]:
    """Check `e_ident` and the rest of the file header.

    Returns:
        (e_type, e_machine, e_entry, e_phoff, e_flags, e_phentsize, e_phnum).
    """
    if data[:4] != b"\x7fELF":
        if data[:2] == b"#!":
            raise ElfError("this is a script, not an ELF program: run its interpreter instead")
        what = "the file is empty" if not data else "not an ELF file"
        raise ElfError(f"{what}: give a static Linux program")
    if len(data) < _EHDR.size:
        raise ElfError("the file is truncated inside its ELF header: copy or build it again")
    accepted = ", ".join(machines.values())
    if data[4] != 2:
        raise ElfError(f"this is a 32-bit ELF file: build it for a 64-bit machine ({accepted})")
    if data[5] != 1:
        raise ElfError(f"this ELF file is big-endian: build it for one of {accepted}")
    (ident, kind, machine, version, entry, phoff, _shoff, flags, _ehsize, phentsize, phnum, *_) = (
        _EHDR.unpack_from(data)
    )
    if machine not in machines:
        name = (_MACHINES | PROGRAM_MACHINES).get(machine, f"machine number {machine}")
        raise ElfError(f"this program is for {name}: build it for one of {accepted}")
    if ident[6] != 1 or version != 1:
        raise ElfError("the ELF version is not 1: the file is damaged; build it again")
    if kind not in (ET_EXEC, ET_DYN):
        if kind == _ET_REL:
            raise ElfError("this file is an object file: link it first, with -static")
        name = "a core dump" if kind == _ET_CORE else f"of ELF type {kind}"
        raise ElfError(f"this file is {name}, not a program: give the program itself")
    if phentsize != _PHDR.size or not 0 < phnum <= _MAX_PHDRS:
        raise ElfError(
            f"the program headers are malformed ({phnum} entries of {phentsize} bytes): "
            "the file is damaged; build it again"
        )
    return kind, machine, entry, phoff, flags, phentsize, phnum


def _parse_segments(data: bytes, phoff: int, size: int, count: int) -> tuple[Segment, ...]:
    """Read the program headers."""
    if phoff + size * count > len(data):
        raise ElfError("the file is truncated inside its program headers: copy or build it again")
    segments: list[Segment] = []
    for index in range(count):
        kind, flags, offset, vaddr, _paddr, filesz, memsz, align = _PHDR.unpack_from(
            data, phoff + index * size
        )
        segments.append(Segment(kind, flags & 7, offset, vaddr, filesz, memsz, align))
    return tuple(segments)


def _refuse_dynamic(segments: tuple[Segment, ...], kind: int, entry: int) -> None:
    """Refuse what needs a program interpreter, and shared libraries."""
    if any(s.kind == PT_INTERP for s in segments):
        raise ElfError(
            "this program is dynamically linked, which is not supported: "
            "link it statically (cc -static, or -static-pie)"
        )
    if kind == ET_DYN and entry == 0:
        raise ElfError("this is a shared library, not a program: give a static program")


def _check_loads(segments: tuple[Segment, ...], file_bytes: int) -> tuple[Segment, ...]:
    """The loadable segments, each sound and none overlapping its neighbour."""
    loads = tuple(s for s in segments if s.kind == PT_LOAD and s.memory_bytes)
    if not loads:
        raise ElfError("the file has no loadable segment: link it as a program first")
    total = 0
    for segment in loads:
        _check_load(segment, file_bytes)
        total += segment.memory_bytes
    if total > _MAX_IMAGE_BYTES:
        raise ElfError(
            f"the program asks for {total >> 30} GiB of memory before it starts: "
            "make its static data smaller"
        )
    for before, after in itertools.pairwise(loads):
        if after.vaddr < before.vaddr:
            raise ElfError(
                "the loadable segments are not in ascending order of address: "
                "the file is damaged; build it again"
            )
        if after.vaddr < before.end:
            raise ElfError(
                f"the segments at {before.vaddr:#x} and {after.vaddr:#x} overlap: "
                "the file is damaged; build it again"
            )
    return loads


def _check_load(segment: Segment, file_bytes: int) -> None:
    """Check one loadable segment by itself."""
    where = f"the segment at {segment.vaddr:#x}"
    if segment.file_bytes > segment.memory_bytes:
        raise ElfError(
            f"{where} has more bytes in the file than in memory: "
            "the file is damaged; build it again"
        )
    if segment.file_bytes and segment.offset + segment.file_bytes > file_bytes:
        raise ElfError(f"the file is truncated inside {where}: copy or build it again")
    if segment.align & (segment.align - 1):
        raise ElfError(
            f"{where} has alignment {segment.align:#x}, not a power of two: "
            "the file is damaged; build it again"
        )
    if segment.file_bytes and (segment.vaddr - segment.offset) & PAGE_MASK:
        raise ElfError(
            f"{where} does not match its file offset {segment.offset:#x} modulo 4096: "
            "link it with -z max-page-size=4096 or more"
        )


def _check_placement(
    loads: tuple[Segment, ...], is_pie: bool, user_base: int, user_end: int
) -> None:
    """Check that the image fits into user space."""
    start, end = loads[0].vaddr, loads[-1].end
    if is_pie:
        align = max(PAGE_SIZE, *(s.align for s in loads))
        if align > 1 << 30 or start >= user_end or align_up(end - start) > _MAX_IMAGE_BYTES:
            raise ElfError(
                f"the position-independent program spans {start:#x} to {end:#x}, "
                "more than user space takes: make its static data smaller"
            )
        return
    if start < user_base or end > user_end:
        raise ElfError(
            f"the program's segments ({start:#x} to {end:#x}) lie outside user space "
            f"({user_base:#x} to {user_end:#x}): link it at another address"
        )


def _phdr_vaddr(segments: tuple[Segment, ...], loads: tuple[Segment, ...], phoff: int) -> int:
    """Where the program headers are in memory: PT_PHDR says, or the segment that holds them."""
    for segment in segments:
        if segment.kind == PT_PHDR:
            return segment.vaddr
    for segment in loads:
        if segment.offset <= phoff < segment.offset + segment.file_bytes:
            return segment.vaddr + phoff - segment.offset
    return 0
