"""Command lines of other people's programs that use threads.

What xz and pbzip2 make does not depend on who of their threads is quicker; zstd's neither.
"""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.command_lines import BINARY, TEXT, WORDS
from tests.conformance.oracle import Command

MORE = b"".join(bytes((n,)) + WORDS for n in range(12))
FILES = (*TEXT, ("more", MORE), ("binary", BINARY))


def _line(text: str, stdin: bytes = b"", *, compare_stderr: bool = True) -> Command:
    program, *args = text.split()
    return Command(program, tuple(args), stdin, FILES, compare_stderr=compare_stderr)


XZ = [
    _line("xz -T4 -0 --block-size=30000 -c more"),
    _line("xz -T4 -1 -k --block-size=20000 more words"),
    _line("xz -T2 -0 -c", MORE),
    _line("xz -T4 -0 --block-size=8192 --format=xz --check=sha256 -c binary"),
    _line("xz -T3 -t words"),
    _line("xz --robot --list nothere"),
]
ZSTD = [
    _line("zstd -q -T4 -B32768 -c more"),
    _line("zstd -q -T2 -1 -k more words"),
    _line("zstd -q -3 -T4 -c", MORE),
    _line("zstd -q -T0 --fast=3 -c binary"),
    _line("zstd -q -d -c words"),
    _line("zstd -q -t nothere"),
]
PBZIP2 = [
    _line("pbzip2 -q -p4 -b1 -1 -k -c more"),
    _line("pbzip2 -q -p2 -1 -k more words"),
    _line("pbzip2 -q -p3 -1 -c", MORE),
    _line("pbzip2 -q -t words"),
    _line("pbzip2 -q -p2 nothere"),
]
THREADED = [
    replace(line, cpus=cpus, scheduler=scheduler)
    for cpus, scheduler in ((1, "fifo"), (2, "cfs"), (4, "rr"))
    for line in (*XZ, *ZSTD, *PBZIP2)
]
