"""The fast walks against a slow, literal reading of each format, on random tables."""

from __future__ import annotations

import pickle
import random

import pytest

from kernel.machine.mmu import Mmu
from kernel.machine.ram import Ram

BASE = 0x8000_0000
R, W, X = 1, 2, 4
FORMATS = ["x86_64", "sv39", "sv48", "aarch64", "loongarch64"]
LEVELS = {"x86_64": 4, "sv39": 3, "sv48": 4, "aarch64": 4, "loongarch64": 4}
USER_BITS = {"x86_64": 47, "sv39": 38, "sv48": 47, "aarch64": 48, "loongarch64": 47}


def bit(entry: int, number: int) -> bool:
    return bool(entry >> number & 1)


def field(entry: int, low: int, high: int) -> int:
    return entry >> low & (1 << high - low + 1) - 1


class Slow:
    """Walk as a dict of changes, so that both sides can be compared."""

    def __init__(self, fmt: str, ram: Ram, root: int) -> None:
        self.fmt, self.ram, self.root = fmt, ram, root

    def walk(self, va: int) -> tuple[list[tuple[int, int]], int] | None:
        """Entries from the root to the leaf, and how many levels are below the leaf."""
        fmt, levels = self.fmt, LEVELS[self.fmt]
        width = 12 + 9 * levels
        top = va >> width - 1
        if fmt == "aarch64":
            if va >> 48:
                return None
        elif fmt == "loongarch64":
            if va >> 47:
                return None
        elif top not in (0, (1 << 64 - width + 1) - 1):
            return None
        table, path = self.root, []
        for level in reversed(range(levels)):
            at = table + 8 * (va >> 12 + 9 * level & 511)
            entry = int.from_bytes(self.ram.read(at, 8), "little")
            path.append((at, entry))
            kind = getattr(self, "kind_" + fmt.rstrip("_0123456789"))(entry, level)
            if kind == "absent":
                return None
            if kind == "leaf":
                return path, level
            table = kind
        raise AssertionError

    def kind_x(self, e: int, level: int):
        if not bit(e, 0):
            return "absent"
        if level == 0:
            return "leaf"
        if bit(e, 7):
            return "leaf" if level < 3 else "absent"
        return field(e, 12, 51) << 12

    def kind_sv(self, e: int, level: int):
        if not bit(e, 0) or (bit(e, 2) and not bit(e, 1)):
            return "absent"
        if e & 0b1110:
            return "leaf"
        return field(e, 10, 53) << 12 if level else "absent"

    def kind_aarch(self, e: int, level: int):
        if not bit(e, 0):
            return "absent"
        if level == 0:
            return "leaf" if bit(e, 1) else "absent"
        if not bit(e, 1):
            return "leaf" if level < 3 else "absent"
        return field(e, 12, 47) << 12

    def kind_loongarch(self, e: int, level: int):
        if level == 0 or (level < 3 and bit(e, 6)):
            return "leaf" if bit(e, 0) else "absent"
        return field(e, 12, 47) << 12 if e else "absent"

    def rights(self, path: list[tuple[int, int]]) -> int:
        entries = [e for _, e in path]
        leaf, upper = entries[-1], entries[:-1]
        fmt = self.fmt
        if fmt == "x86_64":
            if not all(bit(e, 2) for e in entries):
                return 0
            rights = R | (W if all(bit(e, 1) for e in entries) else 0)
            return rights | (0 if any(bit(e, 63) for e in entries) else X)
        if fmt.startswith("sv"):
            if not bit(leaf, 4):
                return 0
            return sum(flag for flag, n in ((R, 1), (W, 2), (X, 3)) if bit(leaf, n))
        if fmt == "aarch64":
            if not bit(leaf, 10):
                return 0
            rights = 0
            if bit(leaf, 6) and not any(bit(e, 61) for e in upper):
                rights = R
                if not bit(leaf, 7) and not any(bit(e, 62) for e in upper):
                    rights |= W
            return rights | (0 if bit(leaf, 54) or any(bit(e, 60) for e in upper) else X)
        if field(leaf, 2, 3) != 3:
            return 0
        return (
            (0 if bit(leaf, 61) else R) | (W if bit(leaf, 1) else 0) | (0 if bit(leaf, 62) else X)
        )

    def frame(self, va: int, leaf: int, level: int) -> int:
        size = 1 << 12 + 9 * level
        pa = field(leaf, 10, 53) << 12 if self.fmt.startswith("sv") else field(leaf, 12, 51) << 12
        if self.fmt in ("aarch64", "loongarch64"):
            pa &= (1 << 48) - 1
        if self.fmt.startswith("sv") and pa % size:
            return -1
        return (pa & -size) + (va & size - 1 & ~0xFFF)

    def translate(self, va: int, access: int) -> tuple[int, int, dict[int, int]]:
        """(frame or -1, rights, entries to change)."""
        found = self.walk(va)
        if found is None:
            return -1, 0, {}
        path, level = found
        rights = self.rights(path)
        frame = self.frame(va, path[-1][1], level)
        if frame < 0 or not rights & access:
            return -1, 0, {}
        changes: dict[int, int] = {}
        if access != X and self.fmt == "x86_64":
            changes = {at: e | 0x20 for at, e in path if not bit(e, 5)}
            at, e = path[-1]
            if access == W and not bit(e, 6):
                changes[at] = e | 0x60
        elif access != X and self.fmt.startswith("sv"):
            at, e = path[-1]
            wanted = e | 0x40 | (0x80 if access == W else 0)
            if wanted != e:
                changes = {at: wanted}
        return frame, rights, changes

    def allowed(self, va: int, access: int) -> int:
        """Rights that a cached answer to `access` may carry: those that change nothing."""
        before = {at: self.ram.read_u64(at) for at in self.translate(va, access)[2]}
        for at, entry in self.translate(va, access)[2].items():
            self.ram.write_u64(at, entry)
        allowed = 0
        for right in (R, W, X):
            frame, _, changes = self.translate(va, right)
            if frame >= 0 and not changes:
                allowed |= right
        for at, entry in before.items():
            self.ram.write_u64(at, entry)
        return allowed


def random_entry(rng: random.Random, fmt: str, level: int, tables: list[int]) -> int:
    """An entry near the interesting cases: mostly good, with a few bits changed."""
    target = rng.choice(tables)
    if level and rng.random() < 0.75:
        entry = {
            "x86_64": target | 7 | rng.choice((0, 0x20)),
            "aarch64": target | 3,
            "loongarch64": target,
        }.get(fmt, target >> 2 | 1)
        flips = {"x86_64": (1, 2, 5, 63), "aarch64": (59, 60, 61, 62), "loongarch64": ()}
        for n in flips.get(fmt, ()):
            if rng.random() < 0.06:
                entry ^= 1 << n
    else:
        size = 1 << 12 + 9 * level
        page = BASE + rng.randrange(1 << 20) * 4096
        if rng.random() < 0.9:
            page &= -size
        entry = {
            "x86_64": page | 7 | rng.choice((0, 0x20, 0x60)) | (0x80 if level else 0),
            "aarch64": page | 0x441 | (0 if level else 2),
            "loongarch64": page | 0x1D | (0x40 if level else 0) | rng.choice((0, 2, 0x102)),
        }.get(fmt, page >> 2 | 0x11 | rng.randrange(8) << 1 | rng.choice((0, 0x40, 0xC0)))
        flips = {
            "x86_64": (0, 1, 2, 63),
            "aarch64": (0, 1, 6, 7, 10, 53, 54),
            "loongarch64": (0, 2, 3, 61, 62),
        }
        for n in flips.get(fmt, (0, 4)):
            if rng.random() < 0.12:
                entry ^= 1 << n
    return 0 if rng.random() < 0.04 else entry


def random_tables(fmt: str, seed: int) -> tuple[Ram, int, list[list[int]]]:
    """Tables whose first eight slots are filled, some of them in the upper half."""
    rng = random.Random(seed)
    ram = Ram(BASE, 1 << 17)
    levels = LEVELS[fmt]
    tables = [[BASE + 4096 * (4 * level + i) for i in range(4)] for level in range(levels)]
    slots = [0, 1, 2, 100, 255, 256, 300, 511]
    for level in range(levels):
        for table in tables[level]:
            for slot in slots:
                entry = random_entry(rng, fmt, level, tables[max(0, level - 1)])
                ram.write_u64(table + 8 * slot, entry)
    return ram, tables[-1][0], [slots] * levels


@pytest.mark.parametrize("fmt", FORMATS)
def test_fast_walk_equals_the_slow_one(fmt):
    rng = random.Random(fmt)
    hits = 0
    for seed in range(20):
        ram, root, slots = random_tables(fmt, seed)
        fast, slow = Mmu(fmt, ram), Slow(fmt, ram, root)
        fast.root = root
        for _ in range(100):
            va = sum(rng.choice(s) << 12 + 9 * i for i, s in enumerate(slots))
            if va >> 11 + 9 * len(slots) and fmt not in ("aarch64", "loongarch64"):
                va |= (1 << 64) - (1 << 12 + 9 * len(slots))
            if rng.random() < 0.05:
                va ^= 1 << rng.randrange(USER_BITS[fmt], 64)
            va += rng.randrange(4096)
            access = rng.choice((R, W, X))
            try:
                frame, rights, changes = slow.translate(va, access)
            except IndexError:
                continue  # a table outside RAM: a kernel bug, not the walker's business
            expected = -1 if frame < 0 else frame | slow.allowed(va, access)
            wanted = bytearray(ram.read(BASE, 1 << 16))
            for at, entry in changes.items():
                wanted[at - BASE : at - BASE + 8] = entry.to_bytes(8, "little")
            ram.dirty.clear()
            assert fast.translate(va, access) == expected, (fmt, seed, hex(va), access)
            assert ram.read(BASE, 1 << 16) == wanted
            assert ram.dirty == {at >> 12 for at in changes}
            if frame >= 0:
                hits += 1
                assert rights & access
    assert hits > 300, "the tables are too random to test anything"


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_unknown_format_and_pickles(fmt):
    ram, root, _ = random_tables(fmt, 1)
    mmu = Mmu(fmt, ram)
    mmu.root = root
    make, arguments = mmu.__reduce__()[:2]
    again = make(*arguments)
    assert (type(again), again.root, again.ram) == (type(mmu), root, ram)
    assert pickle.dumps(make)
    with pytest.raises(ValueError, match="no page-table format 'sv57'"):
        Mmu("sv57", ram)
