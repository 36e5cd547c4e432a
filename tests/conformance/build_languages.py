"""Builds the programs of `src/languages` with the compilers of other languages, static.

    python tests/conformance/build_languages.py

Go for four architectures (any version that knows loong64, 1.19 and later), Rust for x86_64 (glibc),
and C++ by `zig c++` (four architectures) and g++ (three). What has no compiler here is left out.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.conformance.toolchain import CACHE, MUSL, TARGETS, Toolchain, run

SOURCES = Path(__file__).parent / "src" / "languages"
GO = {"x86_64": "amd64", "riscv64": "riscv64", "aarch64": "arm64", "loongarch64": "loong64"}


def build_go(target: str) -> None:
    """Every Go program; they contain the system calls themselves, so no libc counts."""
    settings = ["CGO_ENABLED=0", f"GOARCH={GO[target]}", "GO111MODULE=off"]
    settings.append(f"GOCACHE={CACHE / 'build' / 'go'}")
    for file in sorted((SOURCES / "go").glob("*.go")):
        path = Toolchain(target).program(f"go-{file.stem}")
        run(["env", *settings, "go", "build", "-trimpath", "-o", path, file], CACHE)


def build_rust() -> None:
    """The tour in Rust."""
    path = Toolchain("x86_64-glibc").program("rust-tour")
    flags = ["--edition=2021", "-g", "-Copt-level=1", "-Ctarget-feature=+crt-static"]
    run(["rustc", *flags, "-o", path, SOURCES / "tour.rs"], CACHE)


def build_cxx(target: str) -> None:
    """The tour in C++."""
    flags = ("-std=gnu++17", "-g1", "-pthread")
    tools = Toolchain(target)
    tools.compile("cxx-tour", [SOURCES / "tour.cpp"], *flags, language="c++")


def main() -> None:
    """Build everything there is a compiler for."""
    for target in MUSL if shutil.which("go") else ():
        build_go(target)
        print(f"{target}: Go", flush=True)
    if shutil.which("rustc"):
        build_rust()
        print("x86_64-glibc: Rust", flush=True)
    for target in TARGETS:
        if Toolchain(target).is_here:
            build_cxx(target)
            print(f"{target}: C++", flush=True)


if __name__ == "__main__":
    main()
