"""Making the LoongArch64 engines of a machine: which back end."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.machine.engine import CpuEngine, Translator
from kernel.machine.engines.loongarch64.code_frames import CodeFrames
from kernel.machine.ram import Ram


def make_loongarch_engines(
    ram: Ram, translators: Sequence[Translator], backend: str
) -> list[CpuEngine]:
    """See `engines.make_engines`."""
    from kernel.machine.engines.loongarch64.python_engine import PythonEngine

    code = CodeFrames(ram)
    return [PythonEngine(ram, translator, code) for translator in translators]
