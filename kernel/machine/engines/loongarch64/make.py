"""Making the LoongArch64 engines of a machine: which back end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kernel.machine.engine import CpuEngine, Translator
from kernel.machine.engines.loongarch64.code_frames import CodeFrames
from kernel.machine.engines.loongarch64.llvm_library import Library, Unusable, load
from kernel.machine.ram import Ram

BACKENDS: Final = ("auto", "llvm", "python")


def make_loongarch_engines(
    ram: Ram, translators: Sequence[Translator], backend: str
) -> list[CpuEngine]:
    """See `engines.make_engines`.

    Raises:
        ValueError: There is no such back end.
        RuntimeError: LLVM was asked for and cannot be used.
    """
    if backend not in BACKENDS:
        raise ValueError(f"the loongarch64 back end is one of {', '.join(BACKENDS)}")
    code = CodeFrames(ram)
    library, note = (None, "") if backend == "python" else _library(backend)
    if library is None:
        from kernel.machine.engines.loongarch64.python_engine import PythonEngine

        slow = [PythonEngine(ram, translator, code) for translator in translators]
        for engine in slow:
            engine.note = note
        return list[CpuEngine](slow)
    from kernel.machine.engines.loongarch64.llvm_engine import DecodedPages, LlvmEngine

    decoded = DecodedPages(library, ram)
    return [LlvmEngine(ram, translator, code, library, decoded) for translator in translators]


def _library(backend: str) -> tuple[Library | None, str]:
    """The native code, or None and what to tell the user."""
    try:
        return load(), ""
    except Unusable as why:
        if backend == "llvm":
            raise
        return None, f"loongarch64 runs in plain Python, 10 to 40 times slower: {why}"
