"""`-c`: the table of strace's counts; the times are the machine's virtual time.

Source of the format: strace 6.1 count.c as seen in its output.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Count:
    """One system call's numbers."""

    calls: int = 0
    errors: int = 0
    time_ns: int = 0


class Summary:
    """Counts calls."""

    def __init__(self) -> None:
        self.counts: dict[str, Count] = {}

    def add(self, name: str, time_ns: int, *, failed: bool) -> None:
        """Count one finished call."""
        count = self.counts.setdefault(name, Count())
        count.calls += 1
        count.errors += failed
        count.time_ns += time_ns

    def lines(self) -> list[str]:
        """The table."""
        total_ns = sum(count.time_ns for count in self.counts.values())
        calls = sum(count.calls for count in self.counts.values())
        errors = sum(count.errors for count in self.counts.values())
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1].time_ns, item[0]))
        width = max([16, *[len(name) + 1 for name in self.counts]])
        dashes = f"{'-' * 6} {'-' * 11} {'-' * 11} {'-' * 9} {'-' * 9} {'-' * width}"
        out = [
            f"{'% time':>6} {'seconds':>11} {'usecs/call':>11} {'calls':>9} {'errors':>9} syscall"
        ]
        out.append(dashes)
        for name, count in ranked:
            share = 100 * count.time_ns / total_ns if total_ns else 0.0
            out.append(_line(share, count, name))
        out.append(dashes)
        out.append(_line(100.0, Count(calls, errors, total_ns), "total"))
        return out


def _line(share: float, count: Count, name: str) -> str:
    per_call = count.time_ns // 1000 // count.calls if count.calls else 0
    errors = str(count.errors) if count.errors else ""
    return (
        f"{share:>6.2f} {count.time_ns / 1e9:>11.6f} {per_call:>11} {count.calls:>9} "
        f"{errors:>9} {name}"
    )
