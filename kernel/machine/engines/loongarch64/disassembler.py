"""LoongArch64 instructions as assembly text, from the instruction table.

Operand order, register names and aliases are those of LLVM's and GNU's assemblers; branch targets
are addresses.
"""

from __future__ import annotations

from typing import Final

from kernel.machine.arch import LOONGARCH64
from kernel.machine.engines.loongarch64.decode import Decoded, decode
from kernel.machine.engines.loongarch64.formats import FIELDS, IMMEDIATES

_MASK64: Final = (1 << 64) - 1
#: $u0 is the name of Linux's sources for a register that the ABI reserves; assemblers say $r21.
_GPRS: Final = tuple("$r21" if name == "u0" else f"${name}" for name in LOONGARCH64.registers[:32])
_FPRS: Final = (
    *(f"$fa{i}" for i in range(8)),
    *(f"$ft{i}" for i in range(16)),
    *(f"$fs{i}" for i in range(8)),
)
_NOP: Final = 0x0340_0000
_CSR_NAMES: Final = {0: "csrrd", 1: "csrwr"}


def _operand(letter: str, insn: Decoded) -> str:
    field = FIELDS[letter]
    value = insn.slots[field.slot]
    if field.kind in ("dest", "gpr"):
        return _GPRS[value]
    if field.kind == "fpr":
        return _FPRS[value]
    if field.kind == "fcc":
        return f"$fcc{value}"
    if field.kind == "fcsr":
        return f"$fcsr{value}"
    if insn.row.name.startswith("alsl."):
        value += 1  # written as the shift it means
    return str(value)


def _alias(insn: Decoded) -> tuple[str, str] | None:
    name, (a, b, c, _) = insn.row.name, insn.slots
    if insn.word == _NOP:
        return "nop", ""
    if name == "or" and c == 0:
        return "move", f"{_GPRS[a]}, {_GPRS[b]}"
    if name == "jirl" and a == 0 and insn.imm == 0:
        return ("ret", "") if b == 1 else ("jr", _GPRS[b])
    if name == "csr":
        rd, rj, number = insn.word & 31, insn.word >> 5 & 31, insn.word >> 10 & 0x3FFF
        middle = "" if rj in _CSR_NAMES else f"{_GPRS[rj]}, "
        return _CSR_NAMES.get(rj, "csrxchg"), f"{_GPRS[rd]}, {middle}{number:#x}"
    return None


def disassemble(data: bytes, address: int) -> tuple[int, str, str] | None:
    """The instruction at the start of `data`, which lies at `address`.

    Returns:
        (size in bytes, mnemonic, operands); None for no instruction or fewer than 4 bytes.
    """
    if len(data) < 4:
        return None
    insn = decode(int.from_bytes(data[:4], "little"))
    if insn is None:
        return None
    alias = _alias(insn)
    if alias is not None:
        return 4, *alias
    parts: list[str] = []
    for name in insn.row.format.signature.split():
        if name in FIELDS:
            parts.append(_operand(name, insn))
        elif IMMEDIATES[name].kind == "branch":
            parts.append(f"{address + insn.imm & _MASK64:#x}")
        else:
            parts.append(str(insn.imm))
    return 4, insn.row.name, ", ".join(parts)
