"""Watchpoints on memory: who changes, or reads, these bytes; exact in both directions.

The pages that hold watched bytes are withheld from the engines: while a watch is armed, the MMU's
answers lack the right to write (for accesses: to read, too), so every such instruction comes back
before it does anything. It is then run alone with the page open, and the bytes are compared. What
the kernel writes is found by comparing after each of its operations. Nothing of this is machine
state: the run is the same, bit for bit, with a watch and without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kernel.crates.memory_addr import PAGE_MASK, PAGE_SIZE
from kernel.inspect.capture import address_space_of
from kernel.inspect.peek import peek
from kernel.inspect.position import Position
from kernel.inspect.system import System
from kernel.machine.clock import NS_PER_INSN
from kernel.machine.cpu import Cpu
from kernel.machine.engine import Access, RunResult, Stop, Translator
from kernel.machine.ram import FRAME_SHIFT
from kernel.modules.axmm.aspace import AddrSpace

_READ, _WRITE = int(Access.READ), int(Access.WRITE)
#: What is withheld from the pages of each kind of watchpoint.
_DENIED = {"watch": _WRITE, "rwatch": _READ, "awatch": _READ | _WRITE}
KINDS = tuple(_DENIED)
#: The widest access of one instruction, for those whose width nobody knows.
_WIDEST = 16


@dataclass(frozen=True, slots=True)
class Touch:
    """Watched bytes were changed or read.

    Attributes:
        number: The watchpoint.
        old, new: The bytes; the same if they were only accessed.
        before: Where the machine stands before the instruction, or before the kernel's operation.
        by_kernel: Whether the kernel did it.
    """

    number: int
    old: bytes
    new: bytes
    before: Position
    by_kernel: bool


@dataclass(slots=True)
class Watched:
    """Bytes of one process.

    Attributes:
        space: Number of the address space they were last seen in.
        value: The bytes; None while they are not mapped.
        frames: Frame numbers they lie in.
        width: Bytes that the instruction with this code accesses; 0 if that is not known.
    """

    number: int
    kind: str
    pid: int
    va: int
    size_bytes: int
    width: Callable[[bytes], int] | None = None
    space: int = -1
    value: bytes | None = None
    frames: tuple[int, ...] = ()

    def look(self, system: System) -> None:
        """Bring `space`, `value` and `frames` up to date."""
        aspace = address_space_of(system, self.pid)
        self.space = -1 if aspace is None else aspace.ident
        self.value = None if aspace is None else _bytes_of(aspace, self.va, self.size_bytes)
        self.frames = () if aspace is None else _frames_of(aspace, self.va, self.size_bytes)


def _frames_of(aspace: AddrSpace, va: int, size_bytes: int) -> tuple[int, ...]:
    found: list[int] = []
    for page in range(va & ~PAGE_MASK, va + size_bytes, PAGE_SIZE):
        leaf = aspace.page_table.find(page)
        if leaf is not None:
            pa = aspace.page_table.fmt.paddr(leaf.entry) + (page & (leaf.size_bytes - 1))
            found.append(pa >> FRAME_SHIFT)
    return tuple(found)


def _bytes_of(aspace: AddrSpace, va: int, size_bytes: int) -> bytes | None:
    """The bytes as a program would read them; a page nobody touched yet holds zeros."""
    data = b""
    while len(data) < size_bytes:
        at = va + len(data)
        piece = peek(aspace, at, size_bytes - len(data))
        if not piece:
            if aspace.areas.find(at) is None:
                return None
            piece = bytes(min(PAGE_SIZE - (at & PAGE_MASK), size_bytes - len(data)))
        data += piece
    return data


class GuardedTranslator:
    """An MMU that withholds rights to watched frames."""

    __slots__ = ("_inner", "_watch")

    def __init__(self, inner: Translator, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def translate(self, va: int, access: int) -> int:
        """See `engine.Translator`."""
        found = self._inner.translate(va, access)
        denied = self._watch.denied.get(found >> FRAME_SHIFT) if found >= 0 else None
        if denied is None:
            return found
        if access & denied:
            if (va >> FRAME_SHIFT, access) not in self._watch.opened:
                self._watch.refused = (va >> FRAME_SHIFT, access)
                return -1
            denied &= ~access
        return found & ~denied


class Watch:
    """Sees watched memory touched; implements `board.MemoryWatch` while armed.

    Attributes:
        denied: Rights withheld, by frame number.
        opened: Accesses (page number, kind) allowed to the instruction that runs alone.
        refused: The access that was refused last.
        on_touch: Told what happened on which CPU; whether to stop there.
    """

    def __init__(self, system: System, on_touch: Callable[[Cpu, Touch], bool]) -> None:
        self.system = system
        self.on_touch = on_touch
        self.denied: dict[int, int] = {}
        self.opened: set[tuple[int, int]] = set()
        self.refused: tuple[int, int] | None = None
        self._active: list[Watched] = []
        self._inner: list[Translator] = []

    # -- armed only while the machine runs for somebody -------------------------------------------

    def arm(self, entries: list[Watched]) -> None:
        """Watch these from now on."""
        board = self.system.board
        self._active = entries
        for entry in entries:
            entry.look(self.system)
        self._inner = [cpu.engine.translator for cpu in board.cpus]
        for cpu, inner in zip(board.cpus, self._inner, strict=True):
            cpu.engine.translator = GuardedTranslator(inner, self)
        board.watch = self
        self._withhold()

    def disarm(self) -> None:
        """Leave no trace in the engines."""
        board = self.system.board
        board.watch = None
        for cpu, inner in zip(board.cpus, self._inner, strict=True):
            cpu.engine.translator = inner
        self.denied = {}
        self._flush()

    def _withhold(self) -> None:
        denied: dict[int, int] = {}
        for entry in self._active:
            for frame in entry.frames:
                denied[frame] = denied.get(frame, 0) | _DENIED[entry.kind]
        self.denied = denied
        self._flush()

    def _flush(self) -> None:
        for cpu in self.system.board.cpus:
            cpu.engine.flush_tlb()

    # -- while it runs ----------------------------------------------------------------------------

    def run(self, cpu: Cpu, budget: int) -> RunResult:
        """`engine.run`, stopping early after an instruction that `on_touch` wants to stop at."""
        engine = cpu.engine
        done, pc = 0, cpu.pc
        while True:
            engine.time_base_ns = cpu.clock_ns + done * NS_PER_INSN
            self.refused = None
            why, detail, ran, pc = engine.run(pc, budget - done)
            done += ran
            if why != Stop.FAULT or self.refused is None:
                return why, detail, done, pc
            engine.time_base_ns = cpu.clock_ns + done * NS_PER_INSN
            (why, detail, ran, pc), is_hit = self._run_alone(cpu, pc, done, detail)
            done += ran
            if is_hit or why != Stop.BUDGET or done >= budget:
                return why, detail, done, pc

    def _run_alone(
        self, cpu: Cpu, pc: int, done: int, detail: tuple[int, int] | None
    ) -> tuple[RunResult, bool]:
        """Run the instruction at `pc`, whose access was refused; whether to stop after it."""
        engine = cpu.engine
        accesses: list[tuple[int, int]] = []
        while True:
            if detail is not None:
                accesses.append(detail)
            if self.refused is not None:
                self.opened.add(self.refused)
            self.refused = None
            result = engine.run(pc, 1)
            detail = result[1]
            if result[0] != Stop.FAULT or self.refused is None:
                break
        self.opened.clear()
        board = self.system.board
        before = Position(board.events.count, board.insns_since + done)
        is_hit = False
        for entry in self._active:
            if entry.kind != "watch" and any(self._overlaps(entry, a, pc) for a in accesses):
                is_hit |= self._report(cpu, entry, before, by_kernel=False, accessed=True)
            else:
                is_hit |= self._report(cpu, entry, before, by_kernel=False)
        engine.flush_tlb()
        return result, is_hit

    def _overlaps(self, entry: Watched, access: tuple[int, int], pc: int) -> bool:
        va, kind = access
        if not kind & _DENIED[entry.kind] or va >= entry.va + entry.size_bytes:
            return False
        width = 0
        if entry.width is not None:
            aspace = address_space_of(self.system, entry.pid)
            width = entry.width(peek(aspace, pc, 16)) if aspace is not None else 0
        return va + (width or _WIDEST) > entry.va

    def _report(
        self,
        cpu: Cpu,
        entry: Watched,
        before: Position,
        *,
        by_kernel: bool,
        accessed: bool = False,
    ) -> bool:
        """Compare a watchpoint's bytes; whether somebody wants to stop."""
        old, space = entry.value, entry.space
        if by_kernel:
            frames = entry.frames
            entry.look(self.system)
            if frames != entry.frames:
                self._withhold()
        elif entry.space >= 0:
            aspace = address_space_of(self.system, entry.pid)
            if aspace is not None:
                entry.value = _bytes_of(aspace, entry.va, entry.size_bytes)
        new = entry.value
        if old is None or new is None or space != entry.space:
            return False  # it came, went, or is another program's
        if not accessed and (old == new or entry.kind == "rwatch"):
            return False
        if self.on_touch(cpu, Touch(entry.number, old, new, before, by_kernel)):
            self.system.board.stop_requested = True
            return True
        return False

    def kernel_done(self, cpu: Cpu) -> None:
        """The kernel has handled a trap or an interrupt of `cpu`."""
        board = self.system.board
        before = Position(board.trap_event, board.trap_insns)
        for entry in self._active:
            self._report(cpu, entry, before, by_kernel=True)
