"""Run a program to its end with nothing but its standard streams: no recording, no snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kernel.boot import boot
from kernel.inspect.starving import starving_sentence
from kernel.inspect.system import System
from kernel.machine.board import Halt
from kernel.recipe import Recipe
from kernel.timeline.timeline import Timeline

if TYPE_CHECKING:  # a plain run does without its module
    from kernel.control.types import SyscallObserver

#: Instructions between looks at the host's signals.
SLICE_INSNS = 2_000_000


class Panicked(Exception):
    """The emulated kernel failed; the text says where."""


class StreamSink:
    """Passes console output on, byte for byte, as it comes."""

    def __init__(self, out: Callable[[int, bytes], None]) -> None:
        self.out = out

    def write(self, fd: int, offset: int, data: bytes) -> None:
        """Pass `data` on."""
        self.out(fd, data)


def run_headless(
    recipe: Recipe,
    read_input: Callable[[], bytes],
    out: Callable[[int, bytes], None],
    observer: SyscallObserver | None = None,
    starving: Callable[[str], None] | None = None,
    lacking: Callable[[str], None] | None = None,
    input_comes: Callable[[float], bool] | None = None,
) -> int:
    """Run a program to its end.

    While a task waits for input and timers are set, the machine's clock goes on only when no input
    is there: what lies ready in a pipe arrives before a `poll` times out, as under Linux.

    Args:
        recipe: The machine.
        read_input: Called when the program waits for input; blocks; empty means end of input.
        out: Takes what the program writes to descriptor 1 or 2.
        observer: Hears of system calls, if given.
        starving: Hears now and then who keeps ready tasks from running; "" for nobody.
        lacking: Hears what instruction the emulated CPU lacks, if that ended the program.
        input_comes: Whether `read_input` has something to give (or the end) within so many
            seconds; without it, it always has.

    Returns:
        The raw wait status.

    Raises:
        LoadError: The program cannot be loaded.
        Panicked: The kernel failed.
    """
    system = boot(recipe, StreamSink(out))
    timeline = Timeline(system, recording=False)
    if observer is not None:
        _observe(system, observer)
    board = system.board
    board.before_skip = system.wants_input
    while True:
        halt = timeline.advance(SLICE_INSNS)
        if halt == Halt.OFF:
            if lacking is not None and (sentence := _lack(system)):
                lacking(sentence)
            return board.exit_status
        if starving is not None:
            starving(starving_sentence(system))
        if halt == Halt.PANIC:
            raise Panicked(board.panic)
        if halt in {Halt.SKIP, Halt.BUDGET} and system.wants_input():
            patience_s = board.idle_ns / 1e9 if halt == Halt.SKIP else 0.0
            if input_comes is None or input_comes(patience_s):
                timeline.feed(read_input())
        elif halt == Halt.IDLE:
            if not system.wants_input():
                from kernel.inspect.deadlock import deadlock_sentence

                raise Panicked(deadlock_sentence(system))
            timeline.feed(read_input())


def _lack(system: System) -> str:
    """What the emulated CPU lacks and the program ended for; "" for nothing."""
    fault = system.kernel.plugin.last_fault
    if fault is None or not fault.is_ours or fault.signo != system.board.exit_status & 0x7F:
        return ""
    return fault.sentence


def _observe(system: System, observer: SyscallObserver) -> None:
    from kernel.control.record import Recorder

    recorder = Recorder(system.board, system.kernel.plugin.calls.names())
    recorder.observer = observer
    recorder.keeps = False
    system.observe(recorder)
