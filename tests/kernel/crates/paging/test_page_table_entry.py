"""Entry formats: flags in, bits out, and back; the words for what is denied."""

from __future__ import annotations

import pickle

import pytest

from kernel.crates.page_table_entry import FORMATS, MappingFlags, PteFormat, perms_text
from kernel.crates.page_table_entry.pte_format import RWX

R, W, X, U = (
    int(f) for f in (MappingFlags.READ, MappingFlags.WRITE, MappingFlags.EXECUTE, MappingFlags.USER)
)
PA = 0x12_3456_7000
ALL = [pytest.param(f, id=f.name) for f in FORMATS.values()]


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("flags", range(64))
def test_flags_survive_the_entry(fmt: PteFormat, flags: int) -> None:
    for size in (4096, 1 << 21, 1 << 30):
        pa = PA & -size
        entry = fmt.new_page(pa, flags, size)
        assert fmt.paddr(entry) == pa
        assert fmt.flags(entry) & 15 == fmt.effective[flags] & 15
        assert fmt.is_present(entry) == bool(flags & RWX)
        assert fmt.is_resident(entry)
        depth = next(i for i, lv in enumerate(fmt.levels) if lv.page_size == size)
        assert fmt.is_leaf(entry, depth)
        assert not fmt.is_table(entry, depth)
        for other in (0, R | U, R | W | U, 63):
            changed = fmt.with_flags(entry, other, size)
            assert changed & ~fmt.kept_bits == fmt.new_page(pa, other, size) & ~fmt.kept_bits


@pytest.mark.parametrize("fmt", ALL)
def test_tables(fmt: PteFormat) -> None:
    entry = fmt.new_table(PA)
    assert fmt.paddr(entry) == PA
    for depth in range(len(fmt.levels) - 1):
        assert fmt.is_table(entry, depth)
        assert not fmt.is_leaf(entry, depth)
        assert not any(fmt.check(entry, access, depth) for access in (R, W, X))
    assert not fmt.is_table(0, 0)


@pytest.mark.parametrize(
    ("name", "flags", "bits"),
    [
        ("x86_64", R | W | U, 1 << 63 | 0x7),
        ("x86_64", R | X | U, 0x25),  # A preset: executable
        ("x86_64", R, 1 << 63 | 0x1),
        ("x86_64", U, 1 << 63 | 0x104),  # PROT_NONE: P=0, bit 8
        ("sv39", R | W | U, 0xD7),
        ("sv39", X | U, 0xD9),
        ("sv39", W | U, 0xD7),  # reserved without R
        ("sv39", U, 0xF0),
        ("aarch64", R | W | U, 1 << 54 | 1 << 53 | 0x747),
        ("aarch64", R | X | U, 1 << 53 | 0x7C7),
        ("aarch64", R | X, 1 << 54 | 0x787),
        ("loongarch64", R | X | U, 1 << 4 | 0x8D),
        ("loongarch64", R | W | U, 1 << 62 | 0x19F),
        ("loongarch64", U, 3 << 61 | 0x41C),
    ],
)
def test_bits_of_the_manuals(name: str, flags: int, bits: int) -> None:
    fmt = FORMATS[name]
    entry = fmt.new_page(0, flags)
    assert entry == bits, hex(entry)


@pytest.mark.parametrize(
    ("name", "flags", "access", "words"),
    [
        ("x86_64", R | U, W, "W=0: the page is read-only"),
        ("x86_64", R | W, R, "U=0: kernel only"),
        ("x86_64", R | W | U, X, "NX=1: not executable"),
        ("x86_64", U, R, "P=0: PROT_NONE, the page is kept but closed"),
        ("sv39", R | U, W, "W=0: the page is read-only"),
        ("sv39", R | U, X, "X=0: not executable"),
        ("sv39", X | U, R, "R=0: not readable"),
        ("sv39", R | W, R, "U=0: kernel only"),
        ("sv39", U, R, "V=0: PROT_NONE, the page is kept but closed"),
        ("aarch64", R | U, W, "AP_RO=1: the page is read-only"),
        ("aarch64", R | U, X, "UXN=1: not executable"),
        ("aarch64", R, R, "AP_EL0=0: kernel only"),
        ("loongarch64", R | U, W, "D=0: the page is read-only"),
        ("loongarch64", R | U, X, "NX=1: not executable"),
        ("loongarch64", R, R, "PLV=0: kernel only"),
    ],
)
def test_words_of_denial(name: str, flags: int, access: int, words: str) -> None:
    fmt = FORMATS[name]
    assert fmt.check(fmt.new_page(PA, flags), access, len(fmt.levels) - 1) == words


@pytest.mark.parametrize("fmt", ALL)
def test_check_agrees_with_flags(fmt: PteFormat) -> None:
    last = len(fmt.levels) - 1
    for flags in range(64):
        entry = fmt.new_page(PA, flags)
        granted = fmt.effective[flags]
        for access in (R, W, X):
            allowed = bool(granted & access and granted & U)
            assert (fmt.check(entry, access, last) == "") == allowed
    assert fmt.check(0, R, last).endswith("nothing is mapped")


@pytest.mark.parametrize("fmt", ALL)
def test_described_bits_are_the_entry_s(fmt: PteFormat) -> None:
    entry = fmt.new_page(PA, R | W | U)
    bits = fmt.describe(entry, len(fmt.levels) - 1)
    assert len({name for name, _, _ in bits}) == len(bits)
    assert all(meaning for _, _, meaning in bits)
    assert any("writable" in meaning for _, _, meaning in bits)
    closed = fmt.describe(fmt.new_page(PA, U), len(fmt.levels) - 1)
    assert ("PROTNONE", True) in {(name, value) for name, value, _ in closed}


def test_canonical_addresses() -> None:
    assert FORMATS["sv39"].va_is_valid(0x3F_FFFF_FFFF)
    assert not FORMATS["sv39"].va_is_valid(0x40_0000_0000)
    assert FORMATS["sv39"].va_is_valid(0xFFFF_FFC0_0000_0000)
    assert not FORMATS["x86_64"].va_is_valid(0x8000_0000_0000)
    assert FORMATS["x86_64"].va_is_valid(0xFFFF_8000_0000_0000)
    assert FORMATS["aarch64"].va_is_valid(0xFFFF_FFFF_FFFF)
    assert not FORMATS["aarch64"].va_is_valid(0x1_0000_0000_0000)


def test_a_format_pickles_as_itself() -> None:
    for fmt in FORMATS.values():
        assert pickle.loads(pickle.dumps(fmt)) is fmt
    assert perms_text(R | X) == "r-x"
