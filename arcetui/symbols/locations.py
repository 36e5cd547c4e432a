"""Where a variable is: DWARF location expressions, and lists of them by address.

Source: DWARF 5, sections 2.5, 2.6 and 7.7. What cannot be computed (a variable that was optimized
away here, a value in pieces) is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from arcetui.symbols.debug_info import (
    LOCLISTS_BASE,
    LOW_PC,
    RNGLISTS_BASE,
    DebugInfo,
    ListAt,
    Unit,
)
from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.line_program import Broken, Reader

_U64 = (1 << 64) - 1
_MOST_STEPS = 1000
_FOREVER = 1 << 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is: in memory at `address`, or the value itself.

    Attributes:
        address: Its address; -1 if it is not in memory.
        value: Its bytes, little-endian, if it is not in memory (a register's or a constant's).
    """

    address: int = -1
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a location expression may look at.

    Attributes:
        register: By DWARF number; None if its value is not known in this frame.
        read: Memory.
        frame_base: The function's DW_AT_frame_base, worked out; None if there is none.
        cfa: The canonical frame address; None if it is not known.
    """

    register: Callable[[int], int | None]
    read: Callable[[int, int], bytes]
    frame_base: Callable[[], int | None]
    cfa: Callable[[], int | None]
    bias: int = 0


class Unknown(Exception):
    """There is no value here."""


def evaluate(block: bytes, machine: Machine, info: DebugInfo, unit: Unit) -> Place | None:  # noqa: C901 - a case an operation
    """Work out a location expression."""
    reader = Reader(block)
    stack: list[int] = []
    is_value = False

    def register(number: int) -> int:
        value = machine.register(number)
        if value is None:
            raise Unknown
        return value

    def known(value: int | None) -> int:
        if value is None:
            raise Unknown
        return value

    try:
        steps = 0
        while reader.at < reader.end:
            steps += 1
            op = reader.uint(1)
            if steps > _MOST_STEPS:
                return None
            if op == 0x03:
                stack.append(reader.uint(8) + machine.bias)
            elif op in {0xA1, 0xA2}:
                value = info.address(unit, reader.uleb())
                stack.append(value + (machine.bias if op == 0xA1 else 0))
            elif 0x30 <= op <= 0x4F:
                stack.append(op - 0x30)
            elif 0x50 <= op <= 0x6F or op == 0x90:
                number = reader.uleb() if op == 0x90 else op - 0x50
                if reader.at < reader.end:
                    return None  # in pieces
                return Place(value=(register(number) & _U64).to_bytes(8, "little"))
            elif 0x70 <= op <= 0x8F:
                stack.append(register(op - 0x70) + reader.sleb())
            elif op == 0x92:
                stack.append(register(reader.uleb()) + reader.sleb())
            elif op == 0x91:
                stack.append(known(machine.frame_base()) + reader.sleb())
            elif op == 0x9C:
                stack.append(known(machine.cfa()))
            elif op in {0x08, 0x0A, 0x0C, 0x0E}:
                stack.append(reader.uint(1 << (op - 0x08) // 2))
            elif op in {0x09, 0x0B, 0x0D, 0x0F}:
                size = 1 << (op - 0x09) // 2
                raw = reader.uint(size)
                stack.append(raw - (1 << 8 * size) if raw >> 8 * size - 1 else raw)
            elif op == 0x10:
                stack.append(reader.uleb())
            elif op == 0x11:
                stack.append(reader.sleb())
            elif op == 0x06:
                data = machine.read(stack.pop() & _U64, 8)
                if len(data) < 8:
                    return None
                stack.append(int.from_bytes(data, "little"))
            elif op == 0x12:
                stack.append(stack[-1])
            elif op == 0x13:
                stack.pop()
            elif op == 0x16:
                stack[-1], stack[-2] = stack[-2], stack[-1]
            elif op == 0x23:
                stack[-1] += reader.uleb()
            elif op in {0x1A, 0x1C, 0x1E, 0x21, 0x22, 0x24, 0x25}:
                right, left = stack.pop(), stack.pop()
                stack.append(_arithmetic(op, left, right))
            elif op == 0x1F:
                stack[-1] = -stack[-1]
            elif op == 0x9F:
                is_value = True
            elif op == 0x9E:
                size = reader.uleb()
                start = reader.at
                reader.skip(size)
                return Place(value=block[start : start + size])
            else:
                return None
        if not stack:
            return None
        if is_value:
            return Place(value=(stack[-1] & _U64).to_bytes(8, "little"))
        return Place(stack[-1] & _U64)
    except (Broken, IndexError, Unknown, OverflowError):
        return None


def _arithmetic(op: int, left: int, right: int) -> int:
    match op:
        case 0x1A:
            return left & right
        case 0x1C:
            return left - right
        case 0x1E:
            return left * right & _U64
        case 0x21:
            return left | right
        case 0x22:
            return left + right
        case 0x24:
            return left << min(right & _U64, 64) & _U64
        case _:
            return (left & _U64) >> min(right & _U64, 64)


class Lists:
    """Location lists and range lists of a program, versions 4 and 5."""

    def __init__(self, elf: ElfFile, info: DebugInfo) -> None:
        self._info = info
        self._loc, self._loclists = elf.content(".debug_loc"), elf.content(".debug_loclists")
        self._ranges, self._rnglists = elf.content(".debug_ranges"), elf.content(".debug_rnglists")

    def location(self, unit: Unit, place: ListAt, pc: int) -> bytes | None:
        """The expression in force at `pc` (without bias); None: no value there."""
        try:
            if unit.version < 5:
                for start, end, block in self._old(self._loc, unit, place.offset, with_block=True):
                    if start <= pc < end:
                        return block
                return None
            at = self._offset(unit, place, self._loclists, LOCLISTS_BASE)
            for start, end, block in self._new(self._loclists, unit, at, with_block=True):
                if start <= pc < end:
                    return block
        except Broken:
            return None
        return None

    def covers(self, unit: Unit, place: ListAt, pc: int) -> bool:
        """Whether a list of ranges has `pc`."""
        try:
            if unit.version < 5:
                found = self._old(self._ranges, unit, place.offset, with_block=False)
            else:
                at = self._offset(unit, place, self._rnglists, RNGLISTS_BASE)
                found = self._new(self._rnglists, unit, at, with_block=False)
        except Broken:
            return False
        return any(start <= pc < end for start, end, _ in found)

    def _offset(self, unit: Unit, place: ListAt, data: bytes, base_attribute: int) -> int:
        if not place.is_index:
            return place.offset
        size = 8 if unit.wide else 4
        base = unit.bases.get(base_attribute, 0) or (20 if unit.wide else 12)
        at = base + place.offset * size
        return base + Reader(data, at).uint(size)

    def _base(self, unit: Unit) -> int:
        root = self._info.root(unit)
        return root.number(LOW_PC) if root is not None else 0

    def _old(
        self, data: bytes, unit: Unit, at: int, *, with_block: bool
    ) -> list[tuple[int, int, bytes]]:
        out: list[tuple[int, int, bytes]] = []
        reader, base = Reader(data, at), self._base(unit)
        while len(out) < _MOST_STEPS:
            start, end = reader.uint(8), reader.uint(8)
            if not start and not end:
                break
            if start == _U64:
                base = end
                continue
            block = b""
            if with_block:
                size = reader.uint(2)
                block = reader.data[reader.at : reader.at + size]
                reader.skip(size)
            out.append((base + start, base + end, block))
        return out

    def _new(
        self, data: bytes, unit: Unit, at: int, *, with_block: bool
    ) -> list[tuple[int, int, bytes]]:
        """Entries of `.debug_loclists` and `.debug_rnglists`; their kinds differ from 5 on."""
        out: list[tuple[int, int, bytes]] = []
        reader, base = Reader(data, at), self._base(unit)
        while len(out) < _MOST_STEPS:
            kind = reader.uint(1)
            if not kind:
                break
            if not with_block and kind >= 5:
                kind += 1  # range lists have no "default" entry
            if kind == 1:
                base = self._info.address(unit, reader.uleb())
                continue
            if kind == 6:
                base = reader.uint(8)
                continue
            if kind == 2:
                start, end = (self._info.address(unit, reader.uleb()) for _ in range(2))
            elif kind == 3:
                start = self._info.address(unit, reader.uleb())
                end = start + reader.uleb()
            elif kind == 4:
                start, end = base + reader.uleb(), base + reader.uleb()
            elif kind == 5:
                start, end = 0, _FOREVER
            elif kind == 7:
                start, end = reader.uint(8), reader.uint(8)
            elif kind == 8:
                start = reader.uint(8)
                end = start + reader.uleb()
            else:
                break
            block = b""
            if with_block:
                size = reader.uleb()
                block = reader.data[reader.at : reader.at + size]
                reader.skip(size)
            out.append((start, end, block))
        return out
