"""The slice between two looks at the queue follows the time it takes."""

from __future__ import annotations

from arcetui.pace import LEAST_INSNS, MOST_INSNS, SLICE_SECONDS, Pace


def settle(pace: Pace, seconds_per_insn: float, slices: int = 20) -> float:
    for _ in range(slices):
        pace.took(pace.insns * seconds_per_insn)
    return pace.insns * seconds_per_insn


def test_slices_fit_slow_and_quick_programs() -> None:
    pace = Pace()
    settle(pace, 1e-9)
    assert pace.insns == MOST_INSNS
    assert SLICE_SECONDS / 4 < settle(pace, 2e-6) <= SLICE_SECONDS
    settle(pace, 1.0)
    assert pace.insns == LEAST_INSNS
    settle(pace, 1e-9)
    assert pace.insns == MOST_INSNS


def test_one_stall_of_the_host_does_not_stop_the_show() -> None:
    pace = Pace()
    settle(pace, 1e-9)
    pace.took(30.0)
    assert pace.insns == MOST_INSNS // 8
