from __future__ import annotations

import pickle

import pytest

from kernel.plugins.starry.api.abi import as_int32, as_int64, as_uint32
from kernel.plugins.starry.api.dispatch import syscall_table
from kernel.plugins.starry.api.numbers import NAMES, NUMBERS, syscall_name


def test_numbers_known_from_the_headers() -> None:
    x86, riscv = NUMBERS["x86_64"], NUMBERS["riscv64"]
    arm, loong = NUMBERS["aarch64"], NUMBERS["loongarch64"]
    assert (x86["read"], x86["mmap"], x86["exit_group"], x86["statx"]) == (0, 9, 231, 332)
    assert (x86["pidfd_send_signal"], x86["mseal"]) == (424, 462)
    for table in (riscv, arm, loong):
        assert (table["write"], table["mmap"], table["rt_sigreturn"]) == (64, 222, 139)
        assert (table["brk"], table["clone3"], table["mseal"]) == (214, 435, 462)
        assert "open" not in table and "fork" not in table
    assert arm["renameat"] == 38 and "renameat" not in riscv
    assert riscv["getrlimit"] == 163 and "getrlimit" not in loong
    assert riscv["riscv_flush_icache"] == 259 and "riscv_flush_icache" not in arm
    assert len(x86) > 370 and len(loong) > 310


@pytest.mark.parametrize("arch", sorted(NUMBERS))
def test_numbers_and_names_are_inverse(arch: str) -> None:
    assert {nr: name for name, nr in NUMBERS[arch].items()} == NAMES[arch]
    assert len(NAMES[arch]) == len(NUMBERS[arch])
    assert syscall_name(arch, 0x9999) == "syscall_0x9999"


@pytest.mark.parametrize("arch", sorted(NUMBERS))
def test_tables_hold_every_family_and_pickle_by_reference(arch: str) -> None:
    table = syscall_table(arch)
    handler, count = table.entries[NUMBERS[arch]["mmap"]]
    assert (handler.__name__, count) == ("sys_mmap", 6)
    assert len(table.entries) > 100
    assert all(count <= 6 for _, count in table.entries.values())
    data = pickle.dumps(table)
    assert len(data) < 200
    assert pickle.loads(data) is table


def test_arguments_are_taken_as_c_takes_them() -> None:
    assert as_int32(0xFFFF_FFFF_FFFF_FFFF) == -1
    assert as_int32(0x1_0000_0005) == 5
    assert as_int32(0x8000_0000) == -(1 << 31)
    assert as_uint32(0x1_FFFF_FFFF) == 0xFFFF_FFFF
    assert as_int64((1 << 64) - 2) == -2


def test_only_some_architectures_look_at_32_bits_of_the_number() -> None:
    assert syscall_table("x86_64").truncate(1 << 32 | 39) == 39
    assert syscall_table("riscv64").truncate(1 << 32 | 39) == 1 << 32 | 39
