"""The status line and the message line: the machine's state, unmistakable when it is past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.render.changed_pane import cause_words
from arcetui.render.event_words import THEIR_OWN_CAUSE, event_text
from arcetui.render.numbers import human_bytes
from arcetui.render.row import Row, Span, crop, row, shorten
from arcetui.render.row import width as row_width
from arcetui.strace.tables.signals import signal_name

if TYPE_CHECKING:
    from arcetui.state import Snapshot


def state_words(snapshot: Snapshot) -> tuple[str, str]:
    """The state with its glyph, and the style it is shown in."""
    machine = snapshot.machine
    if snapshot.progress:
        return "◀ GOING BACK", "past"
    if snapshot.waits:
        return "● WAITS FOR INPUT", "input"
    if snapshot.running:
        return "▶ RUNNING", "ok"
    if machine.half_way:
        return "◆ INSIDE THE KERNEL" + (", PAST" if snapshot.past else ""), "half"
    if snapshot.past:
        return "◀ PAST", "past"
    if machine.panic:
        return "✗ KERNEL PANIC", "error"
    return {
        "exited": ("■ ENDED", "warning"),
        "waiting for input": ("● WAITS FOR INPUT", "input"),
        "panicked": ("✗ KERNEL PANIC", "error"),
        "deadlocked": ("✗ DEADLOCK", "error"),
    }.get(machine.state, ("■ STOPPED", "heading"))


def exit_words(status: int) -> str:
    """A raw wait status in words."""
    number = status & 0x7F
    if number == 0:
        return f"exited with {status >> 8 & 0xFF}"
    name = signal_name(number) or f"signal {number}"
    return f"killed by {name}" + (" (core dumped)" if status & 0x80 else "")


def amount(number: float) -> str:
    """A number with a unit: 1.2k, 3.4M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def status_row(snapshot: Snapshot, width: int) -> Row:
    """The top line. In the past the whole line is in the colours of the past."""
    machine = snapshot.machine
    words, style = state_words(snapshot)
    past = snapshot.past and not snapshot.running
    position = f"at {machine.position}" + (
        f" of {machine.end}" if machine.position < machine.end else ""
    )
    is_plain = machine.form == "monolithic"
    parts = [
        position,
        f"{'sys' if is_plain else 'call'} #{machine.syscalls}",
        f"{amount(machine.instructions)} insns",
        f"cpu{snapshot.cpu.cpu}" + (f" {snapshot.cpu.in_kernel}" if snapshot.cpu.in_kernel else ""),
        f"mem {human_bytes(machine.frames_used << 12)}/{human_bytes(machine.frames_total << 12)}",
        f"{machine.time_ns / 1e6:.3f} ms",
    ]
    if snapshot.running and snapshot.speed == "full":
        parts.append(f"{amount(snapshot.rate)}/s")
    elif snapshot.speed != "full":
        parts.append(f"speed {snapshot.speed}")
    parts += [machine.arch, *(() if is_plain else (machine.form,)), snapshot.program]
    plain = "past" if past else ""
    spans = [Span(f" {words} ", style)]
    used = len(words) + 2
    for part in parts:
        if used + len(part) + 3 > width:
            break
        spans += [
            Span(" │ " if len(spans) > 1 else "  ", plain or "dim"),
            Span(part, plain or "value"),
        ]
        used += len(part) + 3
    if past:
        spans.append(Span(" " * width, plain))
    return row(*spans)


def message_text(snapshot: Snapshot) -> tuple[str, str]:
    """Why it stopped, in full, and the style of it; "error" for what nobody should miss."""
    machine = snapshot.machine
    if snapshot.error:
        return f"✗ {snapshot.error}", "error"
    if machine.panic:
        text = machine.panic.removeprefix("kernel panic: ")
        return f"✗ kernel panic: {text}", "error"
    text, style = "", "value"
    if snapshot.running:
        text = "running; space or Ctrl-C pauses"
        if snapshot.waits:
            text = f"for {snapshot.waits_s:.0f} s more; 0 types to it, c lets its time pass at once"
        if snapshot.progress:
            text = f"{snapshot.progress}; space or Ctrl-C gives it up"
    elif machine.half_way and snapshot.event is not None:
        name = snapshot.event.kind.name.lower().replace("_", " ")
        fields = event_text(snapshot.event, snapshot.names)
        own = snapshot.event.kind.name.split("_")[0] in THEIR_OWN_CAUSE
        cause = "" if own else f"; by {cause_words(snapshot.event, snapshot.names)}"
        text = f"◆ {name} {fields}{cause}; e and E go on, s finishes it"
    elif snapshot.stopped is not None:
        text = snapshot.stopped.sentence
        if snapshot.stopped.reason.name in ("FAULT", "SIGNAL", "PANIC", "DEADLOCK"):
            text, style = f"✗ {text}", "error"
    if not snapshot.running and machine.exit_status is not None and not snapshot.past:
        done = exit_words(machine.exit_status)
        text = text if done in text else f"{text}; {done}" if text else f"program {done}"
        fault = machine.last_fault
        if fault is not None and fault.signal and machine.exit_status & 0x7F:
            text, style = f"✗ {text}: {fault.sentence}", "error"
    return text, style


def message_row(snapshot: Snapshot, hints: tuple[str, ...], width: int) -> Row:
    """The line above the keys: why it stopped and what changed; then what is hidden.

    Args:
        snapshot: What is shown.
        hints: What the layout has no room for, in words and shorter; the first that fits is shown,
            else only the key for all.
        width: Columns there are.
    """
    machine = snapshot.machine
    text, style = message_text(snapshot)
    if snapshot.error or machine.panic:
        return crop(row((f" {text}", style)), width)
    spans = [Span(f" {text}", style)]
    sentence = snapshot.change.sentence if snapshot.change is not None else ""
    if machine.half_way:
        sentence = ""  # one event: it was just named
    if snapshot.running or sentence.startswith("no kernel object"):
        sentence = ""
    used = row_width(tuple(spans)) + (len(sentence) + 2 if sentence else 0)
    least = "z: all panes" if hints[-1].startswith("zoomed") else "v: all panes"
    hidden = next((hint for hint in hints if used + len(hint) + 3 <= width), least)
    room = max(width - len(hidden) - 2, 20)
    space = room - row_width(tuple(spans)) - 2
    if sentence and space > 3:
        spans.append(Span(f"  {shorten(sentence, space)}", "cause"))
    left = crop(tuple(spans), room)
    return row(*left, " " * (room - row_width(left)), (f" {hidden}", "dim"))
