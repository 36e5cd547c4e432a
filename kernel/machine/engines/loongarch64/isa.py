"""The instruction table: mnemonic, match bits, format.

All of the base integer, floating-point and atomic instructions of LA64 v1.00, and the privileged
ones, which user mode may not execute. LSX, LASX, LBT, LVZ and the additions of v1.1 are absent on
purpose: they are undefined here. Source: LoongArch Reference Manual vol. 1, appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from kernel.machine.engines.loongarch64.formats import Format, new_format


class Instruction(NamedTuple):
    """A row of the table."""

    name: str
    match: int
    format: Format


_R2: Final = 0xFFFF_FC00
_R3: Final = 0xFFFF_8000
_I12: Final = 0xFFC0_0000
_I14: Final = 0xFF00_0000
_I16: Final = 0xFC00_0000

_FORMATS: Final[dict[str, Format]] = {
    key: new_format(signature, mask)
    for key, signature, mask in (
        ("DJ", "D J", _R2),
        ("DJK", "D J K", _R3),
        ("SJK", "S J K", _R3),
        ("JK", "J K", 0xFFFF_801F),
        ("DJK2", "D J K 2", 0xFFFE_0000),
        ("DJK3", "D J K 3", 0xFFFC_0000),
        ("DJu5", "D J u5", _R3),
        ("DJu6", "D J u6", 0xFFFF_0000),
        ("DJml", "D J m l", 0xFFE0_8000),
        ("DJML", "D J M L", _I12),
        ("DJs12", "D J s12", _I12),
        ("SJs12", "S J s12", _I12),
        ("DJu12", "D J u12", _I12),
        ("DJs14", "D J s14", _I14),
        ("SJs14", "S J s14", _I14),
        ("DJs16", "D J s16", _I16),
        ("Ds20", "D s20", 0xFE00_0000),
        ("code", "code", _R3),
        ("o26", "o26", _I16),
        ("Jo21", "J o21", _I16),
        ("xo21", "x o21", 0xFC00_0300),
        ("JSo16", "J S o16", _I16),
        ("DJj16", "D J j16", _I16),
        ("hintJs12", "h5 J s12", _I12),
        ("hintJK", "h5 J K", _R3),
        ("DKJ", "D K J", _R3),
        ("fJs12", "f J s12", _I12),
        ("fJK", "f J K", _R3),
        ("fg", "f g", _R2),
        ("fgh", "f g h", _R3),
        ("fghi", "f g h i", 0xFFF0_0000),
        ("cgh", "c g h", 0xFFFF_8018),
        ("fgha", "f g h a", 0xFFFC_0000),
        ("fJ", "f J", _R2),
        ("Dg", "D g", _R2),
        ("yJ", "y J", 0xFFFF_FC1C),
        ("Dz", "D z", 0xFFFF_FF80),
        ("cg", "c g", 0xFFFF_FC18),
        ("fx", "f x", 0xFFFF_FF00),
        ("cJ", "c J", 0xFFFF_FC18),
        ("Dx", "D x", 0xFFFF_FF00),
        ("none", "", 0xFFFF_FFFF),
        ("none10", "", _R2),
        ("none15", "", _R3),
        ("none18", "", 0xFFFC_0000),
        ("none22", "", _I12),
        ("none24", "", _I14),
    )
}

_CONDITIONS: Final = (
    "caf saf clt slt ceq seq cle sle cun sun cult sult cueq sueq cule sule cne sne - - cor sor - - "
    "cune sune"
)
_PRIVILEGED: Final = (
    "csr cacop lddir ldpte iocsrrd.b iocsrrd.h iocsrrd.w iocsrrd.d iocsrwr.b iocsrwr.h iocsrwr.w "
    "iocsrwr.d tlbclr tlbflush tlbsrch tlbrd tlbwr tlbfill ertn idle invtlb"
)

#: fcmp's conditions by their number in the word; odd ones signal on quiet NaNs too.
CONDITIONS: Final[dict[int, str]] = {
    number: name for number, name in enumerate(_CONDITIONS.split()) if name != "-"
}
#: Instructions only the kernel may execute.
PRIVILEGED: Final = frozenset(_PRIVILEGED.split())

Row = tuple[str, int, str]


def _row(key: str, base: int, step: int, names: str) -> Iterator[Row]:
    """Instructions at equal distances; `-` leaves a gap."""
    for i, name in enumerate(names.split()):
        if name != "-":
            yield name, base + i * step, key


def _integer() -> Iterator[Row]:
    yield from _row(
        "DJ",
        0x1000,
        0x400,
        "clo.w clz.w cto.w ctz.w clo.d clz.d cto.d ctz.d revb.2h revb.4h revb.2w revb.d revh.2w "
        "revh.d bitrev.4b bitrev.8b bitrev.w bitrev.d ext.w.h ext.w.b rdtimel.w rdtimeh.w rdtime.d "
        "cpucfg",
    )
    yield from _row("JK", 0x1_0000, 0x8000, "asrtle.d asrtgt.d")
    yield from _row("DJK2", 0x4_0000, 0x2_0000, "alsl.w alsl.wu bytepick.w")
    yield "bytepick.d", 0xC_0000, "DJK3"
    yield "alsl.d", 0x2C_0000, "DJK2"
    yield from _row(
        "DJK",
        0x10_0000,
        0x8000,
        "add.w add.d sub.w sub.d slt sltu maskeqz masknez nor and or xor orn andn sll.w srl.w "
        "sra.w sll.d srl.d sra.d - - rotr.w rotr.d mul.w mulh.w mulh.wu mul.d mulh.d mulh.du "
        "mulw.d.w mulw.d.wu div.w mod.w div.wu mod.wu div.d mod.d div.du mod.du crc.w.b.w "
        "crc.w.h.w crc.w.w.w crc.w.d.w crcc.w.b.w crcc.w.h.w crcc.w.w.w crcc.w.d.w",
    )
    yield from _row("code", 0x2A_0000, 0x8000, "break dbcl syscall")
    for i, name in enumerate(("slli", "srli", "srai", "rotri")):
        yield f"{name}.w", 0x40_8000 + i * 0x4_0000, "DJu5"
        yield f"{name}.d", 0x41_0000 + i * 0x4_0000, "DJu6"
    yield from _row("DJml", 0x60_0000, 0x8000, "bstrins.w bstrpick.w")
    yield from _row("DJML", 0x80_0000, 0x40_0000, "bstrins.d bstrpick.d")
    yield from _row("DJs12", 0x200_0000, 0x40_0000, "slti sltui addi.w addi.d lu52i.d")
    yield from _row("DJu12", 0x340_0000, 0x40_0000, "andi ori xori")
    yield "addu16i.d", 0x1000_0000, "DJs16"
    yield from _row(
        "Ds20", 0x1400_0000, 0x200_0000, "lu12i.w lu32i.d pcaddi pcalau12i pcaddu12i pcaddu18i"
    )


def _control() -> Iterator[Row]:
    yield from _row("Jo21", 0x4000_0000, 0x400_0000, "beqz bnez")
    yield from _row("xo21", 0x4800_0000, 0x100, "bceqz bcnez")
    yield "jirl", 0x4C00_0000, "DJj16"
    yield from _row("o26", 0x5000_0000, 0x400_0000, "b bl")
    yield from _row("JSo16", 0x5800_0000, 0x400_0000, "beq bne blt bge bltu bgeu")
    yield "csr", 0x400_0000, "none24"
    yield "cacop", 0x600_0000, "none22"
    yield from _row("none18", 0x640_0000, 0x4_0000, "lddir ldpte")
    iocsr = " ".join(f"iocsr{way}.{size}" for way in ("rd", "wr") for size in "bhwd")
    yield from _row("none10", 0x648_0000, 0x400, iocsr)
    yield from _row("none", 0x648_2000, 0x400, "tlbclr tlbflush tlbsrch tlbrd tlbwr tlbfill ertn")
    yield "idle", 0x648_8000, "none15"
    yield "invtlb", 0x649_8000, "none15"


def _memory() -> Iterator[Row]:
    for i, name in enumerate(("ll.w", "sc.w", "ll.d", "sc.d", "ldptr.w", "stptr.w", "ldptr.d")):
        yield name, 0x2000_0000 + i * 0x100_0000, "SJs14" if name[:2] == "st" else "DJs14"
    yield "stptr.d", 0x2700_0000, "SJs14"
    yield from _row("DJs12", 0x2800_0000, 0x40_0000, "ld.b ld.h ld.w ld.d")
    yield from _row("SJs12", 0x2900_0000, 0x40_0000, "st.b st.h st.w st.d")
    yield from _row("DJs12", 0x2A00_0000, 0x40_0000, "ld.bu ld.hu ld.wu")
    yield "preld", 0x2AC0_0000, "hintJs12"
    yield from _row("fJs12", 0x2B00_0000, 0x40_0000, "fld.s fst.s fld.d fst.d")
    yield from _row("DJK", 0x3800_0000, 0x4_0000, "ldx.b ldx.h ldx.w ldx.d")
    yield from _row("SJK", 0x3810_0000, 0x4_0000, "stx.b stx.h stx.w stx.d")
    yield from _row("DJK", 0x3820_0000, 0x4_0000, "ldx.bu ldx.hu ldx.wu")
    yield "preldx", 0x382C_0000, "hintJK"
    yield from _row("fJK", 0x3830_0000, 0x4_0000, "fldx.s fldx.d fstx.s fstx.d")
    operations = [f"am{name}" for name in ("swap", "add", "and", "or", "xor", "max", "min")]
    sized = [f"{name}{{}}.{size}" for name in operations for size in "wd"]
    sized += [f"{name}{{}}.{size}" for name in operations[5:] for size in ("wu", "du")]
    for i, name in enumerate(sized):
        yield name.format(""), 0x3860_0000 + i * 0x8000, "DKJ"
        yield name.format("_db"), 0x3869_0000 + i * 0x8000, "DKJ"
    yield from _row("code", 0x3872_0000, 0x8000, "dbar ibar")
    bounds = [f"{way}{bound}" for way in ("ld", "st") for bound in ("gt", "le")]
    names = " ".join(f"f{name}.{size}" for name in bounds for size in "sd")
    yield from _row("fJK", 0x3874_0000, 0x8000, names)
    for i, name in enumerate(f"{name}.{size}" for name in bounds for size in "bhwd"):
        yield name, 0x3878_0000 + i * 0x8000, "SJK" if name[0] == "s" else "DJK"


def _float_moves() -> Iterator[Row]:
    yield from _row("fJ", 0x114_A400, 0x400, "movgr2fr.w movgr2fr.d movgr2frh.w")
    yield from _row("Dg", 0x114_B400, 0x400, "movfr2gr.s movfr2gr.d movfrh2gr.s")
    yield "movgr2fcsr", 0x114_C000, "yJ"
    yield "movfcsr2gr", 0x114_C800, "Dz"
    yield "movfr2cf", 0x114_D000, "cg"
    yield "movcf2fr", 0x114_D400, "fx"
    yield "movgr2cf", 0x114_D800, "cJ"
    yield "movcf2gr", 0x114_DC00, "Dx"
    yield "fsel", 0xD00_0000, "fgha"


def _float() -> Iterator[Row]:
    names = "fadd - fsub - fmul - fdiv - fmax - fmin - fmaxa - fmina - fscaleb - fcopysign"
    for name, match, key in _row("fgh", 0x100_8000, 0x1_0000, names):
        yield f"{name}.s", match, key
        yield f"{name}.d", match + 0x8000, key
    names = "fabs fneg flogb fclass fsqrt frecip frsqrt - - fmov"
    for name, match, key in _row("fg", 0x114_0400, 0x1000, names):
        yield f"{name}.s", match, key
        yield f"{name}.d", match + 0x400, key
    yield "fcvt.s.d", 0x119_1800, "fg"
    yield "fcvt.d.s", 0x119_2400, "fg"
    for name, match, key in _row(
        "fg", 0x11A_0000, 0x4000, "ftintrm ftintrp ftintrz ftintrne ftint"
    ):
        for suffix, offset in (
            (".w.s", 0x400),
            (".w.d", 0x800),
            (".l.s", 0x2400),
            (".l.d", 0x2800),
        ):
            yield name + suffix, match + offset, key
    for suffix, offset in ((".s.w", 0x1000), (".s.l", 0x1800), (".d.w", 0x2000), (".d.l", 0x2800)):
        yield "ffint" + suffix, 0x11D_0000 + offset, "fg"
    yield from _row("fg", 0x11E_4400, 0x400, "frint.s frint.d")
    for name, match, key in _row("fghi", 0x810_0000, 0x40_0000, "fmadd fmsub fnmadd fnmsub"):
        yield f"{name}.s", match, key
        yield f"{name}.d", match + 0x10_0000, key
    for number, condition in CONDITIONS.items():
        yield f"fcmp.{condition}.s", 0xC10_0000 | number << 15, "cgh"
        yield f"fcmp.{condition}.d", 0xC20_0000 | number << 15, "cgh"


def _table() -> dict[str, Instruction]:
    rows = (*_integer(), *_control(), *_memory(), *_float_moves(), *_float())
    table = {name: Instruction(name, match, _FORMATS[key]) for name, match, key in rows}
    if len(table) != len(rows):
        raise AssertionError("an instruction stands in the table twice")
    return table


#: All instructions by mnemonic.
TABLE: Final[dict[str, Instruction]] = _table()


#: Bits 31:20 of vldx..xvstx, vfcmp, xvfcmp, vbitsel, xvbitsel, vshuf and xvshuf.
_VECTOR_GROUPS: Final = (0x384, 0x0C5, 0x0C6, 0x0C9, 0x0CA, 0x0D1, 0x0D2, 0x0D5, 0x0D6)


def is_vector(word: int) -> bool:
    """Whether an undefined word is an LSX or LASX instruction, of which this CPU has none."""
    top = word >> 24
    if top in (0x2C, 0x2D) or 0x30 <= top <= 0x33 or 0x70 <= top <= 0x77:
        return True
    return top in (0x09, 0x0A) or word >> 20 in _VECTOR_GROUPS
