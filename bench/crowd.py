"""The TUI while 100 threads hand tokens to and fro over futexes, run queues and waits on screen.

The program runs freely on a pseudo-terminal. Frames it draws by itself are counted, against the
wall clock and against its own CPU time (the machine takes all that is left); then keys are pressed
that change what is shown: the wall-clock time from a key to the end of the next frame.
"""

from __future__ import annotations

import time
from statistics import median, quantiles

from measure import ARCHES, PROGRAMS, Result, arguments, report
from startup import FRAME_END
from terminal import Terminal

THREADS = 100
TARGET_FRAMES = 10  # a second of CPU time; the app draws at most twelve a second of any time
TARGET_MS = 100  # a key waits for the frame being drawn, then for its own
SECONDS = 5
KEYS = (b"j", b"4", b"k", b"2", b"j", b"3")


def frames(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Frames drawn by themselves: a second, and a second of CPU time."""
    before = terminal.seen.count(FRAME_END)
    start, cpu = time.perf_counter(), terminal.cpu_seconds()
    while time.perf_counter() < start + seconds:
        terminal.read(0.05)
    drawn = terminal.seen.count(FRAME_END) - before
    return drawn / (time.perf_counter() - start), drawn / (terminal.cpu_seconds() - cpu)


def key_ms(terminal: Terminal, key: bytes) -> float:
    """Milliseconds from a key to the end of the next frame."""
    seen = len(terminal.seen)
    pressed = terminal.send(key)
    terminal.read_until(lambda data: FRAME_END in data[seen:], 5)
    taken = 1000 * (terminal.last - pressed)
    pause = time.perf_counter() + 0.13  # not in step with the frames
    while time.perf_counter() < pause:
        terminal.read(0.02)
    return taken


def measure_arch(arch: str, keys: int) -> list[Result]:
    """Run the crowd and look."""
    path = str(PROGRAMS / arch / "tasks")
    command = ["-m", "arcetui", "--preset", "sched", "--cpus", "2", path, "crowd", str(THREADS)]
    with Terminal(160, 50, command) as terminal:
        terminal.read_until(lambda seen: b"STOPPED" in seen)
        terminal.drain(0.3)
        terminal.send(b"c")
        frames(terminal, 2)  # the threads start
        rate, rate_cpu = frames(terminal, SECONDS)
        times = [key_ms(terminal, KEYS[i % len(KEYS)]) for i in range(keys)]
    case = f"{THREADS} threads"
    return [
        Result("crowd", f"{case}, frames", arch, rate, "/s"),
        Result("crowd", f"{case}, frames", arch, rate_cpu, "/CPU s", TARGET_FRAMES, least=True),
        Result("crowd", f"{case}, key, median", arch, median(times), "ms", TARGET_MS),
        Result("crowd", f"{case}, key, 95 of 100", arch, quantiles(times, n=20)[-1], "ms"),
    ]


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--keys", type=int, default=40, help="keys per case (default 40)")
    options = parser.parse_args()
    report(
        [r for arch in options.arch or ARCHES for r in measure_arch(arch, options.keys)],
        options.json,
    )


if __name__ == "__main__":
    main()
