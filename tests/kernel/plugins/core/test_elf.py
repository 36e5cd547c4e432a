from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from tiny_elf import BASE, Elf, Phdr

from kernel.boot import LoadError
from kernel.crates.elf import ElfError, parse_elf


def test_a_sound_program_is_read() -> None:
    image = parse_elf(Elf().build())
    assert (image.machine, image.is_pie, image.entry) == (62, False, BASE + 0x200)
    assert (image.start, image.end) == (BASE, BASE + 0x1000)
    assert (image.phdr_vaddr, image.phdr_bytes, image.phdr_count) == (BASE + 64, 56, 1)


def test_phdrs_are_found_through_pt_phdr_first() -> None:
    elf = Elf(phdrs=[Phdr(kind=6, vaddr=BASE + 0x40), Phdr()])
    assert parse_elf(elf.build()).phdr_vaddr == BASE + 0x40


@pytest.mark.parametrize(
    ("elf", "words"),
    [
        (Elf(ident=b"\x7fELF\x01\x01\x01"), "32-bit"),
        (Elf(ident=b"\x7fELF\x02\x02\x01"), "big-endian"),
        (Elf(ident=b"\x7fELF\x02\x01\x00"), "version"),
        (Elf(machine=40), "32-bit Arm"),
        (Elf(machine=0x1234), "machine number 4660"),
        (Elf(kind=1), "object file"),
        (Elf(kind=4), "core dump"),
        (Elf(phdrs=[Phdr(kind=3), Phdr()]), "link it statically"),
        (Elf(kind=3, entry=0), "shared library"),
        (Elf(phdrs=[Phdr(kind=4)]), "no loadable segment"),
        (Elf(phdrs=[Phdr(memsz=0, filesz=0)]), "no loadable segment"),
        (Elf(phentsize=32), "malformed"),
        (Elf(phnum=0), "malformed"),
        (Elf(phnum=2000), "malformed"),
        (Elf(phnum=200), "truncated"),
        (Elf(phdrs=[Phdr(filesz=0x2000, memsz=0x2000)]), "truncated inside the segment"),
        (Elf(phdrs=[Phdr(filesz=0x800, memsz=0x400)]), "more bytes in the file"),
        (Elf(phdrs=[Phdr(align=0x1800)]), "not a power of two"),
        (Elf(phdrs=[Phdr(vaddr=BASE + 16)]), "modulo 4096"),
        (Elf(phdrs=[Phdr(), Phdr(vaddr=BASE + 0x800, offset=0x800, filesz=16)]), "overlap"),
        (Elf(phdrs=[Phdr(vaddr=BASE + 0x2000), Phdr()]), "ascending"),
        (Elf(phdrs=[Phdr(vaddr=0)], entry=0x200), "outside user space"),
        (Elf(phdrs=[Phdr(vaddr=1 << 63)], entry=(1 << 63) + 4), "outside user space"),
        (Elf(phdrs=[Phdr(memsz=1 << 40)]), "GiB"),
        (Elf(kind=3, phdrs=[Phdr(vaddr=0, align=1 << 40)], entry=8), "position-independent"),
        (Elf(entry=BASE - 1), "entry point"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_a_sentence(elf: Elf, words: str) -> None:
    with pytest.raises(ElfError) as caught:
        parse_elf(elf.build())
    assert words in caught.value.sentence
    assert ":" in caught.value.sentence  # the remedy follows the reason


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "empty"), (b"hello", "not an ELF"), (b"#!/bin/sh\n", "script"), (b"\x7fELF", "header")],
)
def test_files_that_are_no_elf(data: bytes, words: str) -> None:
    with pytest.raises(ElfError, match=words):
        parse_elf(data)


def mutants(data: bytes, count: int, seed: int) -> Any:
    rng = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            at = rng.choice((rng.randrange(64), rng.randrange(64, 512), rng.randrange(len(data))))
            kind = rng.randrange(4)
            if kind == 0:
                mutant[at % len(mutant)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            elif kind == 1 and len(mutant) > 80:
                del mutant[rng.randrange(len(mutant)) :]
            else:
                start = at & ~7
                value = rng.choice((0, 1, 1 << 63, (1 << 64) - 1, 1 << 47, rng.getrandbits(64)))
                mutant[start : start + 8] = value.to_bytes(8, "little")
            if not mutant:
                break
        yield bytes(mutant)


SOUND = Elf(
    phdrs=[
        Phdr(flags=5),
        Phdr(flags=6, offset=0x1000, vaddr=BASE + 0x2000, filesz=0x800, memsz=0x3000),
        Phdr(kind=0x6474E551, flags=6, filesz=0, memsz=0),
    ],
    size=0x1800,
).build()


def test_only_elf_errors_come_out_of_5000_mutated_files() -> None:
    refused = 0
    for mutant in mutants(SOUND, 5000, 1):
        try:
            parse_elf(mutant)
        except ElfError:
            refused += 1
    assert 500 < refused < 5000


def test_mutated_files_boot_or_are_refused(new_guest: Callable[..., Any]) -> None:
    # Far fewer than are parsed: a machine is made for each one that survives parsing.
    tried = 0
    for mutant in mutants(SOUND, 400, 2):
        try:
            parse_elf(mutant)
        except ElfError:
            continue
        try:
            guest = new_guest(elf=mutant, memory_bytes=16 << 20)
        except LoadError:
            continue
        guest.system.board.run(2000)
        assert not guest.system.board.panic
        tried += 1
        if tried == 25:
            break
    assert tried
