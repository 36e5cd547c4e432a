"""Disassemblers for architectures that the front ends' own library lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: decode(bytes, address) -> (size in bytes, mnemonic, operands), or None for no instruction
Decoder: TypeAlias = "Callable[[bytes, int], tuple[int, str, str] | None]"


def decoder(arch: str) -> Decoder | None:
    """The kernel's own disassembler for an architecture; None if it has none."""
    if arch != "loongarch64":
        return None
    from kernel.machine.engines.loongarch64.disassembler import disassemble

    return disassemble
