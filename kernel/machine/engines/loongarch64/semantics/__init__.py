"""What every instruction does, once for all back ends: `SEMANTICS[mnemonic](builder)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel.machine.engines.loongarch64.builder import Builder
from kernel.machine.engines.loongarch64.semantics import control, floating, integer, memory

SEMANTICS: Final[dict[str, Callable[[Builder], None]]] = {
    **integer.SEMANTICS,
    **memory.SEMANTICS,
    **control.SEMANTICS,
    **floating.SEMANTICS,
}
