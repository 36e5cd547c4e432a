"""The running kernel: every backbone module's one instance, in the order `rust_main` makes them.

Source: ArceOS modules/axruntime/src/lib.rs (modules.md keeps the order); S000 figure 3.1.
Differs: in ArceOS the instances are statics; here they hang off one object, so that two kernels can
live side by side and one can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from kernel.crates.event import EventKind, EventLog
from kernel.crates.memory_addr import PAGE_SIZE
from kernel.crates.rng import SplitMix64
from kernel.crates.scheduler import BaseScheduler
from kernel.machine.arch import Arch
from kernel.machine.board import Board
from kernel.machine.ram import Ram
from kernel.modules.axalloc.global_allocator import GlobalAllocator
from kernel.modules.axconfig import CONFIGS, AxConfig, ImageLayout, image_layout
from kernel.modules.axhal.new_hal import new_hal
from kernel.modules.axhal.platform import CONSOLE_IRQ, TIMER_IRQ, Platform
from kernel.modules.axhal.tlb import Tlb
from kernel.modules.axhal.trap import TrapEntry
from kernel.modules.axlog import AxLog
from kernel.modules.axmm.frames import FrameTable
from kernel.modules.axmm.kernel_space import new_kernel_aspace
from kernel.modules.axns import AxNs
from kernel.modules.axtask.api import AxTask
from kernel.modules.axtask.wait_queue import WaitQueue

if TYPE_CHECKING:
    from kernel.modules.axruntime.form import KernelForm


class Kernel:
    """One kernel on one board. Boot fills `fs` and `plugin`."""

    board: Board
    ram: Ram
    events: EventLog
    arch: Arch
    config: AxConfig
    layout: ImageLayout
    log: AxLog
    alloc: GlobalAllocator
    frames: FrameTable
    tlb: Tlb
    kernel_aspace: Any
    hal: Platform
    tasks: AxTask
    trap: TrapEntry
    ns: AxNs
    rng: SplitMix64
    console_wait: WaitQueue
    fs: Any
    rootfs: str
    plugin: KernelForm

    def __init__(
        self,
        board: Board,
        arch: Arch,
        allocator: str,
        schedulers: list[BaseScheduler[Any]],
        seed: int,
        *,
        hal: str = "axhal",
        leaks: bool = False,
        rootfs: str = "ramfs",
    ) -> None:
        events = board.events
        self.board = board
        self.ram = board.ram
        self.events = events
        self.arch = arch
        self.config = config = CONFIGS[arch.name]
        self.rng = SplitMix64(seed)
        self.fs = None
        self.rootfs = rootfs
        self.plugin = cast("KernelForm", None)  # until boot has brought one up
        self._stage("axlog")
        self.log = AxLog(events)
        self.hal = new_hal(hal, board, config)
        self.log.info(f"arch = {arch.name}, platform = {self.hal.name}, smp = {self.hal.cpu_num()}")
        self.tlb = Tlb(board)
        self._stage("axalloc")
        self._init_allocator(allocator)
        self._stage("axmm")
        self.frames.table_source = self.hal.frame_source(self.alloc)
        self.kernel_aspace = new_kernel_aspace(self)
        self.hal.platform_init()
        self._stage("axtask")
        self.tasks = AxTask(
            board,
            events,
            self.alloc,
            schedulers,
            config.kernel_stack_bytes,
            config.tick_ns,
            self.hal,
        )
        self.tasks.init_scheduler()
        self.trap = TrapEntry(events, self.tasks)
        self._init_interrupt()
        self.console_wait = self.tasks.wait_queue("console")
        self._stage("axns")
        self.ns = AxNs(self.ram, self.alloc, events, self.layout.resources_pa, leaks)

    def _stage(self, name: str) -> None:
        self.events.emit(EventKind.BOOT_STAGE, name)

    def _init_interrupt(self) -> None:
        """Start the other CPUs, connect the traps, register the interrupt handlers."""
        hal = self.hal
        for cpu in range(1, hal.cpu_num()):
            hal.cpu_boot(cpu, 0)
        hal.connect_traps(self.trap)
        hal.register(TIMER_IRQ, self.trap.timer_irq)
        hal.register(CONSOLE_IRQ, self.trap.console_irq)

    def _init_allocator(self, kind: str) -> None:
        """The largest free region becomes the page allocator's pool (ArceOS `init_allocator`)."""
        ram = self.ram
        start, size_bytes = max(self.hal.phys_ram_ranges(), key=lambda area: area[1])
        total_frames = size_bytes // PAGE_SIZE
        control = GlobalAllocator.control_bytes(kind, total_frames)
        self.layout = layout = image_layout(self.config.kernel_base, control, total_frames)
        free_bytes = start + size_bytes - layout.free_pa
        self.alloc = GlobalAllocator(
            ram, self.events, layout.free_pa, free_bytes, kind, layout.control_pa
        )
        self.frames = FrameTable(ram, self.alloc, layout.frames_pa)

    def warn(self, text: str) -> None:
        """Log a warning."""
        self.log.warn(text)

    def info(self, text: str) -> None:
        """Log for information."""
        self.log.info(text)
