"""Virtual time: how long an instruction takes, and what a time counter shows.

Models a 200 MHz machine that retires one instruction a cycle. Nothing here reads the host's
clock: the same program sees the same times in every run.
"""

from __future__ import annotations

#: Virtual nanoseconds an executed instruction takes.
NS_PER_INSN = 5
NS_PER_SECOND = 1_000_000_000


def instructions_to_ns(count: int) -> int:
    """Nanoseconds that `count` instructions take."""
    return count * NS_PER_INSN


def ns_to_instructions(duration_ns: int) -> int:
    """Instructions that fit in `duration_ns`, rounded up: a deadline is never early."""
    return -(-duration_ns // NS_PER_INSN)


def ticks_at(time_ns: int, hz: int) -> int:
    """Value of a counter of `hz` ticks a second at `time_ns` (x86 TSC, riscv time, CNTVCT)."""
    return time_ns * hz // NS_PER_SECOND
