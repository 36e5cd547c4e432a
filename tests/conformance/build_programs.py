"""Builds other people's programs, static, from Debian's source packages, for the conformance tests.

    python tests/conformance/build_programs.py [PROGRAM...]

Needs Debian with source packages enabled (`deb-src`), dpkg-dev, make, gcc, g++, tclsh and the
`ziglang` package. The targets are x86_64, riscv64, aarch64 and loongarch64 (musl, by `zig cc`) and
x86_64, riscv64 and aarch64 with glibc (by gcc; Debian's g++-riscv64-linux-gnu and
g++-aarch64-linux-gnu, left out where they are missing); the sources and programs go where
`toolchain.py` says. Nothing of this is committed: the tests take what is there and skip the rest.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.conformance.build_threaded import THREADED
from tests.conformance.toolchain import CACHE, FLAGS, TARGETS, Toolchain, run, source


def build_lua(tools: Toolchain) -> None:
    tree = source("lua5.4") / "src"
    files = [path for path in sorted(tree.glob("*.c")) if path.name != "luac.c"]
    extra = CACHE / "build" / "lua" / "lua5.4-deb-multiarch.h"  # Debian's packaging makes this one
    extra.parent.mkdir(parents=True, exist_ok=True)
    extra.write_text('#define DEB_HOST_MULTIARCH "linux"\n', "utf-8")
    tools.compile("lua", files, "-DLUA_USE_POSIX", f"-I{extra.parent}", libs=("-lm",))


def build_sqlite(tools: Toolchain) -> None:
    work = CACHE / "build" / "sqlite-amalgamation"
    if not (work / "shell.c").exists():
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source("sqlite3"), work)
        run(["sh", "./configure", "--disable-readline"], work)
        run(["make", "sqlite3.c", "shell.c"], work)
    flags = ("SQLITE_THREADSAFE=0", "SQLITE_OMIT_LOAD_EXTENSION", "SQLITE_ENABLE_FTS5")
    files = [work / "shell.c", work / "sqlite3.c"]
    tools.compile("sqlite3", files, f"-I{work}", *(f"-D{f}" for f in flags), libs=("-lm",))


APPLETS = """
SHELL_ASH ASH ASH_ECHO ASH_PRINTF ASH_TEST ASH_CMDCMD ASH_JOB_CONTROL ASH_GETOPTS ASH_ALIAS AWK
BASE32 BASE64 BASENAME BC BUNZIP2 BZCAT BZIP2 CAT CHMOD CHOWN CKSUM CLEAR CMP COMM CP CPIO CRC32
CUT CAL DATE DC DD DF DIFF DIRNAME DU ECHO ED EGREP ENV EXPAND EXPR FACTOR FALSE FGREP FIND FOLD
FREE GREP GUNZIP GZIP HD HEAD HEXDUMP HEXEDIT HOSTID HOSTNAME ID LINK LN LOGNAME LS LZCAT LZMA
MD5SUM MKDIR MKFIFO MKTEMP MORE MV NL NPROC OD PASTE PRINTENV PRINTF PS PWD READLINK REALPATH REV
RM RMDIR SED SEQ SHA1SUM SHA256SUM SHA3SUM SHA512SUM SHRED SHUF SLEEP SORT SPLIT STAT STRINGS STTY
SUM SYNC TAC TAIL TAR TEE TEST TOUCH TR TRUE TRUNCATE TTY UNAME UNCOMPRESS UNEXPAND UNIQ
UNLINK UNLZMA UNXZ UPTIME USLEEP UUDECODE UUENCODE WC WHOAMI WHICH XXD XZ XZCAT YES ZCAT
ASH_CMDCMD ASH_EXPAND_PRMT ASH_HELP CHROOT FLOCK KILL NICE NOHUP PGREP PIDOF RENICE SETSID TIME
TIMEOUT TS XARGS
"""
FEATURES = """
STATIC LFS LONG_OPTS SHOW_USAGE FEATURE_VERBOSE_USAGE FEATURE_LS_SORTFILES FEATURE_LS_TIMESTAMPS
FEATURE_LS_FILETYPES FEATURE_LS_RECURSIVE FEATURE_LS_WIDTH FEATURE_SORT_BIG FEATURE_FANCY_HEAD
FEATURE_FANCY_TAIL FEATURE_WC_LARGE FEATURE_STAT_FORMAT FEATURE_FIND_PRINT0 FEATURE_FIND_TYPE
FEATURE_FIND_SIZE FEATURE_FIND_MAXDEPTH FEATURE_FIND_NOT FEATURE_FIND_PAREN FEATURE_FIND_PATH
FEATURE_FIND_EMPTY FEATURE_GREP_CONTEXT FEATURE_AWK_LIBM FEATURE_TAR_CREATE
FEATURE_TAR_LONG_OPTIONS FEATURE_TAR_GNU_EXTENSIONS FEATURE_SEAMLESS_GZ FEATURE_TR_CLASSES
FEATURE_DATE_ISOFMT FEATURE_TEST_64 FEATURE_MD5_SHA1_SUM_CHECK FLOAT_DURATION FEATURE_FANCY_SLEEP
FEATURE_FANCY_ECHO FEATURE_DD_IBS_OBS FEATURE_DD_THIRD_STATUS_LINE FEATURE_GZIP_DECOMPRESS
FEATURE_GZIP_LONG_OPTIONS FEATURE_HUMAN_READABLE FEATURE_DU_DEFAULT_BLOCKSIZE_1K FEATURE_DC_BIG
FEATURE_DC_LIBM FEATURE_CP_LONG_OPTIONS FEATURE_BC_LONG_OPTIONS FEATURE_BC_INTERACTIVE TEST1 TEST2
FEATURE_SH_MATH FEATURE_SH_MATH_64 ASH_BASH_COMPAT FEATURE_FIND_EXEC
FEATURE_FIND_EXEC_PLUS FEATURE_XARGS_SUPPORT_QUOTES FEATURE_XARGS_SUPPORT_TERMOPT
FEATURE_XARGS_SUPPORT_ZERO_TERM FEATURE_XARGS_SUPPORT_REPL_STR FEATURE_XARGS_SUPPORT_PARALLEL
FEATURE_XARGS_SUPPORT_ARGS_FILE FEATURE_PS_TIME FEATURE_PS_LONG FEATURE_TIMEZONE FEATURE_DIFF_DIR
FEATURE_DIFF_LONG_OPTIONS FEATURE_TOUCH_SUSV3
"""
STANDALONE = "FEATURE_PREFER_APPLETS FEATURE_SH_STANDALONE FEATURE_SH_NOFORK"


def build_busybox(tools: Toolchain) -> None:
    """Its shell looks every command up in PATH."""
    configure_busybox(tools, "busybox", f"{APPLETS} {FEATURES}")


def build_ash(tools: Toolchain) -> None:
    """Busybox again, with a shell that runs applets itself or through /proc/self/exe."""
    configure_busybox(tools, "ash", f"{APPLETS} {FEATURES} {STANDALONE}")


def configure_busybox(tools: Toolchain, name: str, switches: str) -> None:
    """Build busybox with `switches` on and all others off."""
    work = tools.work_copy(name, source("busybox"))
    if tools.musl:  # musl's <sys/statvfs.h> and the rest suffice; only the link flags differ
        flags = work / "scripts" / "trylink"
        text = (
            flags.read_text("utf-8").replace("-Wl,--warn-common", "").replace("-Wl,-Map,", "-DM=")
        )
        text = text.replace("-Wl,--verbose", "").replace("-Wl,--sort-section,alignment", "")
        text = text.replace("-Wl,--sort-common", "").replace("-Wl,--start-group", "")
        flags.write_text(text.replace("-Wl,--end-group", ""), "utf-8")
        header = work / "include" / "libbb.h"  # clang reads a const pointer before it is set
        text = header.read_text("utf-8").replace("globals *const ptr_to", "globals *ptr_to")
        header.write_text(text, "utf-8")
    tool = [f"CC={tools.wrapper('cc')}", f"AR={tools.wrapper('ar')}", "HOSTCC=gcc", "STRIP=true"]
    tool.append("KCONFIG_NOTIMESTAMP=1")
    run(["make", *tool, "allnoconfig"], work)
    wanted = {f"CONFIG_{switch}" for switch in switches.split()}
    config = work / ".config"
    lines = config.read_text("utf-8").splitlines()
    for index, line in enumerate(lines):
        switch = line.removeprefix("# ").split(" ")[0].split("=")[0]
        if switch in wanted:
            lines[index] = f"{switch}=y"
    config.write_text("\n".join(lines) + "\n", "utf-8")
    run(["make", *tool, "oldconfig"], work, text="\n" * 2000)
    run(
        [
            "make",
            *tool,
            "SKIP_STRIP=y",
            "CONFIG_EXTRA_CFLAGS=-w -DBB_GLOBAL_CONST=",
            "-j2",
            "busybox",
        ],
        work,
    )
    shutil.copy(work / "busybox", tools.program(name))


def build_minigzip(tools: Toolchain) -> None:
    tree = source("zlib")
    names = "adler32 crc32 deflate infback inffast inflate inftrees trees zutil compress uncompr"
    names += " gzclose gzlib gzread gzwrite"
    files = [tree / f"{name}.c" for name in names.split()]
    tools.compile(
        "minigzip", [*files, tree / "test" / "minigzip.c"], f"-I{tree}", "-DHAVE_UNISTD_H"
    )
    tools.compile("zexample", [*files, tree / "test" / "example.c"], f"-I{tree}", "-DHAVE_UNISTD_H")


def build_mawk(tools: Toolchain) -> None:
    work = tools.work_copy("mawk", source("mawk"))
    tool = [f"CC={tools.wrapper('cc')}", f"CFLAGS={' '.join(FLAGS)}"]
    run(["sh", "./configure", *tools.host, *tool, "ac_cv_func_fork=yes"], work)
    run(["make", "mawk"], work)
    shutil.copy(work / "mawk", tools.program("mawk"))


def build_bzip2(tools: Toolchain) -> None:
    tree = source("bzip2")
    names = "bzip2 blocksort huffman crctable randtable compress decompress bzlib"
    tools.compile("bzip2", [tree / f"{name}.c" for name in names.split()], "-D_FILE_OFFSET_BITS=64")


BUILDERS: dict[str, Callable[[Toolchain], None]] = {
    "lua": build_lua,
    "sqlite3": build_sqlite,
    "busybox": build_busybox,
    "ash": build_ash,
    "minigzip": build_minigzip,
    "mawk": build_mawk,
    "bzip2": build_bzip2,
    **THREADED,
}


def main() -> None:
    """Build the programs named (all, if none is) that are not there yet."""
    for name in sys.argv[1:] or BUILDERS:
        for target in TARGETS:
            tools = Toolchain(target)
            if (CACHE / "bin" / target / name).exists() or not tools.is_here:
                continue
            BUILDERS[name](tools)
            print(f"{target}/{name}", flush=True)


if __name__ == "__main__":
    main()
