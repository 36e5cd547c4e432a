"""How many bytes an instruction reads or writes at an address: for watchpoints on reads.

Read off the mnemonic and operands of the disassembly, as the architectures' manuals name them.
0 where that does not say; the caller then has to be generous.
"""

from __future__ import annotations

import re

from arcetui.disassembly import disassemble

_X86 = {"byte": 1, "word": 2, "dword": 4, "fword": 6, "qword": 8, "xword": 10, "tbyte": 10,
        "xmmword": 16, "ymmword": 32, "zmmword": 64}  # fmt: skip
_LETTERS = {"b": 1, "h": 2, "w": 4, "d": 8, "q": 16, "x": 32}
_ARM_REGISTERS = {"w": 4, "x": 8, "b": 1, "h": 2, "s": 4, "d": 8, "q": 16}


def access_width(arch: str, code: bytes) -> int:
    """Bytes that the first instruction of `code` accesses; 0 if that is not known."""
    insns = disassemble(arch, code, 0, 1)
    if not insns:
        return 0
    name, operands = insns[0].mnemonic, insns[0].operands
    match arch:
        case "x86_64":
            return _x86(name, operands)
        case "aarch64":
            return _aarch64(name, operands)
        case "riscv64":
            return _riscv64(name)
        case _:
            return _loongarch64(name)


def _x86(name: str, operands: str) -> int:
    found = re.search(r"(\w+) ptr", operands)
    if found is not None:
        return _X86.get(found[1], 0)
    return 8 if name in {"push", "pop", "call", "ret", "leave", "enter"} else 0


def _aarch64(name: str, operands: str) -> int:
    if name.startswith(("ld1", "st1", "ld2", "st2", "ld3", "st3", "ld4", "st4", "dc")):
        return 64
    if name.startswith("ldpsw"):
        return 8
    pair = 2 if re.match(r"(ld|st)(n|x|ax|lx)?p", name) else 1
    if re.match(r"(ld|st)\w*rs?b|\w+b$", name) and pair == 1 and not name.endswith("sub"):
        return 1
    if name.endswith("h"):
        return 2
    if name.endswith("sw"):
        return 4
    registers = re.findall(r"\b([wxbhsdq])(?:\d+|zr)\b", operands.partition("[")[0])
    if not registers:
        return 0
    # Of an exclusive store the first register is the status.
    return pair * _ARM_REGISTERS[registers[1 if name.startswith("st") and "x" in name[2:4]
                                            and len(registers) > 1 else 0]]  # fmt: skip


def _riscv64(name: str) -> int:
    name = name.removeprefix("c.")
    if name.startswith(("lr.", "sc.", "amo")):
        return _LETTERS.get(name.split(".")[1], 0)
    found = re.fullmatch(r"f?[ls]([bhwdq])u?(?:sp)?", name)
    return _LETTERS[found[1]] if found is not None else 0


def _loongarch64(name: str) -> int:
    if name.startswith(("ldptr", "stptr", "ll.", "sc.", "am", "ld", "st", "fld", "fst", "pre")):
        return _LETTERS.get(name.split(".")[1][:1], 0) if "." in name else 0
    return 0
