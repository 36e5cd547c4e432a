"""`arcetui run`: the program's standard streams and status, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from arcetui.host_streams import HostStreams, shell_status
from arcetui.options import Options, UsageError
from arcetui.program import make_recipe, stream_kind

if TYPE_CHECKING:
    from kernel.control import Recipe, SyscallObserver

#: The emulated kernel failed, or every task waits for ever: none of the program's own statuses.
FAILED_STATUS = 125


class Starving:
    """Tells who stops a program that gets nowhere why that may be."""

    def __init__(self, streams: HostStreams) -> None:
        self._streams = streams
        self._sentence = ""
        streams.before_leaving(self._tell)

    def hear(self, sentence: str) -> None:
        """Who keeps ready tasks from running at this moment."""
        self._sentence = sentence

    def _tell(self) -> None:
        if self._sentence and self._streams.interrupted:
            from arcetui.render.row import safe

            sys.stderr.write(f"arcetui: {safe(self._sentence)}\n")


def tell_lack(sentence: str) -> None:
    """Why a program ended that another CPU would have run."""
    sys.stderr.write(f"arcetui: {sentence}\n")


def run(options: Options) -> int:
    """Run a program; its exit status as a shell reports it."""
    recipe = make_recipe(options, (stream_kind(0), stream_kind(1), stream_kind(2)))
    with HostStreams() as streams:
        return run_recipe(recipe, streams, None)


def run_recipe(recipe: Recipe, streams: HostStreams, observer: SyscallObserver | None) -> int:
    """Run a machine's program, telling an observer of its calls; the exit status.

    Raises:
        UsageError: The program cannot be loaded.
    """
    from kernel.control import LoadError, Panicked, run_headless

    starving = Starving(streams)
    try:
        status = run_headless(
            recipe,
            streams.read,
            streams.write,
            observer,
            starving.hear,
            tell_lack,
            streams.comes,
        )
    except LoadError as error:
        raise UsageError(str(error)) from None
    except Panicked as error:
        streams.restore()
        from arcetui.render.row import safe
        from arcetui.render.task_words import name_futexes
        from arcetui.symbols import Symbols

        sentence = name_futexes(str(error), Symbols(recipe.elf).describe)
        sys.stderr.write(f"arcetui: {safe(sentence)}\n")
        return FAILED_STATUS
    return shell_status(status)
