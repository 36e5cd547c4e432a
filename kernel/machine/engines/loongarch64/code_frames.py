"""Which frames hold code that some engine has decoded, on one RAM.

No engine has such a frame writable in its TLB. A store to one is carried out alone, after all
engines have forgotten the frame's code; then the frame may be written freely, until code in it
runs again. A kernel write has the same effect.
"""

from __future__ import annotations

from typing import Protocol

from kernel.machine.ram import FRAME_SHIFT, Ram


class CodeUser(Protocol):
    """An engine, as its group sees it."""

    def forbid_writes(self, frame: int) -> None:
        """Ask again before writing to the frame."""
        ...

    def forget_code(self, frame: int) -> None:
        """Drop whatever was decoded from the frame."""
        ...


class CodeFrames:
    """The engines on one RAM and the frames they hold code of."""

    __slots__ = ("frames", "ram", "users")

    def __init__(self, ram: Ram) -> None:
        self.ram = ram
        self.users: list[CodeUser] = []
        self.frames: set[int] = set()
        ram.on_code_write = self.code_written

    def add(self, frame: int) -> None:
        """Code of this frame is going to be decoded."""
        if frame not in self.frames:
            self.frames.add(frame)
            self.ram.exec_frames.add(frame)
            for user in self.users:
                user.forbid_writes(frame)

    def code_written(self, pa: int) -> None:
        """The bytes of the frame at `pa` changed, or will."""
        frame = pa >> FRAME_SHIFT
        self.frames.discard(frame)
        self.ram.exec_frames.discard(frame)
        for user in self.users:
            user.forget_code(frame)
