"""Machines with a tiny program, and calls made in its first thread's name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_elf import Elf

from kernel.boot import Recipe, boot
from kernel.crates.errno import AxError, LinuxError
from kernel.machine.arch import ARCHES
from kernel.machine.console import ConsoleLog
from kernel.plugins.starry.api.dispatch import merge_calls

U64 = (1 << 64) - 1


class Guest:
    """A booted machine; `guest("mmap", ...)` gives the result or -errno."""

    def __init__(self, arch: str = "x86_64", elf: bytes | None = None, **recipe: Any) -> None:
        recipe.setdefault("memory_bytes", 32 << 20)
        recipe.setdefault("path", "/bin/prog")
        data = elf if elf is not None else Elf(machine=ARCHES[arch].elf_machine).build()
        self.console = ConsoleLog()
        self.system = boot(Recipe(data, **recipe), self.console)
        self.kernel = self.system.kernel
        self.starry = self.kernel.plugin
        self.t = next(iter(self.starry.threads.values()))
        self.cpu = self.kernel.board.cpus[0]
        self.calls = merge_calls()

    def __call__(self, name: str, *args: int) -> int:
        handler = self.calls[name]
        count = handler.__code__.co_argcount - 1
        raw = tuple(a & U64 for a in args) + (0,) * 6
        try:
            return handler(self.t, *raw[:count])
        except LinuxError as error:
            return -error.errno
        except AxError as error:
            return -error.to_errno()

    @property
    def aspace(self) -> Any:
        return self.t.process.aspace

    def maps(self) -> list[tuple[int, int, int]]:
        return [(a.start, a.end, a.flags & 7) for a in self.aspace.areas]


@pytest.fixture(scope="session")
def new_guest() -> Callable[..., Guest]:
    return Guest


@pytest.fixture
def guest() -> Iterator[Guest]:
    yield Guest()
