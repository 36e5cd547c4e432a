"""Assemble a machine from a recipe: the board, the kernel in its boot order, the first program.

Source: ArceOS axruntime `rust_main`; starry-next `main` and `run_user_app`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from kernel.crates.elf import ElfError
from kernel.crates.errno import AxError, KernelPanic, LinuxError
from kernel.crates.event import EventKind, EventLog
from kernel.crates.scheduler import policies
from kernel.inspect.system import System
from kernel.machine.arch import Arch
from kernel.machine.board import Board
from kernel.machine.console import Console, ConsoleSink
from kernel.machine.cpu import Cpu
from kernel.machine.engines import make_engines
from kernel.machine.mmu import Mmu
from kernel.machine.ram import Ram
from kernel.machine.supervisor_mmu import SupervisorMmu
from kernel.modules.axconfig import CONFIGS
from kernel.modules.axruntime.kernel import Kernel
from kernel.recipe import MIB, LoadError, Recipe, check

if TYPE_CHECKING:
    from kernel.modules.axruntime.form import FormModule

#: Kernel forms by name: the module that starts each. Only the one asked for is loaded, so that no
#: form depends on another; nothing else in the kernel names them (import-linter checks it).
FORMS = {
    "monolithic": "kernel.plugins.starry.form",
    "unikernel": "kernel.plugins.unikernel.form",
}


def new_board(recipe: Recipe, arch: Arch, sink: ConsoleSink) -> Board:
    """The hardware: RAM, CPUs with their engines, console."""
    config = CONFIGS[arch.name]
    ram = Ram(config.ram_base, recipe.memory_bytes)
    walker = SupervisorMmu if recipe.form == "unikernel" else Mmu
    mmus = [walker(arch.page_table, ram) for _ in range(recipe.cpus)]
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
    schedulers = policies()[recipe.scheduler].make(recipe.seed, recipe.cpus)
    try:
        kernel = Kernel(
            board,
            arch,
            recipe.allocator,
            schedulers,
            recipe.seed,
            hal=recipe.hal,
            leaks=recipe.namespaces == "leak",
            rootfs=recipe.rootfs,
        )
        starter = cast("FormModule", importlib.import_module(FORMS[recipe.form]))
        form = starter.start(kernel, recipe)
        form.connect(board)
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
    return System(board, kernel, form.blobs())
