"""The hardware abstraction layer in use, side by side with the other one.

Source: S000 tables 3.1 (same service, other name), 3.2 (what only one has), 3.3 (the interface both
stand behind).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel.inspect.system import System

#: Group, name in the platform interface, axhal's own, PolyHAL's own.
_FUNCTIONS = (
    ("Init", "platform_init", "platform_init", "common::init(&dyn PageAlloc)"),
    ("Init", "platform_init_secondary", "platform_init_secondary", "#[arch_entry] secondary"),
    ("Console", "write_bytes", "console::write_bytes", "DebugConsole::putchar, one by one"),
    ("Console", "read_bytes", "console::read_bytes", "DebugConsole::getchar, one by one"),
    ("Irq", "set_enable", "irq::set_enable", "IRQ::irq_enable, IRQ::irq_disable"),
    ("Irq", "register", "irq::register_handler", "none: a table behind #[arch_interrupt]"),
    ("Irq", "unregister", "irq::unregister_handler", "none"),
    ("Irq", "handle", "slice IRQ", "callback with TrapType::Timer, Irq(n)"),
    ("Mem", "phys_ram_ranges", "mem::memory_regions", "mem::get_mem_areas"),
    ("Mem", "reserved_phys_ram_ranges", "mem::memory_regions", "mem::get_mem_areas"),
    ("Mem", "mmio_ranges", "axconfig, static", "device tree (get_fdt)"),
    ("Power", "cpu_boot", "mp::start_secondary_cpu", "multicore::boot_core"),
    ("Power", "system_off", "misc::terminate", "instruction::shutdown"),
    ("Time", "current_ticks", "time::current_ticks", "timer::current_time"),
    ("Time", "ticks_to_nanos", "time::ticks_to_nanos", "timer::get_freq"),
    ("Time", "nanos_to_ticks", "time::nanos_to_ticks", "timer::get_freq"),
    ("Time", "epochoffset_nanos", "time::epochoffset_nanos", "none: constant of the glue"),
    ("Time", "set_oneshot_timer", "time::set_oneshot_timer", "timer::set_next_timer"),
    ("CPU", "this_cpu_id", "this_cpu_id", "hart_id"),
    ("CPU", "irqs_enabled", "irqs_enabled", "IRQ::int_enabled"),
    ("CPU", "read_page_table_root", "read_page_table_root", "PageTable::current()"),
    ("CPU", "new_context", "TaskContext, UspaceContext", "KContext, TrapFrame[TrapFrameArgs]"),
    (
        "Traps",
        "connect_traps",
        "slices; enter_uspace never returns",
        "run_user_task -> EscapeReason",
    ),
    ("Paging", "frame_source", "axalloc, any size", "PageAlloc, frame by frame"),
    ("Paging", "kernel_mappings", "one per section, own rights", "the boot table's 1 GiB blocks"),
)

#: S000 table 3.2: feature, axhal, PolyHAL.
_FEATURES = (
    ("thread-local storage", "yes", "no"),
    ("FP/SIMD", "x86_64 riscv64 aarch64", "x86_64"),
    ("ACPI", "no", "x86_64"),
    ("VGA", "no", "yes"),
    ("device tree", "no", "yes"),
    ("device configuration", "static", "found at run time"),
    ("page table", "crate page_table_multiarch", "its own, 4 KiB pages only"),
)


@dataclass(frozen=True, slots=True)
class HalFunctionView:
    """One function of the interface and what stands behind it."""

    group: str
    name: str
    axhal: str
    polyhal: str


@dataclass(frozen=True, slots=True)
class HalView:
    """The HAL in use.

    Attributes:
        hal: "axhal" or "polyhal".
        values: What its functions say now, (name, value).
        features: S000 table 3.2, (feature, axhal, PolyHAL).
    """

    hal: str
    platform: str
    functions: tuple[HalFunctionView, ...]
    features: tuple[tuple[str, str, str], ...]
    values: tuple[tuple[str, str], ...]


def hal_view(system: System) -> HalView:
    """The HAL at this moment."""
    hal: Any = system.kernel.hal
    ranges = " ".join(f"{start:#x}+{size:#x}" for start, size in hal.phys_ram_ranges())
    values = (
        ("this_cpu_id", str(hal.this_cpu_id())),
        ("cpu_num", str(hal.cpu_num())),
        ("current_ticks", str(hal.current_ticks())),
        ("read_page_table_root", f"{hal.read_page_table_root():#x}"),
        ("phys_ram_ranges", ranges),
        ("mmio_ranges", " ".join(name for _, _, name in hal.mmio_ranges())),
    )
    functions = tuple(HalFunctionView(*each) for each in _FUNCTIONS)
    return HalView(hal.hal, hal.name, functions, _FEATURES, values)
