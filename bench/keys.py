"""From a key to its effect on the screen, in a real terminal, with many panes open.

Steps forward and back, to the next call and back, cursor moves and pane changes in turn; what
counts is the wall-clock time from the key to the end of the frame that follows it.
"""

from __future__ import annotations

import time
from statistics import median, quantiles

from measure import ARCHES, SAMPLES, Result, arguments, report
from startup import FRAME_END
from terminal import Terminal

TARGET_MS = 50
#: (columns, rows), how many panes the layout `cpu` shows there.
SIZES = (((120, 40), 5), ((200, 60), 8))
STEPS = (b"s", b"s", b"s", b"S", b"y", b"s", b"Y", b"j", b"4", b"2")


def frame_after(terminal: Terminal, key: bytes) -> float:
    """Milliseconds from `key` to the end of the next frame."""
    seen = len(terminal.seen)
    pressed = terminal.send(key)
    terminal.read_until(lambda data: FRAME_END in data[seen:], 5)
    taken = 1000 * (terminal.last - pressed)
    terminal.drain(0.06)
    return taken


def measure_size(arch: str, size: tuple[int, int], panes: int, keys: int) -> list[Result]:
    """Press keys."""
    with Terminal(*size, ["-m", "arcetui", str(SAMPLES / arch / "systour")]) as terminal:
        terminal.read_until(lambda seen: b"STOPPED" in seen)
        terminal.drain(0.5)
        terminal.send(b"y")
        time.sleep(0.2)
        terminal.drain(0.2)
        times = [frame_after(terminal, STEPS[i % len(STEPS)]) for i in range(keys)]
    case = f"{size[0]}x{size[1]}, {panes} panes"
    return [
        Result("keys", f"{case}, median", arch, median(times), "ms", TARGET_MS),
        Result("keys", f"{case}, 95 of 100", arch, quantiles(times, n=20)[-1], "ms", TARGET_MS),
    ]


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--keys", type=int, default=100, help="keys per case (default 100)")
    options = parser.parse_args()
    report(
        [
            result
            for arch in options.arch or ARCHES
            for size, panes in SIZES
            for result in measure_size(arch, size, panes, options.keys)
        ],
        options.json,
    )


if __name__ == "__main__":
    main()
