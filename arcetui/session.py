"""The session: one daemon thread that owns the machine.

Frozen commands come in by a queue, frozen snapshots go out by messages. While the program runs it
is pumped in slices, so that a command takes effect within some ten milliseconds; snapshots are
made when somebody asked (twelve times a second while running) and at once when the machine stops. A
Python exception in here becomes a sentence on the screen; the thread goes on.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arcetui import state as s
from arcetui.inbox import Inbox
from arcetui.messages import Aimed, LineAnswered, LineCompleted, SessionFailed
from arcetui.pace import Pace
from arcetui.reporter import Reporter, sentence_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from arcetui.machine import Machine
    from kernel.control import Goal, Stopped

#: Animated stepping, instructions a second; None is full speed.
SPEEDS: tuple[int | None, ...] = (1, 2, 5, 10, 20, 50, None)
#: How long a running machine stands still at most while its picture is drawn.
DRAW_SECONDS = 0.05
#: A search backward that ends within so many seconds is not announced.
QUICK_SECONDS = 0.08


class Session(threading.Thread):
    """Sole owner of a machine.

    Args:
        open_machine: Boots it; called on the thread, so that the first frame need not wait.
        post: Sends a message to the screen; callable from any thread.
    """

    def __init__(self, open_machine: Callable[[], Machine], post: Callable[[Message], Any]) -> None:
        super().__init__(daemon=True, name="session")
        self._open = open_machine
        self._post = post
        self._inbox = Inbox()
        self._reporter = Reporter(post)
        self._wanted = threading.Event()
        self._drawn = threading.Event()
        self._interests = s.Interests()
        self._pace = Pace()
        self._goal: Goal | None = None
        self._last_goal: Goal | None = None
        self._playing = False
        self._due = 0.0  # when the next animated step is
        self._speed = len(SPEEDS) - 1
        self._stopped: Stopped | None = None
        self._error = ""
        self._over = False
        self._machine: Machine | None = None

    # -- called by the screen -------------------------------------------------------------

    def look_first(self, interests: s.Interests) -> None:
        """What to capture in the first picture; before the thread is started."""
        self._interests = interests

    def send(self, command: s.Command) -> None:
        """Queue a command."""
        self._inbox.put(command)

    def request_snapshot(self) -> None:
        """Ask for a picture of the running machine."""
        self._wanted.set()

    def drawn(self) -> None:
        """A picture is on the screen."""
        self._drawn.set()

    # -- the thread -----------------------------------------------------------------------

    def run(self) -> None:
        """Boot, then obey until told to quit."""
        try:
            self._machine = self._open()
        except Exception as error:
            self._post(SessionFailed(sentence_of(error), fatal=True))
            return
        self._guard(self._booted)
        while not self._over:
            self._guard(self._turn)

    def _guard(self, work: Callable[[], None]) -> None:
        """Do something; an exception is shown and stops what was going on."""
        try:
            work()
        except Exception as error:
            self._goal, self._playing = None, False
            self._error = sentence_of(error)
            self._post(SessionFailed(self._error, fatal=False))
            try:
                self._show()
            except Exception:
                return  # nothing can be shown of a machine in this state; the sentence was

    def _booted(self) -> None:
        self._stopped = None
        self._debugger.ask_for_input(wanted=True)
        self._show()

    def _turn(self) -> None:
        """One command, one slice, or a wait."""
        command = self._next_command()
        if command is not None and self._going_back:
            self._obey_going_back(command)
        elif command is not None:
            self._obey(command)
        elif self._goal is not None:
            self._slice()
        elif self._playing and time.monotonic() >= self._due:
            self._animate()

    def _next_command(self) -> s.Command | None:
        wait_s = None
        if self._goal is not None:
            wait_s = self._pace.rest_seconds
        elif self._playing:
            wait_s = max(self._due - time.monotonic(), 0.0)
        return self._inbox.take(wait_s, held=not self._going_back)

    @property
    def _going_back(self) -> bool:
        """Whether the machine stands somewhere in the middle of a search backward."""
        return self._goal is not None and self._goal.reverse

    def _obey_going_back(self, command: s.Command) -> None:
        """A search can be given up and looked at; the rest waits for its end."""
        match command:
            case s.Pause() | s.Quit():
                self._obey(command)
            case s.Look(interests):
                self._interests = interests
            case _:
                self._inbox.hold(command)

    # -- moving ---------------------------------------------------------------------------

    @property
    def _debugger(self) -> Any:
        assert self._machine is not None
        return self._machine.debugger

    def _begin(self, goal: Goal) -> None:
        """Start a movement; equal steps that wait in the queue are done in one."""
        count = goal.count
        while (following := self._inbox.take()) is not None:
            if not (isinstance(following, s.Begin) and replace(following.goal, count=1) == goal):
                self._inbox.put_back(following)
                break
            count += 1
        goal = replace(goal, count=count)
        self._movement()
        assert self._machine is not None
        self._last_goal = goal
        prepared = self._machine.prepare(goal)
        self._debugger.begin(prepared)
        self._goal = goal
        self._slice()
        quick = time.monotonic() + QUICK_SECONDS
        while self._going_back and time.monotonic() < quick:
            self._slice()
        if self._goal is not None:
            self._show_running()  # it takes a while: from now on the screen asks for pictures

    def _movement(self) -> None:
        """A new movement begins here."""
        assert self._machine is not None
        self._pace.wake()
        self._error = ""
        self._interests = replace(self._interests, frame=0, code_at=None)
        self._machine.capture.begin_movement()
        self._reporter.begin(self._debugger)

    def _slice(self) -> None:
        stopped = self._pace.pump(self._debugger)
        if stopped is not None:
            self._finish(stopped)
        elif self._wanted.is_set():
            self._show_running()

    def _finish(self, stopped: Stopped) -> None:
        goal, self._goal = self._goal, None
        self._stopped = stopped
        if goal is not None and goal.reverse:
            self._rewound()
        if self._playing:
            if stopped.reason.name not in ("STEP", "POSITION"):
                self._playing = False
            else:
                self._due = max(self._due, time.monotonic())
        self._show()

    def _rewound(self) -> None:
        """Output may have become shorter."""
        assert self._machine is not None
        self._machine.capture.console_generation += 1

    def _animate(self) -> None:
        from kernel.control import Goal, GoalKind

        rate = SPEEDS[self._speed]
        if rate is None:
            self._playing = False
            self._begin(Goal(GoalKind.CONTINUE))
            return
        self._due = time.monotonic() + 1.0 / rate
        self._movement()
        self._goal = self._last_goal = Goal(GoalKind.INSN)
        self._debugger.begin(self._goal)
        self._slice()

    def pump_goal(self, goal: Goal) -> Stopped:
        """Run a goal to its end for the prompt, still obeying Pause and showing what happens."""
        self._debugger.begin(goal)
        self._goal = goal
        try:
            while True:
                stopped = self._pace.pump(self._debugger)
                if stopped is not None:
                    return stopped
                if self._wanted.is_set():
                    self._show_running()
                command = self._inbox.take(self._pace.rest_seconds)
                if isinstance(command, s.Pause | s.Quit):
                    self._over |= isinstance(command, s.Quit)
                    return self._debugger.pause()
                if isinstance(command, s.Look):
                    self._interests = command.interests
                elif command is not None and not goal.reverse:
                    self._obey_running(command)
        finally:
            self._goal = None

    def _obey_running(self, command: s.Command) -> None:
        """What may be done in the middle of a prompt command's run; the rest is dropped."""
        if isinstance(command, s.Feed):
            self._pace.wake()
            self._debugger.feed(command.data)

    # -- commands -------------------------------------------------------------------------

    def _obey(self, command: s.Command) -> None:
        match command:
            case s.Begin(goal):
                self._playing = False
                self._begin(goal)
            case s.Play():
                self._playing, self._due = True, 0.0
            case s.Pause():
                self._pause()
            case s.Goto(position):
                self._jump(lambda: self._debugger.goto(position))
            case s.Restart():
                self._jump(self._debugger.restart)
            case s.Feed(data, end):
                self._feed(data, end)
            case s.Speed(by):
                self._set_speed(by)
                self._show()
            case s.RunLine(line):
                self._run_line(line)
            case s.Look(interests):
                self._interests = interests
                self._show()
            case s.Quit():
                self._over = True
            case _:
                self._obey_rest(command)

    def _obey_rest(self, command: s.Command) -> None:
        """Commands that ask for something rather than run the program."""
        match command:
            case s.Aim(pane, text):
                self._aim(pane, text)
            case s.GotoOrigin(tid, resource):
                self._goto_origin(tid, resource)
            case s.ToggleBreakpoint(spec):
                self._toggle(spec)
            case s.CompleteLine(line, cursor):
                assert self._machine is not None
                choices = self._machine.complete(line, cursor)
                self._post(LineCompleted(line, cursor, choices))

    def _pause(self) -> None:
        self._playing = False
        if self._goal is not None:
            self._goal = None
            self._stopped = self._debugger.pause()
            self._rewound()
        self._show()

    def _jump(self, move: Callable[[], Stopped]) -> None:
        self._playing, self._goal = False, None
        self._movement()
        self._stopped = move()
        self._rewound()
        self._show()

    def _goto_origin(self, tid: int, resource: str) -> None:
        found = self._debugger.sharing_origin(tid, resource)
        if found is None:
            self._error = f"nothing recorded says how task {tid} came to its {resource}"
            self._show()
            return

        def move() -> Stopped:
            stopped = self._debugger.goto(found.position)
            return replace(stopped, sentence=found.what)

        self._jump(move)

    def _feed(self, data: bytes, end: bool) -> None:
        waiting = self._stopped is not None and self._stopped.reason.name == "INPUT"
        if self._debugger.position < self._debugger.end:
            self._rewound()
        self._pace.wake()
        if data:
            self._debugger.feed(data)
        if end:
            self._debugger.feed_eof()
        if waiting and self._goal is None and self._last_goal is not None:
            self._begin(replace(self._last_goal, count=1))
        else:
            self._show()

    def _set_speed(self, by: int) -> None:
        self._speed = max(0, min(self._speed + by, len(SPEEDS) - 1))
        if self._playing:
            self._due = time.monotonic()
        elif self._goal is not None and SPEEDS[self._speed] is not None:
            self._debugger.pause()
            self._goal, self._playing, self._due = None, True, 0.0

    def _toggle(self, spec: Any) -> None:
        for view in self._debugger.breakpoints():
            if view.spec.kind == "address" and view.spec.address == spec.address:
                self._debugger.remove_breakpoint(view.number)
                break
        else:
            self._debugger.add_breakpoint(spec)
        self._show()

    def _aim(self, pane: str, text: str) -> None:
        assert self._machine is not None
        try:
            value = self._machine.prompt.address(text)
            self._post(Aimed(pane, s.Target("", value)))
        except Exception as error:
            self._post(Aimed(pane, None, str(error)))

    def _run_line(self, line: str) -> None:
        assert self._machine is not None
        before = self._debugger.position
        self._movement()
        self._playing = False
        answer = self._machine.command(line, self.pump_goal)
        self._post(LineAnswered(line, answer.rows, answer.failed, answer.quit))
        if answer.stopped is not None:
            self._stopped = answer.stopped
        if self._debugger.position < before:
            self._rewound()
        self._show()

    # -- showing --------------------------------------------------------------------------

    def _show(self) -> None:
        self._wanted.clear()
        assert self._machine is not None
        rate = SPEEDS[self._speed]
        self._reporter.show(
            self._machine,
            self._interests,
            running=self._goal is not None or self._playing,
            measured=self._goal is not None,
            stopped=self._stopped,
            speed="full" if rate is None else f"{rate}/s",
            error=self._error,
            waits_s=self._pace.waits_s if self._goal is not None else 0.0,
        )

    def _show_running(self) -> None:
        """A picture of the running machine; of a search backward only how far it came.

        Python runs one thread at a time: this one keeps out of the way until it is drawn.
        """
        if not self._going_back:
            self._drawn.clear()
            self._show()
            self._drawn.wait(DRAW_SECONDS)
            return
        self._wanted.clear()
        assert self._machine is not None
        self._reporter.show_search(self._machine)
