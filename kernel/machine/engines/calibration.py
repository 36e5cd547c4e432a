"""Finding two fields of Unicorn's private engine structure, by experiment.

Exact instruction counts after any stop, and the full address of a page fault, stand only in
`uc_struct` (`emu_counter`, `invalid_addr`). Their offsets depend on how the library was built, so
they are looked for once per process and architecture: run a self-loop for a known count, twice,
and see which pair of words follows; load from a known bad address and see where it appears.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import NamedTuple

_WORDS = 256
_COUNTS = (4321, 7457)


class Offsets(NamedTuple):
    """Byte offsets into `uc_struct`."""

    counter: int
    bad_address: int


#: A cache of what is true of the loaded library; the same in every machine of this process.
_found: dict[int, Offsets] = {}


def calibrate(
    uc_arch: int,
    handle: int,
    run_loop: Callable[[int], object],
    run_bad_load: Callable[[], object],
    bad_address: int,
) -> Offsets:
    """Offsets for engines of `uc_arch`, found with the engine at host address `handle`.

    Args:
        uc_arch: Unicorn's number of the architecture; results are remembered under it.
        handle: Address of the engine's `uc_struct`.
        run_loop: Executes an endless loop for the given number of instructions.
        run_bad_load: Executes a load that misses at `bad_address`.
        bad_address: That address; a value that appears nowhere by chance.

    Raises:
        RuntimeError: The fields were not found, or not uniquely.
    """
    known = _found.get(uc_arch)
    if known is not None:
        return known
    counters: set[int] | None = None
    for count in _COUNTS:
        run_loop(count)
        words = _snapshot(handle)
        seen = {8 * i for i in range(_WORDS - 1) if words[i] == count + 1 and words[i + 1] == count}
        counters = seen if counters is None else counters & seen
    run_bad_load()
    words = _snapshot(handle)
    addresses = {8 * i for i in range(_WORDS) if words[i] == bad_address}
    if counters is None or len(counters) != 1 or len(addresses) != 1:
        raise RuntimeError(
            "this build of the Unicorn library is not one arcetui can count instructions with "
            f"(candidates: {sorted(counters or ())}, {sorted(addresses)}); "
            "install the release it was written for: pip install unicorn==2.1.4"
        )
    offsets = Offsets(counters.pop(), addresses.pop())
    _found[uc_arch] = offsets
    return offsets


def _snapshot(handle: int) -> tuple[int, ...]:
    return struct.unpack(f"<{_WORDS}Q", ctypes.string_at(handle, 8 * _WORDS))
