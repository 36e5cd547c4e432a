"""A machine with its kernel, as whoever drives it holds it: live objects and their host names."""

from __future__ import annotations

from typing import Any

from kernel.machine.board import Board
from kernel.modules.axruntime.kernel import Kernel


class System:
    """A board and the kernel on it. `kernel` is replaced by every restore: never keep it.

    Attributes:
        board: The hardware; the same object for the machine's whole life.
        kernel: The kernel's object graph.
        blobs: Large immutable host objects the graph refers to, by name.
        observer: Host-side listener of the plugin; no part of the machine.
    """

    def __init__(self, board: Board, kernel: Kernel, blobs: dict[str, Any]) -> None:
        self.board = board
        self.kernel = kernel
        self.blobs = blobs
        self.observer: Any = None

    def observe(self, observer: Any) -> None:
        """Let a host-side listener hear of calls, signals and exits from now on."""
        self.observer = observer
        self.kernel.plugin.observer = observer

    def adopt(self, kernel: Kernel) -> None:
        """A restored kernel takes the live one's place."""
        self.kernel = kernel
        kernel.hal.connect_traps(kernel.trap)
        kernel.plugin.connect(self.board)
        kernel.plugin.observer = self.observer

    def wants_input(self) -> bool:
        """Whether a task waits for console input, whatever else runs or waits."""
        return bool(self.kernel.console_wait.waiters) and not self.board.console.eof

    def host_objects(self) -> dict[str, Any]:
        """Objects snapshots name instead of copying."""
        board = self.board
        hosts: dict[str, Any] = {
            "board": board,
            "ram": board.ram,
            "events": board.events,
            "console": board.console,
            "sink": board.console.sink,
            "arch": self.kernel.arch,
            "config": self.kernel.config,
            "layout": self.kernel.layout,
        }
        for cpu in board.cpus:
            hosts[f"cpu{cpu.index}"] = cpu
        hosts.update(self.blobs)
        return hosts
