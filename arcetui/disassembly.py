"""Instructions as text, for every architecture; capstone is loaded on first use.

For an architecture that capstone does not know, the kernel has a decoder of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from arcetui.symbols import Symbols

#: decode(bytes, address) -> (size in bytes, mnemonic, operands), or None for no instruction
Decoder: TypeAlias = Callable[[bytes, int], "tuple[int, str, str] | None"]

#: Most instructions decoded in one call.
MAX_INSNS = 4096
_OWN: dict[str, Decoder] = {}
_ENGINES: dict[str, Any] = {}
_STEP = {"x86_64": 1, "riscv64": 2, "aarch64": 4, "loongarch64": 4}


@dataclass(frozen=True, slots=True)
class Insn:
    """One instruction.

    Attributes:
        target: Where a branch or call with a fixed target goes; 0 otherwise.
    """

    address: int
    data: bytes
    mnemonic: str
    operands: str
    target: int = 0

    @property
    def end(self) -> int:
        """Address after it."""
        return self.address + len(self.data)

    @property
    def text(self) -> str:
        """Mnemonic and operands."""
        return f"{self.mnemonic} {self.operands}".rstrip()


def _own(arch: str) -> Decoder | None:
    """The kernel's decoder for an architecture that capstone lacks."""
    if arch == "loongarch64" and arch not in _OWN:
        from kernel.inspect.disassembly import decoder

        found = decoder(arch)
        if found is not None:
            _OWN[arch] = found
    return _OWN.get(arch)


def _engine(arch: str) -> Any:
    if arch not in _ENGINES:
        import capstone

        modes: dict[str, tuple[int, int]] = {
            "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
            "riscv64": (
                capstone.CS_ARCH_RISCV,
                capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC,
            ),
            "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
        }
        _ENGINES[arch] = capstone.Cs(*modes[arch]) if arch in modes else None
    return _ENGINES[arch]


def _decode_one(arch: str, data: bytes, address: int) -> tuple[int, str, str] | None:
    own = _own(arch)
    if own is not None:
        return own(data, address)
    engine = _engine(arch)
    if engine is None:
        return None
    for _, size, mnemonic, operands in engine.disasm_lite(data[:16], address, 1):
        return size, mnemonic, operands
    return None


def disassemble(arch: str, data: bytes, address: int, count: int = MAX_INSNS) -> list[Insn]:
    """Decode up to `count` instructions; bytes that are none become `.byte`, `.half` or `.word`."""
    out: list[Insn] = []
    at = 0
    step = _STEP.get(arch, 1)
    engine = None if _own(arch) is not None else _engine(arch)
    while at < len(data) and len(out) < min(count, MAX_INSNS):
        if engine is not None:
            wanted = min(count, MAX_INSNS) - len(out)
            for start, size, mnemonic, operands in engine.disasm_lite(
                data[at:], address + at, wanted
            ):
                offset = start - address
                out.append(_insn(arch, start, data[offset : offset + size], mnemonic, operands))
                at = offset + size
            if at >= len(data) or len(out) >= min(count, MAX_INSNS):
                break
        decoded = None if engine is not None else _decode_one(arch, data[at:], address + at)
        if decoded is not None:
            size, mnemonic, operands = decoded
            piece = data[at : at + size]
            out.append(_insn(arch, address + at, piece, mnemonic, operands))
            at += size
            continue
        piece = data[at : at + step]
        name = {1: ".byte", 2: ".half", 4: ".word"}.get(len(piece), ".byte")
        out.append(Insn(address + at, piece, name, f"{int.from_bytes(piece, 'little'):#x}"))
        at += step
    return out


def _insn(arch: str, address: int, data: bytes, mnemonic: str, operands: str) -> Insn:
    return Insn(address, data, mnemonic, operands, branch_target(arch, address, mnemonic, operands))


def branch_target(arch: str, address: int, mnemonic: str, operands: str) -> int:
    """Where a branch or call with a fixed target goes; 0 if it is none."""
    last = operands.rsplit(",", 1)[-1].strip().lstrip("#")
    if arch == "x86_64":
        is_branch = mnemonic.startswith(("j", "call", "loop"))
        return _hex(last) if is_branch and "[" not in operands else 0
    if arch == "aarch64":
        is_branch = mnemonic in {"b", "bl"} or mnemonic.startswith(("b.", "cb", "tb"))
        return _hex(last) if is_branch else 0
    if arch == "riscv64":
        # capstone gives the distance, not the target.
        is_branch = mnemonic in {"j", "jal", "c.j", "c.jal"} or (
            mnemonic.removeprefix("c.").startswith("b") and mnemonic != "break"
        )
        distance = _number(last)
        return address + distance if is_branch and distance is not None else 0
    return _hex(last) if mnemonic.startswith("b") else 0


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _hex(text: str) -> int:
    return (_number(text) or 0) if text.startswith("0x") else 0


def annotate(insn: Insn, symbols: Symbols | None) -> str:
    """What the target of a branch is called: `<main+0x4>`, or ""."""
    if symbols is None or not insn.target:
        return ""
    name = symbols.describe(insn.target)
    return f"<{name}>" if name else ""
