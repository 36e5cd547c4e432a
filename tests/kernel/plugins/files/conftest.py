"""A booted machine whose first thread makes system calls for the tests, without running code."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kernel.boot import Recipe, boot
from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.machine.arch import ARCHES
from kernel.machine.console import ConsoleLog
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.api.dispatch import merge_calls

U64 = (1 << 64) - 1
AT_FDCWD = -100 & U64


def tiny_elf(machine: int) -> bytes:
    """A static program of one page that is never run."""
    base = 0x40_0000
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0"),
        2, machine, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, 4096, 4096, 4096)
    return (head + segment).ljust(4096, b"\0")


class Blocked(Exception):
    """The call waits; `queues` are the names of what it waits for."""

    def __init__(self, thread: Caller) -> None:
        super().__init__(thread.why)
        self.queues = [queue.name for queue in thread.queues]
        self.deadline_ns = thread.deadline_ns


class Caller:
    """The machine's first thread, whose waits are recorded instead of carried out."""

    def __init__(self, thread: Any) -> None:
        self._thread = thread
        self.resumed = WaitOutcome.NONE
        self.wait_state: Any = None
        self.why = ""
        self.queues: tuple[Any, ...] = ()
        self.deadline_ns: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._thread, name)

    def block(
        self, why: str, queues: Any = (), deadline_ns: Any = None, state: Any = None, **_: Any
    ) -> int:
        self.why, self.queues, self.deadline_ns = why, tuple(queues), deadline_ns
        self.wait_state = state
        return -(1 << 65)


class Guest:
    """Makes calls by name; strings and bytes among the arguments go to user memory first."""

    def __init__(self, arch: str = "x86_64", **recipe: Any) -> None:
        self.log = ConsoleLog()
        recipe.setdefault("memory_bytes", 32 << 20)
        self.system = boot(
            Recipe(tiny_elf(ARCHES[arch].elf_machine), "/bin/prog", **recipe), self.log
        )
        self.kernel = self.system.kernel
        self.starry = self.kernel.plugin
        self.t = Caller(next(iter(self.starry.threads.values())))
        self.calls = merge_calls()
        # 64 KiB of memory for arguments with nothing behind it.
        self.scratch = self.calls["mmap"](self.t, 0, 0x12000, 3, 0x22, U64, 0)
        self.calls["munmap"](self.t, self.scratch + 0x10000, 0x2000)
        self.cursor = self.scratch
        self.t.mem.write(self.scratch, bytes(0x10000))
        self.pending: tuple[str, tuple[int, ...]] | None = None

    def put(self, data: bytes | str) -> int:
        """Place bytes (or a string with its NUL) in user memory."""
        raw = data.encode("utf-8", "surrogateescape") + b"\0" if isinstance(data, str) else data
        if self.cursor + len(raw) > self.scratch + 0x8000:
            self.cursor = self.scratch
        va = self.cursor
        self.t.mem.write(va, raw)
        self.cursor += (len(raw) + 15) & ~15
        return va

    def room(self, size: int) -> int:
        """Address of zeroed user memory."""
        return self.put(bytes(size))

    def get(self, va: int, size: int) -> bytes:
        return self.t.mem.read(va, size)

    def __call__(self, name: str, *args: Any) -> int:
        """Make a call; LinuxError for failures, Blocked if it waits."""
        raw = tuple(self.put(a) if isinstance(a, str | bytes) else a & U64 for a in args)
        handler = self.calls[name]
        count = handler.__code__.co_argcount - 1
        self.t.resumed = WaitOutcome.NONE
        self.t.wait_state = None
        return self._enter(name, (raw + (0,) * 6)[:count])

    def _enter(self, name: str, raw: tuple[int, ...]) -> int:
        self.pending = (name, raw)
        try:
            result = self.calls[name](self.t, *raw)
        except AxError as error:
            raise LinuxError(error.to_errno()) from error
        if result == -(1 << 65):
            raise Blocked(self.t)
        assert isinstance(result, int)
        return result

    def again(self, outcome: WaitOutcome = WaitOutcome.WOKEN) -> int:
        """Enter the call that waits once more."""
        assert self.pending is not None
        self.t.resumed = outcome
        return self._enter(*self.pending)

    def err(self, name: str, *args: Any) -> Errno | int:
        """The errno a call fails with, or its result."""
        try:
            return self(name, *args)
        except LinuxError as error:
            return error.errno

    def open(self, path: str, flags: int = 0, mode: int = 0o644) -> int:
        return self("openat", AT_FDCWD, path, flags, mode)

    def read(self, fd: int, count: int = 4096) -> bytes:
        va = self.scratch + 0x8000
        return self.get(va, self("read", fd, va, min(count, 0x7000)))

    def write(self, fd: int, data: bytes) -> int:
        return self("write", fd, data, len(data))

    @property
    def output(self) -> bytes:
        return bytes(self.log.data)

    def type(self, data: bytes) -> None:
        """Type on the console."""
        self.kernel.board.console.deliver(data)


@pytest.fixture(scope="session")
def guest_class() -> type[Guest]:
    return Guest


@pytest.fixture
def guest() -> Guest:
    return Guest()


@pytest.fixture
def blocked() -> type[Blocked]:
    return Blocked
