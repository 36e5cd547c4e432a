"""The formatter by itself: fixed lines, other architectures, and arguments nobody would pass."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import dataclass

import pytest

from arcetui.strace.calls import SPECS
from arcetui.strace.filter import TraceFilter
from arcetui.strace.formatter import Formatter, execve_line, exit_line, signal_line
from arcetui.strace.selection import choose, known_calls, select_calls


@dataclass(frozen=True)
class Seen:
    name: str
    args: tuple[int, ...]
    result: int | None
    nr: int = 1
    serial: int = 1
    tid: int = 4


def line(name, *args, result=0, arch="x86_64", memory=lambda va, n: b""):
    return Formatter(arch).exit(Seen(name, args, result), memory)


def at(address, data):
    """Memory that holds `data` at `address`."""

    def memory(va, size):
        return data[va - address : va - address + size] if address <= va else b""

    return memory


def test_fixed_lines():
    assert line("getpid", result=7) == "getpid()                                = 7"
    assert line("close", 99, result=-9) == (
        "close(99)                               = -1 EBADF (Bad file descriptor)"
    )
    assert line("brk", 0, result=0x1000) == "brk(NULL)                               = 0x1000"
    assert line("mmap", 0, 8192, 3, 0x22, 2**64 - 1, 0, result=0x7F0000000000) == (
        "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000"
    )
    assert line("pause", result=-514) == (
        "pause()                                 = ? ERESTARTNOHAND (To be restarted if no handler)"
    )
    assert line("exit_group", 3, result=None) == "exit_group(3)                           = ?"
    assert line(
        "write", 1, 0x1000, 40, result=40, memory=at(0x1000, b'a\n\t"\\\0' + b"7" * 40)
    ) == (
        r'write(1, "a\n\t\"\\\0007777777777777777777777777'
        '7"..., 40) = 40'
    )


def test_architectures_differ_where_linux_does():
    directory = line("openat", 2**64 - 100, 0x10, 0o200000, memory=at(0x10, b".\0"))
    assert "O_RDONLY|O_DIRECTORY)" in directory
    directory = line("openat", 2**64 - 100, 0x10, 0o40000, arch="aarch64", memory=at(0x10, b".\0"))
    assert "O_RDONLY|O_DIRECTORY)" in directory
    flags = 0x3D0F00
    args = (flags, 0x1000, 0x2000, 0x3000, 0x4000)
    assert "tls=0x4000, child_tidptr=0x3000" in line("clone", *args, result=5)
    assert "tls=0x3000, child_tidptr=0x4000" in line("clone", *args, result=5, arch="riscv64")
    stat = struct.pack("<QQIIIIQQq", 1, 2, 0o100644, 1, 0, 0, 0, 0, 77) + bytes(100)
    assert "{st_mode=S_IFREG|0644, st_size=77, ...}" in line(
        "fstat", 3, 0x1000, arch="riscv64", memory=at(0x1000, stat)
    )
    action = struct.pack("<QQQ", 0x1234, 0x10000000, 2)
    assert "{sa_handler=0x1234, sa_mask=[INT], sa_flags=SA_RESTART}" in line(
        "rt_sigaction", 10, 0x1000, 0, 8, arch="riscv64", memory=at(0x1000, action)
    )


def test_lines_around_the_calls():
    assert execve_line("./a", ("./a", "b"), 0x7FFE, 1) == (
        'execve("./a", ["./a", "b"], 0x7ffe /* 1 var */) = 0'
    )
    assert signal_line(11, 1, 0, 0, 8, 0) == (
        "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x8} ---"
    )
    assert exit_line(3 << 8) == "+++ exited with 3 +++"
    assert exit_line(11) == "+++ killed by SIGSEGV +++"
    assert exit_line(11 | 128) == "+++ killed by SIGSEGV (core dumped) +++"


def test_a_call_that_never_returns():
    formatter = Formatter()
    pending = formatter.enter(Seen("read", (0, 0x10, 5), None), lambda va, n: b"")
    assert pending.text == "read(0, "
    assert formatter.unfinished(pending) == f"{'read(0,  <unfinished ...>)':<39} = ?"


def test_json_keeps_big_numbers_exact():
    found = Formatter().as_json(Seen("munmap", (2**64 - 4096, 4096), -22), lambda va, n: b"", None)
    assert json.loads(json.dumps(found))["args"][0]["value"] == str(2**64 - 4096)
    assert found["error"] == "EINVAL"


@pytest.mark.parametrize("arch", ["x86_64", "riscv64", "aarch64", "loongarch64"])
def test_no_arguments_are_too_odd(arch):
    rng = random.Random(arch)
    ram = rng.randbytes(1 << 16)
    odd = [0, 1, 2, 8, 0xFFF, 0x10000, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64 - 100]

    def memory(va, size):
        assert 0 <= va < 1 << 64
        assert size >= 0
        return ram[va & 0xFFFF : (va & 0xFFFF) + size]

    formatter = Formatter(arch)
    for name in SPECS:
        for _ in range(12):
            args = tuple(
                rng.choice(odd) if rng.random() < 0.5 else rng.getrandbits(rng.choice((4, 16, 64)))
                for _ in range(6)
            )
            result = rng.choice([0, 1, 5, -1, -14, -516, 2**40, -4096, None])
            text = formatter.exit(Seen(name, args, result), memory)
            assert text.startswith(name + "(")
            assert "\n" not in text
            assert len(text) < 40_000


def test_selections():
    known = known_calls("x86_64")
    assert choose("mmap,munmap", known).names == {"mmap", "munmap"}
    assert "openat" in choose("%file", known).names
    assert not choose("!%file", known).contains("openat", 0)
    assert choose("get*", known).contains("getpid", 0)
    assert choose("9", known).contains("", 9)
    assert choose("/^m(un)?map$", known).names == {"mmap", "munmap"}
    assert choose("?nosuch,?mmap,?%nosuch", known).names == {"mmap"}
    assert "open" not in known_calls("riscv64")
    for text, words in (
        ("mmp", "did you mean mmap"),
        ("%fiel", "did you mean %file"),
        ("zzz*", "no system call matches"),
    ):
        with pytest.raises(LookupError, match=words):
            choose(text, known)
    with pytest.raises(LookupError, match="it has openat"):
        choose("open", known_calls("riscv64"))
    numbers = {"mmap": 9, "munmap": 11, "read": 0}
    assert select_calls("!read", numbers) == {9, 11}
    assert select_calls("m*", numbers) == {9, 11}
    chosen = TraceFilter()
    chosen.add("trace=%memory", known)
    chosen.add("status=!failed", known)
    chosen.add("signal=SIGINT", known)
    assert chosen.wants_call("mmap", 9)
    assert not chosen.wants_status(failed=True)
    assert chosen.wants_signal(2)
    assert not chosen.wants_signal(11)
