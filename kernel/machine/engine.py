"""The CPU-engine interface: what the board asks of anything that executes instructions.

One engine per emulated CPU; all engines of a machine run on one host thread, share one `Ram`, and
execute user-mode code only. An engine is the host's tool, not machine state: its whole
architectural state goes in and out as bytes (`save`, `restore`), and its caches (TLB, translated
code) may vanish at any time without a visible effect.
"""

from __future__ import annotations

import enum
from typing import Protocol, TypeAlias

from kernel.machine.arch import Arch


class Access(enum.IntEnum):
    """Kind of memory access; the value is the bit of `MappingFlags` it needs."""

    READ = 1
    WRITE = 2
    EXECUTE = 4


class Stop(enum.IntEnum):
    """Why `CpuEngine.run` returned."""

    BUDGET = 0  # executed exactly the budget
    SYSCALL = 1  # pc is after the system-call instruction, which is counted
    FAULT = 2  # detail = Fault; pc at the instruction, which is not counted
    EXCEPTION = 3  # detail = Exception_; pc as Linux reports it
    EXIT = 4  # pc is one of the exit addresses; that instruction did not run
    BUS = 5  # detail = Fault: translation gave a physical address outside RAM
    CALL = 6  # the board's own: pc is in the kernel's text, the function there counts as run


class Cause(enum.IntEnum):
    """Processor exceptions other than page faults, in the words all architectures share."""

    ILLEGAL = 0  # undefined or privileged-as-undefined instruction: SIGILL
    BREAKPOINT = 1  # int3, ebreak, brk: SIGTRAP
    DIVIDE = 2  # x86 #DE: SIGFPE / FPE_INTDIV
    PROTECTION = 3  # x86 #GP: SIGSEGV / SI_KERNEL
    MISALIGNED = 4  # SIGBUS / BUS_ADRALN
    FLOAT = 5  # SIGFPE
    STEP = 6  # x86 #DB: SIGTRAP / TRAP_TRACE
    OVERFLOW = 7  # x86 into, loongarch break 6: SIGFPE / FPE_INTOVF
    BOUND = 8  # loongarch BCE
    HALT = 9  # the engine stopped for no reason it can name: an emulator limit
    VECTOR = 10  # loongarch SXD, ASXD: an LSX or LASX instruction, which this CPU lacks: SIGILL


Detail: TypeAlias = "tuple[int, int] | None"
#: FAULT and BUS: `(va, Access)`. EXCEPTION: `(Cause, address or 0)`. Otherwise None.

RunResult: TypeAlias = "tuple[Stop, Detail, int, int]"
#: (why, detail, instructions executed, pc)


class Translator(Protocol):
    """Answers an engine's TLB misses by walking page-table bytes in RAM."""

    def translate(self, va: int, access: int) -> int:
        """Translate the page of `va` for a user-mode access.

        Sets accessed and dirty bits where the architecture's hardware does.

        Returns:
            `frame physical address | permissions` (permissions: the `Access` bits the entry
            allows to user mode), or -1 for a page fault.
        """
        ...


class CpuEngine(Protocol):
    """Executes user-mode instructions of one CPU. Register names are those of `Arch`.

    `translator` answers TLB misses; who replaces it flushes the TLB then.
    `time_base_ns` is the CPU's virtual time at the start of the next `run`; the board sets it.
    `note` tells the user how to get a quicker engine that does the same; "" if this is the one.
    """

    arch: Arch
    time_base_ns: int
    translator: Translator
    note: str

    def run(self, pc: int, budget: int) -> RunResult:
        """Execute from `pc` at most `budget` (at least 1) instructions."""
        ...

    def syscall_args(self) -> list[int]:
        """`[number, arg0 .. arg5]` by the system-call convention, unsigned 64 bits each."""
        ...

    def set_return(self, value: int) -> None:
        """Write the system-call result register; `value` is taken modulo 2**64."""
        ...

    def get(self, register: str) -> int: ...
    def set(self, register: str, value: int) -> None: ...

    def registers(self) -> list[int]:
        """Values in the order of `arch.registers`; includes pc."""
        ...

    def set_registers(self, values: list[int]) -> None: ...

    def fp_state(self) -> bytes:
        """Floating-point and SIMD state in the layout of `arch.fp_layout`."""
        ...

    def set_fp_state(self, state: bytes) -> None: ...

    def save(self) -> bytes:
        """The whole architectural state, comparable and portable between processes."""
        ...

    def saved_registers(self, state: bytes) -> list[int]:
        """What `registers` would give after restoring a state; changes nothing."""
        ...

    def restore(self, state: bytes) -> None:
        """Load a state; clears any load-reserved reservation, as an exception return does."""
        ...

    def reset(self) -> None:
        """Load the architectural reset state of a new program: everything zero, FP defaults."""
        ...

    def flush_tlb(self) -> None:
        """Forget all translations (page table switched, permissions reduced, page unmapped)."""
        ...

    def invalidate_frame(self, pa: int) -> None:
        """Forget code translated from the frame at `pa`: its bytes changed."""
        ...

    def set_exits(self, addresses: frozenset[int]) -> None:
        """Virtual addresses to stop at before executing them (breakpoints, of this space)."""
        ...

    def dirty_frames(self) -> set[int]:
        """Frame numbers (pa >> 12) the guest may have written since the last `flush_tlb`."""
        ...
