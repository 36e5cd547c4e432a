"""Loading a static program into an address space, as Linux does.

Source: Linux fs/binfmt_elf.c (`elf_load`, `set_brk`, `padzero`, `setup_arg_pages`); starry-next
core/src/mm.rs (`load_user_app`). Segments are private mappings of the program file, named by its
path: two that share a page overlay each other as mmap(MAP_FIXED) would, and zeroed memory follows
the last file page. Executable segments are populated at once, since instruction fetch runs ahead of
execution; everything else comes in by page faults.
Differs from starry-next: nothing but code is populated, brk is empty at first, the stack grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel.crates.elf import PF_R, PF_W, PF_X, ElfError, ElfImage, Segment, parse_elf
from kernel.crates.errno import AxError, LinuxError
from kernel.crates.memory_addr import PAGE_SIZE, align_down, align_up
from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axmm.backend import WHOLE_FILE, Alloc, FileSource, Linear
from kernel.plugins.starry.core.layout import TRAMPOLINE_CODE, UserLayout
from kernel.plugins.starry.core.stack_image import ProgramFacts, StackImage, build_stack

if TYPE_CHECKING:
    from kernel.machine.arch import Arch
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.plugins.starry.core.starry import Starry

_USER_RW = MappingFlags.READ | MappingFlags.WRITE | MappingFlags.USER


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program in memory, ready to start.

    Attributes:
        entry: First instruction.
        stack: What its stack holds; `stack.sp` is the initial stack pointer.
        bias: Added to the file's addresses; 0 for ET_EXEC.
        start, end: Lowest and highest (exclusive) address of its segments.
        brk_start: Where the heap begins.
    """

    entry: int
    stack: StackImage
    bias: int
    start: int
    end: int
    brk_start: int


def check_program(data: bytes, arch: Arch, layout: UserLayout) -> ElfImage:
    """Parse a program file for `arch`.

    Raises:
        ElfError: It cannot run here.
    """
    return parse_elf(data, {arch.elf_machine: arch.name}, layout.base, layout.stack_top)


def load_program(
    starry: Starry,
    aspace: AddrSpace,
    image: ElfImage,
    node: Any,
    path: str,
    argv: tuple[bytes, ...],
    envp: tuple[bytes, ...],
    name: str = "",
) -> LoadedProgram:
    """Map a program, its stack and the signal trampoline into an empty address space.

    Args:
        starry: Whose layout, trampoline and randomness to use.
        aspace: An address space with nothing in the user half.
        image: The checked file.
        node: The program file's VFS node.
        path: Its path as it was given: AT_EXECFN.
        argv: Arguments without NUL.
        envp: Environment strings without NUL.
        name: What its areas are called: the file's path without links; "" for `path`.

    Raises:
        ElfError: It does not fit into user space or into memory.
        LinuxError: E2BIG: arguments too long.
    """
    kernel = starry.kernel
    layout = starry.layout
    bias = layout.pie_bias(image.start, image.max_align) if image.is_pie else 0
    if image.end + bias > layout.mmap_top:
        raise ElfError(
            f"the program ends at {image.end + bias:#x}, in the room for its stack: "
            "link it at a lower address"
        )
    facts = ProgramFacts(
        entry=image.entry + bias,
        phdr=image.phdr_vaddr + bias if image.phdr_vaddr else 0,
        phdr_bytes=image.phdr_bytes,
        phdr_count=image.phdr_count,
        exec_path=path.encode("utf-8", "surrogateescape"),
    )
    random = kernel.rng.random_bytes(16)
    stack = build_stack(kernel.arch.name, layout.stack_top, argv, envp, facts, random)
    try:
        _map_segments(aspace, image, bias, node, name or path)
        _map_stack(aspace, layout, stack, image.executable_stack)
        _map_trampoline(starry, aspace)
    except (AxError, LinuxError) as error:
        raise ElfError(
            f"the program does not fit into memory ({error}): give the machine more with --memory"
        ) from error
    return LoadedProgram(
        entry=facts.entry,
        stack=stack,
        bias=bias,
        start=image.start + bias,
        end=image.end + bias,
        brk_start=layout.brk_start(image.end + bias),
    )


def segment_flags(segment: Segment) -> MappingFlags:
    """Page permissions of a segment."""
    flags = MappingFlags.USER
    if segment.flags & PF_R:
        flags |= MappingFlags.READ
    if segment.flags & PF_W:
        flags |= MappingFlags.WRITE
    if segment.flags & PF_X:
        flags |= MappingFlags.EXECUTE
    return flags


def _map_segments(aspace: AddrSpace, image: ElfImage, bias: int, node: Any, path: str) -> None:
    """Map all loadable segments in ascending order, then what is only in memory."""
    for segment in image.loads:
        flags = segment_flags(segment)
        vaddr = segment.vaddr + bias
        start = align_down(vaddr)
        zero_start = start
        if segment.file_bytes:
            lead = vaddr - start
            zero_start = align_up(vaddr + segment.file_bytes)
            has_zeros = segment.memory_bytes > segment.file_bytes
            # Without zeroed memory after it, the last page shows how the file goes on.
            shown = lead + segment.file_bytes if has_zeros else WHOLE_FILE
            backend = Alloc(source=FileSource(node, segment.offset - lead, shown))
            _map(aspace, start, zero_start - start, flags, backend, path)
        end = align_up(vaddr + segment.memory_bytes)
        if end > zero_start:
            _map(aspace, zero_start, end - zero_start, flags, Alloc(), "")


def _map(
    aspace: AddrSpace, start: int, size: int, flags: MappingFlags, backend: Any, name: str
) -> None:
    """Map over whatever is there, as MAP_FIXED does."""
    aspace.map(start, size, flags, backend, name=name, unmap_overlap=True)


def _map_stack(aspace: AddrSpace, layout: UserLayout, stack: StackImage, executable: bool) -> None:
    """Map the stack's upper end and write its first contents."""
    flags = _USER_RW | MappingFlags.EXECUTE if executable else _USER_RW
    used = align_up(layout.stack_top - stack.sp)
    size = max(layout.stack_bytes, used + PAGE_SIZE)
    start = layout.stack_top - size
    aspace.map(start, size, flags, Alloc(), grows_down=True)
    aspace.stack_start = stack.sp
    aspace.populate_area(layout.stack_top - used, used, MappingFlags.WRITE)
    aspace.write(stack.sp, stack.data)


def _map_trampoline(starry: Starry, aspace: AddrSpace) -> None:
    """Map the page of kernel text that returns from signal handlers."""
    va = starry.layout.trampoline
    if va:
        flags = MappingFlags.READ | MappingFlags.EXECUTE | MappingFlags.USER
        aspace.map(va, PAGE_SIZE, flags, Linear(va - starry.trampoline_pa), name="[vdso]")


def write_trampoline(starry: Starry) -> int:
    """Put the sigreturn code into a page of the kernel's text; its physical address, or 0."""
    code = TRAMPOLINE_CODE.get(starry.kernel.arch.name)
    if code is None:
        return 0
    for name, start, size_bytes, _perms in starry.kernel.layout.sections:
        if name == ".text":
            pa = start + size_bytes - PAGE_SIZE
            starry.kernel.ram.write(pa, code)
            return pa
    return 0
