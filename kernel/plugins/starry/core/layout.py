"""Where things go in a user address space: the constants of S002 table 3.1, and what follows.

The base numbers stand in `axconfig`. Differs from starry-next: brk starts at the heap base but is
empty and grows as under Linux; the signal trampoline lies above the stack, since right behind a
fixed heap it would stop brk; mmap places areas downward as Linux does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel.crates.memory_addr import PAGE_SIZE, align_up
from kernel.modules.axconfig import AxConfig

#: mm/mmap.c: growing areas keep this distance from the area below them.
STACK_GUARD_GAP: Final = 256 * PAGE_SIZE
#: mmap_min_addr: nothing is placed below it unless asked for with MAP_FIXED by root.
MMAP_MIN_ADDR: Final = 0x1_0000
#: Longest single argument or environment string, with its NUL (MAX_ARG_STRLEN).
MAX_ARG_BYTES: Final = 32 * PAGE_SIZE
#: Linux allows arguments and environment three quarters of 8 MiB, and a quarter of the stack.
MAX_ARGS_BYTES: Final = 2 << 20

#: li/mov/ori a7|x8, 139 (rt_sigreturn); the system-call instruction. x86_64 has SA_RESTORER.
TRAMPOLINE_CODE: Final[dict[str, bytes]] = {
    "riscv64": bytes.fromhex("9308b008 73000000"),
    "aarch64": bytes.fromhex("681180d2 010000d4"),
    "loongarch64": bytes.fromhex("0b2c8203 00002b00"),
}


@dataclass(frozen=True, slots=True)
class UserLayout:
    """Addresses of one user address space; ends are exclusive.

    Attributes:
        base, end: The user half.
        pie_base: Where a position-independent program goes.
        heap_base: Where brk starts, unless the program reaches further.
        mmap_top: Areas are placed downward from here.
        stack_top, stack_bytes: End of the stack, and what is mapped of it at start.
        trampoline: Page with the sigreturn code; 0 where the C library brings it.
    """

    base: int
    end: int
    pie_base: int
    heap_base: int
    mmap_top: int
    stack_top: int
    stack_bytes: int
    trampoline: int

    def brk_start(self, image_end: int) -> int:
        """Start of brk for a program that ends at `image_end`."""
        return max(self.heap_base, align_up(image_end))

    def pie_bias(self, start: int, align: int) -> int:
        """What to add to the addresses of a position-independent program that begins at `start`."""
        return align_up(self.pie_base, align) - (start & -align)


def user_layout(arch: str, config: AxConfig) -> UserLayout:
    """The layout of user address spaces on `arch`."""
    # Linux keeps x86's last page free: SYSRET to a non-canonical address would fault in the kernel.
    end = config.user_end - PAGE_SIZE if arch == "x86_64" else config.user_end
    trampoline = config.stack_top + PAGE_SIZE if arch in TRAMPOLINE_CODE else 0
    return UserLayout(
        base=config.user_base,
        end=end,
        pie_base=config.interp_base,
        heap_base=config.heap_base,
        mmap_top=config.mmap_top,
        stack_top=config.stack_top,
        stack_bytes=config.stack_bytes,
        trampoline=trampoline,
    )
