"""Choosing the hardware abstraction layer at start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.machine.board import Board
from kernel.modules.axhal.platform import Platform
from kernel.modules.axhal.poly_platform import PolyPlatform
from kernel.modules.axhal.qemu_virt import QemuVirt

if TYPE_CHECKING:
    from kernel.modules.axconfig import AxConfig


def new_hal(hal: str, board: Board, config: AxConfig) -> Platform:
    """The platform behind the HAL with this name: "axhal" or "polyhal"."""
    return PolyPlatform(board, config) if hal == "polyhal" else QemuVirt(board, config)
