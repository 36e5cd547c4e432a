"""Assemble a machine from a recipe: the board, the kernel in its boot order, the first program.

Source: ArceOS axruntime `rust_main`; starry-next `main` and `run_user_app`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kernel.crates.elf import ElfError, parse_elf
from kernel.crates.errno import AxError, KernelPanic, LinuxError
from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import BaseScheduler, GlobalScheduler
from kernel.crates.scheduler.ariel import ArielScheduler
from kernel.crates.scheduler.ariel_realloc import ArielReallocScheduler
from kernel.crates.scheduler.cfs import CFScheduler
from kernel.crates.scheduler.fifo import FifoScheduler
from kernel.crates.scheduler.global_queue import CpuQueue
from kernel.crates.scheduler.random_choice import RandomScheduler
from kernel.crates.scheduler.round_robin import RRScheduler
from kernel.inspect.system import System
from kernel.machine.arch import BY_ELF_MACHINE, Arch
from kernel.machine.board import Board
from kernel.machine.console import Console, ConsoleSink
from kernel.machine.cpu import Cpu
from kernel.machine.engines import make_engines
from kernel.machine.mmu import Mmu
from kernel.machine.ram import Ram
from kernel.modules.axconfig import CONFIGS
from kernel.modules.axfs.laid_tree import TreeEntry
from kernel.modules.axruntime.kernel import Kernel
from kernel.plugins.starry.api.dispatch import syscall_table
from kernel.plugins.starry.core.starry import Starry

MIB = 1 << 20
MIN_MEMORY = 16 * MIB
MAX_MEMORY = 4096 * MIB
MAX_CPUS = 8
#: Policies by name: one policy per CPU, or (second table) one for all. Made from (seed, CPU).
PER_CPU_SCHEDULERS: dict[str, Callable[[int, int], BaseScheduler[Any]]] = {
    "fifo": lambda _seed, _cpu: FifoScheduler(),
    "rr": lambda _seed, _cpu: RRScheduler(),
    "cfs": lambda _seed, _cpu: CFScheduler(),
    "cfs-stale": lambda _seed, _cpu: CFScheduler(stale_min=True),
    "random": RandomScheduler,
}
GLOBAL_SCHEDULERS: dict[str, Callable[[int], GlobalScheduler[Any]]] = {
    "ariel": ArielScheduler,
    "ariel-realloc": ArielReallocScheduler,
}
SCHEDULERS = (*PER_CPU_SCHEDULERS, *GLOBAL_SCHEDULERS)
FORKS = ("cow", "copy")
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
        scheduler: One of `SCHEDULERS`.
        stdio: What descriptors 0, 1, 2 are: tty, pipe, file or null.
        window: Terminal size in columns and rows.
        files: Extra files of the guest's tree, (absolute path, content).
        tree: A host directory's contents, laid under / in place of the usual small tree. `path`
            may then be a `#!` script; `elf` is its interpreter.
        fork: What fork does with memory: cow shares frames until one writes, copy copies at once.
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
    if recipe.scheduler not in SCHEDULERS:
        raise LoadError(f"--scheduler must be one of {', '.join(SCHEDULERS)}")
    if recipe.fork not in FORKS:
        raise LoadError(f"--fork must be one of {', '.join(FORKS)}")
    try:
        image = parse_elf(recipe.elf)
    except ElfError as error:
        raise LoadError(f"{recipe.path}: {error}") from None
    return BY_ELF_MACHINE[image.machine]


def new_schedulers(recipe: Recipe) -> list[BaseScheduler[Any]]:
    """Every CPU's run-queue policy."""
    shared = GLOBAL_SCHEDULERS.get(recipe.scheduler)
    if shared is not None:
        policy = shared(recipe.cpus)
        return [CpuQueue(policy, cpu) for cpu in range(recipe.cpus)]
    make = PER_CPU_SCHEDULERS[recipe.scheduler]
    return [make(recipe.seed, cpu) for cpu in range(recipe.cpus)]


def new_board(recipe: Recipe, arch: Arch, sink: ConsoleSink) -> Board:
    """The hardware: RAM, CPUs with their engines, console."""
    config = CONFIGS[arch.name]
    ram = Ram(config.ram_base, recipe.memory_bytes)
    mmus = [Mmu(arch.page_table, ram) for _ in range(recipe.cpus)]
    engines = make_engines(arch, ram, mmus)
    cpus = [Cpu(i, e, m) for i, (e, m) in enumerate(zip(engines, mmus, strict=True))]
    return Board(ram, EventLog(), cpus, Console(sink, recipe.stdio, recipe.window))


def boot(recipe: Recipe, sink: ConsoleSink) -> System:
    """Make the machine and bring it to the first instruction of its program.

    Raises:
        LoadError: The program cannot be loaded, or memory is too small.
    """
    arch = check(recipe)
    board = new_board(recipe, arch, sink)
    schedulers = new_schedulers(recipe)
    try:
        kernel = Kernel(board, arch, recipe.allocator, schedulers, recipe.seed)
        starry = Starry(kernel, syscall_table(arch.name))
        starry.fork_cow = recipe.fork == "cow"
        kernel.plugin = starry
        kernel.trap.plugin.fill(starry)
        starry.boot(recipe.files, recipe.tree)
        starry.run_user_app(recipe.elf, recipe.path, recipe.argv or (recipe.path,), recipe.envp)
    except ElfError as error:
        raise LoadError(f"{recipe.path}: {error}") from None
    except (AxError, LinuxError) as error:
        reason = f"{type(error).__name__} {error.args}"
        raise LoadError(
            f"{recipe.path}: cannot be loaded into {recipe.memory_bytes // MIB} MiB of memory "
            f"({reason}); try a larger --memory"
        ) from None
    except KernelPanic as error:
        raise LoadError(f"{recipe.path}: the kernel failed while booting: {error}") from None
    cpu = board.cpus[0]
    kernel.tasks.leave_kernel(cpu)
    board.events.emit(EventKind.TRAP_EXIT)
    cpu.clock_ns = board.events.time_ns
    board.insns_since = 0
    board.choose()
    return System(board, kernel, starry.blobs())
