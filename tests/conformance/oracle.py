"""The same program on Linux and on our kernel: what it wrote and how it ended.

Linux is the host itself for its own architecture, else qemu-user where that is installed. Both runs
get the same arguments, environment, input and files; files are named relative to the working
directory, which is a new one on the host and `/` in the guest.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kernel.control import (
    MemoryReader,
    Recipe,
    SignalInfoView,
    run_headless,
)
from kernel.inspect.views import SyscallView
from kernel.modules.axfs.laid_tree import TreeEntry

ENV = ("PATH=/bin:/usr/bin", "HOME=/", "TZ=UTC", "LC_ALL=C", "TERM=dumb")
ENOSYS = 38


@dataclass(frozen=True)
class Outcome:
    """What a run gives to a shell. `status` is 128 + n when signal n ended the program."""

    stdout: bytes
    stderr: bytes
    status: int


@dataclass(frozen=True)
class Command:
    """A command line: a program, its arguments, its input and the files it finds.

    Attributes:
        links: Further names of the program, in a directory that PATH names.
        cpus: CPUs of the machine.
        scheduler: Its policy; Linux's own preempts, so a program that spins needs one that does.
    """

    program: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    files: tuple[tuple[str, bytes], ...] = ()
    argv0: str = ""
    stdio: str = "pipe"
    memory_mib: int = 128
    compare_stderr: bool = True
    links: tuple[str, ...] = ()
    cpus: int = 1
    scheduler: str = "fifo"

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole argument vector."""
        return (self.argv0 or self.program, *self.args)


@dataclass
class Missing:
    """Observer of system calls: counts those that gave ENOSYS."""

    calls: Counter[str] = field(default_factory=Counter)

    def enter(self, call: SyscallView, memory: MemoryReader) -> None: ...

    def exit(self, call: SyscallView, memory: MemoryReader) -> None:
        if call.result == -ENOSYS:
            self.calls[call.name] += 1

    def signal(self, tid: int, signo: int, info: SignalInfoView) -> None: ...

    def exited(self, pid: int, status: int) -> None: ...


def status_of(raw: int) -> int:
    """A raw wait status as a shell shows it."""
    return 128 + (raw & 0x7F) if raw & 0x7F else raw >> 8


QEMU_ATTEMPTS = 5
NO_MEMORY = (b"out of memory", b"not enough memory", b"cannot allocate memory")


def linux_runner(arch: str) -> list[str] | None:
    """What to put in front of a program of `arch` on this host; None if nothing runs it."""
    if platform.system() != "Linux":
        return None
    if arch == platform.machine():
        return []
    qemu = shutil.which(f"qemu-{arch}")
    return [qemu] if qemu else None


def run_linux(arch: str, elf: Path, command: Command, timeout_s: float = 60) -> Outcome:
    """Run `elf` under Linux (the host, or qemu-user).

    qemu-user now and then finds no place for the program's memory among its own: such a run says
    nothing and is repeated.
    """
    for _ in range(QEMU_ATTEMPTS - 1):
        outcome = _run_linux(arch, elf, command, timeout_s)
        no_memory = any(words in outcome.stderr.lower() for words in NO_MEMORY)
        if not (linux_runner(arch) and no_memory):
            return outcome
    return _run_linux(arch, elf, command, timeout_s)


def _run_linux(arch: str, elf: Path, command: Command, timeout_s: float) -> Outcome:
    runner = linux_runner(arch)
    assert runner is not None
    env = dict(item.split("=", 1) for item in ENV)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "root"
        home.mkdir()
        for path, data in command.files:
            file = home / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if command.links:
            env["PATH"] = f"{name}/bin"
            (Path(name) / "bin").mkdir()
            for link in command.links:
                (Path(name) / "bin" / link).symlink_to(elf)
        line = [*runner, "-0", command.argv[0], str(elf)] if runner else [command.argv[0]]
        line += command.args
        program = runner[0] if runner else str(elf)
        if command.stdio == "pipe":
            done = subprocess.run(
                line,
                executable=program,
                input=command.stdin,
                capture_output=True,
                cwd=home,
                env=env,
                timeout=timeout_s,
                check=False,
            )
            out, err = done.stdout, done.stderr
        else:
            streams = [Path(name) / word for word in ("stdin", "stdout", "stderr")]
            streams[0].write_bytes(command.stdin)
            with streams[0].open("rb") as i, streams[1].open("wb") as o, streams[2].open("wb") as e:
                done = subprocess.run(
                    line,
                    executable=program,
                    stdin=i,
                    stdout=o,
                    stderr=e,
                    cwd=home,
                    env=env,
                    timeout=timeout_s,
                    check=False,
                )
            out, err = streams[1].read_bytes(), streams[2].read_bytes()
    code = done.returncode
    if runner and b"qemu: uncaught target signal" in err:
        err = b"".join(x for x in err.splitlines(keepends=True) if not x.startswith(b"qemu: unc"))
    return Outcome(out, err, code if code >= 0 else 128 - code)


def run_here(elf: bytes, command: Command, missing: Missing | None = None) -> Outcome:
    """Run `elf` on our kernel, in this process."""
    streams = {1: bytearray(), 2: bytearray()}
    pending = [command.stdin]

    def read_input() -> bytes:
        data, pending[0] = pending[0], b""
        return data

    recipe = Recipe(
        elf,
        f"/bin/{command.program}",
        argv=command.argv,
        envp=ENV,
        memory_bytes=command.memory_mib << 20,
        stdio=(command.stdio,) * 3,
        files=tuple((f"/{path.lstrip('/')}", data) for path, data in command.files),
        tree=tuple(
            TreeEntry(f"/bin/{link}", "symlink", target=command.program) for link in command.links
        ),
        cpus=command.cpus,
        scheduler=command.scheduler,
    )
    raw = run_headless(recipe, read_input, lambda fd, data: streams[fd].extend(data), missing)
    return Outcome(bytes(streams[1]), bytes(streams[2]), status_of(raw))


def against_linux(arch: str, elf: Path, command: Command) -> str:
    """Where our outcome differs from Linux's; empty if it is one that Linux gives.

    A host that stalls a program for milliseconds makes some outcomes differ from run to run:
    Linux gets a second run before a difference counts.
    """
    here = run_here(elf.read_bytes(), command)
    different = difference(command, run_linux(arch, elf, command), here)
    return different and difference(command, run_linux(arch, elf, command), here)


def programs_home() -> Path:
    """Where `build_programs.py` puts the programs of others."""
    given = os.environ.get("ARCETUI_PROGRAMS")
    home = Path(given) if given else Path(__file__).resolve().parents[2] / ".cache"
    return home / "bin"


def difference(command: Command, linux: Outcome, here: Outcome) -> str:
    """Where two outcomes differ; empty if nowhere."""
    lines: list[str] = []
    if linux.status != here.status:
        lines.append(f"status: Linux {linux.status}, here {here.status}")
    pairs = [("stdout", linux.stdout, here.stdout)]
    if command.compare_stderr:
        pairs.append(("stderr", linux.stderr, here.stderr))
    for name, want, got in pairs:
        if want != got:
            at = next((i for i, (a, b) in enumerate(zip(want, got, strict=False)) if a != b), -1)
            at = min(len(want), len(got)) if at < 0 else at
            start = max(0, at - 60)
            lines.append(f"{name} from byte {start}: Linux {want[start : at + 120]!r}")
            lines.append(f"{name} from byte {start}: here  {got[start : at + 120]!r}")
    return "\n".join(lines)
