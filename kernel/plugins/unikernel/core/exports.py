"""The kernel's exported functions: where in its text they stand, and what the CPU finds there.

Every function has a slot of 16 bytes in `.text`, and in it the one instruction of it that the
emulated CPU retires: the return. All before it is Python. The slot after them stands for
`task_entry`, which threads' own functions return to (ArceOS axtask/src/task.rs).
Differs from ArceOS, where application and kernel are linked into one image: here the loader
resolves the application's undefined symbols against this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel.machine.board import Board
    from kernel.modules.axruntime.kernel import Kernel

#: The slot after the last function's: it stands for what calls a thread's own function, and in its
#: middle is where that returns to.
RETURN_NAME: Final = "task_entry"
_RETURN_OFFSET: Final = 8
SLOT_BYTES: Final = 16
#: Offset of the table from the start of `.text`.
TABLE_OFFSET: Final = 0x1000
#: "return", per architecture.
_RETURN: Final[dict[str, bytes]] = {
    "x86_64": bytes.fromhex("c3"),
    "riscv64": bytes.fromhex("67800000"),
    "aarch64": bytes.fromhex("c0035fd6"),
    "loongarch64": bytes.fromhex("2000004c"),
}


class Exports:
    """The table of one kernel.

    Attributes:
        names: Of the functions, in the order of their slots; numbers count from 0.
        start, end: The kernel's text, virtual; no CPU can fetch from it.
    """

    def __init__(self, kernel: Kernel, names: tuple[str, ...]) -> None:
        self.names = names
        for name, pa, size_bytes, _rights in kernel.layout.sections:
            if name == ".text":
                self._text_pa = pa
                self.start = kernel.hal.phys_to_virt(pa)
                self.end = self.start + size_bytes
        self._numbers = {name: number for number, name in enumerate(names)}

    def write(self, kernel: Kernel) -> None:
        """Put the return instructions into the kernel's text."""
        code = _RETURN[kernel.arch.name]
        fill = b"\xcc" if kernel.arch.name == "x86_64" else b"\0"  # what nobody may execute
        table = code.ljust(SLOT_BYTES, fill) * len(self.names)
        last = fill * _RETURN_OFFSET + code
        kernel.ram.write(self._text_pa + TABLE_OFFSET, table + last.ljust(SLOT_BYTES, fill))

    def close_text(self, board: Board) -> None:
        """Make every CPU leave its engine where it would fetch from the kernel's text."""
        from kernel.machine.supervisor_mmu import SupervisorMmu

        for cpu in board.cpus:
            if isinstance(cpu.mmu, SupervisorMmu):
                cpu.mmu.text_start, cpu.mmu.text_end = self.start, self.end

    @property
    def return_address(self) -> int:
        """Where a thread's function returns to."""
        return self._address(len(self.names)) + _RETURN_OFFSET

    def address(self, name: str) -> int | None:
        """The address of a function; None if there is none of that name."""
        number = self._numbers.get(name)
        return None if number is None else self._address(number)

    def _address(self, number: int) -> int:
        return self.start + TABLE_OFFSET + number * SLOT_BYTES

    def number(self, address: int) -> int:
        """The function that begins at `address`; -1 if none does.

        One more than the last number: `address` is where threads' functions return to.
        """
        if address == self.return_address:
            return len(self.names)
        number, rest = divmod(address - self.start - TABLE_OFFSET, SLOT_BYTES)
        return number if 0 <= number < len(self.names) and not rest else -1

    def symbols(self) -> tuple[tuple[str, int, int], ...]:
        """(name, address, size in bytes) of every slot, for people."""
        names = (*self.names, RETURN_NAME)
        return tuple((name, self._address(i), SLOT_BYTES) for i, name in enumerate(names))
