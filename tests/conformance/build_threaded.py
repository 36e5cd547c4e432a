"""Builds other people's programs that use POSIX threads; part of `build_programs.py`."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from tests.conformance.toolchain import FLAGS, Toolchain, run, source

BZLIB = "blocksort huffman crctable randtable compress decompress bzlib"


def build_pbzip2(tools: Toolchain) -> None:
    """bzip2 with threads, in C++."""
    tree, bzip2 = source("pbzip2"), source("bzip2")
    flags = (f"-I{bzip2}", "-D_FILE_OFFSET_BITS=64")
    objects = tools.objects("pbzip2", [bzip2 / f"{name}.c" for name in BZLIB.split()], *flags)
    files = [tree / f"{name}.cpp" for name in ("pbzip2", "BZ2StreamScanner", "ErrorContext")]
    flags = (*flags, "-DUSE_STACKSIZE_CUSTOMIZATION", "-DPBZIP_NO_LOADAVG", "-std=gnu++98")
    tools.compile("pbzip2", [*files, *objects], *flags, libs=("-lpthread",), language="c++")


def build_xz(tools: Toolchain) -> None:
    """xz, whose encoder and decoder have threads."""
    work = tools.work_copy("xz", source("xz-utils"))
    switches = ["--disable-shared", "--disable-nls", "--disable-assembler", "--disable-scripts"]
    switches += ["--disable-doc", "--disable-lzmainfo", "--disable-lzma-links"]
    tool = [f"CC={tools.wrapper('cc')}", f"AR={tools.wrapper('ar')}", "RANLIB=true"]
    tool.append(f"CFLAGS={' '.join(FLAGS)}")
    run(["sh", "./configure", *tools.host, *switches, *tool], work)
    fresh = [f"{name}=true" for name in ("ACLOCAL", "AUTOCONF", "AUTOHEADER", "AUTOMAKE")]
    run(["make", "-j2", "-C", "src/liblzma", *fresh], work)
    run(["make", "-j2", "-C", "src/xz", "LDFLAGS=-all-static", *fresh], work)
    shutil.copy(work / "src" / "xz" / "xz", tools.program("xz"))


def build_zstd(tools: Toolchain) -> None:
    """zstd, whose encoder and file reader have threads."""
    tree = source("libzstd")
    folders = ("lib/common", "lib/compress", "lib/decompress", "lib/dictBuilder", "programs")
    files = [path for folder in folders for path in sorted((tree / folder).glob("*.c"))]
    flags = ("-DZSTD_MULTITHREAD", "-DZSTD_DISABLE_ASM", "-DXXH_NAMESPACE=ZSTD_", "-DDEBUGLEVEL=0")
    tools.compile("zstd", files, *flags, f"-I{tree / 'lib'}", libs=("-lpthread",))


THREADED: dict[str, Callable[[Toolchain], None]] = {
    "pbzip2": build_pbzip2,
    "xz": build_xz,
    "zstd": build_zstd,
}
