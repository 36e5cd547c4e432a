"""The kernel's own address space: image sections, free memory and devices in the upper half.

Source: oscomp/arceos modules/axmm/src/lib.rs `new_kernel_aspace`, axhal `memory_regions`; S002's
"remap" phase: the boot table's read-write-execute mappings become one mapping per section with
the rights the section needs, in large pages where address and size allow. Which mappings there are
is the HAL's business: PolyHAL keeps the boot table's blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.page_table_entry import MappingFlags
from kernel.modules.axmm.aspace import AddrSpace

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel

_RIGHTS = {
    "r": MappingFlags.READ,
    "w": MappingFlags.WRITE,
    "x": MappingFlags.EXECUTE,
    "d": MappingFlags.DEVICE,
}


def new_kernel_aspace(kernel: Kernel) -> AddrSpace:
    """Build it; number 0.

    Raises:
        AxError: NO_MEMORY.
    """
    config, ram = kernel.config, kernel.ram
    offset = config.phys_virt_offset
    space = AddrSpace(
        0,
        offset,
        config.kernel_aspace_size,
        kernel.arch.page_table,
        ram,
        kernel.events,
        kernel.alloc,
        kernel.tlb,
        kernel.frames,
        merge=False,
    )
    for name, pa, size_bytes, rights in kernel.hal.kernel_mappings(kernel.layout):
        flags = sum(int(_RIGHTS[letter]) for letter in rights)
        if space.contains_range(pa + offset, size_bytes):
            space.map_linear(pa + offset, pa, size_bytes, flags, name)
    return space
