"""The start screen: the shipped samples, recent files, or a path."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Label

from arcetui.render.row import Row, Span, row
from arcetui.state import Launch
from arcetui.widgets.bars import KeyBar, LineBar
from arcetui.widgets.entry import EntryInput
from arcetui.widgets.line_view import LineView
from arcetui.widgets.row_screen import RowScreen

if TYPE_CHECKING:
    from arcetui.recent import RecentFiles

ARCHES: tuple[str, ...] = ("x86_64", "riscv64", "aarch64", "loongarch64")
_LINE = re.compile(
    r"^\s*(?:[-*|]|#+)\s*`?\[?`?([\w-]+)`?\]?(?:\([^)]*\))?`?\s*[:|–—-]+\s*(.+?)\s*\|?\s*$"
)


class Choice(NamedTuple):
    """A program that can be opened."""

    name: str
    path: str
    about: str


def samples_directory() -> Path | None:
    """Where the shipped samples are: beside the package in the repository, or installed."""
    here = Path(__file__).resolve().parent.parent
    for place in (here.parent / "samples", Path(sys.prefix) / "share" / "arcetui" / "samples"):
        if (place / "bin").is_dir():
            return place
    return None


def descriptions(directory: Path) -> dict[str, str]:
    """One line for each sample, from samples/README.md."""
    try:
        text = (directory / "README.md").read_text("utf-8")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            about = re.sub(r"[`*]", "", match[2]).split("|")[0].strip()
            found.setdefault(match[1], about)
    return found


def sample_choices(directory: Path | None, arch: str) -> list[Choice]:
    """The samples of an architecture."""
    if directory is None:
        return []
    about = descriptions(directory)
    binaries = directory / "bin" / arch
    if not binaries.is_dir():
        return []
    return [
        Choice(path.name, str(path), _prefix(path) + about.get(path.stem, ""))
        for path in sorted(binaries.iterdir())
        if path.is_file() and not path.name.startswith(".")
    ]


def _prefix(path: Path) -> str:
    """What sets a program apart from another of the same source."""
    return "as a Unikernel: " if path.suffix == ".uni" else ""


def problem_with(path: str) -> str:
    """Why a path cannot be opened, in a sentence; "" if nothing is wrong at first sight."""
    file = Path(path).expanduser()
    if "\0" in path:
        return "A path cannot contain a NUL character."
    if not file.exists():
        return f"{path}: there is no such file."
    if file.is_dir():
        return f"{path} is a directory; name the program in it."
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    if magic != b"\x7fELF":
        return f"{path} is no ELF program: it does not start with 7f 45 4c 46."
    return ""


class ChoiceList(LineView):
    """Samples and recent files under headings."""

    def __init__(self) -> None:
        super().__init__("programs", id="start-list")
        self.choices: list[Choice | None] = []

    def fill(self, groups: list[tuple[str, list[Choice]]]) -> None:
        """Show groups of choices."""
        rows: list[Row] = []
        self.choices = []
        for heading, choices in groups:
            rows.append(row((f" {heading}", "heading")))
            self.choices.append(None)
            for choice in choices:
                rows.append(row((f"   {choice.name:<14} ", "key"), (choice.about, "value")))
                self.choices.append(choice)
        self.show(rows)
        self.cursor = -1
        self.move(1)

    def on_resize(self) -> None:
        """Show from the top again, with the selection in sight."""
        self.top = 0
        self._keep_in_sight(self.cursor)
        self.refresh()

    def move(self, by: int) -> None:
        """Select the next choice, skipping headings."""
        at = self.cursor
        for _ in self.choices:
            at += by
            if not 0 <= at < len(self.choices):
                return
            if self.choices[at] is not None:
                self.move_cursor(at)
                return

    def move_page(self, by: int) -> None:
        """Select a choice a page further; the first or last where there is none."""
        to = max(0, min(self.cursor + by * self.page, len(self.choices) - 1))
        while to > 0 and self.choices[to] is None:
            to -= 1
        self.cursor = to
        if to == 0:
            self.move(1)
        self.move_cursor(self.cursor)

    def cursor_moved(self) -> None:
        """Tell all about the choice: its row may be too short for that."""
        screen = self.screen
        if isinstance(screen, StartScreen) and self.chosen is not None:
            screen.tell_about(self.chosen)

    @property
    def chosen(self) -> Choice | None:
        """The selected program."""
        return self.choices[self.cursor] if 0 <= self.cursor < len(self.choices) else None

    def enter_row(self) -> None:
        """Clicked twice."""
        screen = self.screen
        if isinstance(screen, StartScreen):
            screen.action_open()


class StartScreen(RowScreen[None]):
    """What to debug?"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("pageup,ctrl+b", "page(-1)"),
        Binding("pagedown,ctrl+f", "page(1)"),
        Binding("home,g", "page(-1000)"),
        Binding("end,G", "page(1000)"),
        Binding("left,h", "arch(-1)"),
        Binding("right,l", "arch(1)"),
        Binding("enter", "open"),
        Binding("slash,o", "path"),
        Binding("escape", "list"),
        Binding("q", "quit"),
        Binding("ctrl+c", "quit", priority=True),
    ]

    def __init__(self, recent: RecentFiles, samples: Path | None = None, error: str = "") -> None:
        super().__init__()
        self._recent = recent
        self._samples = samples if samples is not None else samples_directory()
        self._arch = 0
        self._error = error

    def compose(self) -> ComposeResult:
        """Title, architectures, list, path."""
        yield Label("arcetui: see inside the kernel while a program runs", id="start-title")
        yield Label("", id="start-error", markup=False)
        yield LineBar(id="start-arch")
        yield ChoiceList()
        yield Label("", id="start-about", markup=False)
        yield EntryInput(
            id="start-path", placeholder="o: type the path of your own static ELF program"
        )
        yield KeyBar(id="start-keys")

    def on_mount(self) -> None:
        """Fill."""
        self.query_one(KeyBar).show_keys(
            [
                ("↑↓", "choose", "move(1)", True),
                ("←→", "architecture", "arch(1)", True),
                ("Enter", "open", "open", True),
                ("o", "path", "path", True),
                ("q", "quit", "quit", True),
            ]
        )
        self._fill()
        self.query_one("#start-path", EntryInput).clears = False  # a wrong path can be corrected
        self.query_one(ChoiceList).focus()
        if self._error:
            self.complain(self._error)

    def on_screen_resume(self) -> None:
        """Recent files may have changed."""
        if self.is_mounted:
            self._fill()

    def complain(self, sentence: str) -> None:
        """Show why something could not be opened."""
        label = self.query_one("#start-error", Label)
        label.update(f"✗ {sentence}" if sentence else "")
        label.set_class(bool(sentence), "-shown")

    def tell_about(self, choice: Choice) -> None:
        """Say in full what the selected program is."""
        text = choice.about if choice.about == choice.path else f"{choice.name}: {choice.about}"
        self.query_one("#start-about", Label).update(text)

    def _fill(self) -> None:
        arch = ARCHES[self._arch]
        spans = [Span("architecture: ", "label")]
        for name in ARCHES:
            here = name == arch
            spans += [
                Span(f"[{name}]" if here else f" {name} ", "key" if here else "dim"),
                Span(" "),
            ]
        self.query_one("#start-arch", LineBar).set_row(tuple(spans))
        samples = sample_choices(self._samples, arch)
        groups = [(f"samples for {arch}", samples)]
        if not samples:
            groups = [(f"no samples for {arch} are installed", [])]
        recent = [Choice(Path(p).name, p, p) for p in self._recent.paths()]
        if recent:
            groups.append(("recent", recent))
        self.query_one(ChoiceList).fill(groups)

    def action_move(self, by: int) -> None:
        """Up or down."""
        self.query_one(ChoiceList).move(by)

    def action_page(self, by: int) -> None:
        """A page up or down."""
        self.query_one(ChoiceList).move_page(by)

    def action_arch(self, by: int) -> None:
        """Another architecture, the same sample if it is there."""
        view = self.query_one(ChoiceList)
        name = view.chosen.name if view.chosen is not None else ""
        self._arch = (self._arch + by) % len(ARCHES)
        self._fill()
        for at, choice in enumerate(view.choices):
            if choice is not None and choice.name == name:
                view.move_cursor(at)
                break

    def action_open(self) -> None:
        """Open the selected program."""
        choice = self.query_one(ChoiceList).chosen
        if choice is not None:
            self._launch(choice.path, ())

    def action_path(self) -> None:
        """Type a path."""
        self.query_one("#start-path", EntryInput).focus()

    def action_list(self) -> None:
        """Back to the list."""
        self.query_one(ChoiceList).focus()

    def on_entry_input_left(self) -> None:
        """Esc in the path line."""
        self.action_list()

    def on_entry_input_asked(self, event: EntryInput.Asked) -> None:
        """Tab completes file names."""
        entry = self.query_one("#start-path", EntryInput)
        directory, _, start = event.line.rpartition("/")
        base = Path(
            f"{directory}/" if directory or event.line.startswith("/") else "."
        ).expanduser()
        try:
            names = sorted(p.name + "/" * p.is_dir() for p in base.iterdir())
        except OSError:
            return
        fitting = [name for name in names if name.startswith(start)]
        if fitting:
            common = fitting[0]
            for name in fitting[1:]:
                while not name.startswith(common):
                    common = common[:-1]
            entry.value = event.line[: len(event.line) - len(start)] + common
            entry.cursor_position = len(entry.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the typed path; words after it are the program's arguments."""
        event.stop()
        typed = event.value.strip()
        words = [typed] if Path(typed).expanduser().exists() else typed.split()
        if words:
            self._launch(words[0], tuple(words[1:]))

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        """A click on the key bar."""
        self.call_later(self.run_action, event.action)

    def _launch(self, path: str, argv: tuple[str, ...]) -> None:
        problem = problem_with(path)
        self.complain(problem)
        if not problem:
            from arcetui.app import ArcetuiApp

            assert isinstance(self.app, ArcetuiApp)
            self.app.start(Launch(str(Path(path).expanduser()), argv))

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit()
