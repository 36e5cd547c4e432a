"""Programs of a few instructions: calls, waits, faults, exits, as the traps see them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from tiny_elf import BASE, Elf, Phdr

from kernel.crates.event import EventKind
from kernel.modules.axtask.task import TaskState
from kernel.plugins.starry.core.starry import Starry

MOV = {"rax": b"\xb8", "rdi": b"\xbf", "rsi": b"\xbe", "rdx": b"\xba"}
SYSCALL = b"\x0f\x05"


def mov(register: str, value: int) -> bytes:
    return MOV[register] + value.to_bytes(4, "little")


def call(nr: int, *args: int) -> bytes:
    code = b"".join(mov(r, v) for r, v in zip(("rdi", "rsi", "rdx"), args, strict=False))
    return code + mov("rax", nr) + SYSCALL


EXIT = call(231, 7)


class Watch:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.signals: list[int] = []
        self.faults: list[str] = []
        self.exits: list[tuple[int, int]] = []

    def on_enter(self, thread: Any, serial: int, nr: int, args: Any) -> None:
        self.calls.append(("enter", serial, nr))

    def on_exit(self, thread: Any, serial: int, nr: int, args: Any, result: int) -> None:
        self.calls.append(("exit", serial, result))

    def on_signal(self, thread: Any, info: Any) -> None:
        self.signals.append(int(info.signo))

    def on_stopped(self, thread: Any, signo: int) -> None: ...

    def on_fault(self, thread: Any, pc: int, va: int, access: str, signal: str, why: str) -> None:
        self.faults.append(f"{signal} {access} {va:#x}")

    def on_exited(self, pid: int, status: int) -> None:
        self.exits.append((pid, status))

    def on_created(self, parent: Any, child: Any) -> None: ...

    def on_thread_exited(self, thread: Any, status: int) -> None: ...

    def on_replaced(self, tid: int, thread: Any) -> None: ...


def start(new_guest: Callable[..., Any], code: bytes, **recipe: Any) -> tuple[Any, Watch]:
    guest = new_guest(elf=Elf(code=code).build(), **recipe)
    watch = Watch()
    guest.starry.observer = watch
    guest.system.board.events.record()
    return guest, watch


def run(guest: Any, budget: int = 100_000) -> None:
    guest.system.board.run(budget)
    assert not guest.system.board.panic, guest.system.board.panic


def kinds(guest: Any) -> list[EventKind]:
    log = guest.system.board.events
    return [event.kind for event in log.events(0, 1 << 60)]


def test_a_call_enters_and_leaves_and_the_program_ends(new_guest: Callable[..., Any]) -> None:
    guest, watch = start(new_guest, call(39) + EXIT)
    pid = guest.t.process.pid
    run(guest)
    assert watch.calls == [("enter", 1, 39), ("exit", 1, pid), ("enter", 2, 231)]
    assert watch.exits == [(pid, 7 << 8)]
    board = guest.system.board
    assert board.is_off and board.exit_status == 7 << 8
    seen = kinds(guest)
    assert seen[:3] == [EventKind.SYSCALL_ENTER, EventKind.SYSCALL_EXIT, EventKind.TRAP_EXIT]
    assert seen[-1] is EventKind.POWER_OFF
    assert EventKind.PROC_EXIT in seen


def test_unknown_calls_are_enosys_and_counted(new_guest: Callable[..., Any]) -> None:
    guest, watch = start(new_guest, call(999) + call(999) + call(135, 0xFFFF_FFFF) + EXIT)
    run(guest)
    assert watch.calls[1] == ("exit", 1, -38)
    assert guest.starry.unknown == {999: 2}
    assert kinds(guest).count(EventKind.SYSCALL_UNKNOWN) == 2
    assert kinds(guest).count(EventKind.LOG) == 1


def test_a_wait_ends_at_its_deadline_and_the_handler_is_entered_again(
    new_guest: Callable[..., Any],
) -> None:
    # nanosleep({0, 5 ms}) with the timespec in the code page
    spec = (0).to_bytes(8, "little") + (5_000_000).to_bytes(8, "little")
    code = call(35, BASE + 0x300, 0) + EXIT
    guest, watch = start(new_guest, code.ljust(0x100, b"\x90") + spec)
    before = guest.kernel.tasks.now_ns()
    run(guest)
    assert watch.calls[:2] == [("enter", 1, 35), ("exit", 1, 0)]
    assert guest.kernel.tasks.now_ns() - before >= 5_000_000
    seen = kinds(guest)
    assert seen.index(EventKind.SYSCALL_BLOCK) < seen.index(EventKind.SYSCALL_RESTART)


def test_a_machine_can_be_saved_while_a_call_waits(new_guest: Callable[..., Any]) -> None:
    guest, _ = start(new_guest, call(34) + EXIT)  # pause
    run(guest)
    assert guest.t.task.state is TaskState.BLOCKED
    assert guest.t.describe_wait().startswith("pause")
    state = guest.starry.__getstate__()
    assert state["observer"] is None
    assert guest.t.pending is not None
    assert pickle.loads(pickle.dumps(guest.t.pending)) == guest.t.pending


def test_a_fault_that_cannot_be_resolved_kills_with_sigsegv(
    new_guest: Callable[..., Any],
) -> None:
    guest, watch = start(new_guest, b"\x48\x8b\x04\x25\x00\x00\x00\x10")  # mov rax,[0x10000000]
    run(guest)
    assert watch.faults == ["SIGSEGV read 0x10000000"]
    assert watch.signals == [11]
    assert watch.exits == [(guest.t.process.pid, 11)]
    fault = guest.starry.last_fault
    assert (fault.pc, fault.va, fault.signo) == (BASE + 0x200, 0x1000_0000, 11)
    assert "in no VMA" in fault.sentence


@pytest.mark.parametrize(
    ("code", "signo"),
    [
        (b"\x0f\x0b", 4),  # ud2
        (b"\xcc", 5),  # int3
        (b"\x31\xc9\xf7\xf1", 8),  # xor ecx,ecx; div ecx
        (b"\xf4", 11),  # hlt
        (b"\x48\xb8" + b"\xff" * 7 + b"\x0f\x48\x8b\x00", 11),  # a non-canonical address
    ],
)
def test_processor_exceptions_become_linuxs_signals(
    new_guest: Callable[..., Any], code: bytes, signo: int
) -> None:
    guest, watch = start(new_guest, code)
    run(guest)
    assert watch.signals == [signo]
    assert watch.exits[0][1] & 0x7F == signo


def test_lazy_memory_comes_in_by_faults(new_guest: Callable[..., Any]) -> None:
    # mov byte [BASE+0x3000], 1
    code = b"\xc6\x04\x25" + (BASE + 0x3000).to_bytes(4, "little") + b"\x01" + EXIT
    elf = Elf(code=code, phdrs=[Phdr(), Phdr(flags=6, vaddr=BASE + 0x3000, filesz=0)])
    guest = new_guest(elf=elf.build())
    guest.system.board.events.record()
    run(guest)
    assert guest.starry.faults == 1
    log = guest.system.board.events.events(0, 1 << 60)
    enter = next(e for e in log if e.kind is EventKind.FAULT_ENTER)
    leave = next(e for e in log if e.kind is EventKind.FAULT_EXIT)
    assert enter["va"] == leave["va"] == BASE + 0x3000
    assert leave["outcome"] == "a page was mapped on first touch"
    assert guest.system.board.exit_status == 7 << 8


def test_memory_exhausted_is_a_plain_end(new_guest: Callable[..., Any]) -> None:
    # mov rdi, BASE+0x3000; loop: mov byte [rdi],1; add rdi,4096; jmp loop
    code = b"\xbf" + (BASE + 0x3000).to_bytes(4, "little")
    code += b"\xc6\x07\x01\x48\x81\xc7\x00\x10\x00\x00\xeb\xf4"
    elf = Elf(
        code=code, phdrs=[Phdr(), Phdr(flags=6, vaddr=BASE + 0x3000, filesz=0, memsz=1 << 30)]
    )
    guest = new_guest(elf=elf.build(), memory_bytes=16 << 20)
    run(guest, 1_000_000)
    assert guest.system.board.exit_status == 9


def test_counters_are_for_people(new_guest: Callable[..., Any]) -> None:
    guest, _ = start(new_guest, call(39) + EXIT)
    run(guest)
    assert isinstance(guest.starry, Starry)
    assert guest.starry.view_counters()["system calls"] == 2
