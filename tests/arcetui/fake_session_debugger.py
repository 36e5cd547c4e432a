"""A debugger with no machine behind it: its whole state is a function of a step number.

Every tenth step is a system call of four events; going anywhere is setting the number. The API is
`kernel.control.Debugger`'s.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Any

from fake_looks import EVERY, FakeLooks

from kernel.crates.event import Cause, CauseKind, Event, EventKind
from kernel.inspect.position import Position
from kernel.inspect.views import (
    AddressSpaceView,
    AreaView,
    ChangeView,
    CpuView,
    MachineView,
    ProcessView,
    SyscallView,
)
from kernel.machine.arch import X86_64

CODE = 0x401000
STACK = 0x7FFFFFFDE000
PER_CALL = 4  # events of a call
HANG = False


class Reason(enum.Enum):
    START = 0
    STEP = 1
    BREAKPOINT = 2
    SYSCALL_ENTER = 3
    EVENT = 5
    EXITED = 8
    INPUT = 9
    PAUSED = 12
    POSITION = 13
    BEGINNING = 14


@dataclass(frozen=True)
class FakeStopped:
    reason: Any
    sentence: str
    position: Position
    breakpoint: int = 0
    syscall: Any = None


@dataclass(frozen=True)
class FakeBreakpoint:
    number: int
    spec: Any
    hits: int = 0


def area(start, pages, perms, kind, name="", resident=1):
    return AreaView(start, start + pages * 4096, perms, 0, (0, 0), 0, name, kind, "Alloc", resident)


class FakeDebugger(FakeLooks):
    """State = self.n (0..self.last); see the module."""

    arch = X86_64

    def __init__(self, length: int = 2000, output: bytes = b"") -> None:
        self.n = 0
        self.far = 0
        self.length = length
        self.epoch = 1
        self.goal: Any = None
        self.left = 0
        self.fed: list[bytes] = []
        self.output = output
        self._breaks: dict[int, FakeBreakpoint] = {}
        self.recipe = None
        self.crash = False

    # -- positions
    def _at(self, n: int) -> Position:
        return Position(n // EVERY * PER_CALL, n % EVERY)

    @property
    def position(self) -> Position:
        return self._at(self.n)

    @property
    def end(self) -> Position:
        return self._at(self.far)

    def _move(self, n: int) -> None:
        self.n = max(0, min(n, self.length))
        self.far = max(self.far, self.n)
        self.epoch += 1

    # -- moving
    def begin(self, goal: Any) -> None:
        if self.crash:
            raise RuntimeError("the fake was told to crash")
        self.goal = goal
        self.left = goal.count

    def pump(self, max_insns: int = 200_000):
        goal, kind = self.goal, self.goal.kind.name
        sign = -1 if goal.reverse else 1
        if kind == "CONTINUE":
            for _ in range(min(max_insns, 50)):
                self._move(self.n + sign)
                for b in self._breaks.values():
                    if self.pc == b.spec.address:
                        return self._stop(Reason.BREAKPOINT, f"breakpoint {b.number}")
                if self.n in (0, self.length):
                    break
            if self.n in (0, self.length):
                return self._ended(sign)
            return None
        if kind in ("SYSCALL", "EVENT"):
            to = (self.n // EVERY + sign) * EVERY
            self._move(to)
            return self._stop(Reason.SYSCALL_ENTER, "system call mmap")
        self._move(self.n + sign * goal.count)
        if self.n in (0, self.length):
            return self._ended(sign)
        return self._stop(Reason.STEP, "stepped")

    def _ended(self, sign):
        if sign < 0:
            return self._stop(Reason.BEGINNING, "the beginning of the run")
        return self._stop(Reason.EXITED, "the program exited with 0")

    def _stop(self, reason, sentence):
        self.goal = None
        return FakeStopped(reason, sentence, self.position)

    def pause(self):
        return self._stop(Reason.PAUSED, "paused")

    def run(self, goal):
        self.begin(goal)
        while (stopped := self.pump()) is None:
            pass
        return stopped

    def searched(self):
        return None

    def goto(self, position):
        self._move(position.event // PER_CALL * EVERY + position.insns)
        return self._stop(Reason.POSITION, f"at {position}")

    def restart(self):
        self._move(0)
        self.far = 0
        return self._stop(Reason.START, "at the first instruction")

    def ask_for_input(self, *, wanted):
        pass

    def idle_seconds(self):
        return 0.0

    def feed(self, data):
        self.fed.append(data)

    def feed_eof(self):
        self.fed.append(b"")

    # -- stops
    def add_breakpoint(self, spec):
        number = len(self._breaks) + 1
        self._breaks[number] = FakeBreakpoint(number, spec)
        return number

    def remove_breakpoint(self, n):
        del self._breaks[n]

    def enable_breakpoint(self, n, on):
        self._breaks[n] = replace(self._breaks[n], spec=replace(self._breaks[n].spec, enabled=on))

    def breakpoints(self):
        return tuple(self._breaks.values())

    # -- looking
    @property
    def pc(self) -> int:
        return CODE + self.n % 40 * 2

    @property
    def calls(self) -> int:
        return self.n // EVERY

    def machine(self):
        ended = self.n == self.length
        return MachineView(
            self.epoch,
            "x86_64",
            self.position,
            self.end,
            "exited" if ended else "stopped",
            False,
            self.n,
            self.n * 5,
            self.calls,
            (self.cpu(),),
            0,
            len(self.console()),
            0 if ended else None,
            None,
            "",
            400 + self.calls,
            32768,
        )

    def cpu(self, index=None):
        values = dict.fromkeys(X86_64.registers, 0)
        values.update(rip=self.pc, rsp=STACK + 0x800 - self.n % 4 * 8, rax=self.n, rdi=CODE + 6)
        values.update(rcx=self.n // 3, rbp=STACK + 0x900, eflags=0x246 if self.n % 2 else 0x202)
        return CpuView(
            0, 1, 1, "fake", self.pc, tuple(values.items()), self.n * 5, self.n, 0x80001000, ""
        )

    def address_space(self, pid=None):
        areas = [
            area(CODE, 1, "r-xp", "code", "/fake"),
            area(CODE + 0x1000, 1, "r--p", "rodata", "/fake"),
            area(CODE + 0x2000, 2, "rw-p", "data", "/fake"),
            area(0x40000000, 8, "rw-p", "heap", "[heap]"),
            area(STACK - 0x20000, 34, "rw-p", "stack", "[stack]", 2),
        ]
        for i in range(min(self.calls, 12)):
            areas.append(area(0x7F0000000000 + i * 0x10000, 4, "rw-p", "anon", resident=0))
        areas.sort(key=lambda a: a.start)
        return AddressSpaceView(1, 1, 0x80001000, "x86_64", tuple(areas), 0x40000000, 0x40008000)

    def syscall_count(self):
        return self.calls

    def syscalls(self, first=1, end=None):
        end = self.calls + 1 if end is None else end
        return tuple(
            SyscallView(
                i,
                1,
                9,
                "mmap",
                (0, 16384, 3, 34, 2**64 - 1, 0),
                0x7F0000000000 + i * 0x10000,
                Position(i * PER_CALL - 3),
                Position(i * PER_CALL),
                i * 50,
            )
            for i in range(max(first, 1), min(end, self.calls + 1))
        )

    def _event(self, index):
        call, part = (index - 1) // PER_CALL + 1, (index - 1) % PER_CALL
        start = 0x7F0000000000 + call * 0x10000
        kind, fields = (
            (EventKind.SYSCALL_ENTER, (call, 9, (0, 16384, 3, 34))),
            (EventKind.VMA_ADD, (1, start, start + 16384, "rw-", "Alloc")),
            (EventKind.PAGE_ALLOC, (0x80000000 + (400 + call) * 4096, 1, "user")),
            (EventKind.SYSCALL_EXIT, (call, 9, start)),
        )[part]
        return Event(index, 0, 1, index * 100, Cause(CauseKind.SYSCALL, call, 9), kind, fields)

    def events(self, first, end):
        return tuple(self._event(i) for i in range(max(first, 1), min(end, self.end.event + 1)))

    def change(self, since):
        a, b = sorted((since, self.position))
        events = self.events(a.event + 1, b.event + 1)[-1000:]
        text = f"+{len(events) // 4} area; by mmap #{self.calls}" if events else ""
        return ChangeView(since, self.position, events, text)

    def tasks(self):
        return ()

    def switches(self, first, end):
        cause = Cause(CauseKind.TICK, 1)
        two = (4, 5)
        return tuple(
            Event(
                i,
                0,
                4,
                i * 100,
                cause,
                EventKind.TASK_SWITCH,
                (two[i // 4 % 2], two[1 - i // 4 % 2], "preempted"),
            )
            for i in range(max(first, 4) // 4 * 4, min(end, self.end.event + 1), 4)
        )

    def processes(self):
        return (ProcessView(4, 1, "prog", "/prog", (4, 5, 6), 1, "/", 0o22, (), (), (), None),)

    def read_memory(self, va, size, pid=None):
        for a in self.address_space().areas:
            if a.start <= va < a.end:
                size = min(size, a.end - va)
                if a.kind == "code":
                    return (b"\x90\x90\x89\xc8" * (size // 4 + 2))[va % 4 :][:size]
                data = bytearray((va // 8 + i // 8) * (i % 8 == 0) & 0xFF for i in range(size))
                if va <= STACK + 0x800 < va + size - 8:
                    at = STACK + 0x800 - va
                    data[at : at + 8] = (CODE + self.n % 8 * 2).to_bytes(8, "little")
                return bytes(data)
        return b""

    def console_start(self):
        return 0

    def console(self, start=0):
        if self.output:
            return self.output[start : start + 0][:0] + self.output[: self.n * 64][start:]
        return b"".join(b"line %d\n" % i for i in range(self.calls))[start:]

    def counters(self):
        return {}

    def digest(self):
        return "0" * 64

    def syscall_numbers(self):
        return {"mmap": 9, "munmap": 11, "write": 1}

    def syscall_name(self, nr):
        return {9: "mmap", 11: "munmap", 1: "write"}[nr]
