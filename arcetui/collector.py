"""Python's garbage collector, told what a debugger's memory is like.

The records of a run live long and hold no cycles, but the collector walks over all of them, and
over every module, again and again: a quarter of the time of recording a system call. What exists
once the machine is booted stays for good, so it need not be looked at again; restored snapshots
leave cycles behind, so it is not switched off.
"""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 5_000


def settle() -> None:
    """Leave out what exists now, and look less often. Does so once in a process."""
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 10, 10)
