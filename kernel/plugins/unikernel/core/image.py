"""Loading the application into the kernel's address space.

It becomes a part of the kernel image: one run of frames, mapped segment by segment without the user
bit at a fixed place of the kernel half, its undefined symbols filled in with the addresses of the
kernel's functions.
Source: ArceOS links application and kernel into one image (`make A=apps/...`); here linking is
finished when the machine starts, so that one kernel runs any application.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from kernel.crates.elf import PF_R, PF_W, PF_X, ElfError, ElfImage, Segment
from kernel.crates.elf_dynamic import KERNEL_LIBRARY, DynamicSection, Relocation
from kernel.crates.memory_addr import PAGE_SIZE, U64_MASK, align_down, align_up
from kernel.crates.page_table_entry import MappingFlags

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.plugins.unikernel.core.exports import Exports

#: Offset of the application from the start of the kernel half: beyond all RAM and devices.
APP_OFFSET: Final = 32 << 30


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """Where the application is.

    Attributes:
        entry: Address of `main`.
        base: What was added to the file's addresses.
        start, end: Its first and last (exclusive) address.
    """

    entry: int
    base: int
    start: int
    end: int


def load_app(
    kernel: Kernel, exports: Exports, data: bytes, image: ElfImage, name: str
) -> LoadedApp:
    """Put the application into memory, ready to be called.

    Args:
        kernel: Its address space is the one used.
        exports: The functions there are.
        data: The file.
        image: The same, parsed.
        name: What its areas are called.

    Raises:
        ElfError: It is no Unikernel application, needs a function nobody has, or is too large.
        AxError: NO_MEMORY.
    """
    dynamic = DynamicSection(data, image)
    if KERNEL_LIBRARY not in dynamic.needed or not image.is_pie:
        raise ElfError(f"it is not linked against {KERNEL_LIBRARY}: see samples/build.py")
    origin = align_down(image.start)
    size_bytes = align_up(image.end) - origin
    if size_bytes > kernel.ram.size_bytes:
        raise ElfError(
            f"it takes {size_bytes >> 20} MiB of memory before it starts, more than the machine "
            "has: make its static data smaller, or give more with --memory"
        )
    base = kernel.config.phys_virt_offset + APP_OFFSET - origin
    memory = _memory_image(data, image)
    for relocation in dynamic.relocations():
        at = relocation.vaddr - origin
        if not 0 <= at <= len(memory) - 8:
            raise ElfError(f"a relocation at {relocation.vaddr:#x} lies outside the program")
        value = _value(relocation, base, exports)
        memory[at : at + 8] = (value & U64_MASK).to_bytes(8, "little")
    frames = len(memory) // PAGE_SIZE
    pa = kernel.alloc.alloc_pages(frames, PAGE_SIZE, "kernel image")
    kernel.ram.write(pa, memory)
    _map(kernel, image, base, pa - origin, name)
    return LoadedApp(image.entry + base, base, image.start + base, image.end + base)


def _memory_image(data: bytes, image: ElfImage) -> bytearray:
    """All segments as they lie in memory, whole pages."""
    origin = align_down(image.start)
    memory = bytearray(align_up(image.end) - origin)
    for segment in image.loads:
        start = segment.vaddr - origin
        contents = data[segment.offset : segment.offset + segment.file_bytes]
        memory[start : start + len(contents)] = contents
    return memory


def _value(relocation: Relocation, base: int, exports: Exports) -> int:
    """What a relocation fills in."""
    if not relocation.symbol:
        return base + relocation.value + relocation.addend
    address = exports.address(relocation.symbol)
    if address is None:
        close = get_close_matches(relocation.symbol, exports.names, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ElfError(f"the kernel has no function {relocation.symbol}{hint}")
    return address + relocation.addend


def _map(kernel: Kernel, image: ElfImage, base: int, pa_bias: int, name: str) -> None:
    """Map every segment; pages that two share get the rights of both."""
    rights: dict[int, int] = {}
    for segment in image.loads:
        for page in range(align_down(segment.vaddr), align_up(segment.end), PAGE_SIZE):
            rights[page] = rights.get(page, 0) | _flags(segment)
    pages = sorted(rights)
    first = pages[0]
    for page, following in zip(pages, [*pages[1:], -1], strict=True):
        if following == page + PAGE_SIZE and rights[following] == rights[page]:
            continue
        size = page + PAGE_SIZE - first
        kernel.kernel_aspace.map_linear(first + base, first + pa_bias, size, rights[page], name)
        first = following


def _flags(segment: Segment) -> int:
    flags = MappingFlags(0)
    if segment.flags & PF_R:
        flags |= MappingFlags.READ
    if segment.flags & PF_W:
        flags |= MappingFlags.WRITE
    if segment.flags & PF_X:
        flags |= MappingFlags.EXECUTE
    return int(flags)
