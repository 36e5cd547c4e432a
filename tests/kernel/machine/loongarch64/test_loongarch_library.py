"""The object cache is safe, the back ends are chosen as said, the disassembler knows the table."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from la64_assembler import A0, A1, A2, RA, SP, ZERO, enc
from la64_differential import NAMES, body
from la64_operands import Random

from arcetui.disassembly import disassemble as disassemble_many
from kernel.inspect.disassembly import decoder
from kernel.machine.arch import ARCHES
from kernel.machine.engines import make_engines
from kernel.machine.engines.loongarch64 import llvm_library as library
from kernel.machine.engines.loongarch64 import make
from kernel.machine.engines.loongarch64.decode import decode
from kernel.machine.engines.loongarch64.disassembler import disassemble
from kernel.machine.engines.loongarch64.isa import TABLE, is_vector
from kernel.machine.engines.loongarch64.semantics import SEMANTICS
from kernel.machine.ram import Ram


@pytest.fixture
def quick(monkeypatch):
    """Builds are not optimized."""
    monkeypatch.setattr(library, "_OPTIMIZED", 0)
    try:
        library.load()
    except library.Unusable as why:
        pytest.skip(str(why))


def test_the_cache_is_used_and_repaired(quick, tmp_path):
    assert not library._load(tmp_path).is_cached
    (path,) = tmp_path.iterdir()
    assert library._load(tmp_path).is_cached
    good = path.read_bytes()
    for bad in (b"", good[:1000], good[:-1] + bytes([good[-1] ^ 1]), b"\0" * len(good)):
        path.write_bytes(bad)
        assert not library._load(tmp_path).is_cached
        assert path.read_bytes() == good
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # no temporary files stay


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
def test_what_others_may_write_is_not_loaded(quick, tmp_path, monkeypatch):
    library._load(tmp_path)
    (path,) = tmp_path.iterdir()
    path.chmod(0o666)
    assert library.read_cached(path) is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    directory = library.cache_directory()
    assert directory is not None
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    directory.chmod(0o777)
    assert library.cache_directory() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))  # a file
    assert library.cache_directory() is None


def test_a_relative_cache_directory_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert library.cache_directory() == tmp_path / "home" / ".cache" / "arcetui"
    assert not (tmp_path / "here").exists()


def test_without_a_cache_it_is_built_in_memory(quick):
    assert not library._load(None).is_cached


def test_a_full_disk_does_no_harm(quick, tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", fail)
    assert not library._load(tmp_path).is_cached
    assert list(tmp_path.iterdir()) == []


def test_all_sources_are_part_of_the_key():
    """Whatever the generator imports of this package changes the key."""
    here = Path(library.__file__).parent
    code = (
        "import sys; import kernel.machine.engines.loongarch64.llvm_module;"
        "print(*[m for m in sys.modules if m.startswith('kernel.machine.engines.loongarch64.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used = {
        name.removeprefix("kernel.machine.engines.loongarch64.") for name in done.stdout.split()
    }
    used = {name.replace(".", "/") for name in used}
    used = {name if (here / f"{name}.py").exists() else f"{name}/__init__" for name in used}
    assert used <= set(library._SOURCES)
    assert all((here / f"{name}.py").exists() for name in library._SOURCES)


def test_choosing_a_back_end(monkeypatch):
    def refuse():
        raise library.Unusable("the LLVM back end needs llvmlite; install it: pip install ...")

    arch, ram = ARCHES["loongarch64"], Ram(0, 4096)
    names = {
        name: type(make_engines(arch, ram, [None], name)[0]).__name__ for name in ("auto", "python")
    }
    assert names["python"] == "PythonEngine"
    monkeypatch.setattr(make, "load", refuse)
    (engine,) = make_engines(arch, ram, [None])
    assert type(engine).__name__ == "PythonEngine"
    assert "install it: pip install" in engine.note
    assert make_engines(arch, ram, [None], "python")[0].note == ""  # it was asked for
    with pytest.raises(RuntimeError, match="install it: pip install"):
        make_engines(arch, ram, [None], "llvm")
    with pytest.raises(ValueError, match="one of auto, llvm, python"):
        make_engines(arch, ram, [None], "qemu")
    with pytest.raises(ValueError, match="one engine only"):
        make_engines(ARCHES["riscv64"], ram, [], "python")


def test_nothing_of_llvm_is_imported_for_the_python_engine():
    code = (
        "import sys; from kernel.machine.engines import make_engines;"
        "from kernel.machine.arch import ARCHES; from kernel.machine.ram import Ram;"
        "make_engines(ARCHES['loongarch64'], Ram(0, 4096), [None], 'python');"
        "print('llvmlite' in sys.modules, 'unicorn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


# -- the table ------------------------------------------------------------------------------------


def test_every_row_has_a_meaning_and_decodes_as_itself():
    assert set(SEMANTICS) == set(TABLE)
    assert len(TABLE) == 372
    r = Random("words")
    for row in TABLE.values():
        for _ in range(20):
            word = row.match | r.bits(32) & ~row.format.mask
            insn = decode(word)
            assert insn is not None and insn.row is row


def test_what_is_encoded_is_decoded():
    r = Random("bodies")
    seen = set()
    for name in NAMES:
        for word in body(r, name).code:
            insn = decode(word)
            assert insn is not None
            seen.add(insn.row.name)
    assert seen >= set(NAMES)


def test_undefined_words():
    assert decode(0) is None
    assert decode(0xFFFF_FFFF) is None
    assert is_vector(0x2C00_0000)
    assert not is_vector(0)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (0x0340_0000, "nop"),
        (0x02FF_C063, "addi.d $sp, $sp, -16"),
        (0x4C00_0020, "ret"),
        (0x0015_0085, "move $a1, $a0"),
        (0x28C3_2061, "ld.d $ra, $sp, 200"),
        (0x28C0_4095, "ld.d $r21, $a0, 16"),
        (0x0382_2C0B, "ori $a7, $zero, 139"),
        (0x002B_0000, "syscall 0"),
        (0x002A_0007, "break 7"),
        (enc("bstrins.d", SP, ZERO, 3, 0), "bstrins.d $sp, $zero, 3, 0"),
        (enc("amadd_db.w", A0, A1, A2), "amadd_db.w $a0, $a1, $a2"),
        (enc("alsl.d", A0, A1, A2, 2), "alsl.d $a0, $a1, $a2, 3"),
        (enc("fmadd.d", 0, 9, 24, 1), "fmadd.d $fa0, $ft1, $fs0, $fa1"),
        (enc("fcmp.clt.s", 3, 0, 1), "fcmp.clt.s $fcc3, $fa0, $fa1"),
        (enc("movgr2fcsr", 0, A0), "movgr2fcsr $fcsr0, $a0"),
        (enc("bceqz", 5, -8), "bceqz $fcc5, 0x11ff8"),
        (enc("bl", 0x1000), "bl 0x13000"),
        (enc("beq", A0, A1, 16), "beq $a0, $a1, 0x12010"),
        (enc("jirl", RA, A0, 8), "jirl $ra, $a0, 8"),
        (enc("csr") | 0x10 << 10 | 4, "csrrd $a0, 0x10"),
        (enc("csr") | 0x10 << 10 | 5 << 5 | 4, "csrxchg $a0, $a1, 0x10"),
    ],
)
def test_disassembly(word, text):
    data = word.to_bytes(4, "little")
    got = disassemble(data, 0x1_2000)
    assert got is not None
    assert f"{got[1]} {got[2]}".rstrip() == text


def test_front_ends_get_it_through_inspect():
    assert decoder("loongarch64") is disassemble
    assert decoder("riscv64") is None
    insns = disassemble_many("loongarch64", enc("b", 8).to_bytes(4, "little") + bytes(4), 0x1000)
    assert [(i.text, i.target) for i in insns] == [("b 0x1008", 0x1008), (".word 0x0", 0)]
    assert disassemble(b"\0\0", 0) is None
