"""A guest program that makes system calls with pseudo-random numbers and arguments.

The machine code is a loop: xorshift64 (`x ^= x << 13; x ^= x >> 7; x ^= x << 17`) picks
the number from a table of 512 and six arguments from another; after the given count, exit_group(0).
Both tables are the test's: they hold every call but those that end or stop the program at once, and
values with a meaning (descriptors, flags, lengths, pointers good and bad) besides random ones.
"""

from __future__ import annotations

import random
import struct

from kernel.plugins.starry.api.dispatch import syscall_table
from kernel.plugins.starry.api.numbers import NUMBERS
from tests.conformance.tiny_elf import CODE_VA, DATA_VA, tiny_elf

CODE = {
    "x86_64": """
        bd00005000488b5d004c8b6508e8660000004889d848c1e80825ff0100004c8bacc500100000e84d00000049
        89de4c8dbd00200000e85d0000004889c7e8550000004889c6e84d0000004889c2e8450000004989c2e83d00
        00004989c0e8350000004989c14c89e80f0549ffcc759eb8e700000031ff0f054889d848c1e00d4831c34889
        d848c1e8074831c34889d848c1e0114831c3c34c89f049c1ee0925ff010000498b04c7c3
    """,
    "riscv64": """
        370450008334040003398400b7120000b3095400338a5900ef0fc00693d2840093f2f21f93923200b3823201
        83ba0200ef0f4005138b0400ef0f800613850200ef0f000693850200ef0f800513860200ef0f000593860200
        ef0f800413870200ef0f00049387020093880a00730000001309f9ffe31209fa9308e0051305000073000000
        9392d400b3c4540093d27400b3c4540093921401b3c4540067800f009372fb1f135b9b0093923200b3824201
        83b2020067800f00
    """,
    "aarch64": """
        130aa0d2740240f9750640f976064091d706409118000094894248d3d87a69f815000094f90314aa17000094
        e00309aa15000094e10309aa13000094e20309aa11000094e30309aa0f000094e40309aa0d000094e50309aa
        e80318aa010000d4b50600f181fdff54c80b80d2000080d2010000d4943614ca941e54ca944614cac0035fd6
        2923409239ff49d3e97a69f8c0035fd6
    """,
    "loongarch64": """
        17a00014f802c028f922c0283aa000145ba00014006400540c23d0008c692d009c01c028005400541d031500
        0068005484011500006000548501150000580054860115000050005487011500004800548801150000400054
        890115008b03150000002b0039ffff023fafff470b7881030400c00200002b000c37410018b315000c1f4500
        18b315000c47410018b315002000004cac03c800bd2745008c6d2d008c01c0282000004c
    """,
}
SKIPPED = ("exit", "exit_group", "pause", "rt_sigsuspend", "reboot")
BUFFER_VA = DATA_VA + 0x3000
BUFFER_BYTES = 0x10000
MASK = (1 << 64) - 1


def numbers(arch: str, rng: random.Random) -> list[int]:
    """512 call numbers: half of Linux's, some that are none, the rest what is here.

    rt_sigreturn, which mostly ends the program, is in one table of eight.
    """
    skipped = {NUMBERS[arch].get(name) for name in SKIPPED}
    if rng.randrange(8):
        skipped.add(NUMBERS[arch]["rt_sigreturn"])
    known = [nr for nr in NUMBERS[arch].values() if nr not in skipped]
    table = known + [-1 & MASK, 1 << 40, 5000, 0xFFFF_FFFF, rng.getrandbits(64)]
    handled = [nr for nr in syscall_table(arch).entries if nr not in skipped]
    return rng.sample(table, min(len(table), 256)) + rng.choices(handled, k=256)


def arguments(rng: random.Random) -> list[int]:
    """512 argument values."""
    pages = [BUFFER_VA + 0x1000 * i for i in range(12)]
    fixed = [*(1 << bit for bit in range(64)), *(-n & MASK for n in range(1, 12)), -100]
    fixed += [4095, 4096, 4097, 0x10000, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, (1 << 47) - 4096]
    fixed += [CODE_VA + 0x1000, DATA_VA, 0x7FFF_FFFF_F000, 0x8000_0000_0000, 0x10_0000_0000]
    table = [value & MASK for value in fixed] + pages * 6
    table += [BUFFER_VA + rng.randrange(BUFFER_BYTES) & ~7 for _ in range(120)]
    table += [BUFFER_VA + rng.randrange(BUFFER_BYTES) for _ in range(20)]
    table += [rng.randrange(12) for _ in range(120)] + [rng.randrange(300) for _ in range(40)]
    return table + [rng.getrandbits(64) for _ in range(512 - len(table))]


def storm_elf(arch: str, seed: int, count: int) -> bytes:
    """The program, to make `count` calls."""
    rng = random.Random(seed)
    data = struct.pack("<QQ", rng.getrandbits(64) | 1, count).ljust(0x1000, b"\0")
    data += struct.pack("<512Q", *numbers(arch, rng)) + struct.pack("<512Q", *arguments(rng))
    words = b"/tmp/a\0/dev/null\0/proc/self/maps\0..\0/tmp\0user.x\0" * 20
    structs = b"".join(struct.pack("<QQ", rng.choice((0, 1, BUFFER_VA)), 64) for _ in range(64))
    texts = (words.ljust(0x2000, b"\0") + structs * 2).ljust(0x5000, b"\1")
    code = bytes.fromhex("".join(CODE[arch].split()))
    return tiny_elf(arch, code, data + texts, BUFFER_BYTES - len(texts))
