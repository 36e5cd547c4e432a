from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from tiny_elf import BASE, Elf, Phdr

from kernel.boot import LoadError
from kernel.machine.arch import ARCHES
from kernel.plugins.starry.core.layout import user_layout
from kernel.plugins.starry.core.stack_image import HARDWARE

NAMES = ("x86_64", "riscv64", "aarch64", "loongarch64")


def auxv_of(guest: Any) -> list[tuple[int, int]]:
    start, end = guest.t.process.auxv
    data = guest.aspace.read(start, end - start)
    return list(struct.iter_unpack("<QQ", data))


def string_at(guest: Any, va: int) -> bytes:
    return guest.t.mem.read_cstr(va)


@pytest.mark.parametrize("arch", NAMES)
def test_the_stack_is_laid_out_as_linux_does(new_guest: Callable[..., Any], arch: str) -> None:
    guest = new_guest(arch, argv=("prog", "two words", ""), envp=("A=1", "LONG=" + "x" * 100))
    sp = guest.cpu.engine.get(ARCHES[arch].sp)
    assert sp % 16 == 0
    read = guest.t.mem.read_u64
    assert read(sp) == 3
    argv = [read(sp + 8 * i) for i in range(1, 4)]
    assert [string_at(guest, va) for va in argv] == [b"prog", b"two words", b""]
    assert read(sp + 32) == 0
    envp = [read(sp + 40), read(sp + 48)]
    assert string_at(guest, envp[0]) == b"A=1"
    assert read(sp + 56) == 0
    assert guest.t.process.auxv[0] == sp + 64
    # strings lie one after the other, the file name last, eight zero bytes at the very top
    assert argv[1] == argv[0] + 5
    assert envp[0] == argv[2] + 1
    aux = dict(auxv_of(guest))
    top = guest.kernel.config.stack_top
    assert aux[31] == envp[1] + 106
    assert string_at(guest, aux[31]) == b"/bin/prog"
    assert aux[31] + len("/bin/prog") + 1 == top - 8
    assert read(top - 8) == 0
    assert guest.t.mem.read(aux[25], 16) != bytes(16)


@pytest.mark.parametrize("arch", NAMES)
def test_the_auxiliary_vector_has_linuxs_order(new_guest: Callable[..., Any], arch: str) -> None:
    guest = new_guest(arch)
    aux = auxv_of(guest)
    hardware = HARDWARE[arch]
    keys = [key for key, _ in hardware.before]
    keys += [16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25]
    keys += [26] if hardware.hwcap2 is not None else []
    keys += [31] + ([15] if hardware.platform else []) + [27, 28, 0]
    assert [key for key, _ in aux] == keys
    values = dict(aux)
    assert (values[6], values[17], values[7], values[23]) == (4096, 100, 0, 0)
    assert (values[3], values[4], values[5]) == (BASE + 64, 56, 1)
    assert values[9] == BASE + 0x200


@pytest.mark.parametrize("arch", NAMES)
def test_the_first_registers_are_zero(new_guest: Callable[..., Any], arch: str) -> None:
    guest = new_guest(arch)
    a = ARCHES[arch]
    assert guest.cpu.pc == BASE + 0x200
    for name, value in zip(a.registers, guest.cpu.engine.registers(), strict=True):
        if name not in (a.pc, a.sp, a.flags):
            assert value == 0, name


def test_segments_sharing_a_page_overlay_each_other(new_guest: Callable[..., Any]) -> None:
    # One file page holds the end of the code and the start of the data.
    elf = Elf(
        phdrs=[
            Phdr(flags=5, filesz=0x400, memsz=0x400),
            Phdr(flags=6, offset=0x400, vaddr=BASE + 0x400, filesz=0x100, memsz=0x2000),
        ],
        code=b"\x0f\x05".ljust(0x200, b"c") + b"d" * 0x100 + b"e" * 0x100,
    )
    guest = new_guest(elf=elf.build())
    assert guest.maps()[0] == (BASE, BASE + 0x1000, 3)
    assert guest.t.mem.read(BASE + 0x400, 0x100) == b"d" * 0x100
    assert guest.t.mem.read(BASE + 0x500, 0x1000) == bytes(0x1000)


def test_memory_after_the_file_part_is_zero_and_writable(new_guest: Callable[..., Any]) -> None:
    elf = Elf(
        phdrs=[
            Phdr(),
            Phdr(flags=6, offset=0x1000, vaddr=BASE + 0x3000, filesz=0x10, memsz=0x2800),
        ],
        size=0x2000,
        code=b"\x0f\x05".ljust(0xE00, b"c") + b"D" * 0x1000,
    )
    guest = new_guest(elf=elf.build())
    assert guest.maps()[:3] == [
        (BASE, BASE + 0x1000, 5),
        (BASE + 0x3000, BASE + 0x4000, 3),
        (BASE + 0x4000, BASE + 0x6000, 3),
    ]
    data = guest.t.mem.read(BASE + 0x3000, 0x2800)
    assert data == b"D" * 16 + bytes(0x27F0)
    guest.t.mem.write(BASE + 0x57FF, b"!")


def test_only_code_is_resident_at_first(new_guest: Callable[..., Any]) -> None:
    elf = Elf(
        phdrs=[Phdr(), Phdr(flags=6, offset=0x1000, vaddr=BASE + 0x3000)],
        size=0x2000,
    )
    guest = new_guest(elf=elf.build())
    assert guest.aspace.is_mapped(BASE)
    assert not guest.aspace.is_mapped(BASE + 0x3000)


def test_a_pie_goes_to_the_interpreter_base(new_guest: Callable[..., Any]) -> None:
    elf = Elf(kind=3, entry=0x200, phdrs=[Phdr(vaddr=0, align=0x10_0000)])
    guest = new_guest(elf=elf.build())
    assert guest.maps()[0][0] == 0x400_0000
    assert guest.cpu.pc == 0x400_0200
    assert dict(auxv_of(guest))[3] == 0x400_0040


def test_the_heap_is_empty_and_behind_the_program(new_guest: Callable[..., Any]) -> None:
    guest = new_guest()
    assert guest("brk", 0) == 0x4000_0000
    high = 0x5000_0000
    elf = Elf(entry=high + 0x200, phdrs=[Phdr(vaddr=high, memsz=0x1234)])
    assert new_guest(elf=elf.build())("brk", 0) == high + 0x2000


def test_an_executable_stack_is_given_when_asked_for(new_guest: Callable[..., Any]) -> None:
    elf = Elf(phdrs=[Phdr(), Phdr(kind=0x6474E551, flags=7, filesz=0, memsz=0)])
    assert new_guest(elf=elf.build()).maps()[-1][2] == 7
    assert new_guest().maps()[-1][2] == 3


@pytest.mark.parametrize("arch", ["riscv64", "aarch64", "loongarch64"])
def test_the_trampoline_is_mapped_where_it_is_needed(
    new_guest: Callable[..., Any], arch: str
) -> None:
    guest = new_guest(arch)
    va = user_layout(arch, guest.kernel.config).trampoline
    area = guest.aspace.areas.find(va)
    assert (area.name, area.flags & 7, str(area.backend)) == ("[vdso]", 5, "Linear")
    assert guest.t.process.signal.trampoline == va
    assert guest.t.mem.read_u32(va) != 0


def test_a_program_too_large_for_memory_is_refused(new_guest: Callable[..., Any]) -> None:
    elf = Elf(phdrs=[Phdr(), Phdr(flags=6, vaddr=1 << 45, filesz=0, memsz=1 << 35)])
    new_guest(elf=elf.build())  # data comes in by faults: nothing is refused
    elf = Elf(phdrs=[Phdr(vaddr=0x7FFE_FFFF_0000)], entry=0x7FFE_FFFF_0000)
    with pytest.raises(LoadError, match="room for its stack"):
        new_guest(elf=elf.build())


def test_too_many_arguments_are_refused(new_guest: Callable[..., Any]) -> None:
    with pytest.raises(LoadError):
        new_guest(argv=tuple("x" * 1000 for _ in range(4000)))


def test_empty_argv_becomes_the_path(new_guest: Callable[..., Any]) -> None:
    guest = new_guest(argv=())
    assert guest.t.process.name == "prog"
    start, end = guest.t.process.argv
    assert guest.aspace.read(start, end - start) == b"/bin/prog\0"
