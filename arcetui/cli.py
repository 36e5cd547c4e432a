"""`arcetui`: reads the command line and starts one of the four modes.

Only what a mode needs is imported: `arcetui run` loads neither Textual nor a disassembler.
"""

from __future__ import annotations

import os
import sys

from arcetui import __version__
from arcetui.collector import hold_off
from arcetui.layouts import PRESETS
from arcetui.options import Options, UsageError, help_text, parse
from arcetui.render.row import safe

USAGE_STATUS = 2


def main(argv: list[str] | None = None) -> int:
    """Run arcetui; the exit status for the shell."""
    words = sys.argv[1:] if argv is None else argv
    try:
        options = parse(words)
        if options.has("--help"):
            return show(help_text())
        if options.has("--version"):
            return show(f"arcetui {__version__}")
        return start(options)
    except UsageError as error:
        return complain(str(error))
    except KeyboardInterrupt:
        return 130


def start(options: Options) -> int:
    """Start a mode."""
    if options.mode == "run":
        from arcetui.headless import run

        return run(options)
    if options.mode == "trace":
        from arcetui.tracing import trace

        return trace(options)
    if options.mode == "batch":
        from arcetui.batch import batch

        return batch(options)
    return start_tui(options)


def start_tui(options: Options) -> int:
    """Open the terminal UI."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise UsageError(
            "the TUI needs a terminal; use arcetui run, arcetui trace or arcetui --batch"
        )
    hold_off()
    if os.environ.get("TERM") == "dumb":
        raise UsageError(
            "the TUI needs a terminal that places the cursor, and TERM is dumb; use arcetui run, "
            "arcetui trace or arcetui --batch"
        )
    from arcetui.program import make_recipe

    launch = None
    if options.program is not None:
        from kernel.control import LoadError, check_recipe

        recipe = make_recipe(options, ("tty", "tty", "tty"), (80, 24))
        try:
            check_recipe(recipe)  # a bad program is told here, before the screen is taken
        except LoadError as error:
            raise UsageError(str(error)) from None
        from arcetui.state import Launch

        launch = Launch(options.program, options.arguments, {}, recipe)
    preset = choose("--preset", options, PRESETS, "cpu")
    theme = options.values.get("--theme", "")
    if options.has("--calm"):
        calm()
    from arcetui.app import run_app

    return run_app(launch, preset=preset, theme=theme, calm=options.has("--calm"))


def choose(name: str, options: Options, known: tuple[str, ...], default: str) -> str:
    """The value of an option that has to be one of some words.

    Raises:
        UsageError: It is none of them.
    """
    value = options.values.get(name, default)
    if value not in known:
        raise UsageError(f"{name} {value}: must be one of {', '.join(known)}")
    return value


def calm() -> None:
    """Nothing on the screen slides; Textual reads this when it is imported."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    os.environ["TEXTUAL_SMOOTH_SCROLL"] = "0"


def show(text: str) -> int:
    """Print on stdout; a closed pipe is no error."""
    try:
        print(text, flush=True)  # noqa: T201 - what the user asked for
    except BrokenPipeError:
        sys.stdout = None  # type: ignore[assignment]  # nothing more can be written
    except OSError as error:
        sys.stdout = None  # type: ignore[assignment]
        complain(f"cannot write: {error.strerror}")
        return 1
    return 0


def complain(sentence: str) -> int:
    """One sentence on stderr, status 2."""
    print(f"arcetui: {safe(sentence)}", file=sys.stderr)  # noqa: T201 - the error message
    return USAGE_STATUS
