"""Constants of the platforms and of the user address-space layout.

ArceOS generates these from TOML (configs/platforms/*.toml, configs/defconfig.toml; Starry adds
configs/<arch>.toml). User layout: S002 table 3.1, with the sizes corrected after starry-next
(user space of riscv64 and loongarch64 is 256 GiB, not the 4 GB the table prints).
Differs: the stack may grow to RLIMIT_STACK and the heap to RLIMIT_DATA, as under Linux.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.crates.memory_addr import align_up

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class AxConfig:
    """One platform's constants. Addresses and sizes in bytes.

    Attributes:
        platform: ArceOS's platform name.
        ram_base: First physical byte of RAM.
        kernel_base: Physical address of the kernel image.
        phys_virt_offset: Kernel virtual = physical + this; also the base of the kernel space.
        kernel_aspace_size: Size of the kernel half.
        has_split_tables: Whether user and kernel halves have separate roots (TTBR0/1, PGDL/H).
        mmio: Device regions (physical start, size, name).
        user_base, user_size: The user half.
        interp_base: Where position-independent programs go.
        heap_base, heap_bytes: Start of brk and what is mapped of it at start.
        stack_top, stack_bytes: End of the initial stack and what is mapped of it at start.
        mmap_top: mmap places areas downward from here.
    """

    platform: str
    ram_base: int
    kernel_base: int
    phys_virt_offset: int
    kernel_aspace_size: int
    has_split_tables: bool
    mmio: tuple[tuple[int, int, str], ...]
    user_size: int
    stack_top: int
    mmap_top: int
    user_base: int = 0x1000
    interp_base: int = 0x400_0000
    heap_base: int = 0x4000_0000
    heap_bytes: int = 0x1_0000
    stack_bytes: int = 0x1_0000
    kernel_stack_bytes: int = 0x4_0000
    ticks_per_sec: int = 100
    epoch_offset_ns: int = 1_748_736_000_000_000_000  # 2025-06-01 00:00:00 UTC

    @property
    def user_end(self) -> int:
        """End of the user half, exclusive."""
        return self.user_base + self.user_size

    @property
    def tick_ns(self) -> int:
        """Nanoseconds between timer ticks."""
        return 1_000_000_000 // self.ticks_per_sec


_BIG_USER = 0x7FFF_FFFF_F000
_SMALL_USER = 0x3F_FFFF_F000

CONFIGS: dict[str, AxConfig] = {
    "x86_64": AxConfig(
        platform="x86_64-qemu-q35",
        ram_base=0,
        kernel_base=0x20_0000,
        phys_virt_offset=0xFFFF_8000_0000_0000,
        kernel_aspace_size=0x7FFF_FFFF_F000,
        has_split_tables=False,
        mmio=(
            (0xFEC0_0000, 0x1000, "ioapic"),
            (0xFED0_0000, 0x1000, "hpet"),
            (0xFEE0_0000, 0x1000, "lapic"),
        ),
        user_size=_BIG_USER,
        stack_top=0x7FFF_0000_0000,
        mmap_top=0x7FFE_0000_0000,
    ),
    "riscv64": AxConfig(
        platform="riscv64-qemu-virt",
        ram_base=0x8000_0000,
        kernel_base=0x8020_0000,
        phys_virt_offset=0xFFFF_FFC0_0000_0000,
        kernel_aspace_size=0x3F_FFFF_F000,
        has_split_tables=False,
        mmio=((0x0C00_0000, 0x21_0000, "plic"), (0x1000_0000, 0x1000, "uart")),
        user_size=_SMALL_USER,
        stack_top=0x4_0000_0000,
        mmap_top=0x3_F000_0000,
    ),
    "aarch64": AxConfig(
        platform="aarch64-qemu-virt",
        ram_base=0x4000_0000,
        kernel_base=0x4020_0000,
        phys_virt_offset=0xFFFF_0000_0000_0000,
        kernel_aspace_size=0xFFFF_FFFF_F000,
        has_split_tables=True,
        mmio=((0x0800_0000, 0x2_0000, "gic"), (0x0900_0000, 0x1000, "uart")),
        user_size=_BIG_USER,
        stack_top=0x7FFF_0000_0000,
        mmap_top=0x7FFE_0000_0000,
    ),
    "loongarch64": AxConfig(
        platform="loongarch64-qemu-virt",
        ram_base=0x8000_0000,
        kernel_base=0x8020_0000,
        phys_virt_offset=0xFFFF_0000_0000_0000,
        kernel_aspace_size=0xFFFF_FFFF_F000,
        has_split_tables=True,
        mmio=((0x1FE0_0000, 0x1000, "uart"),),
        user_size=_SMALL_USER,
        stack_top=0x4_0000_0000,
        mmap_top=0x3_F000_0000,
    ),
}


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """Where the kernel image's sections lie in physical memory, in linker order.

    Attributes:
        sections: (name, start, size, permissions as "r-x") without gaps.
        control_pa: Allocator control structures (.bss).
        frames_pa: Per-frame reference counts (.bss).
        resources_pa: The pristine `axns_resource` section (.data).
        free_pa: First byte after the image (`_ekernel`).
    """

    sections: tuple[tuple[str, int, int, str], ...]
    control_pa: int
    frames_pa: int
    resources_pa: int
    free_pa: int


RESOURCE_SECTION_BYTES = 0x1000
TEXT_BYTES = 0x8_0000
RODATA_BYTES = 0x2_0000
DATA_BYTES = 0x1_0000
BOOT_STACK_BYTES = 0x4_0000


def image_layout(kernel_base: int, control_bytes: int, total_frames: int) -> ImageLayout:
    """Lay the kernel image out from `kernel_base` up.

    The code and data sections have the sizes of an ArceOS image with Starry; they are empty here,
    since the kernel's code runs outside the machine.

    Args:
        kernel_base: Physical start.
        control_bytes: What the allocators need for their control structures.
        total_frames: Frames of RAM, two bytes of reference count each.
    """
    sections: list[tuple[str, int, int, str]] = []
    cursor = kernel_base

    def place(name: str, size_bytes: int, perms: str) -> int:
        nonlocal cursor
        start = cursor
        sections.append((name, start, align_up(size_bytes), perms))
        cursor += align_up(size_bytes)
        return start

    place(".text", TEXT_BYTES, "r-x")
    place(".rodata", RODATA_BYTES, "r--")
    place(".data", DATA_BYTES, "rw-")
    resources = place("axns_resource", RESOURCE_SECTION_BYTES, "rw-")
    place("boot stack", BOOT_STACK_BYTES, "rw-")
    control = place(".bss allocator", control_bytes, "rw-")
    frames = place(".bss frame counts", 2 * total_frames, "rw-")
    return ImageLayout(tuple(sections), control, frames, resources, cursor)
