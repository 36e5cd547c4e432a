"""What a kernel form is to the rest: the one interface by which inspectors and debuggers see it.

A form is a plugin on the backbone: the monolithic one (Starry) and the Unikernel. Nothing above
the plugins names either; `boot` finds them by name and loads the one it needs.
Source: S000 2.2 and table 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kernel.crates.views import ProcessView
    from kernel.machine.board import Board
    from kernel.machine.cpu import Cpu
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axruntime.kernel import Kernel


@dataclass(frozen=True, slots=True)
class LastFault:
    """The last fault or exception that reached a program.

    Attributes:
        event: Number of events when it was recorded.
        pc: Instruction at fault; va: address it touched, or 0.
        access: "read", "write", "execute", or "" for an exception.
        signo: The signal it became; 0 where there are none.
        sentence: What happened, for people.
        is_ours: The program would run on a CPU that has what the emulated one lacks.
    """

    event: int
    tid: int
    pc: int
    va: int
    access: str
    signo: int
    sentence: str
    is_ours: bool = False


class CallNames(Protocol):
    """The services of a form: its system calls, or its functions."""

    entries: Any

    def name(self, nr: int) -> str: ...
    def names(self) -> dict[int, str]: ...


class KernelForm(Protocol):
    """A kernel form that is up.

    Attributes:
        form: "monolithic" or "unikernel".
        calls: Its services, by number.
        syscalls: How many calls of them have begun.
        last_fault: The last one that no page came for.
        observer: A host object that hears of calls, or None; no part of the machine.
    """

    form: str
    calls: Any
    syscalls: int
    last_fault: LastFault | None
    observer: Any

    @property
    def main_pid(self) -> int:
        """The program the machine was started for."""
        ...

    @property
    def threads(self) -> Mapping[int, Any]:
        """Living threads of programs by id."""
        ...

    @property
    def processes(self) -> Mapping[int, Any]:
        """Programs by number; live objects with at least pid, ppid, aspace, ns and threads."""
        ...

    def process_views(self) -> tuple[ProcessView, ...]:
        """Programs, for people."""
        ...

    def aspace_of(self, pid: int) -> AddrSpace | None:
        """The address space of a program; 0: the kernel's own; None: there is no such program."""
        ...

    def call_name(self, nr: int) -> str:
        """The name of a service."""
        ...

    def pending_call(self, cpu: Cpu) -> tuple[int, list[int]]:
        """Number and six arguments of the call a CPU is about to enter the kernel with."""
        ...

    def functions(self) -> tuple[tuple[str, int, int], ...]:
        """(name, address, size) of kernel functions programs may call; () if they make traps."""
        ...

    def connect(self, board: Board) -> None:
        """Let the board reach this form; again after every restore."""
        ...

    def blobs(self) -> dict[str, Any]:
        """Large immutable objects that snapshots name instead of copying."""
        ...

    def view_counters(self) -> dict[str, Any]:
        """Numbers for people."""
        ...


class Program(Protocol):
    """What the machine is started for: the part of a recipe that forms read."""

    @property
    def elf(self) -> bytes: ...
    @property
    def path(self) -> str: ...
    @property
    def argv(self) -> tuple[str, ...]: ...
    @property
    def envp(self) -> tuple[str, ...]: ...
    @property
    def files(self) -> tuple[tuple[str, bytes], ...]: ...
    @property
    def tree(self) -> tuple[Any, ...]: ...
    @property
    def fork(self) -> str: ...


class FormModule(Protocol):
    """The module that starts a form."""

    def start(self, kernel: Kernel, program: Program) -> KernelForm:
        """Bring the form up on a booted backbone and make its program ready to run.

        Raises:
            ElfError: The program cannot run in this form.
            AxError, LinuxError: It does not fit.
        """
        ...
