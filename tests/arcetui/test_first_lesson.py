"""The first lesson, key by key: what docs/first-lesson.md promises is what the screen shows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from arcetui.app import ArcetuiApp
from arcetui.recent import RecentFiles
from arcetui.render.row import text
from arcetui.state import Launch

ROOT = Path(__file__).parents[2]


class Lesson:
    """The debugger on the memory lab, as the lesson starts it."""

    def __init__(self, app, pilot):
        self.app = app
        self.pilot = pilot

    @property
    def screen(self):
        return self.app.screen

    def settled(self):
        screen = self.screen
        return screen.snapshot is not None and not screen.snapshot.running

    async def keys(self, *keys):
        """Press keys, each when the machine stands still again."""
        for key in keys:
            await self.pilot.press(key)
            await asyncio.sleep(0.02)
            for _ in range(400):
                if self.settled():
                    break
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.03)

    async def command(self, line):
        await self.pilot.press("colon", *(c if c != " " else "space" for c in line))
        await self.keys("enter", "escape")

    def shown(self, pane):
        view = self.screen.grid.pane(pane)
        rows = view.view.rows if pane == "console" else view.rows
        return "\n".join(text(row) for row in rows)

    @property
    def message(self):
        return text(self.screen.message_bar.rows[0])

    @property
    def status(self):
        return text(self.screen.status.rows[0])


async def test_the_first_lesson(tmp_path):
    sample = ROOT / "samples" / "bin" / "x86_64" / "memlab"
    recent = RecentFiles(tmp_path / "recent.json")
    app = ArcetuiApp(Launch(str(sample)), preset="vm", theme="arce-dark", recent=recent)
    async with app.run_test(size=(120, 40)) as pilot:
        lesson = Lesson(app, pilot)
        await lesson.keys("y", "y", "y")
        # 1. To a system call, and into it
        code = lesson.screen.grid.pane("code")
        assert "in the kernel: syscall mmap" in code.note
        assert len(lesson.screen.snapshot.space.areas) == 4
        said = []
        for _ in range(4):
            await lesson.keys("e")
            said.append(lesson.message)
        assert "INSIDE THE KERNEL" in lesson.status
        assert "syscall enter #3 mmap" in said[0]
        assert "block split TLSF" in said[1]
        assert "byte alloc 96 B" in said[2]
        assert "MemoryArea" in said[2]
        assert "vma add 0x7ffdffff8000-0x7ffe00000000 rw-" in said[3]
        assert "+7ffdffff8000" in lesson.shown("maps")
        await lesson.keys("E", "E")
        assert "+7ffdffff8000" not in lesson.shown("maps")
        await lesson.keys("s")
        assert "= 0x7ffdffff8000" in lesson.shown("syscalls")
        assert "+1 VMA" in lesson.shown("syscalls")
        # 2. Memory that is only promised
        await lesson.command("tbreak memlab.c:46")
        await lesson.keys("c")
        assert "pages with a frame: 0" in lesson.shown("console")
        assert "0/8" in lesson.shown("maps")
        await lesson.keys("3", "down", "down", "down", "down", "w")
        walk = lesson.shown("walk")
        assert "PML4 0x3dd000[255] = 00000000003e7027 → table" in walk
        assert "PDPT 0x3e7000[503] = 0000000000000000 ✗ not present" in walk
        assert "PDPT[503] P=0: nothing is mapped" in " ".join(walk.split())
        # 3. The page fault that keeps the promise
        await lesson.keys("1")
        said = []
        for _ in range(10):
            await lesson.keys("e")
            said.append(lesson.message)
        told = "\n".join(said)
        assert "page walk 0x7ffdffff8000 for write" in told
        assert "page alloc 1 page at 0x4ed000, user" in told
        assert told.count("table alloc") == 2
        assert "pte set 0x7ffdffff8000" in told
        assert "reaches 0x4ed000" in lesson.shown("walk")
        assert "1/8" in lesson.shown("maps")
        # 4. One area becomes two
        await lesson.command("catch syscall munmap return")
        await lesson.keys("c")
        halves = [line for line in lesson.shown("maps").splitlines() if line.startswith("~")]
        assert len(halves) == 2
        effect = "1 VMA split, 2 PTEs cleared, -2 pages, 1 VMA resized"
        assert effect in " ".join(lesson.shown("syscalls").split())
        # 5. A fault, with its reason
        await lesson.keys("c")
        walk = " ".join(lesson.shown("walk").split())
        assert "write of 0x7ffdffffe000 stops: PT[510] W=0: the page is read-only" in walk
        assert "memlab.c:63" in code.note
        # 6. Back, exactly
        await lesson.keys("C")
        assert "PAST" in lesson.status
        assert "return from munmap" in lesson.message
        await lesson.keys("9", "left", "right", "end")
        assert "ENDED" in lesson.status
