"""Starting: `arcetui run hello` from the shell, its memory, and the TUI's first frame.

Wall-clock time, from starting the process to its end, or to the first whole frame on the terminal;
the least of several, since other load on the machine only adds. The CPU time is told beside it.
"""

from __future__ import annotations

import os
import sys
import time

from measure import ARCHES, SAMPLES, Result, arguments, report
from terminal import Terminal, environment

TARGET_RUN_S = 0.45
TARGET_FRAME_S = 0.8
TARGET_MB = 150
FRAME_END = b"\x1b[?2026l"  # end of a synchronised update


def run_hello(arch: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak resident MB of one run."""
    command = [sys.executable, "-m", "arcetui", "run", str(SAMPLES / arch / "hello")]
    start = time.perf_counter()
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor for the child
        child = os.posix_spawn(
            sys.executable,
            command,
            environment(),
            file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)],
        )
        _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{arch}: arcetui run hello ended with status {status}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    took = time.perf_counter() - start
    return took, usage.ru_utime + usage.ru_stime, kilobytes / 1024


def first_frame(arch: str) -> tuple[float, float]:
    """Seconds until the first frame is on the terminal, and until it shows the program."""
    with Terminal(120, 40, ["-m", "arcetui", str(SAMPLES / arch / "hello")]) as terminal:
        terminal.read_until(lambda seen: FRAME_END in seen[1000:])  # before it come mode switches
        frame = terminal.elapsed
        terminal.read_until(lambda seen: b"STOPPED" in seen)
        return frame, terminal.elapsed


def measure_arch(arch: str, rounds: int) -> list[Result]:
    """Run and start a few times."""
    run_hello(arch)  # compiles what was never imported before
    runs = [run_hello(arch) for _ in range(rounds)]
    frames = [first_frame(arch) for _ in range(rounds)]
    return [
        Result("startup", "run hello", arch, min(r[0] for r in runs), "s", TARGET_RUN_S),
        Result("startup", "run hello, CPU", arch, min(r[1] for r in runs), "s"),
        Result("startup", "run hello, memory", arch, max(r[2] for r in runs), "MB", TARGET_MB),
        Result("startup", "first frame", arch, min(f[0] for f in frames), "s", TARGET_FRAME_S),
        Result("startup", "program on screen", arch, min(f[1] for f in frames), "s"),
    ]


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    results = [r for a in options.arch or ARCHES for r in measure_arch(a, options.rounds)]
    report(results, options.json)


if __name__ == "__main__":
    main()
