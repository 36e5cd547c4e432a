"""A `Machine` around the fake debugger."""

from __future__ import annotations

from fake_session_debugger import STACK

from arcetui.backtrace import Frame
from arcetui.capture import Capture, PlainCalls
from arcetui.listing import NoNames
from arcetui.machine import Answer, Machine, PumpedDebugger
from arcetui.render.row import plain


class FakePrompt:
    def __init__(self, debugger):
        self.debugger = debugger
        self.typed: list[str] = []

    def command(self, line):
        self.typed.append(line)
        if line == "boom":
            raise RuntimeError("boom")
        if line == "c":
            from kernel.control import Goal, GoalKind

            stopped = self.debugger.run(Goal(GoalKind.CONTINUE))
            return Answer((plain(stopped.sentence),))
        return Answer((plain(f"answer to {line}"),), failed=line == "bad")

    def address(self, text):
        return int(text, 0)

    def lines(self):
        return None

    def return_address(self):
        return 0

    def complete(self, line, cursor):
        words = ("info", "info maps", "info registers", "continue")
        return tuple(w for w in words if w.startswith(line[:cursor]))


def fake_frames(most):
    return [Frame(0x401000, STACK + 0x800, "", True), Frame(0x401010, STACK + 0x840, "", True)]


def fake_opener(debugger):
    def opener(launch):
        pumped = PumpedDebugger(debugger)
        capture = Capture(debugger, NoNames(), PlainCalls(), "fake", fake_frames)
        return Machine(debugger, capture, pumped, FakePrompt(pumped))

    return opener
