"""Symbols, lines and unwind tables against pyelftools; broken files give less, never errors."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from arcetui.symbols import Symbols, debug_info, line_program
from arcetui.symbols.debug_info import DebugInfo
from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.line_program import LineSections

SAMPLES = Path(__file__).parents[2] / "samples" / "bin"
ARCHES = ["x86_64", "riscv64", "aarch64", "loongarch64"]


def sample(arch: str, name: str = "hello") -> bytes:
    path = SAMPLES / arch / name
    if not path.exists():
        pytest.skip("samples are not built")
    return path.read_bytes()


@pytest.mark.parametrize("arch", ARCHES)
def test_symbols_equal_pyelftools(arch):
    data = sample(arch)
    symbols = Symbols(data)
    table = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
    checked = 0
    for entry in table.iter_symbols():
        kind, size = entry["st_info"]["type"], entry["st_size"]
        if kind != "STT_FUNC" or not size or entry["st_shndx"] == "SHN_UNDEF":
            continue
        start, end = entry["st_value"], entry["st_value"] + size
        found = symbols.function(start + size // 2)
        assert found is not None
        assert found[1] <= start + size // 2 < found[2] or found[2] == end
        checked += 1
    assert checked > 5
    assert symbols.describe(symbols.address_of("main") + 1) == "main+0x1"


@pytest.mark.parametrize("arch", ARCHES)
def test_lines_equal_pyelftools(arch):
    data = sample(arch)
    symbols = Symbols(data)
    dwarf = ELFFile(io.BytesIO(data)).get_dwarf_info()
    checked = 0
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        before = None
        for entry in program.get_entries() if program else ():
            state = entry.state
            if state is None:
                continue
            if before and not before.end_sequence and before.address != state.address:
                found = symbols.line(before.address)
                assert (found[1] if found else 0) == before.line
                checked += 1
            before = state
    assert checked > 2
    file, line = symbols.line(symbols.address_of("main"))
    assert file.endswith("hello.c")
    places, used = symbols.line_addresses("hello.c", line)
    assert symbols.address_of("main") in places
    assert used == line


@pytest.mark.parametrize("arch", ARCHES)
def test_unwind_rules_equal_pyelftools(arch):
    data = sample(arch)
    symbols = Symbols(data)
    dwarf = ELFFile(io.BytesIO(data)).get_dwarf_info()
    entries = dwarf.EH_CFI_entries() if dwarf.has_EH_CFI() else dwarf.CFI_entries()
    checked = 0
    for entry in entries:
        if not isinstance(entry, FDE):
            continue
        end = entry["initial_location"] + entry["address_range"]
        for row in entry.get_decoded().table:
            cfa = row["cfa"]
            if row["pc"] >= end or cfa.expr is not None:
                continue
            rules = symbols.frames.rules(row["pc"])
            assert rules is not None
            assert (rules.cfa_register, rules.cfa_offset) == (cfa.reg, cfa.offset)
            for register, rule in row.items():
                if isinstance(register, int) and rule.type == "OFFSET":
                    assert rules.saved[register] == rule.arg
            checked += 1
    if not checked:
        pytest.skip("this sample has no unwind table")


def test_a_function_that_starts_on_one_line_has_its_body_after_the_prologue():
    symbols = Symbols(sample("x86_64"))
    main = symbols.address_of("main")
    assert symbols.after_prologue(main) > main
    assert symbols.function(symbols.after_prologue(main))[0] == "main"


def touch(data: bytes) -> None:
    """Use everything a file offers."""
    symbols = Symbols(data)
    symbols.starting_with("m")
    symbols.describe(0x401000)
    symbols.function(0x401800)
    symbols.line(0x401800)
    symbols.line_addresses("hello.c", 3)
    symbols.frames.rules(0x401800)
    symbols.after_prologue(0x401800)


def test_broken_files_never_raise():
    data = sample("x86_64")
    rng = random.Random(1)
    sections = ELFFile(io.BytesIO(data))
    spans = [(0, 64), (len(data) - 64 * 30, len(data))]
    for name in (".debug_line", ".eh_frame", ".symtab", ".debug_line_str"):
        section = sections.get_section_by_name(name)
        if section is not None:
            spans.append((section["sh_offset"], section["sh_offset"] + section["sh_size"]))
    for _ in range(120):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            start, end = rng.choice(spans)
            broken[rng.randrange(start, end)] = rng.randrange(256)
        touch(bytes(broken))
    for _ in range(30):
        touch(data[: rng.randrange(len(data))])
    touch(b"")
    touch(b"\x7fELF\x02\x01" + bytes(200))
    touch(rng.randbytes(4096))


def test_sections_of_nothing_but_zeros_end_soon():
    """A compressed section of zeros is millions of empty units."""
    zeros = bytes(8 << 20)
    assert len(LineSections(zeros).units()) == line_program.MAX_UNITS

    class Zeros(ElfFile):
        def content(self, name):
            return zeros if name in {".debug_info", ".debug_abbrev"} else b""

    assert len(DebugInfo(Zeros(b"")).units) <= debug_info.MAX_UNITS
