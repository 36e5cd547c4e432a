"""Builds the benchmark programs, with the `ziglang` package as the only toolchain.

    pip install ziglang
    python bench/programs/build.py

All but `tasks` use no C library, so that other emulators can run the same files with three system
calls.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHES = ("x86_64", "riscv64", "aarch64", "loongarch64")
#: The base instruction set, where zig's default has vector instructions.
MACHINE = {"loongarch64": ("-mcpu=la64v1_0-lsx-lasx",)}
#: Program -> its source and the macros that make it.
PROGRAMS = {
    "compute": ("compute.c", ("-DROUNDS=10",)),
    "long": ("compute.c", ("-DROUNDS=16",)),
    "getppid": ("getppid.c", ()),
    "memory": ("memory.c", ()),
    "tasks": ("tasks.c", ()),
}
WITH_LIBRARY = frozenset({"tasks"})  # it needs pthreads
OPTIONS = (
    "-O2",
    "-std=gnu11",
    "-static",
    "-fno-stack-protector",
    "-fno-sanitize=undefined",
    "-fno-vectorize",  # the same work on all architectures
    "-fno-slp-vectorize",
    "-fno-builtin",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-s",
)


def build(arch: str, name: str, folder: Path) -> bytes:
    """Build one program; its bytes."""
    source, macros = PROGRAMS[name]
    output = folder / name
    target = ("-target", f"{arch}-linux-musl", *MACHINE.get(arch, ()))
    bare = () if name in WITH_LIBRARY else ("-nostdlib", "-ffreestanding")
    command = [sys.executable, "-m", "ziglang", "cc", *target, *OPTIONS, *bare, *macros, source]
    subprocess.run([*command, "-o", str(output)], cwd=HERE / "src", check=True)
    return output.read_bytes()


def main() -> None:
    """Build everything into `programs/ARCH`."""
    with tempfile.TemporaryDirectory() as folder:
        for arch in ARCHES:
            (HERE / arch).mkdir(exist_ok=True)
            for name in PROGRAMS:
                data = build(arch, name, Path(folder))
                (HERE / arch / name).write_bytes(data)
                (HERE / arch / name).chmod(0o755)
                print(f"{arch:8} {name:8} {len(data):6} bytes")


if __name__ == "__main__":
    main()
