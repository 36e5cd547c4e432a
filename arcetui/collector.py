"""Python's garbage collector, told what a debugger's memory is like.

The records of a run live long and hold no cycles, but the collector walks over all of them, and
over every module, again and again: a quarter of the time of recording a system call. What exists
once the machine is booted stays for good, so it need not be looked at again; restored snapshots
leave cycles behind, so it is not switched off.
"""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 5_000
#: Middle passes before one over everything: that takes a fifth of a second when records are many.
_OLD_PASSES = 60


def hold_off() -> None:
    """Nothing to collect while modules are loaded and a machine is booted: do not look."""
    gc.disable()


def resume() -> None:
    """Look again, after `hold_off`: no machine is going to be booted soon."""
    gc.enable()


def settle() -> None:
    """Leave out what exists now, and look less often. Does so once in a process."""
    resume()
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 10, _OLD_PASSES)
