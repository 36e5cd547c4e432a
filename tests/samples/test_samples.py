"""The shipped samples: complete, static, small, with line information, and right under Linux."""

from __future__ import annotations

import json
import platform
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
ARCHES = {"x86_64": 62, "riscv64": 243, "aarch64": 183, "loongarch64": 258}
NAMES = sorted(path.stem for path in (SAMPLES / "src").glob("*.c"))
#: Sources that become a program of the Unikernel form too.
UNIKERNEL = [
    name
    for name in NAMES
    if '#include "arceos.h"' in (SAMPLES / f"src/{name}.c").read_text("utf-8")
]
CASES: list[dict[str, Any]] = json.loads((SAMPLES / "expected" / "cases.json").read_text("utf-8"))


def test_every_sample_is_complete() -> None:
    assert len(NAMES) >= 12
    readme = (SAMPLES / "README.md").read_text("utf-8")
    for arch in ARCHES:
        built = sorted(path.name for path in (SAMPLES / "bin" / arch).iterdir())
        assert built == sorted([*NAMES, *(f"{name}.uni" for name in UNIKERNEL)])
    for name in NAMES:
        assert f"| `{name}` |" in readme
        assert any(case["program"] == name for case in CASES)
    texts = {path.stem for path in (SAMPLES / "expected").glob("*.txt")}
    assert texts == {case["case"] for case in CASES}


@pytest.mark.parametrize("arch", ARCHES)
def test_binaries(arch: str) -> None:
    for name in NAMES:
        path = SAMPLES / "bin" / arch / name
        data = path.read_bytes()
        assert len(data) < 100_000
        assert struct.unpack_from("<HH", data, 16) == (2, ARCHES[arch])  # ET_EXEC
        assert path.stat().st_mode & 0o111
        for word in (b"/home/", b"/root/", b"/work/", b"site-packages"):
            assert word not in data
        with path.open("rb") as file:
            elf = ELFFile(file)
            assert not any(s["p_type"] in ("PT_INTERP", "PT_DYNAMIC") for s in elf.iter_segments())
            dwarf = elf.get_dwarf_info()
            units = [unit for unit in dwarf.iter_CUs() if dwarf.line_program_for_CU(unit)]
            sources = {unit.get_top_DIE().attributes["DW_AT_name"].value for unit in units}
            assert f"samples/src/{name}.c".encode() in sources
            symbols = elf.get_section_by_name(".symtab")
            assert symbols is not None
            assert symbols.get_symbol_by_name("main")


@pytest.mark.parametrize("arch", ARCHES)
def test_programs_of_the_unikernel_form(arch: str) -> None:
    """They need the kernel as a library, and nothing else."""
    assert UNIKERNEL == ["both", "trespass"]
    for name in UNIKERNEL:
        path = SAMPLES / "bin" / arch / f"{name}.uni"
        data = path.read_bytes()
        assert len(data) < 40_000
        assert struct.unpack_from("<HH", data, 16) == (3, ARCHES[arch])  # ET_DYN
        with path.open("rb") as file:
            elf = ELFFile(file)
            assert not any(s["p_type"] == "PT_INTERP" for s in elf.iter_segments())
            dynamic: Any = elf.get_section_by_name(".dynamic")
            needed = [tag.needed for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]
            assert needed == ["libarceos.so"]
            imported: Any = elf.get_section_by_name(".dynsym")
            names = [symbol.name for symbol in imported.iter_symbols() if symbol.name]
            assert names
            assert all(each.startswith("ax_") for each in names)


def run(arch: str, case: dict[str, Any]) -> tuple[bytes, int]:
    prefix = [] if arch == platform.machine() else [f"qemu-{arch}"]
    done = subprocess.run(
        [*prefix, str(SAMPLES / "bin" / arch / case["program"]), *case["args"]],
        input=case["stdin"].encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.stdout, done.returncode if done.returncode >= 0 else 128 - done.returncode


@pytest.mark.parametrize("arch", ARCHES)
def test_runs_as_recorded(arch: str) -> None:
    if platform.system() != "Linux" or (
        arch != platform.machine() and not shutil.which(f"qemu-{arch}")
    ):
        pytest.skip(f"no Linux and no qemu-{arch} here")
    for case in CASES:
        if arch in case.get("qemu_differs", {}) and arch != platform.machine():
            continue
        expected = (SAMPLES / "expected" / f"{case['case']}.txt").read_bytes()
        outcome = run(arch, case)
        if outcome != (expected, case["status"]):  # a stalled host: once more
            outcome = run(arch, case)
        assert outcome == (expected, case["status"]), case["case"]
