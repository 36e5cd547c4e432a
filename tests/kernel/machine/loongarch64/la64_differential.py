"""The differential test's program: every instruction on many operands, a hash of all results.

For each instruction: a few encodings with random registers and immediates, each in a loop over
operand vectors; results (registers, flags, memory) go into a 64-bit hash in the guest. The same
code runs on the bare engine and, as an ELF file that writes its hashes, under qemu-loongarch64.

    python la64_differential.py record qemu-loongarch64

writes the hashes QEMU gives to answers.json.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from la64_assembler import (
    A0,
    A1,
    A2,
    A3,
    A4,
    A7,
    RA,
    S0,
    S1,
    S2,
    S3,
    S4,
    S5,
    T0,
    T1,
    T2,
    ZERO,
    code,
    enc,
    li,
)  # fmt: skip
from la64_operands import KINDS, Random, vectors

from kernel.machine.engines.loongarch64.isa import TABLE

ANSWERS = Path(__file__).with_name("answers.json")
CODE, DATA, SCRATCH, OUT = 0x1_2000_0000, 0x1_3000_0000, 0x1_4000_0000, 0x1_5000_0000
VARIANTS = 4
LONG, SHORT = 10_000, 100
VECTOR_BYTES = 32
#: Rounding modes are random but for these: QEMU negates before it rounds.
NEAREST_OR_ZERO = ("fnmadd", "fnmsub")
#: Not compared: QEMU differs from the manual (bound checks), results depend on the machine, or
#: there is nothing to compare (hints, barriers, traps).
UNCOMPARED = (
    "ldgt ldle stgt stle fldgt fldle fstgt fstle asrt rdtime preld dbar ibar cpucfg syscall break "
    "dbcl"
)
LEFT_OUT = frozenset(
    name
    for name, row in TABLE.items()
    if name.startswith(tuple(UNCOMPARED.split())) or not row.format.signature
)
NAMES = [name for name in TABLE if name not in LEFT_OUT]
HASH_FACTOR = 0x9E37_79B9_7F4A_7C15


class Body(NamedTuple):
    """What one encoding does with a0..a3 and f0..f3: its code, and registers to hash after."""

    code: list[int]
    results: list[int]


def kind_of(name: str) -> str:
    """Which operands suit an instruction."""
    if name.startswith("fscaleb"):
        return "double scale" if name.endswith("d") else "single scale"
    if not name.startswith("f") or name[:3] in ("fld", "fst") or name.startswith("ffint"):
        return "integer"
    if name == "fcvt.s.d":
        return "double"
    return "single" if name.endswith(".s") or name == "fcvt.d.s" else "double"


def _registers(r: Random, letters: str) -> dict[str, int]:
    choices = {
        "D": (A0, A1, A2, A2, ZERO), "S": (A0, A1, A2, ZERO), "J": (A0, A0, A1, A2, ZERO),
        "K": (A1, A1, A0, A2, ZERO), "f": (2, 2, 3, 0), "g": (0, 0, 1, 2), "h": (1, 1, 0, 2),
        "i": (2, 2, 3, 0),
    }  # fmt: skip
    return {letter: r.pick(choices[letter]) for letter in letters if letter in choices}


def _immediate(r: Random, name: str) -> int:
    bits = {"s12": 12, "u12": 12, "s16": 16, "s20": 20, "u5": 5, "u6": 6}[name]
    value = r.pick((0, (1 << bits - 1) - 1, 1 << bits - 1, (1 << bits) - 1, r.bits(bits)))
    return value - (1 << bits) if name[0] == "s" and value >> bits - 1 else value


def _operands(r: Random, name: str, **fixed: int) -> list[int]:
    """Random operands in assembly order."""
    letters = TABLE[name].format.signature.split()
    known = _registers(r, "".join(x for x in letters if len(x) == 1)) | fixed
    if "m" in letters or "M" in letters:
        bits = 32 if "m" in letters else 64
        low, high = sorted((r.below(bits), r.below(bits)))
        known |= {"l": low, "L": low, "m": high, "M": high}
    small = {"2": 4, "3": 8, "y": 4, "z": 4, "c": 8, "x": 8, "a": 8}
    out = []
    for letter in letters:
        if letter in known:
            out.append(known[letter])
        elif letter in small:
            out.append(r.below(small[letter]))
        else:
            out.append(_immediate(r, letter))
    return out


def _integer(r: Random, name: str) -> Body:
    return Body([enc(name, *_operands(r, name))], [A0, A1, A2])


def _pc_relative(r: Random, name: str) -> Body:
    # The same distance from the same page offset everywhere is not to be had: subtract the pc.
    use = enc(name, A2, _immediate(r, "s20"))
    here = [enc("pcaddi", A1, 0), use, enc("sub.d", A2, A2, A1)]
    if name == "pcalau12i":
        here = [enc("pcalau12i", A1, 0), use, enc("sub.d", A2, A2, A1)]
    return Body(here, [A2])


def _branch(r: Random, name: str) -> Body:
    letters = TABLE[name].format.signature
    before = [enc("addi.d", A2, ZERO, 0)]
    if name == "jirl":
        link = r.pick((A1, ZERO, A0, RA))
        skip = r.below(3)
        return Body(
            [enc("pcaddi", A0, 0), enc("addi.d", T0, A0, 12 - 4 * skip)]
            + [enc("jirl", link, T0, 4 * (skip + 1)), enc("addi.d", A3, A3, 1)]
            + ([enc("sub.d", A1, link, A0)] if link != A0 else [enc("addi.d", A1, ZERO, 5)])
            + [enc("addi.d", A0, ZERO, 0)],
            [A1, A3],
        )
    if letters == "x o21":
        flag = r.below(8)
        before.append(enc("movgr2cf", flag, A0))
        jump = enc(name, flag, 8)
    elif letters == "o26":
        jump = enc(name, 8)
    elif letters == "J o21":
        jump = enc(name, r.pick((A0, A1, ZERO)), 8)
    else:
        jump = enc(name, r.pick((A0, A1, ZERO)), r.pick((A0, A1, A1)), 8)
    after = [enc("ori", A2, A2, 1), enc("ori", A2, A2, 2)]
    if name == "bl":
        here = [enc("pcaddi", A0, 0), *before, jump, *after, enc("sub.d", A1, RA, A0)]
        return Body([*here, enc("addi.d", A0, ZERO, 0)], [A1, A2])
    return Body([*before, jump, *after], [A2])


def _with_scratch(use: list[int], results: list[int], base: int) -> Body:
    """Put the operands into memory at `base`, do something, hash memory too."""
    here = [enc("ori", A4, ZERO, base), enc("add.d", A4, A4, S3)]
    here += [enc("st.d", A0 + i, A4, 8 * i) for i in range(4)]
    memory = [T2, T2 + 1, T2 + 2, T2 + 3]
    after = [enc("ori", T1, ZERO, base), enc("add.d", T1, T1, S3)]
    after += [enc("ld.d", register, T1, 8 * i) for i, register in enumerate(memory)]
    return Body([*here, *use, *after], [*results, *memory])


def _memory(r: Random, name: str) -> Body:
    base = r.pick((0, 0, 0, 0xFF0))  # the last one across two pages
    offset = r.below(24)
    letters = TABLE[name].format.signature.split()
    if letters[0] == "f":
        register, results = r.below(3), []
        after = [enc("movfr2gr.d", A2, register)]
        if name.endswith(".s"):
            after = [enc("movfr2gr.s", A2, register)]
        results = [A2]
    else:
        register, results, after = r.pick((A0, A1, A2, ZERO)), [A0, A1, A2], []
    if "K" in letters:
        use = [enc("addi.d", T0, ZERO, offset), enc(name, register, A4, T0)]
    elif "s14" in letters:
        far = 4 * (r.below(400) - 200)
        use = [enc("addi.d", A4, A4, offset - far), enc(name, register, A4, far)]
    else:
        use = [enc(name, register, A4, offset)]
    return _with_scratch([*use, *after], results, base)


def _atomic(r: Random, name: str) -> Body:
    is_wide = name.endswith((".d", ".du"))
    offset = 8 * r.below(3) + (0 if is_wide else r.pick((0, 4)))
    use = [enc("addi.d", A4, A4, offset)]
    if name.startswith("ll"):
        use.append(enc(name, r.pick((A2, ZERO)), A4, 0))
    elif name.startswith("sc"):
        other = r.pick((0, 0, 0, 8))
        use.append(enc("ll" + name[2:], A3, A4, other))
        use.append(enc(name, A2, A4, 0))
    else:
        use.append(enc(name, r.pick((A2, ZERO)), r.pick((A1, A0, ZERO)), A4))
    return _with_scratch(use, [A2, A3], 0)


def _float(r: Random, name: str) -> Body:
    letters = TABLE[name].format.signature.split()
    mode = r.below(2) if name.startswith(NEAREST_OR_ZERO) else r.below(4)
    here = [enc("ori", T0, ZERO, mode << 8), enc("movgr2fcsr", 0, T0)]
    here += [enc("movgr2fr.d", i, A0 + i) for i in range(4)]
    flag = r.below(8)
    if "x" in letters or "a" in letters:
        here.append(enc("movgr2cf", flag, A3))
    fixed = {"x": flag, "a": flag, "c": flag}
    operands = _operands(r, name, **fixed)
    here.append(enc(name, *operands))
    target = operands[0]
    if letters[0] == "D":
        take = [enc("or", T1, target, ZERO)]
    elif letters[0] == "c":
        take = [enc("movcf2gr", T1, flag)]
    else:
        narrow = name.endswith((".s", ".s.w", ".s.l", ".w.s", ".w.d", ".s.d"))
        take = [enc("movfr2gr.s" if narrow and name != "fcvt.d.s" else "movfr2gr.d", T1, target)]
    take += [enc("movfcsr2gr", T2, 0), enc("bstrpick.d", T2, T2, 20, 16)]
    take += [enc("movgr2fcsr", 0, ZERO)]
    return Body([*here, *take], [T1, T2])


def _control_register(r: Random, name: str) -> Body:
    number = r.below(4)
    mask = [enc("lu12i.w", T0, 0x1F1F0), enc("ori", T0, T0, 0x300), enc("and", T0, T0, A0)]
    if name == "movgr2fcsr":
        mask += [enc("movgr2fcsr", 0, ZERO), enc(name, number, T0), enc("movfcsr2gr", T1, 0)]
    else:
        mask += [enc("movgr2fcsr", 0, T0), enc(name, T1, number)]
    # QEMU drops Cause when it can: not compared.
    mask += [enc("movgr2fcsr", 0, ZERO), enc("bstrpick.d", T1, T1, 23, 0)]
    return Body(mask, [T1])


def body(r: Random, name: str) -> Body:
    """A random encoding of an instruction, with what it needs around it."""
    row = TABLE[name]
    if name in ("movgr2fcsr", "movfcsr2gr"):
        return _control_register(r, name)
    if name.startswith("pc"):
        return _pc_relative(r, name)
    if row.format.is_branch or name == "jirl":
        return _branch(r, name)
    if name.startswith(("ll.", "sc.", "am")):
        return _atomic(r, name)
    if name.startswith(("ld", "st", "fld", "fst")):
        return _memory(r, name)
    if name.startswith(("f", "mov")):
        return _float(r, name)
    return _integer(r, name)


def _fold(register: int) -> list[int]:
    return [
        enc("rotri.d", S1, S1, 57),
        enc("xor", S1, S1, register),
        enc("mul.d", S1, S1, S5),
    ]


@functools.cache
def program(count: int) -> bytes:
    """The code; each encoding runs over the first `count / VARIANTS` vectors of its part."""
    words = li(S5, HASH_FACTOR) + li(S3, SCRATCH) + li(S4, OUT)
    starts = {kind: DATA + i * LONG * VECTOR_BYTES for i, kind in enumerate(KINDS)}
    for name in NAMES:
        r = Random(name)
        words += [enc("addi.d", S1, ZERO, 1)]
        for variant in range(VARIANTS):
            part = starts[kind_of(name)] + variant * (LONG // VARIANTS) * VECTOR_BYTES
            here = body(r, name)
            loop = [enc("ld.d", A0 + i, S0, 8 * i) for i in range(4)] + here.code
            for register in here.results:
                loop += _fold(register)
            loop += [enc("addi.d", S0, S0, VECTOR_BYTES), enc("addi.d", S2, S2, -1)]
            words += li(S0, part) + [enc("ori", S2, ZERO, count // VARIANTS)]
            words += [*loop, enc("bnez", S2, -4 * len(loop))]
        words += [enc("st.d", S1, S4, 0), enc("addi.d", S4, S4, 8)]
    return code(words)


@functools.cache
def operands() -> bytes:
    """The data segment."""
    return b"".join(vectors(kind, LONG) for kind in KINDS)


def elf(text: bytes, data: bytes, out_bytes: int) -> bytes:
    """A static program that runs `text` and writes the hashes to standard output."""
    end = code(
        [enc("addi.d", A0, ZERO, 1), *li(A1, OUT), *li(A2, out_bytes), enc("ori", A7, ZERO, 64)],
        [
            enc("syscall", 0),
            enc("addi.d", A0, ZERO, 0),
            enc("ori", A7, ZERO, 93),
            enc("syscall", 0),
        ],
    )
    text += end
    page = 0x1_0000
    headers, blob = b"", b""
    for va, content, size, flags in (
        (CODE, text, len(text), 5),
        (DATA, data, len(data), 4),
        (SCRATCH, b"", page, 6),
        (OUT, b"", page, 6),
    ):
        at = page + len(blob)
        headers += struct.pack("<IIQQQQQQ", 1, flags, at, va, va, len(content), size, page)
        blob += content + bytes(-len(content) % page)
    ident = b"\x7fELF\2\1\1" + bytes(9)
    head = struct.pack("<HHIQQQIHHHHHH", 2, 258, 1, CODE, 64, 0, 0x43, 64, 56, 4, 0, 0, 0)
    return (ident + head + headers).ljust(page, b"\0") + blob


def hashes(out: bytes) -> dict[str, str]:
    """The program's results by mnemonic."""
    return {name: out[8 * i : 8 * i + 8].hex() for i, name in enumerate(NAMES)}


def digest() -> str:
    """What the answers belong to."""
    return hashlib.sha256(program(LONG) + operands()).hexdigest()


def answers_of(qemu: str, count: int) -> dict[str, str]:
    """Run the program under QEMU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "differential"
        path.write_bytes(elf(program(count), operands(), 8 * len(NAMES)))
        path.chmod(0o755)
        done = subprocess.run([qemu, str(path)], capture_output=True, check=True, timeout=300)
    return hashes(done.stdout)


if __name__ == "__main__":
    version = subprocess.run([sys.argv[2], "--version"], capture_output=True, check=True, text=True)
    found = {
        "oracle": version.stdout.splitlines()[0],
        "program": digest(),
        "long": answers_of(sys.argv[2], LONG),
        "short": answers_of(sys.argv[2], SHORT),
    }
    ANSWERS.write_text(json.dumps(found, indent=0) + "\n", "utf-8")
