"""The one facade that front ends call: debugger, headless run, and the values they speak in.

What needs a whole kernel is loaded when it is first asked for: a headless run needs no debugger,
and a screen can show its first frame before either.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kernel.inspect.position import Position
from kernel.machine.arch import ARCHES, BY_ELF_MACHINE, Arch
from kernel.recipe import ALLOCATORS, LoadError, Recipe, form_of
from kernel.recipe import check as check_recipe

if TYPE_CHECKING:
    from kernel.control.debugger import Debugger
    from kernel.control.headless import Panicked, run_headless
    from kernel.control.types import (
        BreakpointView,
        BreakSpec,
        Goal,
        GoalKind,
        LineTable,
        MemoryReader,
        SignalInfoView,
        Stopped,
        StopReason,
        SyscallObserver,
    )
    from kernel.modules.axfs.laid_tree import TreeEntry

_TYPES = (
    "BreakSpec BreakpointView Goal GoalKind LineTable MemoryReader SignalInfoView StopReason "
    "Stopped SyscallObserver"
)
_LATER = {
    **dict.fromkeys(_TYPES.split(), "kernel.control.types"),
    "Debugger": "kernel.control.debugger",
    "Panicked": "kernel.control.headless",
    "TreeEntry": "kernel.modules.axfs.laid_tree",
    "run_headless": "kernel.control.headless",
}

__all__ = [
    "ALLOCATORS",
    "ARCHES",
    "BY_ELF_MACHINE",
    "Arch",
    "BreakSpec",
    "BreakpointView",
    "Debugger",
    "Goal",
    "GoalKind",
    "LineTable",
    "LoadError",
    "MemoryReader",
    "Panicked",
    "Position",
    "Recipe",
    "SignalInfoView",
    "StopReason",
    "Stopped",
    "SyscallObserver",
    "TreeEntry",
    "check_recipe",
    "form_of",
    "run_headless",
]


def __getattr__(name: str) -> Any:
    """Load what is loaded late."""
    home = _LATER.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
