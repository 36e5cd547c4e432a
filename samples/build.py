"""Builds every sample for every architecture, with the `ziglang` package as the only toolchain.

    pip install ziglang
    python samples/build.py [NAME ...] [--arch ARCH ...] [--check]

`zig cc` compiles; `zig ld.lld` links against the musl that `zig cc` itself would take. Linking is
done by hand because `zig cc` either strips the program or drags in the debug information of all of
musl (a megabyte). The result depends only on the sources and the version of ziglang: no path of
this machine gets into a binary (checked), and building twice gives the same bytes (`--check`
compares a fresh build with what is in `bin/`).
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: The kernel's C API for programs that are built for both kernel forms.
ARCEOS = HERE / "arceos"
ZIG = (sys.executable, "-m", "ziglang")


@dataclass(frozen=True)
class Target:
    """How to build for one architecture.

    Attributes:
        options: `zig cc` options that name the machine.
        image_base: Where the program is linked to; what the system's own linker would choose.
        uni_options: More `zig cc` options for programs of the Unikernel form.
    """

    options: tuple[str, ...]
    image_base: int
    uni_options: tuple[str, ...] = ()


TARGETS: dict[str, Target] = {
    "x86_64": Target(("-target", "x86_64-linux-musl"), 0x40_0000, ("-fno-plt",)),
    "riscv64": Target(("-target", "riscv64-linux-musl"), 0x1_0000),
    "aarch64": Target(("-target", "aarch64-linux-musl"), 0x40_0000, ("-fno-plt",)),
    # The base instruction set: zig's default has vector instructions that not every CPU has.
    "loongarch64": Target(
        ("-target", "loongarch64-linux-musl", "-mcpu=la64v1_0-lsx-lasx"), 0x1_2000_0000
    ),
}

COMPILE = (
    "-std=gnu11",
    "-Og",
    "-gdwarf-4",
    "-fno-inline",  # every function of the source is one in the program
    "-fno-omit-frame-pointer",
    "-fno-stack-protector",
    "-fno-sanitize=undefined",
    "-ffp-contract=off",  # the same floating-point results everywhere
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
)


def run(*command: str, cwd: Path) -> str:
    """Run a command; its stderr.

    Raises:
        SystemExit: It failed.
    """
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\nfailed:\n{done.stderr}")
    return done.stderr


def ziglang_folder() -> Path:
    """Where the package is, which has the C headers."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        sys.exit("the ziglang package is missing; install it with: pip install ziglang")
    return Path(spec.origin).parent


def compile_c(source: Path, output: Path, target: Target, *more: str) -> None:
    """Compile one file; it is named `samples/src/NAME.c` in the line information."""
    run(
        *ZIG,
        "cc",
        *target.options,
        *COMPILE,
        *more,
        f"-ffile-prefix-map={HERE}=samples",
        f"-ffile-prefix-map={source.parent}=samples/src",
        f"-ffile-prefix-map={output.parent}=.",
        f"-ffile-prefix-map={ziglang_folder()}=ziglang",
        "-c",
        str(source),
        "-o",
        str(output),
        cwd=output.parent,
    )


def link_line(target: Target, scratch: Path) -> list[str]:
    """The linker's arguments for a static program, with `{}` where its object file goes.

    They are taken from what `zig cc -Os` does: with -Os its musl has no debug information.
    """
    (scratch / "stub.c").write_text("int main(void) { return 0; }\n")
    compile_c(scratch / "stub.c", scratch / "stub.o", target)
    said = run(
        *ZIG, "cc", *target.options, "-Os", "-static", "-v", "stub.o", "-o", "stub", cwd=scratch
    )
    lines = [line for line in said.splitlines() if line.startswith("ld.lld ")]
    if not lines:
        sys.exit(f"zig cc -v does not say how it links; it said:\n{said}")
    words = shlex.split(lines[-1])[1:]
    kept: list[str] = []
    skip = False
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if skip:
            skip = False
        elif word == "-o" or (word == "-z" and following.startswith("stack-size")):
            skip = True
        elif word == "stub.o":
            kept.append("{}")
        elif word not in ("-s", "-L/") and not word.startswith("--image-base"):
            kept.append(word)
    return [f"--image-base={target.image_base:#x}", *kept]


def has_both_forms(name: str) -> bool:
    """Whether a sample is written against the kernel's C API, and so built for both forms."""
    return '#include "arceos.h"' in (HERE / "src" / f"{name}.c").read_text("utf-8")


def programs_of(names: list[str]) -> list[str]:
    """The programs the samples become: NAME, and NAME.uni for the Unikernel form."""
    return [
        program
        for name in names
        for program in ((name, f"{name}.uni") if has_both_forms(name) else (name,))
    ]


def build(program: str, target: Target, line: list[str], scratch: Path) -> bytes:
    """Build one program; its bytes."""
    name, _, form = program.partition(".")
    if form:
        link_unikernel(name, target, scratch)
    else:
        objects = [f"{name}.o"]
        more = ("-I", str(ARCEOS)) if has_both_forms(name) else ()
        compile_c(HERE / "src" / f"{name}.c", scratch / f"{name}.o", target, *more)
        if more:
            compile_c(ARCEOS / "axlibc.c", scratch / "axlibc.o", target, *more)
            objects.append("axlibc.o")
        arguments: list[str] = []
        for word in line:
            arguments += objects if word == "{}" else [word]
        run(*ZIG, "ld.lld", *arguments, "-o", program, cwd=scratch)
    return checked(program, scratch)


def link_unikernel(name: str, target: Target, scratch: Path) -> None:
    """Build a program for the Unikernel form: position-independent, the kernel's functions open.

    It is linked against an empty `libarceos.so` with the names of the API; the kernel, which is
    that library, fills their addresses in when it loads the program.
    """
    options = ("-DAX_UNIKERNEL", "-ffreestanding", "-fPIE", "-I", str(ARCEOS), *target.uni_options)
    names = re.findall(r"^AX_API .*?\b(ax_\w+)\(", (ARCEOS / "arceos.h").read_text("utf-8"), re.M)
    stub = "".join(f"void {each}(void) {{}}\n" for each in names)
    (scratch / "libarceos.c").write_text(stub)
    compile_c(scratch / "libarceos.c", scratch / "libarceos.o", target, "-fPIC")
    run(*ZIG, "ld.lld", "-shared", "-soname", "libarceos.so", "-o", "libarceos.so", "libarceos.o",
        cwd=scratch)  # fmt: skip
    compile_c(HERE / "src" / f"{name}.c", scratch / f"{name}.uni.o", target, *options)
    compile_c(ARCEOS / "axlibc.c", scratch / "axlibc.uni.o", target, *options)
    run(*ZIG, "ld.lld", "-pie", "--no-dynamic-linker", "--hash-style=sysv", "--gc-sections",
        "-z", "now", "-z", "max-page-size=4096", "-e", "main", "-o", f"{name}.uni",
        f"{name}.uni.o", "axlibc.uni.o", "libarceos.so", cwd=scratch)  # fmt: skip


def checked(name: str, scratch: Path) -> bytes:
    """The program's bytes, if no path of this computer is in them."""
    data = (scratch / name).read_bytes()
    for path in (str(HERE), str(scratch), str(Path.home()), sys.prefix, str(Path.cwd())):
        if len(path) > 1 and path.encode() in data:
            sys.exit(f"{name}: the path {path} is in the binary")
    return data


def main() -> None:
    """Build what the command line asks for."""
    names = sorted(path.stem for path in (HERE / "src").glob("*.c"))
    parser = argparse.ArgumentParser(description="Build the samples.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--arch", action="append", choices=sorted(TARGETS))
    parser.add_argument("--check", action="store_true", help="compare with bin/, change nothing")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"there is no sample {unknown[0]!r}: choose from {', '.join(names)}")
    different: list[str] = []
    for arch in options.arch or TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            line = link_line(TARGETS[arch], scratch)
            for name in programs_of(options.names or names):
                data = build(name, TARGETS[arch], line, scratch)
                shipped = HERE / "bin" / arch / name
                if options.check:
                    if not shipped.exists() or shipped.read_bytes() != data:
                        different.append(f"{arch}/{name}")
                    continue
                shipped.parent.mkdir(parents=True, exist_ok=True)
                shipped.write_bytes(data)
                shipped.chmod(0o755)
                print(f"{arch:12} {name:12} {len(data):7} bytes")
    if different:
        sys.exit("these differ from a fresh build: " + ", ".join(different))


if __name__ == "__main__":
    main()
