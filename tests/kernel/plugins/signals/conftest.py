"""A machine just real enough for signals: registers, sparse memory, a process tree, timers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kernel.crates import process as axprocess
from kernel.crates.errno import Errno, LinuxError
from kernel.crates.event import EventLog
from kernel.crates.rng import SplitMix64
from kernel.crates.siginfo import SigInfo
from kernel.machine.arch import ARCHES, Arch
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.core import process as starry_process
from kernel.plugins.starry.core.limits import ResourceLimits
from kernel.plugins.starry.core.process import Process
from kernel.plugins.starry.core.signal import ProcessSignals, ThreadSignals

BLOCKED = -(1 << 65)
FP_BYTES = {"fxsave": 512, "riscv-d": 264, "fpsimd": 520, "loongarch": 272}
STACK_LOW, STACK_TOP = 0x7000_0000, 0x7004_0000
CODE = 0x40_0000


class FakeMemory:
    """Bytes in the given ranges; everything else is EFAULT."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, bytearray]] = []

    def map(self, start: int, size: int) -> None:
        self.ranges.append((start, bytearray(size)))

    def _find(self, va: int, size: int) -> tuple[bytearray, int]:
        assert 0 <= va < 1 << 64
        for start, data in self.ranges:
            if start <= va and va + size <= start + len(data):
                return data, va - start
        raise LinuxError(Errno.EFAULT)

    def read(self, va: int, size: int) -> bytes:
        data, at = self._find(va, size)
        return bytes(data[at : at + size])

    def write(self, va: int, what: bytes) -> None:
        data, at = self._find(va, len(what))
        data[at : at + len(what)] = what

    def read_u64(self, va: int) -> int:
        return int.from_bytes(self.read(va, 8), "little")

    def write_u64(self, va: int, value: int) -> None:
        self.write(va, value.to_bytes(8, "little"))

    def read_u32(self, va: int) -> int:
        return int.from_bytes(self.read(va, 4), "little")

    def write_u32(self, va: int, value: int) -> None:
        self.write(va, value.to_bytes(4, "little"))


class FakeEngine:
    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        self.values = dict.fromkeys(arch.registers, 0)
        self.fp = bytes(FP_BYTES[arch.fp_layout])

    def get(self, name: str) -> int:
        return self.values[name]

    def set(self, name: str, value: int) -> None:
        assert name in self.values
        self.values[name] = value & (1 << 64) - 1

    def set_return(self, value: int) -> None:
        self.set(self.arch.ret, value)

    def registers(self) -> list[int]:
        return [self.values[name] for name in self.arch.registers]

    def set_registers(self, values: list[int]) -> None:
        self.values = dict(zip(self.arch.registers, values, strict=True))

    def fp_state(self) -> bytes:
        return self.fp

    def set_fp_state(self, state: bytes) -> None:
        assert len(state) == FP_BYTES[self.arch.fp_layout]
        self.fp = state


class FakeTasks:
    """Notes what it is asked to do; `interrupt` ends a wait as axtask does."""

    def __init__(self, events: EventLog) -> None:
        self.events = events
        self.woken: list[int] = []
        self.timers: dict[int, tuple[int, str, int]] = {}
        self.tickets = 0
        self.wait_queues: dict[str, Any] = {}

    def now_ns(self) -> int:
        return self.events.time_ns

    def cpu_time_ns(self, task: Any) -> int:
        return task.cpu_time_ns

    def interrupt(self, task: Any) -> bool:
        self.woken.append(task.tid)
        if not task.blocked:
            return False
        task.blocked = False
        task.outcome = WaitOutcome.SIGNAL
        return True

    def set_priority(self, task: Any, priority: int) -> None:
        pass

    def poke(self, task: Any) -> None:
        pass

    def wake(self, tid: int, by: str, outcome: WaitOutcome = WaitOutcome.WOKEN) -> bool:
        return False

    def block_current(
        self, task: Any, queues: Any, deadline_ns: int | None, why: str, **_: Any
    ) -> None:
        task.blocked, task.deadline_ns, task.why = True, deadline_ns, why

    def set_timer(self, cpu_id: int, deadline_ns: int, kind: str, ident: int) -> int:
        self.tickets += 1
        self.timers[self.tickets] = (deadline_ns, kind, ident)
        return self.tickets

    def cancel_timer(self, cpu_id: int, ticket: int) -> None:
        self.timers.pop(ticket, None)


class FakeProcess(Process):
    def __init__(self, starry: Any, pid: int, parent: axprocess.Process | None) -> None:
        axprocess.Process.__init__(self, starry.table, pid, parent)
        self.starry = starry
        self.threads = {}
        self.signal = ProcessSignals()
        self.signal.trampoline = 0x9000
        self.limits = ResourceLimits()
        self.exits: list[int] = []
        self.dead_cpu_ns = self.children_cpu_ns = 0
        self.stop_signal = 0
        self.was_continued = False
        table = SimpleNamespace(leaves=lambda start, end: ())
        self.aspace: Any = SimpleNamespace(base=0, end=0, page_table=table)


class FakeThread:
    def __init__(self, machine: Machine, process: FakeProcess, tid: int) -> None:
        self.tid = tid
        self.process = process
        self.starry: Any = machine.starry
        self.kernel: Any = machine.kernel
        self.arch = machine.arch
        self.mem = machine.mem
        self.signal = ThreadSignals()
        engine = FakeEngine(machine.arch)
        self.cpu: Any = SimpleNamespace(engine=engine, pc=CODE)
        engine.set(machine.arch.sp, STACK_TOP - 0x1008)
        engine.set(machine.arch.pc, CODE)
        self.restart: Errno | None = None
        self.resumed = WaitOutcome.NONE
        self.wait_state: Any = None
        self.nice = 0
        self.policy, self.resets_on_fork = (0, 0), False
        self.task = SimpleNamespace(
            tid=tid, blocked=False, outcome=WaitOutcome.NONE, cpu_time_ns=0, switches=0, why=""
        )
        process.add(self)  # type: ignore[arg-type]
        machine.starry.threads[tid] = self

    def block(
        self, why: str, queues: Any = (), deadline_ns: int | None = None, state: Any = None
    ) -> int:
        self.wait_state = state
        self.kernel.tasks.block_current(self.task, queues, deadline_ns, why)
        ready = self.signal.pending.mask | self.process.signal.pending.mask
        if ready & ~self.signal.blocked:
            self.kernel.tasks.interrupt(self.task)
        return BLOCKED


class Machine:
    """One process (pid 3) with one thread; more with `fork` and `spawn`."""

    def __init__(self, arch: str) -> None:
        self.arch = ARCHES[arch]
        self.events = EventLog()
        self.events.record()
        self.mem = FakeMemory()
        self.mem.map(STACK_LOW, STACK_TOP - STACK_LOW)
        self.mem.map(0x10_0000, 0x4000)
        self.shown: list[SigInfo] = []
        self.tasks = FakeTasks(self.events)
        self.kernel = SimpleNamespace(
            events=self.events,
            tasks=self.tasks,
            rng=SplitMix64(1),
            config=SimpleNamespace(epoch_offset_ns=1_748_736_000 * 10**9, tick_ns=10_000_000),
            alloc=SimpleNamespace(total_pages=1000, available_pages=900),
        )
        observer = SimpleNamespace(
            on_signal=lambda t, info: self.shown.append(info),
            on_stopped=lambda t, signo: None,
        )
        self.starry: Any = SimpleNamespace(
            kernel=self.kernel,
            observer=observer,
            table=axprocess.ProcessTable(),
            threads={},
            processes={},
        )
        self.next = 3
        axprocess.Process(self.starry.table, 2, None)
        self.process = self.fork(None)
        self.thread = next(iter(self.process.threads.values()))

    def fork(self, parent: FakeProcess | None) -> FakeProcess:
        pid = self.next
        process = FakeProcess(self.starry, pid, parent or self.starry.table.init)
        self.starry.processes[pid] = process
        self.spawn(process)
        return process

    def spawn(self, process: FakeProcess) -> FakeThread:
        thread = FakeThread(self, process, self.next)
        self.next += 1
        return thread

    def call(self, function: Callable[..., int], *args: int, thread: Any = None) -> int:
        """Enter a handler; errors come back as negative numbers, as dispatch does it."""
        t = thread or self.thread
        try:
            return function(t, *args)
        except LinuxError as error:
            if error.errno >= 512:
                t.restart = error.errno
            return -int(error.errno)

    def resume(self, function: Callable[..., int], *args: int, how: WaitOutcome) -> int:
        """Enter a waiting handler again."""
        self.thread.resumed = how
        result = self.call(function, *args)
        self.thread.resumed = WaitOutcome.NONE
        return result


@pytest.fixture
def make_machine() -> Callable[[str], Machine]:
    return Machine


@pytest.fixture(params=sorted(ARCHES))
def machine(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


@pytest.fixture
def x86() -> Machine:
    return Machine("x86_64")


@pytest.fixture(autouse=True)
def exits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(tid, status) of every exit_process call."""
    found: list[tuple[int, int]] = []

    def exit_process(t: Any, status: int) -> None:
        found.append((t.tid, status))

    monkeypatch.setattr(starry_process, "exit_process", exit_process)
    return found
