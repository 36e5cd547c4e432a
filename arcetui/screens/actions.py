"""The actions of the debugger screen: what each key of `keymap` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.actions import SkipAction

from arcetui import layouts, themes
from arcetui import state as s
from arcetui.panes.console import ConsolePane
from arcetui.panes.pane import Pane
from arcetui.screens.dialogs import ConfirmScreen, HelpScreen, PanesScreen
from arcetui.session import Session
from arcetui.widgets.entry import AskBar, EntryInput, PromptPanel
from arcetui.widgets.row_screen import RowScreen

if TYPE_CHECKING:
    from arcetui.panes.grid import PaneGrid
    from kernel.inspect.position import Position


class DebuggerActions(RowScreen[None]):
    """Actions; the screen itself is `screens.debugger.DebuggerScreen`."""

    session: Session
    snapshot: s.Snapshot | None
    interests: s.Interests
    grid: PaneGrid
    last_pane: str = "code"
    fault_shown: Position | None = None

    def look(self, **changes: object) -> None:
        """Capture something else (in the screen)."""
        raise NotImplementedError

    def focus_pane(self, name: str) -> None:
        """Give a pane the keys (in the screen)."""
        raise NotImplementedError

    # -- helpers --------------------------------------------------------------------------

    @property
    def focused_pane(self) -> Pane | ConsolePane | None:
        """The pane that has the keys."""
        for pane in self.grid.panes():
            if pane.has_focus or pane.has_focus_within:
                return pane
        return None

    @property
    def searching(self) -> bool:
        """Whether n and N go from match to match."""
        pane = self.focused_pane
        return isinstance(pane, Pane) and bool(pane.found)

    def _registers(self) -> dict[str, int]:
        return self.snapshot.registers if self.snapshot is not None else {}

    def _tell(self, text: str) -> None:
        self.notify(text, timeout=4, markup=False)

    # -- running --------------------------------------------------------------------------

    def action_go(self, kind: str, reverse: bool = False) -> None:
        """Begin a movement; ignored while one runs, unless that waits for input.

        While the program loads, keys wait for it.
        """
        from kernel.control import Goal, GoalKind

        if self.snapshot is not None and self.snapshot.running and not self.snapshot.waits:
            self._tell("It is running: space or Ctrl-C pauses it first.")
            return
        self.session.send(s.Begin(Goal(GoalKind[kind], reverse=reverse)))

    def action_next_or_over(self, reverse: bool) -> None:
        """Step over; while searching, the next or previous match."""
        pane = self.focused_pane
        if isinstance(pane, Pane) and pane.found:
            pane.find(pane.found, -1 if reverse else 1)
        else:
            self.action_go("OVER", reverse)

    def action_play(self) -> None:
        """Run at the chosen speed, or pause."""
        if self.snapshot is not None:
            self.session.send(s.Pause() if self.snapshot.running else s.Play())

    def action_pause(self) -> None:
        """Pause the program; say how to leave if it does not run."""
        if self.snapshot is not None and not self.snapshot.running:
            self._tell("The program is stopped already. q leaves arcetui.")
        self.session.send(s.Pause())

    def action_speed(self, by: int) -> None:
        """Faster or slower."""
        self.session.send(s.Speed(by))

    def action_restart(self) -> None:
        """Start again, after a question."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.session.send(s.Restart())

        question = "Start again from the first instruction? The recorded future is forgotten."
        self.app.push_screen(ConfirmScreen(question), answered)

    def action_breakpoint(self) -> None:
        """At the selected line of the code pane, else at the program counter."""
        if self.snapshot is None:
            return
        pane = self.grid.pane("code")
        chosen = isinstance(pane, Pane) and pane.has_focus and pane.item.kind == "address"
        self.toggle_breakpoint(pane.item.value if chosen else self.snapshot.cpu.pc)

    def toggle_breakpoint(self, address: int) -> None:
        """Set or remove."""
        from kernel.control import BreakSpec

        self.session.send(s.ToggleBreakpoint(BreakSpec("address", address, f"*{address:#x}")))

    # -- questions ------------------------------------------------------------------------

    async def action_early(self, action: str) -> None:
        """Open a line to type in at once, so that keys typed right after it go there.

        Raises:
            SkipAction: Text is being typed: the key belongs to it.
        """
        if isinstance(self.focused, EntryInput):
            raise SkipAction
        await self.run_action(action)

    def action_prompt(self) -> None:
        """Open the prompt."""
        self.query_one(PromptPanel).open()

    def action_goto(self) -> None:
        """Ask for a position."""
        self.query_one(AskBar).ask("goto", "go to position")

    def action_search(self) -> None:
        """Ask what to search for."""
        self.query_one(AskBar).ask("search", f"search in {self.last_pane} /")

    def action_address(self) -> None:
        """Ask what the walk or memory pane follows."""
        pane = "memory" if self.last_pane in ("memory", "stack") else "walk"
        self.query_one(AskBar).ask(pane, f"{pane} follows (register, symbol or address)")

    def answer(self, question: str, text: str) -> None:
        """Do what was answered."""
        if question == "search":
            pane = self.grid.pane(self.last_pane)
            if isinstance(pane, Pane) and text and not pane.find(text):
                pane.found = ""
                self._tell(f"{text!r} is not in this pane.")
        elif question == "goto" and text:
            from kernel.inspect.position import Position

            try:
                self.session.send(s.Goto(Position.parse(text)))
            except ValueError:
                self._tell(f"{text!r} is no position; one looks like 120 or 120+5.")
        elif text:
            self._set_target(question, text)

    def _set_target(self, pane: str, text: str) -> None:
        name = text.removeprefix("$")
        if name in self._registers():
            self._aim(pane, s.Target(name))
        else:
            self.session.send(s.Aim(pane, text))

    def _aim(self, pane: str, target: s.Target) -> None:
        self.grid.reveal(pane)
        if pane == "walk":
            self.look(walk=target, access="")
        else:
            self.look(memory=target)

    # -- rows -----------------------------------------------------------------------------

    def action_follow(self, pane: str) -> None:
        """Aim the walk or memory pane at the selected row."""
        source = self.focused_pane
        item = source.item if source is not None else s.NOTHING
        if item.kind == "register":
            self._aim(pane, s.Target(item.text))
        elif item.kind in ("address", "area"):
            self._aim(pane, s.Target("", item.value))
        else:
            self._tell("Select a register, an area or an address first (arrows, or the mouse).")

    def action_access(self) -> None:
        """Read, write, execute in turn."""
        order = ("read", "write", "execute")
        walk = self.snapshot.walk if self.snapshot is not None else None
        now = walk.access if walk is not None else "read"
        self.look(access=order[(order.index(now) + 1) % 3 if now in order else 0])

    def action_enter(self) -> None:
        """Go into the selected row."""
        pane = self.focused_pane
        if isinstance(pane, Pane):
            pane.enter_row()

    def enter_item(self, pane: str, item: s.Item) -> None:
        """What Enter does, by what the row stands for."""
        snapshot = self.snapshot
        if snapshot is None:
            return
        if item.kind == "event":
            self._goto_event(item.value)
        elif item.kind == "shared" and item.value:
            self.session.send(s.GotoOrigin(item.value, item.text))
        elif item.kind == "call":
            call = next((c for c in snapshot.calls if c.view.serial == item.value), None)
            if call is not None:
                there = snapshot.machine.position == call.view.enter
                self.session.send(
                    s.Goto(call.view.exit or call.view.enter if there else call.view.enter)
                )
        elif item.kind == "register":
            self._aim("walk", s.Target(item.text))
        elif item.kind == "area":
            self._aim("walk", s.Target("", item.value))
        elif item.kind == "address" and pane == "code":
            from kernel.control import Goal, GoalKind

            self.session.send(s.Begin(Goal(GoalKind.UNTIL, address=item.value)))
        elif item.kind == "address":
            self._aim("memory", s.Target("", item.value))

    def _goto_event(self, event: int) -> None:
        from kernel.inspect.position import Position

        if self.snapshot is not None and not self.snapshot.running:
            last = self.snapshot.machine.end
            wanted = Position(max(event, 0))
            self.session.send(s.Goto(min(wanted, last)))

    def action_cursor(self, by: int) -> None:
        """Row up or down."""
        pane = self.focused_pane
        if isinstance(pane, Pane):
            start = pane.cursor if pane.cursor >= 0 else max(pane.current, pane.top) - by
            pane.move_cursor(start + by)

    def action_frame(self, by: int) -> None:
        """Up to the caller's frame, down to the callee's: in the stack and the code pane."""
        snapshot, pane = self.snapshot, self.focused_pane
        if snapshot is None or pane is None or pane.pane not in ("stack", "code"):
            self._tell("u and d go up and down the calls in the stack (7) and code (1) panes.")
            return
        if snapshot.running:
            return
        if "stack" not in self.grid.names:
            self.focus_pane("stack")
        frames = snapshot.frames
        frame = self.interests.frame + by
        if frame < 0 or (frames and frame >= len(frames)):
            self._tell("This is the innermost frame." if frame < 0 else "No frame is known above.")
            return
        at = frames[frame].pc if frame and frames else None
        self.look(frame=frame, code_at=at)

    def action_page(self, by: int) -> None:
        """A page; in the timeline a hundred events."""
        self._move_rows(by * 100, lambda pane: by * pane.page)

    def action_half_page(self, by: int) -> None:
        """Half a page."""
        self._move_rows(by * 50, lambda pane: by * max(pane.page // 2, 1))

    def _move_rows(self, events: int, rows: Any) -> None:
        pane = self.focused_pane
        if isinstance(pane, Pane) and pane.pane == "timeline" and self.snapshot is not None:
            self._goto_event(self.snapshot.machine.position.event + events)
        elif isinstance(pane, Pane):
            pane.scroll_rows(rows(pane))
        elif isinstance(pane, ConsolePane):
            pane.view.scroll_rows(rows(pane.view))

    def action_edge(self, side: int) -> None:
        """First or last row; in the timeline the start or the furthest point."""
        pane = self.focused_pane
        if not isinstance(pane, Pane) or self.snapshot is None:
            return
        if pane.pane == "timeline":
            start = self.snapshot.machine.end._replace(event=0, insns=0)
            self.session.send(s.Goto(self.snapshot.machine.end if side > 0 else start))
        else:
            pane.move_cursor(len(pane.rows) - 1 if side > 0 else 0)

    def action_sideways(self, by: int) -> None:
        """Columns; events in the timeline; registers in the register pane."""
        pane = self.focused_pane
        if not isinstance(pane, Pane):
            return
        if pane.pane == "timeline":
            if self.snapshot is not None:
                position = self.snapshot.machine.position
                back = by < 0 and position.insns > 0
                self._goto_event(position.event + by + (1 if back else 0))
        elif not pane.move_cell(by):
            pane.scroll_columns(by * 4)

    # -- the screen -----------------------------------------------------------------------

    def action_pane(self, key: int | str) -> None:
        """Focus a pane by its digit or letter."""
        self.focus_pane(layouts.BY_KEY[str(key)].name)

    def action_panes(self) -> None:
        """Choose a pane from the list of all."""

        def chosen(name: str | None) -> None:
            if name:
                self.focus_pane(name)

        self.app.push_screen(PanesScreen(frozenset(self.grid.names)), chosen)

    def action_next_pane(self, by: int) -> None:
        """Focus the next pane in reading order."""
        names = self.grid.names
        pane = self.focused_pane
        at = names.index(pane.pane) if pane is not None else 0
        self.focus_pane(names[(at + by) % len(names)])

    def action_zoom(self) -> None:
        """The focused pane alone, or all again."""
        pane = self.focused_pane
        name = pane.pane if pane is not None else self.last_pane
        self.grid.zoomed = "" if self.grid.zoomed else name
        self.grid.arrange_panes()
        self.look()
        self.refresh_panes()

    def action_preset(self, by: int) -> None:
        """Another topic."""
        at = layouts.PRESETS.index(self.grid.preset)
        self.choose_preset(layouts.PRESETS[(at + by) % len(layouts.PRESETS)])

    def choose_preset(self, preset: str) -> None:
        """A topic by name."""
        self.grid.set_preset(preset)
        self.look()
        if self.last_pane not in self.grid.names:
            self.focus_pane(self.grid.names[0])
        self.refresh_panes()

    def refresh_panes(self) -> None:
        """Draw all again after the layout changed."""

        def draw() -> None:
            for pane in self.grid.panes():
                if self.snapshot is not None:
                    pane.show_snapshot(self.snapshot)

        self.call_after_refresh(draw)

    def action_theme(self) -> None:
        """Next theme."""
        cycle = themes.CYCLE
        at = cycle.index(self.app.theme) if self.app.theme in cycle else -1
        self.app.theme = cycle[(at + 1) % len(cycle)]
        self._tell(f"theme {self.app.theme}")

    def action_leave(self) -> None:
        """Esc: the innermost thing that is open."""
        pane = self.focused_pane
        prompt = self.query_one(PromptPanel)
        if isinstance(pane, Pane) and pane.found:
            pane.found = ""
            pane.refresh()
            self.refresh_panes()
        elif prompt.has_class("-open"):
            prompt.close()
            self.focus_pane(self.last_pane)
        elif self.grid.zoomed:
            self.action_zoom()
        elif isinstance(pane, ConsolePane):
            self.focus_pane(self.last_pane)
        elif isinstance(pane, Pane):
            pane.cursor = -1
            pane.refresh()

    def action_help(self) -> None:
        """The keys, from their table."""
        self.app.push_screen(HelpScreen(self.last_pane))

    def action_quit(self) -> None:
        """Leave arcetui."""
        self.session.send(s.Quit())
        self.app.exit()
