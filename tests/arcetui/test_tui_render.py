"""The pane renderers against the text they should give."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fake_session_debugger import FakeDebugger

from arcetui import state as s
from arcetui.capture import Capture, PlainCalls
from arcetui.listing import NoNames
from arcetui.panes.grid import RENDERERS
from arcetui.render import status_pane
from arcetui.render.event_words import event_text
from arcetui.render.maps_pane import content as maps
from arcetui.render.memory_pane import memory_content
from arcetui.render.numbers import human_bytes
from arcetui.render.registers_pane import content as registers
from arcetui.render.row import text
from arcetui.render.status_pane import exit_words
from arcetui.render.syscalls_pane import content as syscalls
from arcetui.render.timeline_pane import content as timeline
from arcetui.render.walk_pane import content as walk
from arcetui.widgets.row_style import CLASSES
from kernel.control import Goal, GoalKind
from kernel.crates.event import BOOT_CAUSE, FIELDS, Event, EventKind


@pytest.fixture
def pictures():
    """Snapshots at the start, after two calls, and one call back."""
    debugger = FakeDebugger()
    capture = Capture(debugger, NoNames(), PlainCalls(), "fake")
    look = s.Interests(panes=frozenset(RENDERERS) | {"console"}, rows=24)
    found = [capture.take(look)]
    for reverse in (False, False, True):
        capture.begin_movement()
        stopped = debugger.run(Goal(GoalKind.SYSCALL, reverse=reverse))
        found.append(capture.take(look, stopped=stopped))
    return found


def lines(content):
    return [text(row).rstrip() for row in content.rows]


def test_maps_mark_what_came_and_went(pictures):
    after = lines(maps(pictures[2], 70, 20))
    assert after[0] == " 000000401000-000000402000 r-xp     4 KiB    1/1    /fake"
    assert after[5] == "+7f0000010000-7f0000014000 rw-p    16 KiB    0/4    (anon)"
    assert maps(pictures[2], 70, 20).changed == "+1 VMA; by mmap #2"
    back = maps(pictures[3], 70, 20)
    assert lines(back)[5][0] == "-"
    assert back.changed == "undone: +1 VMA; by mmap #2"
    assert after[-1].startswith(" STACK HEAP")


def test_registers_mark_changes_twice(pictures):
    shown = lines(registers(pictures[2], 60, 40))
    assert shown[0] == "*    rax 0000000000000014  20"
    assert shown[1].startswith("     rbx 0000000000000000")
    assert any(" → [stack]" in line for line in shown)
    row = registers(pictures[2], 60, 40).rows[0]
    assert {span.style for span in row} >= {"changed"}
    flags = next(line for line in shown if "eflags" in line)
    assert flags.endswith("cf pf af zf sf df of")


def test_the_walk_cuts_the_address(pictures):
    shown = lines(walk(pictures[2], 70, 30))
    assert shown[0] == " pc = 0x401028  x86_64"
    assert shown[2] == " 000000000 000000000 000000010 000000001 000000101000"
    assert shown[3] == " PML4 0x80001000[0] = 0000000080002027 → table"
    assert shown[4] == "        P -W U A"
    assert shown[-3] == "         = frame 0x80005000 + 0x28  4 KiB page, r-x"
    assert shown[-2].startswith(" ✓ allowed")
    assert shown[-1].startswith(" P ")  # the bits' meanings, where there is room for them
    assert lines(walk(pictures[2], 70, len(shown) - 1))[-1].startswith(" ✓ allowed")
    part = replace(pictures[2].walk, steps=pictures[2].walk.steps[:2], rest=(("PD", 29, 21),))
    assert lines(walk(replace(pictures[2], walk=part), 70, 30))[1].split() == [
        *("PML4", "0", "PDPT", "0", "PD", "2", "offset", "4136")
    ]
    bad = replace(pictures[2], walk=replace(pictures[2].walk, ok=False, pa=-1, sentence="no VMA"))
    assert " ✗ no VMA" in lines(walk(bad, 70, 30))


def test_events_read_as_sentences():
    def said(kind, *fields):
        return event_text(Event(1, 0, 4, 0, BOOT_CAUSE, kind, fields), {9: "mmap", 12: "brk"})

    k = EventKind
    assert said(k.VMA_ADD, 1, 0x1000, 0x3000, 3, "Alloc") == "0x1000-0x3000 rw- Alloc"
    assert said(k.VMA_PROTECT, 1, 0, 4096, 3, 1) == "0x0-0x1000 r--, was rw-"
    assert said(k.TLB_FLUSH, 0x5000, -1) == "all addresses"
    assert said(k.PTE_SET, 1, 0x1000, 0x88, 0, 7) == "0x1000: entry at 0x88 = 0x7"
    assert said(k.PTE_CLEAR, 1, 0x1000, 0x88, 7) == "0x1000: entry at 0x88, was 0x7"
    assert said(k.FAULT_ENTER, 2, 0x1000, 2) == "#2 write of 0x1000"
    assert said(k.SYSCALL_ENTER, 3, 12, (16, 7, 7, 7, 7, 7)) == "#3 brk(0x10)"
    assert said(k.SYSCALL_EXIT, 3, 9, -12) == "#3 mmap = -12 ENOMEM"
    assert said(k.SIGNAL_SEND, 5, 11, 0) == "SIGSEGV to 5"
    for kind, names in FIELDS.items():
        assert said(kind, *([(1,) if name == "args" else 1 for name in names])) is not None


def test_calls_say_what_they_changed(pictures):
    wide = lines(syscalls(pictures[2], 140, 10))
    assert wide[0].startswith("    1 mmap(0x0, 0x4000, 0x3")
    assert wide[0].endswith("; +1 VMA, +1 page")
    narrow = syscalls(pictures[2], 60, 10)
    assert lines(narrow)[1] == "      └ +1 VMA, +1 page"
    assert narrow.items[1] == narrow.items[0]


def test_the_timeline_greys_the_future(pictures):
    content = timeline(pictures[3], 100, 20)
    shown = lines(content)
    assert shown[3].startswith("▶     4 syscall exit   #1 mmap = 0x7f0000010000")
    assert shown[4].startswith("·     5 syscall enter")
    assert content.current == 3
    assert "known up to 8" in content.title


def test_memory_shows_bytes_text_and_pointers(pictures):
    content = memory_content(pictures[2], 90, 20)
    assert lines(content)[0].endswith("◂rsp")
    hole = replace(pictures[2], memory=s.MemoryWindow(0x10, bytes(32), (False, True)))
    shown = lines(memory_content(hole, 90, 20))
    assert shown[0] == "           10  not mapped"
    changed = replace(hole, previous_memory=s.MemoryWindow(0x10, bytes(31) + b"x", (True, True)))
    assert lines(memory_content(changed, 90, 20))[1][0] == "*"


def test_the_past_is_unmistakable(pictures):
    row = status_pane.status_row(pictures[3], 120)
    assert text(row).startswith(" ◀ PAST ")
    assert "at 4 of 8" in text(row)
    assert {span.style for span in row} == {"past"}
    assert text(status_pane.status_row(pictures[2], 120)).startswith(" ■ STOPPED ")
    running = replace(pictures[2], running=True, rate=2.5e6)
    assert "▶ RUNNING" in text(status_pane.status_row(running, 200))
    assert "2.5M/s" in text(status_pane.status_row(running, 200))


def test_the_message_line_keeps_the_hint(pictures):
    shown = text(status_pane.message_row(pictures[2], ("x" * 50, "[cpu] hidden: 3 4"), 60))
    assert shown.endswith("[cpu] hidden: 3 4")
    assert len(shown) <= 60
    broken = replace(pictures[2], error="emulator error: X")
    assert "✗ emulator error: X" in text(status_pane.message_row(broken, ("",), 80))


def test_numbers_in_words():
    assert exit_words(0x300) == "exited with 3"
    assert exit_words(0x8B) == "killed by SIGSEGV (core dumped)"
    assert [human_bytes(n) for n in (5, 4096, 1536, 3 << 20)] == [
        "5 B",
        "4 KiB",
        "1.5 KiB",
        "3 MiB",
    ]


@pytest.mark.parametrize("name", sorted(RENDERERS))
@pytest.mark.parametrize("width", [10, 39, 79, 120])
def test_every_pane_renders_everything_at_every_width(pictures, name, width):
    for picture in pictures:
        content = RENDERERS[name](picture, width, 12)
        assert len(content.items) <= len(content.rows) or name == "syscalls"
        for row in content.rows:
            for span in row:
                assert not span.style or f"row--{span.style}" in CLASSES, span
        if name in ("code", "syscalls", "timeline", "stack", "memory", "registers"):
            assert content.rows
    bare = s.Snapshot(
        epoch=0, arch=pictures[0].arch, machine=pictures[0].machine, cpu=pictures[0].cpu,
        previous=None, running=False, interests=s.Interests(),
    )  # fmt: skip
    RENDERERS[name](bare, width, 12)


def test_a_sentence_cut_short_keeps_its_cause():
    from arcetui.render.row import shorten

    sentence = "+1 VMA, 1 VMA split, 2 PTEs cleared; by munmap #11"
    assert shorten(sentence, 60) == sentence
    assert shorten(sentence, 40) == "+1 VMA, 1 VMA split, 2 P…; by munmap #11"
    assert shorten(sentence, 30) == "+1 VMA, 1 VMA…; by munmap #11"
    many = "+1 VMA; by exit #1 and wait4 #2 and page fault at 0x4000 #3"
    for columns in range(60):
        cut = shorten(many, columns)
        assert len(cut) <= columns
        assert columns < 24 or "by exit" in cut
