"""What the Unicorn engine has to know of an instruction set: registers, set-up, traps."""

from __future__ import annotations

import re
from typing import Protocol

from kernel.machine.arch import Arch
from kernel.machine.engine import RunResult
from kernel.machine.engines.registers import Single


class Hart(Protocol):
    """The part of an engine that trap handling uses."""

    arch: Arch

    def get(self, register: str) -> int: ...
    def set(self, register: str, value: int) -> None: ...
    def save(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...

    def code_at(self, pc: int, size_bytes: int) -> bytes:
        """Bytes at `pc` as far as they are mapped executable; changes nothing."""
        ...

    def instructions(self, executed: int) -> int:
        """Virtual time in instructions, `executed` instructions into this `run`."""
        ...

    def ticks(self, executed: int) -> int:
        """The user-readable time counter, `executed` instructions into this `run`."""
        ...


class Target:
    """One instruction set, for Unicorn. All values are set by the subclass.

    Attributes:
        uc_arch, uc_mode, uc_model: Arguments of `uc_open` and the CPU model.
        ids: Unicorn's register numbers, by name; registers of at most 64 bits.
        wide_ids: The same for 128-bit (x87: 80-bit) registers.
        state: Names of all registers that make up the user-visible state.
        fp_names: Names of those of them that make up the `fp_layout`.
        defaults: Reset values other than 0.
        page_size: Argument of `uc_ctl_set_page_size`, or 0.
        syscall_trap: Interrupt number of a system call; -2 where it has a hook of its own.
        syscall_instruction: Unicorn's number of the instruction for that hook, or 0.
        syscall_clobbers: Registers the system-call instruction itself writes: with the address
            after it and with the flags.
        self_loop: A jump to itself. bad_load: Code that loads from `bad_address`.
        user_stub: Code that drops to user mode, ending with a jump or fall-through to no matter
            what; or b"".
        idle_insn: An instruction at which Unicorn stops silently; it is to do nothing.
        host_dependent: Finds instructions that do not trap although their result depends on the
            host; the engine stops before them and calls `emulate`. None if there are none.
    """

    arch: Arch
    uc_arch: int
    uc_mode: int
    uc_model: int
    ids: dict[str, int]
    wide_ids: dict[str, int]
    state: tuple[str, ...]
    fp_names: tuple[str, ...]
    defaults: dict[str, int]
    page_size = 0
    syscall_trap = -2
    syscall_instruction = 0
    syscall_clobbers: tuple[str, ...] = ()
    self_loop: bytes
    bad_load: bytes
    bad_address = 0x59238
    user_stub = b""
    idle_insn = b""
    host_dependent: re.Pattern[bytes] | None = None

    def prepare(self, registers: Single, stub_va: int) -> None:
        """Set control registers; `user_stub` will then be executed at `stub_va`."""
        raise NotImplementedError

    def classify(
        self, hart: Hart, trap: int, counted: int, pc: int, before: int
    ) -> RunResult | None:
        """Say what an interrupt was, or carry the instruction out and return None.

        Args:
            hart: The engine.
            trap: Unicorn's interrupt number, or -1 for an instruction it cannot decode.
            counted: Instructions counted in this burst, with the trapping one.
            pc: As Unicorn left it.
            before: Instructions of this `run` before the burst.

        Returns:
            The result with executed instructions of this burst only. None: the instruction was
            emulated, it counts as executed, and the pc register says where to go on.
        """
        raise NotImplementedError

    def emulate(self, hart: Hart, pc: int, executed: int) -> bool:
        """Carry out the instruction at `pc` and advance the pc register; False if it cannot.

        Args:
            hart: The engine.
            pc: Address of the instruction.
            executed: Instructions of this `run` before it.
        """
        return False

    def clean(self, register: str, value: int) -> int:
        """`value` as far as user mode may load it into `register`."""
        return value

    def pack_fp(self, raw: bytes) -> bytes:
        """`fp_names` in slots of 16 bytes -> the architecture's `fp_layout`."""
        raise NotImplementedError

    def unpack_fp(self, state: bytes) -> bytes:
        """The reverse of `pack_fp`."""
        raise NotImplementedError
