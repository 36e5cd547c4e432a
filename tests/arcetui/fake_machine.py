"""A `Machine` around the fake debugger."""

from __future__ import annotations

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


def fake_opener(debugger):
    def opener(launch):
        pumped = PumpedDebugger(debugger)
        capture = Capture(debugger, NoNames(), PlainCalls(), "fake")
        return Machine(debugger, capture, pumped, FakePrompt(pumped))

    return opener
