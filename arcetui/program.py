"""From a command line to a recipe: reads the program's file and looks at the host's streams."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from arcetui.options import Options, UsageError, memory_bytes, number
from arcetui.root_tree import GuestTree, Scan, read_tree, skipped_note

if TYPE_CHECKING:
    from kernel.control import Recipe

#: Larger files are refused before they are read.
MAX_ELF_BYTES = 512 << 20


def read_program(path: str) -> bytes:
    """The bytes of a program's file.

    Raises:
        UsageError: It cannot be read; one sentence with the reason.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - one call tells everything
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise UsageError(f"{path}: {reason[:1].lower()}{reason[1:]}") from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path}: is a directory, not a program")
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path}: is no regular file")
    if status.st_size > MAX_ELF_BYTES:
        raise UsageError(
            f"{path}: has {status.st_size >> 20} MiB, more than the {MAX_ELF_BYTES >> 20} MiB "
            "that can be loaded; strip it"
        )
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - read once, plainly
            return file.read(MAX_ELF_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def find_program(typed: str, scan: Scan | None) -> tuple[str, bytes]:
    """The program the command line names.

    With --root it is a path of the guest's tree; what is not there is looked for on this computer,
    and keeps its path in the tree if it lies below DIR.

    Returns:
        (path for the recipe, ELF bytes).

    Raises:
        UsageError: There is none.
    """
    if scan is None:
        return typed, read_program(typed)
    tree = GuestTree(scan.entries)
    elf = tree.program(typed)
    if elf is not None:
        return "/" + typed.lstrip("/"), elf
    top = os.path.realpath(scan.top)
    real = os.path.realpath(typed)
    if real.startswith(top.rstrip("/") + "/"):
        inside = real[len(top.rstrip("/")) :]
        elf = tree.program(inside)
        if elf is not None:
            return inside, elf
    if not os.path.exists(typed):  # noqa: PTH110 - says nothing about why, and need not
        raise UsageError(f"{typed}: is neither in the tree of --root nor a file of this computer")
    return typed.rpartition("/")[2], read_program(typed)


def stream_kind(fd: int) -> str:
    """What a standard stream of this process is: tty, pipe, file or null."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return "null"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISCHR(mode):
        return "tty" if os.isatty(fd) else "null"
    return "pipe"


def window() -> tuple[int, int]:
    """Columns and rows of the terminal, 80x24 where there is none."""
    for fd in (1, 0, 2):
        try:
            size = os.get_terminal_size(fd)
        except OSError:
            continue
        if size.columns > 0 and size.lines > 0:
            return size.columns, size.lines
    return 80, 24


def environment(options: Options, default: tuple[str, ...]) -> tuple[str, ...]:
    """The program's environment: the default, changed by --env and --clear-env.

    Raises:
        UsageError: An --env is not NAME=VALUE.
    """
    values: dict[str, str] = {}
    start = () if options.has("--clear-env") else default
    for item in (*start, *options.lists.get("--env", ())):
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UsageError(f"--env {item}: write NAME=VALUE")
        values[name] = value
    return tuple(f"{name}={value}" for name, value in values.items())


def make_recipe(
    options: Options, stdio: tuple[str, str, str], size: tuple[int, int] | None = None
) -> Recipe:
    """The machine the command line asks for.

    Raises:
        UsageError: The file or an option is wrong.
        LoadError: From the kernel, when the recipe is used.
    """
    from kernel.control import Recipe

    typed = options.program
    if typed is None:
        raise UsageError("which program?")
    scan = read_tree(options.values["--root"]) if options.has("--root") else None
    path, elf = find_program(typed, scan)
    if scan is not None and (note := skipped_note(scan)):
        sys.stderr.write(f"arcetui: {note}\n")
    plain = Recipe(b"", path)
    memory = options.values.get("--memory")
    return Recipe(
        elf=elf,
        path=path,
        argv=(typed, *options.arguments),
        envp=environment(options, plain.envp),
        allocator=options.values.get("--allocator", plain.allocator),
        memory_bytes=plain.memory_bytes if memory is None else memory_bytes(memory),
        cpus=number(options, "--cpus", plain.cpus, 1, 8),
        seed=number(options, "--seed", plain.seed, 0, (1 << 64) - 1),
        scheduler=options.values.get("--scheduler", plain.scheduler),
        form=options.values.get("--form", plain.form),
        fork=options.values.get("--fork", plain.fork),
        hal=options.values.get("--hal", plain.hal),
        namespaces=options.values.get("--namespaces", plain.namespaces),
        rootfs=options.values.get("--rootfs", plain.rootfs),
        stdio=stdio,
        window=window() if size is None else size,
        tree=tuple(scan.entries) if scan is not None else (),
    )
