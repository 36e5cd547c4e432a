"""CPU engines: what executes instructions. Only here is an emulator library imported."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.machine.arch import Arch
from kernel.machine.engine import CpuEngine, Translator
from kernel.machine.ram import Ram


def make_engines(
    arch: Arch, ram: Ram, translators: Sequence[Translator], backend: str = "auto"
) -> list[CpuEngine]:
    """One engine per translator, all on `ram`; together they keep code and data in step.

    A RAM has one such group: it takes `ram.on_code_write`.

    Args:
        arch: The architecture.
        ram: Their memory.
        translators: What answers each one's TLB misses.
        backend: For loongarch64: "llvm", "python" or "auto" (LLVM where it can be used). Results
            are the same; only the speed differs.

    Raises:
        ValueError: There is no engine for the architecture, or no such back end.
        RuntimeError: The emulator library cannot be used; the message says what to do.
    """
    if arch.name == "loongarch64":
        from kernel.machine.engines.loongarch64.make import make_loongarch_engines

        return make_loongarch_engines(ram, translators, backend)
    if backend != "auto":
        raise ValueError(f"{arch.name} has one engine only, not {backend!r}")

    from kernel.machine.engines.ownership import FrameOwnership
    from kernel.machine.engines.unicorn_engine import UnicornEngine

    if arch.name == "x86_64":
        from kernel.machine.engines.x86_64 import X8664Target as Target
    elif arch.name == "riscv64":
        from kernel.machine.engines.riscv64 import Riscv64Target as Target
    elif arch.name == "aarch64":
        from kernel.machine.engines.aarch64 import Aarch64Target as Target
    else:
        raise ValueError(f"there is no engine for {arch.name} programs")
    owners = FrameOwnership(ram)
    target = Target()
    return [UnicornEngine(target, ram, translator, owners) for translator in translators]
