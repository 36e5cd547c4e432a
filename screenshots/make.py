"""Makes the pictures of the README from scripted runs: `python screenshots/make.py [NAME...]`.

Each scene starts the real app on a shipped sample in a screen of a fixed size, presses keys, waits
until the machine stands still, and saves SVG and PNG. The emulation is deterministic, so the
pictures change only when the program or the app does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from cells import draw  # noqa: E402

from arcetui.app import ArcetuiApp  # noqa: E402
from arcetui.recent import RecentFiles  # noqa: E402
from arcetui.screens.debugger import DebuggerScreen  # noqa: E402
from arcetui.state import Launch  # noqa: E402


class Scene(NamedTuple):
    """One picture: keys are Textual names; a text after `:` is typed at the prompt."""

    name: str
    sample: str
    size: tuple[int, int]
    keys: tuple[str, ...]
    preset: str = "cpu"
    theme: str = "arce-dark"
    arch: str = "x86_64"
    cpus: int = 1


#: One area has become two; the walk is at the first page of the upper one.
_MUNMAP = (":catch syscall munmap", "c", "c", "3", *["down"] * 5, "w", "1")
#: A task that shares files and directory with its maker, but not the memory.
_CLONED = (":catch syscall clone return", *["c"] * 8)

SCENES: tuple[Scene, ...] = (
    Scene("debugger", "memlab", (120, 40), _MUNMAP, "vm"),
    Scene("start", "", (100, 30), ("down", "down")),
    Scene("cpu", "matrix", (120, 40), (":b main", "c", "s", "s", "l", "l")),
    Scene(
        "vm",
        "memlab",
        (120, 40),
        (":catch syscall munmap return", "c", "3", "down", "down", "down", "w", "1"),
        "vm",
    ),
    Scene("alloc", "brkmalloc", (160, 45), (":catch syscall brk return", "c", "c", "5"), "alloc"),
    Scene("past", "memlab", (120, 40), ("y",) * 9 + ("Y", "Y", "Y", "9"), "syscall", "arce-light"),
    Scene("inside", "memlab", (200, 60), (":catch syscall mmap entry", "c", "e", "e", "e"), "vm"),
    Scene("fault", "crash", (120, 40), (":catch fault", "c", "c", "c", "4"), "vm", arch="riscv64"),
    Scene("narrow", "systour", (80, 24), ("y",) * 6, "syscall", arch="aarch64"),
    Scene("sched", "threads", (120, 40), (":catch syscall futex", *["c"] * 12), "sched", cpus=2),
    Scene("deadlock", "philosophers", (200, 60), ("c",), "sched", cpus=2),
    Scene(
        "gantt",
        "prodcons",
        (120, 40),
        (":catch syscall futex", *["c"] * 20, "v", "g", "z"),
        "sched",
        arch="riscv64",
        cpus=2,
    ),
    Scene("tasks", "forktree", (80, 24), (":catch syscall wait4", *["c"] * 4, "v", "t"), "sched"),
    Scene("ns", "sharing", (120, 40), (*_CLONED, "v", "s", "down", "down", "right"), "ns"),
    Scene("ns-narrow", "sharing", (80, 24), (*_CLONED, "v", "n"), "ns", arch="aarch64"),
    Scene("ns-wide", "sharing", (200, 60), _CLONED, "ns", "arce-light"),
    Scene("house", "systour", (200, 60), (":catch syscall mmap return", "c", "c"), "house"),
    Scene("registers", "matrix", (80, 24), (":b multiply_double", "c", *["s"] * 4, "2"), "cpu"),
    Scene("help", "hello", (120, 50), ("question_mark",)),
)


async def still(app: ArcetuiApp, seconds: float = 20.0) -> None:
    """Wait until the session has nothing to do and the screen shows it."""
    screen = app.screen
    for _ in range(int(seconds / 0.05)):
        await asyncio.sleep(0.05)
        if not isinstance(screen, DebuggerScreen):
            return
        if screen.snapshot is not None and not screen.snapshot.running:
            break
    await asyncio.sleep(0.25)


async def make(scene: Scene, recent: RecentFiles) -> None:
    """Play a scene and save its pictures."""
    launch = None
    if scene.sample:
        program = HERE.parent / "samples" / "bin" / scene.arch / scene.sample
        launch = Launch(str(program), options={"cpus": scene.cpus})
    app = ArcetuiApp(launch, preset=scene.preset, theme=scene.theme, recent=recent)
    async with app.run_test(size=scene.size) as pilot:
        await pilot.pause()
        await still(app)
        for key in scene.keys:
            if key.startswith(":"):
                await pilot.press("colon", *(c if c != " " else "space" for c in key[1:]), "enter")
                await still(app)
                await pilot.press("escape")
            else:
                await pilot.press(key)
            await still(app)
        await pilot.pause()
        (HERE / f"{scene.name}.svg").write_text(app.export_screenshot(simplify=True), "utf-8")
        draw(app, HERE / f"{scene.name}.png")


def main() -> None:
    """Make all scenes, or those named."""
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        recent = RecentFiles(Path(place) / "recent.json")
        for scene in SCENES:
            if not wanted or scene.name in wanted:
                asyncio.run(make(scene, recent))
                print(scene.name)


if __name__ == "__main__":
    main()
