"""Gantt: who ran on which CPU over virtual time, and the reason of every switch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from arcetui.render.changed_pane import sentence
from arcetui.render.row import LazyRows, Row, Span, row
from arcetui.render.task_words import (
    KERNEL_ROLES,
    task_span,
    task_style,
    tasks_by_tid,
    time_text,
)
from arcetui.state import NOTHING, Item, PaneContent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arcetui.state import Snapshot
    from kernel.inspect.scheduling import SchedulingView, TaskStateView
    from kernel.inspect.views import Event

_LABEL = 15  # columns left of the lanes
_SHORTEST_NS = 20  # per column
_IDLE, _UNKNOWN = -1, 0


@dataclass(frozen=True, slots=True)
class Run:
    """A task on a CPU for a while; `tid` -1: idle, 0: not known."""

    cpu: int
    tid: int
    start_ns: int
    end_ns: int


class Clock:
    """Virtual time with the stretches cut short in which every CPU idles.

    A program that sleeps a millisecond between some microseconds of work would else be dots.

    Args:
        cuts: (start, end) of the stretches, in order.
        kept_ns: What is left of each.
    """

    def __init__(self, cuts: list[tuple[int, int]], kept_ns: int) -> None:
        self.cuts = [(start, end) for start, end in cuts if end - start > kept_ns]
        self.kept_ns = kept_ns

    def shown(self, time_ns: int) -> int:
        """Where a time stands when the cuts are made."""
        less = 0
        for start, end in self.cuts:
            if time_ns >= end:
                less += end - start - self.kept_ns
            elif time_ns > start:
                less += max(time_ns - start - self.kept_ns, 0)
        return time_ns - less

    def true(self, shown_ns: int) -> int:
        """The time that stands at a place; the first of those in a cut."""
        time_ns = shown_ns
        for start, end in self.cuts:
            if time_ns <= start + self.kept_ns:
                break
            time_ns += end - start - self.kept_ns
        return time_ns

    def in_cut(self, shown_ns: int, length_ns: int) -> bool:
        """Whether a place shows time that was cut short."""
        start_ns, end_ns = self.true(shown_ns), self.true(shown_ns + length_ns)
        return end_ns - start_ns > length_ns


@dataclass(frozen=True, slots=True)
class Window:
    """What is shown: `columns` steps of `step_ns` from `start_ns`, all in cut time."""

    start_ns: int
    step_ns: int
    columns: int
    now_ns: int
    clock: Clock

    @property
    def end_ns(self) -> int:
        """The right edge."""
        return self.start_ns + self.step_ns * self.columns


def content(snapshot: Snapshot, width: int, height: int) -> PaneContent:
    """Time axis, a lane for each CPU, a lane for each task that ran, the switches."""
    view = snapshot.scheduling
    if view is None:
        return PaneContent(rows=(row((" not captured yet", "dim")),))
    here = snapshot.machine.position.event
    columns = max(width - _LABEL - 1, 10)
    past = [event for event in snapshot.switches if event.index <= here]
    ahead = snapshot.switches[len(past) :]
    idle = {task.tid for task in view.tasks if task.role == "idle"}
    runs = runs_of(view, snapshot.switches, idle)
    window = window_of(view, past, len(ahead), columns, runs)
    lanes = {cpu: lane(cpu, runs, window) for cpu in range(len(view.queues))}
    tasks = tasks_by_tid(view)
    rows: list[Row] = [_axis(window)]
    rows += [_cpu_lane(cpu, cells, window) for cpu, cells in lanes.items()]
    items: list[Item] = [NOTHING] * len(rows)
    for tid in sorted({tid for cells in lanes.values() for tid in cells if tid > 0}):
        rows.append(_task_lane(tid, lanes, tasks, window))
        items.append(Item("task", tid))
    rows.append(row((" switches, newest first", "heading")))
    items.append(NOTHING)
    if not snapshot.switches:
        rows.append(row((" no task switch yet", "dim")))
    switches = snapshot.switches[::-1]
    items += [Item("event", event.index) for event in switches]

    def switch(number: int) -> Row:
        event = switches[number]
        newest = bool(past) and event is past[-1]
        return _switch_row(event, tasks, idle, newest, snapshot, width)

    title = f"{time_text(window.step_ns)} a column"
    if window.clock.cuts:
        title += ", idle time cut at ≈"
    every = LazyRows(rows, len(switches), switch)
    return PaneContent(every, tuple(items), title=title, changed=sentence(snapshot, "gantt"))


def window_of(
    view: SchedulingView, past: list[Event], ahead: int, columns: int, runs: list[Run]
) -> Window:
    """A stretch of time up to now that holds the last switches and some air.

    Steps are 1, 2 or 5 times a power of ten, and the edges are multiples of some steps, so that
    the picture does not crawl while the program runs.
    """
    enough = max(columns // 4, 8)
    shown = past[-enough:]
    first = shown[0].time_ns if shown else view.now_ns
    clock = clock_of(runs, first, view.now_ns)
    now = clock.shown(view.now_ns)
    room = columns * 3 // 4 if ahead else columns - 2
    step = nice_step(max((now - clock.shown(first)) * 21 // 20, _SHORTEST_NS * room) // room)
    grid = step * max(columns // 16, 1)
    end = -(-(now + step * (columns - room)) // grid) * grid
    return Window(max(end - step * columns, 0), step, columns, now, clock)


def clock_of(runs: list[Run], first_ns: int, now_ns: int) -> Clock:
    """Cut the stretches in which every CPU idles to a twelfth of the time that was worked."""
    busy = sorted((run.start_ns, run.end_ns) for run in runs if run.tid != _IDLE)
    cuts: list[tuple[int, int]] = []
    reached = busy[0][1] if busy else 0
    for start, end in busy:
        if start > reached:
            cuts.append((reached, start))
        reached = max(reached, end)
    if reached < now_ns and busy:
        cuts.append((reached, now_ns))
    idle = sum(end - max(start, first_ns) for start, end in cuts if end > first_ns)
    worked = max(now_ns - first_ns - idle, _SHORTEST_NS)
    return Clock(cuts, worked // 12)


def nice_step(least: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 ... that is not below `least`."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size >= least:
                return factor * size
        size *= 10


def runs_of(view: SchedulingView, events: tuple[Event, ...], idle: set[int]) -> list[Run]:
    """All runs known, by CPU and time."""
    runs: list[Run] = []
    for queue in view.queues:
        mine = [event for event in events if event.cpu == queue.cpu]
        start, tid = 0, _IDLE if queue.is_idle else queue.current
        if mine:
            first = mine[0]["prev"]
            tid = _IDLE if first in idle else first
        for event in mine:
            runs.append(Run(queue.cpu, tid, start, event.time_ns))
            following = event["next"]
            start, tid = event.time_ns, _IDLE if following in idle else following
        clock = view.now_ns if tid == _IDLE else max(queue.clock_ns, start)
        runs.append(Run(queue.cpu, tid, start, max(clock, start)))
    return runs


def lane(cpu: int, runs: list[Run], window: Window) -> list[int]:
    """For each column the task that ran longest in it on a CPU; 0 where nothing is known."""
    cells = [_UNKNOWN] * window.columns
    most = [0] * window.columns
    step, shown = window.step_ns, window.clock.shown
    for run in runs:
        start, end = shown(run.start_ns), shown(run.end_ns)
        if run.cpu != cpu or end <= window.start_ns or start >= window.end_ns:
            continue
        first = max((start - window.start_ns) // step, 0)
        last = min((end - 1 - window.start_ns) // step, window.columns - 1)
        for column in range(first, last + 1):
            left = window.start_ns + column * step
            length = min(end, left + step) - max(start, left)
            if run.tid == _IDLE:
                length = length // 4 + 1  # a short run must not drown in idle time
            if length > most[column]:
                most[column], cells[column] = length, run.tid
    return cells


def _axis(window: Window) -> Row:
    now = (window.now_ns - window.start_ns) // window.step_ns
    marks = [" "] * window.columns
    for column in range(0, window.columns - 10, 20):
        text = "│" + time_text(window.clock.true(window.start_ns + column * window.step_ns))
        if not column <= now < column + len(text):
            marks[column : column + len(text)] = text
    if 0 <= now < window.columns:
        marks[now] = "▼"
    line = "".join(marks)[: window.columns]
    return row((f"{'virtual time':<{_LABEL}}", "dim"), (line, "value"))


def _cpu_lane(cpu: int, cells: list[int], window: Window) -> Row:
    spans = [Span(f"{f'cpu{cpu}':<{_LABEL}}", "heading")]
    column = 0
    for tid, group in groupby(cells):
        length = len(list(group))
        if tid == _IDLE:
            step, start = window.step_ns, window.start_ns
            cut = [
                window.clock.in_cut(start + at * step, step)
                for at in range(column, column + length)
            ]
            spans.append(Span("".join("≈" if short else "·" for short in cut), "dim"))
        elif tid == _UNKNOWN:
            spans.append(Span(" " * length))
        else:
            text = str(tid) if length >= len(str(tid)) else ""
            ahead = window.start_ns + column * window.step_ns >= window.now_ns
            fill = "╌" if ahead else "━"
            spans.append(Span(text.ljust(length, fill), task_style(tid)))
        column += length
    return tuple(spans)


def _task_lane(
    tid: int, lanes: dict[int, list[int]], tasks: dict[int, TaskStateView], window: Window
) -> Row:
    """Where a task ran: the CPU's number, or a bar where there is only one CPU."""
    one = len(lanes) == 1
    cells = [" "] * window.columns
    for cpu, lane_cells in lanes.items():
        for column, ran in enumerate(lane_cells):
            if ran == tid:
                cells[column] = "█" if one else str(cpu)
    kernel = tid in tasks and tasks[tid].role in KERNEL_ROLES
    label = task_span(tid, tasks).text
    style = "dim" if kernel else task_style(tid)
    return row((f" {label[: _LABEL - 2]:<{_LABEL - 1}}", style), ("".join(cells), style))


def _switch_row(
    event: Event,
    tasks: dict[int, TaskStateView],
    idle: set[int],
    newest: bool,
    snapshot: Snapshot,
    width: int,
) -> Row:
    future = event.index > snapshot.machine.position.event
    change = snapshot.change
    is_new = change is not None and event.index > change.since.event
    mark = "·" if future else "▶" if newest else "+" if is_new else " "

    def name(tid: int) -> Span:
        return Span("idle", "dim") if tid in idle else task_span(tid, tasks)

    old, new = name(event["prev"]), name(event["next"])
    gap = " " * max(18 - len(old.text), 0) if width >= 80 else ""
    end = " " * max(18 - len(new.text), 0) if width >= 80 else ""
    return row(
        (mark, "future" if future else "new" if mark == "+" else "mark"),
        (f"{event.index:>7} " if width >= 76 else "", "dim"),
        (f"{time_text(event.time_ns):>11} ", "future" if future else "value"),
        (f"cpu{event.cpu} ", "dim"),
        old,
        (f"{gap} → ", "dim"),
        new,
        (f"{end}  {reason(event['why'], event['prev'] in idle, snapshot.symbols)}", "cause"),
    )


def reason(why: str, from_idle: bool, symbols: Mapping[int, str]) -> str:
    """Why the CPU changed over, in words."""
    if from_idle:
        return "a task is ready"
    _, futex, address = why.rpartition("futex 0x")
    if futex:
        why = f"{why} {symbols.get(int(address, 16), '')}".rstrip()
    return {
        "preempted": "preempted",
        "yield": "gave way",
        "exit": "ended",
        "exited": "ended",
        "may not run here": "may not run on this CPU any more",
        "exited tasks": "cleaned up",
    }.get(why, f"waits: {why}")
