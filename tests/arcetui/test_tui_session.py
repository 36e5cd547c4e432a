"""The session thread on its own, and the small files around the screens."""

from __future__ import annotations

import queue
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fake_machine import fake_opener
from fake_session_debugger import CODE, FakeDebugger

from arcetui import layouts, themes
from arcetui import state as s
from arcetui.listing import Listing, NoNames
from arcetui.messages import LineAnswered, SessionFailed, SnapshotReady
from arcetui.recent import RecentFiles
from arcetui.screens.start import descriptions, problem_with, sample_choices
from arcetui.session import Session
from kernel.control import Goal, GoalKind
from kernel.machine.arch import X86_64

PANES = frozenset(about.name for about in layouts.PANES)


class Driver:
    def __init__(self, debugger):
        self.out: queue.Queue = queue.Queue()
        self.session = Session(lambda: fake_opener(debugger)(None), self.out.put)
        self.session.start()
        self.next(SnapshotReady)
        self.session.send(s.Look(s.Interests(panes=PANES)))
        self.next(SnapshotReady)

    def next(self, kind):
        end = time.monotonic() + 5
        while True:
            message = self.out.get(timeout=max(end - time.monotonic(), 0.01))
            if isinstance(message, kind):
                return message

    def do(self, command):
        """Send a command; the first picture after it of a machine that stands still."""
        self.session.send(command)
        while (snapshot := self.next(SnapshotReady).snapshot).running:
            pass
        return snapshot


def test_a_snapshot_has_what_was_asked_for_and_what_changed():
    driver = Driver(FakeDebugger())
    snapshot = driver.do(s.Begin(Goal(GoalKind.SYSCALL)))
    assert len(snapshot.space.areas) == len(snapshot.previous_space.areas) + 1
    assert snapshot.walk.va == snapshot.cpu.pc
    assert snapshot.walk.access == "execute"
    assert [call.changed for call in snapshot.calls] == ["+1 VMA, +1 page"]
    assert snapshot.change.events[0].index == 1
    assert snapshot.console.data == b"line 0\n"
    assert snapshot.events[-1].index == 4
    back = driver.do(s.Begin(Goal(GoalKind.SYSCALL, reverse=True)))
    assert back.past
    assert back.console.data == b""
    assert back.console.generation > snapshot.console.generation
    driver.session.send(s.Quit())


def test_only_what_is_asked_for_is_captured():
    driver = Driver(FakeDebugger())
    snapshot = driver.do(s.Look(s.Interests(panes=frozenset({"registers"}))))
    assert snapshot.code == ()
    assert snapshot.walk is None
    assert snapshot.allocators is None
    driver.session.send(s.Quit())


def test_pause_stops_a_long_run_within_a_slice():
    driver = Driver(FakeDebugger(length=10**9))
    driver.session.send(s.Begin(Goal(GoalKind.CONTINUE)))
    time.sleep(0.05)
    start = time.monotonic()
    snapshot = driver.do(s.Pause())
    assert time.monotonic() - start < 2.0
    assert not snapshot.running
    assert snapshot.stopped.reason.name == "PAUSED"
    driver.session.send(s.RunLine("c"))
    time.sleep(0.05)
    snapshot = driver.do(s.Pause())
    assert not snapshot.running
    driver.session.send(s.Quit())


def test_errors_are_told_and_the_thread_lives():
    fake = FakeDebugger()
    driver = Driver(fake)
    fake.crash = True
    driver.session.send(s.Begin(Goal(GoalKind.INSN)))
    message = driver.next(SessionFailed)
    assert not message.fatal
    assert "told to crash" in message.sentence
    fake.crash = False
    driver.next(SnapshotReady)
    assert driver.do(s.Begin(Goal(GoalKind.INSN))).machine.instructions == 1
    driver.session.send(s.RunLine("hello"))
    assert driver.next(LineAnswered).rows
    driver.session.send(s.Quit())


def test_a_program_that_cannot_be_opened_ends_the_thread_with_a_sentence():
    out: queue.Queue = queue.Queue()

    def opener():
        raise ValueError("this is no program; give an ELF file")

    session = Session(opener, out.put)
    session.start()
    message = out.get(timeout=5)
    assert message.fatal
    assert message.sentence == "this is no program; give an ELF file"
    session.join(5)
    assert not session.is_alive()


class Names(NoNames):
    def function(self, address):
        return ("main", CODE, CODE + 32) if CODE <= address < CODE + 32 else None

    def line(self, address):
        return ("dir/a.c", 3 + (address - CODE) // 8)

    def text(self, file, line):
        return f"line {line};"


def test_the_listing_has_labels_source_and_every_pc():
    code = bytes.fromhex("55 4889e5 b800000000 e8f2ffffff 5d c3".replace(" ", "")) + b"\x90" * 32

    def read(va, size):
        return code[va - CODE : va - CODE + size] if va >= CODE else b""

    listing = Listing(X86_64, Names())
    lines = listing.lines(CODE, read)
    assert lines[0] == s.CodeLine(CODE, "label", "main")
    assert lines[1].text == "a.c:3  line 3;"
    assert [line.text for line in lines if line.kind == "insn"][:3] == ["push", "mov", "mov"]
    call = next(line for line in lines if line.text == "call")
    assert call.comment == "main"
    assert listing.where(CODE + 1) == "main+0x1 a.c:3"
    middle = listing.lines(CODE + 2, read)  # inside the second instruction
    assert any(line.address == CODE + 2 for line in middle)
    assert listing.lines(0x10, lambda va, size: b"") == ()


def test_recent_files_survive_damage(tmp_path):
    file = tmp_path / "deep" / "recent.json"
    recent = RecentFiles(file)
    assert recent.paths() == ()
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    recent.add(str(program))
    recent.add(str(tmp_path / "gone"))
    assert recent.paths() == (str(program),)
    for damage in (b"\xff\xfe", b"{", b'{"a": 1}', b'[1, "\\u0000", null]'):
        file.write_bytes(damage)
        assert recent.paths() == ()
    RecentFiles(Path("/proc/nothing/here.json")).add(str(program))


def test_paths_are_checked_with_a_sentence(tmp_path):
    assert "no such file" in problem_with(str(tmp_path / "x"))
    assert "directory" in problem_with(str(tmp_path))
    text = tmp_path / "a.txt"
    text.write_text("hello")
    assert "no ELF" in problem_with(str(text))
    text.write_bytes(b"\x7fELFrest")
    assert problem_with(str(text)) == ""


def test_samples_are_found_with_their_line(tmp_path):
    (tmp_path / "bin" / "x86_64").mkdir(parents=True)
    (tmp_path / "bin" / "x86_64" / "hello").write_bytes(b"")
    (tmp_path / "README.md").write_text("# Samples\n\n| `hello` | says hello | stop at write |\n")
    assert descriptions(tmp_path)["hello"] == "says hello"
    choices = sample_choices(tmp_path, "x86_64")
    assert [(c.name, c.about) for c in choices] == [("hello", "says hello")]
    assert sample_choices(tmp_path, "riscv64") == []
    assert sample_choices(None, "x86_64") == []


def test_every_theme_names_every_colour():
    names = set(themes.fallback("arce-dark"))
    for theme in (*themes.CYCLE, "textual-light", "nord", "catppuccin-latte"):
        assert set(themes.fallback(theme)) == names


def test_the_terminals_own_colours_can_be_read_on_its_background():
    """Plain blue vanishes on black, yellow, white and bright colours on white."""
    dark, light = themes.fallback("ansi-dark"), themes.fallback("ansi-light")
    behind = {"arce-bar", "arce-select", "arce-search", "arce-title", "arce-past"}
    text = set(dark) - behind - {"arce-on-head", "arce-on-past"}
    assert not {dark[name] for name in text} & {"ansi_blue", "ansi_black", "ansi_bright_black"}
    assert not {
        color
        for name in text
        if "bright" in (color := light[name]) or color in ("ansi_yellow", "ansi_white", "ansi_cyan")
    } - {"ansi_bright_black"}


def test_text_colours_have_contrast():
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a, b):
        high, low = sorted((luminance(a), luminance(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for theme in themes.THEMES:
        backs = {
            "arce-bar",
            "arce-select",
            "arce-search",
            "arce-title",
            "arce-past",
            "arce-on-past",
            "arce-on-head",
        }
        for name, color in theme.variables.items():
            if name not in backs:
                assert contrast(color, theme.background) >= 4.5, (theme.name, name)
        assert contrast(theme.variables["arce-on-past"], theme.variables["arce-past"]) >= 4.5
        assert contrast(theme.variables["arce-on-head"], theme.variables["arce-head"]) >= 4.5


class SlowDebugger(FakeDebugger):
    def pump(self, max_insns: int = 200_000):
        time.sleep(0.01)
        return super().pump(max_insns)


def test_a_search_backward_is_told_of_and_can_be_given_up():
    fake = SlowDebugger(length=20_000)
    driver = Driver(fake)
    fake.n = 20_000
    driver.session.send(s.Begin(Goal(GoalKind.CONTINUE, reverse=True)))
    told = driver.next(SnapshotReady).snapshot
    assert told.running
    assert told.progress == "searching back"
    driver.session.send(s.Begin(Goal(GoalKind.INSN)))  # waits for the end of the search
    driver.session.request_snapshot()
    assert driver.next(SnapshotReady).snapshot.progress
    snapshot = driver.do(s.Pause())
    assert snapshot.stopped.reason.name == "PAUSED"
    assert snapshot.progress == ""
    here = snapshot.machine.position
    assert driver.next(SnapshotReady).snapshot.machine.position > here
    driver.session.send(s.Quit())
