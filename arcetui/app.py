"""The application: themes, screens, signals, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand

from arcetui import themes
from arcetui._textual import draw_on_stdout
from arcetui.collector import resume
from arcetui.messages import SessionFailed
from arcetui.options import UsageError
from arcetui.palette import commands_of
from arcetui.recent import RecentFiles
from arcetui.screens.debugger import DebuggerScreen
from arcetui.screens.start import StartScreen
from arcetui.state import Launch
from arcetui.terminal import GONE_STATUS, watch_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from textual.screen import Screen

    from arcetui.machine import Machine


#: Seconds between pictures of a running program with `--calm`.
CALM_SECONDS = 1.0


def _open(launch: Launch) -> Machine:
    """Boot a program; imported late, because engines and symbols take a while to load."""
    from arcetui.machine import open_machine

    return open_machine(launch)


class ArcetuiApp(App[int]):
    """arcetui on the terminal.

    Args:
        launch: The program to start with; None opens the start screen.
        preset: Layout to begin with.
        theme: Name of a theme; "" takes `TEXTUAL_THEME` or the dark one.
        opener: Boots a program, on the session's thread; tests give a fake.
        samples: Directory of the shipped samples.
        recent: Where recent files are kept; None: the user's state directory.
        calm: Draw a running program less often.
    """

    TITLE = "arcetui"
    CSS_PATH = "styles/arcetui.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = []

    def __init__(
        self,
        launch: Launch | None = None,
        *,
        preset: str = "cpu",
        theme: str = "",
        opener: Callable[[Launch], Machine] = _open,
        samples: Path | None = None,
        recent: RecentFiles | None = None,
        calm: bool = False,
    ) -> None:
        super().__init__()
        self._launch = launch
        self._preset = preset
        self._opener = opener
        self._samples = samples
        self._calm = calm
        self.recent = recent if recent is not None else RecentFiles.of_user()
        for each in themes.THEMES:
            self.register_theme(each)
        wanted = theme or os.environ.get("TEXTUAL_THEME", "")
        self.theme = wanted if wanted in self.available_themes else "arce-dark"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours for themes that do not name them."""
        return themes.fallback(self.theme)

    def on_mount(self) -> None:
        """The first screen, and what to do when the terminal goes away."""
        self._watch_signals()
        if self._launch is None:
            resume()
            self.push_screen(StartScreen(self.recent, self._samples))
        else:
            self.start(self._launch)

    def start(self, launch: Launch) -> None:
        """Open a program."""
        name = launch.path.rsplit("/", 1)[-1]
        screen = DebuggerScreen(lambda: self._opener(launch), name, self._preset)
        if self._calm:
            screen.refresh_seconds = CALM_SECONDS
        self.push_screen(screen)
        self.recent.add(launch.path)

    async def on_session_failed(self, message: SessionFailed) -> None:
        """A program that could not be loaded: say why, on the start screen."""
        resume()
        screen = self.screen
        if isinstance(screen, DebuggerScreen) and screen.failed:
            await self.pop_screen()
        if isinstance(self.screen, StartScreen):
            self.screen.complain(message.sentence)
        else:
            await self.push_screen(StartScreen(self.recent, self._samples, message.sentence))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key's action, by name."""
        yield from super().get_system_commands(screen)
        yield from commands_of(screen)

    def _watch_signals(self) -> None:
        """SIGTERM and a closed terminal end the app in order, so the terminal stays whole."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit, 128 + number)
        if not self.is_headless and sys.__stdin__ is not None:
            watch_terminal(
                sys.__stdin__.fileno(),
                lambda: loop.call_soon_threadsafe(self.exit, GONE_STATUS),
            )


def run_app(
    launch: Launch | None = None, *, preset: str = "cpu", theme: str = "", calm: bool = False
) -> int:
    """Run the TUI until the user leaves.

    Returns:
        The exit status for the shell.

    Raises:
        UsageError: There is no theme of that name.
    """
    # Kernel code in the session's thread is Python: switch often, so that no key has to wait.
    sys.setswitchinterval(0.0005)
    if not sys.stderr.isatty():
        draw_on_stdout()
    app = ArcetuiApp(launch, preset=preset, theme=theme, calm=calm)
    if theme and theme not in app.available_themes:
        raise UsageError(
            f"--theme {theme}: must be one of {', '.join(sorted(app.available_themes))}"
        )
    return app.run() or app.return_code or 0
