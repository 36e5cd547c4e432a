"""The compilers and sources that `build_programs.py` builds other people's programs with.

Sources are Debian's source packages. Sources and programs go into the directory that
ARCETUI_PROGRAMS names (default: .cache in the checkout); programs end up as bin/TARGET/NAME there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(
    os.environ.get("ARCETUI_PROGRAMS") or Path(__file__).resolve().parents[2] / ".cache"
).resolve()
MUSL = ("x86_64", "riscv64", "aarch64", "loongarch64")
GLIBC = ("x86_64-glibc", "riscv64-glibc", "aarch64-glibc")
TARGETS = (*MUSL, *GLIBC)
FLAGS = ("-O2", "-w", "-fno-strict-aliasing")
#: The base instruction set: zig's default has vector instructions that not every CPU has.
CPU = {"loongarch64": "la64v1_0-lsx-lasx"}


@dataclass(frozen=True)
class Toolchain:
    """A compiler for one target."""

    target: str

    @property
    def musl(self) -> bool:
        """Whether this is zig's musl (else gcc's glibc)."""
        return not self.target.endswith("-glibc")

    @property
    def arch(self) -> str:
        """The machine the programs are for."""
        return self.target.removesuffix("-glibc")

    @property
    def is_here(self) -> bool:
        """Whether its compiler is installed."""
        return self.musl or shutil.which(f"{self.prefix}gcc") is not None

    @property
    def prefix(self) -> str:
        """What the names of gcc's tools for the target begin with."""
        return "" if self.arch == "x86_64" else f"{self.arch}-linux-gnu-"

    @property
    def host(self) -> tuple[str, ...]:
        """What a configure script is told about the machine the program is for."""
        if self.arch == "x86_64":
            return ()
        # Old scripts do not know loongarch64; the name only tells them not to run what they build.
        name = "riscv64" if self.arch == "loongarch64" else self.arch
        return (f"--host={name}-linux-gnu",)

    def wrapper(self, tool: str) -> Path:
        """A script that runs `cc`, `c++` or `ar` for the target, for makefiles to call."""
        path = CACHE / "tools" / f"{self.target}-{tool}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.musl:
            words = [sys.executable, "-m", "ziglang", tool]
            if tool in ("cc", "c++"):
                words += ["-target", f"{self.target}-linux-musl", "-fno-sanitize=undefined"]
                words += [f"-mcpu={CPU[self.target]}"] if self.target in CPU else []
        else:
            words = [self.prefix + {"cc": "gcc", "c++": "g++"}.get(tool, tool)]
        if tool in ("cc", "c++"):
            words.append("-static")
        path.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n', "utf-8")
        path.chmod(0o755)
        return path

    def compile(
        self,
        output: str,
        sources: list[Path],
        *flags: str,
        libs: tuple[str, ...] = (),
        language: str = "cc",
    ) -> None:
        """Compile and link `sources` into bin/TARGET/`output`."""
        path = self.program(output)
        run([self.wrapper(language), *FLAGS, *flags, "-o", path, *sources, *libs], CACHE)

    def objects(self, name: str, sources: list[Path], *flags: str) -> list[Path]:
        """Compile C `sources` without linking them; the object files."""
        work = CACHE / "build" / self.target / name
        work.mkdir(parents=True, exist_ok=True)
        made = [work / f"{path.stem}.o" for path in sources]
        for path, output in zip(sources, made, strict=True):
            run([self.wrapper("cc"), *FLAGS, *flags, "-c", path, "-o", output], work)
        return made

    def program(self, name: str) -> Path:
        """Where a finished program goes."""
        path = CACHE / "bin" / self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def work_copy(self, name: str, tree: Path) -> Path:
        """A fresh copy of a source tree to build in."""
        work = CACHE / "build" / self.target / name
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(tree, work, symlinks=True)
        return work


def run(command: list[object], cwd: Path, text: str | None = None) -> None:
    """Run a command; on failure show the end of what it said.

    Raises:
        SystemExit: It failed.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:300]}\n{(done.stdout + done.stderr)[-3000:]}")


def source(package: str) -> Path:
    """The unpacked source tree of a Debian package."""
    home = CACHE / "src"
    home.mkdir(parents=True, exist_ok=True)
    pattern = f"{package}-*/"
    if not list(home.glob(pattern)):
        run(["apt-get", "source", "--download-only", package], home)
        description = next(home.glob(f"{package}_*.dsc"))
        run(["dpkg-source", "--no-check", "-x", description.name], home)
    return next(home.glob(pattern))
