"""The app on shipped samples with the real kernel, and the start screen."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screen_driver import text, until

from arcetui.app import ArcetuiApp
from arcetui.recent import RecentFiles
from arcetui.screens.debugger import DebuggerScreen
from arcetui.screens.start import StartScreen
from arcetui.state import Launch

SAMPLES = Path(__file__).parents[2] / "samples"
pytestmark = pytest.mark.skipif(not (SAMPLES / "bin").is_dir(), reason="no samples built")


def sample(name, arch="x86_64"):
    return str(SAMPLES / "bin" / arch / name)


async def still(app):
    await until(lambda: isinstance(app.screen, DebuggerScreen), 10)
    await until(lambda: app.screen.snapshot is not None and not app.screen.snapshot.running, 10)


async def go(app, pilot, key):
    epoch = app.screen.snapshot.epoch
    await pilot.press(key)
    await until(lambda: app.screen.snapshot.epoch != epoch and not app.screen.snapshot.running, 10)


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
async def test_a_sample_goes_forward_and_back(tmp_path, arch):
    app = ArcetuiApp(
        Launch(sample("memlab", arch)), preset="vm", recent=RecentFiles(tmp_path / "r")
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await still(app)
        start = app.screen.snapshot
        await go(app, pilot, "y")
        await go(app, pilot, "y")
        await go(app, pilot, "e")
        assert app.screen.snapshot.error == ""
        assert app.screen.snapshot.machine.syscalls >= 2
        await go(app, pilot, "c")
        assert "ENDED" in text(app)
        assert "6. now a write to page 6" in text(app)
        assert app.screen.snapshot.walk.va == app.screen.snapshot.machine.last_fault.va
        assert "✗" in text(app)
        await go(app, pilot, "C")
        back = app.screen.snapshot
        assert back.machine.position == start.machine.position
        assert back.cpu.registers == start.cpu.registers
        assert back.space == start.space
        assert "PAST" in text(app)


async def test_the_console_feeds_the_program(tmp_path):
    app = ArcetuiApp(Launch(sample("guess")), recent=RecentFiles(tmp_path / "r"))
    async with app.run_test(size=(120, 40)) as pilot:
        await still(app)
        await go(app, pilot, "c")
        assert "WAITS FOR INPUT" in text(app)
        await pilot.press("0", "5", "0")
        await go(app, pilot, "enter")
        assert "Too" in text(app)


async def test_the_start_screen_opens_a_sample_and_refuses_what_is_none(tmp_path):
    recent = RecentFiles(tmp_path / "r")
    app = ArcetuiApp(recent=recent)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert "hello" in text(app)
        await pilot.press("o", *"/nothing", "enter")
        await pilot.pause()
        assert "there is no such file" in text(app)
        await pilot.press("escape", "right", "left", "down", "up", "enter")
        await still(app)
        assert recent.paths()


async def test_a_program_that_cannot_be_loaded_leads_back_with_a_sentence(tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF" + bytes(100))
    app = ArcetuiApp(Launch(str(broken)), recent=RecentFiles(tmp_path / "r"))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: isinstance(app.screen, StartScreen), 10)
        await pilot.pause()
        assert "✗" in text(app)
        assert "hello" in text(app)
        await asyncio.sleep(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_whole(number):
    code = "import sys; from arcetui.app import run_app; sys.exit(run_app())"
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", code])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    seen = b""
    end = time.monotonic() + 20
    killed = False
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
        if not killed and b"architecture" in seen:
            os.kill(pid, number)
            killed = True
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    assert killed
    assert os.waitstatus_to_exitcode(status) == 128 + number
    assert b"\x1b[?1049l" in seen  # left the alternate screen
    assert b"\x1b[?25h" in seen  # the cursor is back


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a pseudo-terminal")
def test_a_terminal_that_goes_away_without_a_signal_ends_the_app(tmp_path):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    app = subprocess.Popen(
        [sys.executable, "-m", "arcetui", sample("matrix")],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": str(tmp_path)},
        start_new_session=True,  # not the terminal's session: no SIGHUP reaches it
    )
    os.close(slave)
    seen = b""
    end = time.monotonic() + 60
    while b"continue" not in seen and time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536)
    os.write(master, b"c")
    os.close(master)
    try:
        assert app.wait(30) == 128 + signal.SIGHUP
    finally:
        app.kill()
    assert b"continue" in seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("term", "drawn"), [("xterm", True), ("dumb", False)])
def test_it_draws_on_stdout_where_stderr_is_a_file_and_on_no_dumb_terminal(tmp_path, term, drawn):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    errors = tmp_path / "errors"
    with errors.open("wb") as file:
        app = subprocess.Popen(
            [sys.executable, "-m", "arcetui", sample("hello")],
            stdin=slave,
            stdout=slave,
            stderr=file,
            env={**os.environ, "TERM": term, "XDG_STATE_HOME": str(tmp_path)},
        )
    seen, end = b"", time.monotonic() + 60
    while b"continue" not in seen and time.monotonic() < end and app.poll() is None:
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536)
    if drawn:
        os.write(master, b"q")
    try:
        while app.poll() is None and time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                os.read(master, 65536)
        assert app.poll() == (0 if drawn else 2)
    finally:
        app.kill()
        os.close(slave)
        os.close(master)
    assert (b"continue" in seen) is drawn
    text = errors.read_text()
    assert text.count("\n") == (0 if drawn else 1)
    assert ("TERM is dumb" in text) is not drawn
