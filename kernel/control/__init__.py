"""The one facade that front ends call: debugger, headless run, and the values they speak in."""

from kernel.boot import ALLOCATORS, SCHEDULERS, LoadError, Recipe, TreeEntry
from kernel.boot import check as check_recipe
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
from kernel.inspect.position import Position
from kernel.machine.arch import ARCHES, BY_ELF_MACHINE, Arch

__all__ = [
    "ALLOCATORS",
    "ARCHES",
    "BY_ELF_MACHINE",
    "SCHEDULERS",
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
    "run_headless",
]
