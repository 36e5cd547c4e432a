"""A digest of the whole machine: equal machines have equal digests, however they were reached.

The kernel's object graph is encoded canonically: what cannot change by value, mutable objects by
the order in which the walk meets them, so that sharing counts but identity and pickling history do
not: a module's constant and its copy in a restored snapshot are the same. Frames
that hold only zeros do not count, so it does not matter which were ever touched.
"""

from __future__ import annotations

import enum
import hashlib
from collections import deque
from typing import Any, cast

from kernel.crates.memory_addr import PAGE_SIZE
from kernel.inspect.system import System
from kernel.machine.board import Board
from kernel.machine.cpu import Cpu

_ZERO = bytes(PAGE_SIZE)
_IMMUTABLE: dict[type, bool] = {}  # frozen dataclasses among the types met: only a cache
_ATOMS = (int, str, bytes, bool, float, type(None))


class _Encoder:
    """Feeds a hash with an object graph, breadth first."""

    def __init__(self, hosts: dict[int, str]) -> None:
        self.hash = hashlib.sha256()
        self.hosts = hosts
        self.seen: dict[int, int] = {}
        self.todo: deque[Any] = deque()
        self.keep: list[Any] = []

    def run(self, root: Any) -> None:
        """Encode `root` and everything it leads to."""
        self.put(root)
        while self.todo:
            self._expand(self.todo.popleft())

    def put(self, value: Any) -> None:
        """Encode one value; objects are put off and named by number."""
        if isinstance(value, enum.Enum):
            self._text("e", f"{type(value).__name__}.{value.name}")
        elif isinstance(value, _ATOMS):
            self._text(type(value).__name__, repr(value))
        elif isinstance(value, bytearray):
            self._text("bytearray", repr(bytes(value)))
        elif isinstance(value, tuple):
            items = cast("tuple[Any, ...]", value)
            self._text("t", f"{type(items).__name__}{len(items)}")
            for item in items:
                self.put(item)
        elif _is_immutable(cast("type[object]", type(value))) and id(value) not in self.hosts:
            self._expand(value)
        else:
            self._reference(value)

    def _reference(self, value: Any) -> None:
        host = self.hosts.get(id(value))
        if host is not None:
            self._text("host", host)
            return
        number = self.seen.get(id(value))
        if number is None:
            number = self.seen[id(value)] = len(self.seen)
            self.todo.append(value)
            self.keep.append(value)  # ids must not be reused while we walk
        self._text("r", str(number))

    def _text(self, tag: str, text: str) -> None:
        self.hash.update(f"{tag}:{len(text)}:{text};".encode("utf-8", "surrogatepass"))

    def _expand(self, value: Any) -> None:
        """Encode the inside of a container or object."""
        self._text("o", type(value).__qualname__)
        if isinstance(value, dict):
            for key, item in cast("dict[Any, Any]", value).items():
                self.put(key)
                self.put(item)
        elif isinstance(value, (list, deque)):
            for item in cast("list[Any]", value):
                self.put(item)
        elif isinstance(value, (set, frozenset)):
            for item in sorted(cast("set[Any]", value)):
                self.put(item)
        else:
            self._fields(value)

    def _fields(self, value: Any) -> None:
        """Encode an object by its attributes, or a function by its name."""
        state: Any = value.__getstate__()
        if callable(value) and state is None:
            self._text("f", getattr(value, "__qualname__", repr(type(value))))
            return
        parts: tuple[Any, ...] = cast("tuple[Any, ...]", state) if _is_slots(state) else (state,)
        for part in parts:
            if not isinstance(part, dict):
                self.put(part)
                continue
            fields = cast("dict[str, Any]", part)
            for name in sorted(fields):
                self._text("a", name)
                self.put(fields[name])


def _is_immutable(kind: type[object]) -> bool:
    """Whether objects of a type are values: frozen dataclasses, frozen sets."""
    known = _IMMUTABLE.get(kind)
    if known is None:
        parameters = getattr(kind, "__dataclass_params__", None)
        is_frozen = parameters is not None and parameters.frozen
        known = _IMMUTABLE[kind] = kind is frozenset or is_frozen
    return known


def _is_slots(state: Any) -> bool:
    """Whether it is the (dict, slots) pair that Python's default `__getstate__` gives."""
    return isinstance(state, tuple) and len(cast("tuple[Any, ...]", state)) == 2


def digest(system: System) -> str:
    """64 hexadecimal digits over RAM, CPUs, devices, clocks and kernel objects."""
    board = system.board
    hosts = {id(host): name for name, host in system.host_objects().items()}
    encoder = _Encoder(hosts)
    for cpu in board.cpus:
        cpu.freeze()
    console = board.console
    encoder.run(
        (
            tuple(getattr(board, name) for name in Board.STATE),
            tuple(tuple(getattr(cpu, name) for name in Cpu.STATE) for cpu in board.cpus),
            (bytes(console.rx), console.eof, console.out_bytes, console.in_bytes, console.window),
            (board.events.count, board.events.time_ns, tuple(board.events.cause)),
            system.kernel,
        )
    )
    ram = board.ram
    frames = set(ram.touched)
    for cpu in board.cpus:
        frames |= cpu.engine.dirty_frames()
    for number in sorted(frames):
        data = ram.frame(number << 12)
        if data != _ZERO:
            encoder.hash.update(number.to_bytes(8, "little"))
            encoder.hash.update(data)
    for cpu in board.cpus:
        cpu.context = None
    return encoder.hash.hexdigest()
