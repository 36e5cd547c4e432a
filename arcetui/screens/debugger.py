"""The debugger screen: status, panes, prompt, message line and key bar around one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from arcetui import keymap, layouts
from arcetui import state as s
from arcetui.messages import (
    Aimed,
    LineAnswered,
    LineCompleted,
    PaneResized,
    RowChosen,
    SessionFailed,
    SnapshotReady,
)
from arcetui.panes.console import ConsolePane
from arcetui.panes.grid import PaneGrid
from arcetui.panes.pane import Pane
from arcetui.render import status_pane
from arcetui.render.row import Span
from arcetui.screens.actions import DebuggerActions
from arcetui.session import Session
from arcetui.widgets.bars import KeyBar, LineBar
from arcetui.widgets.entry import AskBar, EntryInput, PromptPanel
from arcetui.widgets.keyboard import KeyboardInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from arcetui.machine import Machine

#: Keys that do nothing while the program runs.
WHILE_STOPPED = frozenset(
    ["step", "over", "out", "syscall", "event", "continue", "breakpoint", "restart", "goto", "line"]
)


class DebuggerScreen(DebuggerActions):
    """Shows one program.

    Args:
        open_machine: Boots the program; called on the session's thread.
        program: Its name, for the status line until the first snapshot.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                ",".join(key.keys),
                key.action,
                key.label,
                id=key.ident,
                priority=key.priority,
                show=False,
            )
            for key in keymap.KEYS
        ),
        *(
            Binding(",".join(key.keys), f"early('{key.action}')", priority=True, show=False)
            for key in keymap.KEYS
            if key.takes_text
        ),
    ]
    HORIZONTAL_BREAKPOINTS = [
        (0, "-narrow"),
        (110, "-wide"),
        (180, "-huge"),
    ]
    refresh_seconds = 0.08

    def __init__(self, open_machine: Callable[[], Machine], program: str, preset: str) -> None:
        super().__init__()
        self.program = program
        self._preset = preset
        self.session = Session(open_machine, self.post_message)
        self.snapshot: s.Snapshot | None = None
        self.interests = s.Interests(panes=frozenset())
        self.failed = False
        self.told = ""  # the last thing that nobody should miss

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Ctrl-C belongs to the program while it has the keyboard."""
        if action == "pause" and isinstance(self.focused, KeyboardInput) and self.focused.direct:
            return False
        return super().check_action(action, parameters)

    def action_direct(self) -> None:
        """The console is the program's keyboard, or takes lines for it again."""
        self.focus_pane("console")
        self.query_one(ConsolePane).toggle_direct()
        self._show_keys()

    # -- building -------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield LineBar(id="status")
        yield PaneGrid(self._preset, id="body")
        yield PromptPanel(id="prompt")
        yield AskBar(id="ask")
        yield LineBar(id="message")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Start the session once the first frame is out."""
        self.grid = self.query_one(PaneGrid)
        self.status = self.query_one("#status", LineBar)
        self.message_bar = self.query_one("#message", LineBar)
        self.key_bar = self.query_one(KeyBar)
        self.status.set_row((Span(" … LOADING ", "heading"), Span(self.program, "value")))
        self._show_keys()
        self.set_interval(self.refresh_seconds, self._ask_for_snapshot)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.interests = self.wanted()
        self.session.look_first(self.interests)
        self.session.start()

    def on_unmount(self) -> None:
        """End the thread with the screen."""
        self.session.send(s.Quit())

    def on_resize(self, event: events.Resize) -> None:
        """Pick the layout for the width."""
        width = event.size.width
        band = "huge" if width >= 180 else "wide" if width >= 110 else "narrow"
        if band != self.grid.band:
            self.grid.band = band
            self.grid.arrange_panes()
            self.look()
        if self.snapshot is not None:
            self._show_bars(self.snapshot)

    def on_screen_resume(self) -> None:
        """Give some pane the keys at the start."""
        if self.focused is None:
            self.focus_pane(self.grid.names[0])

    # -- data in --------------------------------------------------------------------------

    def _ask_for_snapshot(self) -> None:
        if self.snapshot is not None and self.snapshot.running:
            self.session.request_snapshot()

    @on(SnapshotReady)
    def _snapshot_ready(self, message: SnapshotReady) -> None:
        """Show it: each pane repaints its rows that differ."""
        snapshot = message.snapshot
        was = self.snapshot
        self.snapshot = snapshot
        if was is not None and was.machine.position != snapshot.machine.position:
            from dataclasses import replace

            self.interests = replace(self.interests, frame=0, code_at=None)
        if was is None and snapshot.machine.engine_note:
            self.notify(snapshot.machine.engine_note, timeout=15, markup=False)
        if was is None and snapshot.interests.panes != self.wanted().panes:
            self.look()
        for pane in self.grid.panes():
            pane.show_snapshot(snapshot)
        self._show_bars(snapshot)
        self._follow_fault(snapshot)
        self.call_after_refresh(self.session.drawn)

    def _follow_fault(self, snapshot: s.Snapshot) -> None:
        """Let the page walk follow the address that faulted, until the user chooses another."""
        stopped = snapshot.stopped
        fault = snapshot.machine.last_fault
        if stopped is None or fault is None or snapshot.running:
            return
        if stopped.reason.name != "FAULT" and not fault.signal:
            return  # handled by the kernel, as most are
        if fault.position != self.fault_shown:
            self.fault_shown = fault.position
            self.look(walk=s.Target("", fault.va), access=fault.access)

    def _show_bars(self, snapshot: s.Snapshot) -> None:
        width = self.size.width
        self.status.set_row(status_pane.status_row(snapshot, width))
        hints = (self.grid.hidden_words(short=False), self.grid.hidden_words(short=True))
        self.message_bar.set_row(status_pane.message_row(snapshot, hints, width))
        self._show_keys()
        self._tell_all(snapshot)

    def _tell_all(self, snapshot: s.Snapshot) -> None:
        """What must not be missed and is too long for its line, where no pane says it either."""
        text, style = status_pane.message_text(snapshot)
        if snapshot.running or style != "error" or text == self.told:
            return
        self.told = text
        of_emulator = snapshot.error or snapshot.machine.panic
        elsewhere = not of_emulator and {"walk", "waits"} & set(self.grid.names)
        if len(text) + 2 > self.size.width and not elsewhere:
            self.notify(text, severity="error", timeout=15, markup=False)

    def _show_keys(self) -> None:
        running = self.snapshot is not None and self.snapshot.running
        dimmed = WHILE_STOPPED if running or self.snapshot is None else frozenset[str]()
        entries = [
            (keys, key.label, key.action, works) for key, keys, works in keymap.bar_entries(dimmed)
        ]
        if self.searching:
            entries.insert(0, ("n/N", "next match", "next_or_over(False)", True))
        elif isinstance(self.focused, KeyboardInput) and self.focused.direct:
            entries = [("Ctrl-T", "keys are the program's; this ends it", "direct", True)]
        elif isinstance(self.focused, EntryInput):
            entries.insert(0, ("Esc", "leave", "leave", True))
        self.key_bar.show_keys(entries)

    def on_descendant_focus(self) -> None:
        """Other keys may work now."""
        if self.is_mounted and hasattr(self, "key_bar"):
            self._show_keys()

    @on(SessionFailed)
    def _session_failed(self, message: SessionFailed) -> None:
        """A program that cannot be loaded goes back to the start screen with the sentence."""
        if message.fatal:
            self.failed = True
            self.app.post_message(message)
        else:
            self.message_bar.set_row((Span(f" ✗ {message.sentence}", "error"),))

    @on(LineAnswered)
    def _line_answered(self, message: LineAnswered) -> None:
        if message.leave:
            self.action_quit()
        self.query_one(PromptPanel).print_rows(message.rows)

    @on(Aimed)
    def _aimed(self, message: Aimed) -> None:
        if message.target is None:
            self._tell(message.sentence)
        else:
            self._aim(message.pane, message.target)

    @on(LineCompleted)
    def _line_completed(self, message: LineCompleted) -> None:
        self.query_one(PromptPanel).completed(message.line, message.cursor, message.choices)

    # -- what the user does in widgets ----------------------------------------------------

    @on(PaneResized)
    def _pane_resized(self) -> None:
        self.look()

    @on(KeyBar.Pressed)
    async def _key_clicked(self, message: KeyBar.Pressed) -> None:
        await self.run_action(message.action)

    @on(PromptPanel.Typed)
    def _typed(self, message: PromptPanel.Typed) -> None:
        self.session.send(s.RunLine(message.line))

    @on(PromptPanel.Closed)
    @on(AskBar.Closed)
    @on(ConsolePane.Left)
    def _back_to_panes(self) -> None:
        self.focus_pane(self.last_pane)

    @on(EntryInput.Asked)
    def _complete(self, message: EntryInput.Asked) -> None:
        self.session.send(s.CompleteLine(message.line, message.cursor))

    @on(ConsolePane.Typed)
    def _console_typed(self, message: ConsolePane.Typed) -> None:
        self.session.send(s.Feed(message.data, message.end))

    @on(Pane.MarkClicked)
    def _mark_clicked(self, message: Pane.MarkClicked) -> None:
        self.toggle_breakpoint(message.item.value)

    @on(RowChosen)
    def _row_chosen(self, message: RowChosen) -> None:
        self.enter_item(message.pane, message.item)

    @on(AskBar.Answered)
    def _answered(self, message: AskBar.Answered) -> None:
        self.focus_pane(self.last_pane)
        self.answer(message.question, message.text)

    # -- what is captured -----------------------------------------------------------------

    def wanted(self) -> s.Interests:
        """The interests for the panes as they stand."""
        from dataclasses import replace

        panes = self.grid.panes()
        rows = max((pane.size.height for pane in panes), default=24)
        return replace(
            self.interests, panes=frozenset(self.grid.names), rows=max(min(rows, 120), 24)
        )

    def look(self, **changes: object) -> None:
        """Capture something else: other panes, another target."""
        from dataclasses import replace

        self.interests = replace(self.interests, **changes)  # pyright: ignore
        wanted = self.wanted()
        if wanted != self.interests or changes:
            self.interests = wanted
            self.session.send(s.Look(wanted))

    def focus_pane(self, name: str) -> None:
        """Give a pane the keys, showing it first if it is hidden."""
        if name not in layouts.BY_NAME:
            return
        if name not in self.grid.names:
            self.grid.reveal(name)
            self.look()
            pane = self.grid.pane(name)
            if self.snapshot is not None:
                self.call_after_refresh(pane.redraw)
                self._show_bars(self.snapshot)
        pane = self.grid.pane(name)
        if isinstance(pane, ConsolePane):
            pane.focus_pane()
        else:
            self.last_pane = name
            pane.focus()
