"""How numbers are written: sizes, times, counts. Always exact, with a human form beside it."""

from __future__ import annotations


def size(count: int) -> str:
    """A number of bytes: 512, 4K, 1.5M, 128M."""
    value = float(count)
    for unit in ("", "K", "M", "G", "T"):
        if abs(value) < 1024 or unit == "T":
            text = f"{value:.1f}".removesuffix(".0")
            return text + unit
        value /= 1024
    return str(count)


def human_bytes(size: int) -> str:
    """Bytes in the largest unit that keeps the number short: 4 KiB, 1.5 MiB."""
    if size < 1024:
        return f"{size} B"
    for unit, scale in (("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)):
        value = size / (1 << scale)
        if value < 1024 or unit == "TiB":
            return f"{value:.0f} {unit}" if value == int(value) else f"{value:.1f} {unit}"
    return f"{size} B"


def duration(ns: int) -> str:
    """Virtual time: 850 ns, 1.250 us, 12.000 ms, 3.000001 s."""
    if ns < 1000:
        return f"{ns} ns"
    if ns < 1_000_000:
        return f"{ns / 1000:.3f} us"
    if ns < 1_000_000_000:
        return f"{ns / 1_000_000:.3f} ms"
    return f"{ns / 1_000_000_000:.6f} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 page`, `2 pages`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
