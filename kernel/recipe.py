"""What a machine is made from, and whether it can be made: all that is known before booting.

Light on imports: a front end checks what its user asked for before it loads a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.crates.elf import ElfError, ElfImage, parse_elf
from kernel.crates.elf_dynamic import KERNEL_LIBRARY, DynamicSection
from kernel.crates.scheduler import policies
from kernel.machine.arch import BY_ELF_MACHINE, Arch

if TYPE_CHECKING:
    from kernel.modules.axfs.laid_tree import TreeEntry

MIB = 1 << 20
MIN_MEMORY = 16 * MIB
MAX_MEMORY = 4096 * MIB
MAX_CPUS = 8
FORKS = ("cow", "copy")
#: Hardware abstraction layers; `axhal.new_hal` has them.
HALS = ("axhal", "polyhal")
NAMESPACES = ("drop", "leak")
#: Kernel forms; `boot` has them.
FORMS = ("monolithic", "unikernel")
_OTHER_FORM = {
    "monolithic": "this program makes system calls, which a Unikernel does not have: leave out "
    "--form unikernel, or build it against libarceos.so as samples/build.py does",
    "unikernel": "this program calls the kernel's functions instead of making system calls: run "
    "it with --form unikernel",
}
ROOT_FILE_SYSTEMS = ("ramfs", "fat")
ALLOCATORS = ("tlsf", "slab", "buddy")
DEFAULT_ENV = ("PATH=/bin:/usr/bin", "HOME=/", "TERM=linux")


class LoadError(Exception):
    """The machine cannot be made; the text is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a machine is made from; the same recipe and inputs give the same run.

    Attributes:
        elf: The program's file.
        path: Its path in the guest's tree (made absolute there) and default `argv[0]`.
        argv: Arguments; empty means `(path,)`.
        envp: Environment, "NAME=VALUE" each.
        allocator: Byte allocator: tlsf, slab or buddy.
        memory_bytes: RAM size, a multiple of 1 MiB from 16 MiB to 4 GiB.
        cpus: 1 to 8.
        seed: Of the machine's random generator.
        scheduler: A name of `kernel.crates.scheduler.policies`.
        stdio: What descriptors 0, 1, 2 are: tty, pipe, file or null.
        window: Terminal size in columns and rows.
        files: Extra files of the guest's tree, (absolute path, content).
        tree: A host directory's contents, laid under / in place of the usual small tree. `path`
            may then be a `#!` script; `elf` is its interpreter.
        fork: What fork does with memory: cow shares frames until one writes, copy copies at once.
        hal: One of `HALS`.
        namespaces: What a dropped resource namespace does: drop its references, or leak them.
        rootfs: One of `ROOT_FILE_SYSTEMS`: what stands at /.
        form: One of `FORMS`: the kernel's form.
    """

    elf: bytes
    path: str
    argv: tuple[str, ...] = ()
    envp: tuple[str, ...] = DEFAULT_ENV
    allocator: str = "tlsf"
    memory_bytes: int = 128 * MIB
    cpus: int = 1
    seed: int = 0
    scheduler: str = "fifo"
    stdio: tuple[str, str, str] = ("tty", "tty", "tty")
    window: tuple[int, int] = (80, 24)
    files: tuple[tuple[str, bytes], ...] = ()
    tree: tuple[TreeEntry, ...] = ()
    fork: str = "cow"
    hal: str = "axhal"
    namespaces: str = "drop"
    rootfs: str = "ramfs"
    form: str = "monolithic"


def check(recipe: Recipe) -> Arch:
    """Check a recipe before anything is made; the program's architecture.

    Raises:
        LoadError: Something in it cannot work.
    """
    if not MIN_MEMORY <= recipe.memory_bytes <= MAX_MEMORY or recipe.memory_bytes % MIB:
        raise LoadError("--memory must be a whole number of MiB from 16M to 4G")
    if not 1 <= recipe.cpus <= MAX_CPUS:
        raise LoadError(f"--cpus must be from 1 to {MAX_CPUS}")
    if recipe.allocator not in ALLOCATORS:
        raise LoadError(f"--allocator must be one of {', '.join(ALLOCATORS)}")
    if recipe.scheduler not in (schedulers := policies()):
        raise LoadError(f"--scheduler must be one of {', '.join(schedulers)}")
    if recipe.fork not in FORKS:
        raise LoadError(f"--fork must be one of {', '.join(FORKS)}")
    if recipe.hal not in HALS:
        raise LoadError(f"--hal must be one of {', '.join(HALS)}")
    if recipe.rootfs not in ROOT_FILE_SYSTEMS:
        raise LoadError(f"--rootfs must be one of {', '.join(ROOT_FILE_SYSTEMS)}")
    if recipe.rootfs != "ramfs" and recipe.tree:
        raise LoadError("--root needs --rootfs ramfs: FAT cannot hold a Linux tree's links")
    if recipe.namespaces not in NAMESPACES:
        raise LoadError(f"--namespaces must be one of {', '.join(NAMESPACES)}")
    if recipe.form not in FORMS:
        raise LoadError(f"--form must be one of {', '.join(FORMS)}")
    try:
        image = parse_elf(recipe.elf)
        made_for = _form_of_image(recipe.elf, image)
    except ElfError as error:
        raise LoadError(f"{recipe.path}: {error}") from None
    if recipe.form != made_for:
        raise LoadError(f"{recipe.path}: {_OTHER_FORM[made_for]}")
    return BY_ELF_MACHINE[image.machine]


def form_of(elf: bytes) -> str:
    """The form a program was built for; monolithic if that cannot be told."""
    try:
        return _form_of_image(elf, parse_elf(elf))
    except ElfError:
        return "monolithic"


def _form_of_image(elf: bytes, image: ElfImage) -> str:
    return "unikernel" if KERNEL_LIBRARY in DynamicSection(elf, image).needed else "monolithic"
