"""The native decoder: `@la64_decode`, the handler of every record that is not decoded yet.

It reads the instruction word, finds its row through two tables, fills the record and goes on in
the handler found. Rows are numbered from 1 in the order of the table; 0 means undefined.
"""

from __future__ import annotations

import array
from typing import Final

from kernel.machine.engines.loongarch64 import llvm_layout as at
from kernel.machine.engines.loongarch64.builder import Value
from kernel.machine.engines.loongarch64.formats import Format
from kernel.machine.engines.loongarch64.isa import TABLE
from kernel.machine.engines.loongarch64.llvm_builder import LlvmBuilder
from kernel.machine.engines.loongarch64.llvm_text import literal

_ROWS: Final = list(TABLE.values())
_FORMATS: Final = list(dict.fromkeys(row.format for row in _ROWS))
#: In the first table: the rest is a number of a second table, indexed by bits 14:10.
_SECOND: Final = 0x8000
_SUBFIELD: Final = 0x7C00


def _first_index(row_match: int, mask: int) -> list[int]:
    """All values of bits 31:15 that the row's mask admits."""
    indices = [row_match >> 15]
    for bit in range(17):
        if not mask >> 15 + bit & 1:
            indices += [index | 1 << bit for index in indices]
    return indices


def tables() -> tuple[array.array[int], array.array[int], list[int]]:
    """The two lookup tables, and for each row the one to try if its mask does not fit, or 0."""
    first = array.array("H", bytes(2 << 17))
    second = array.array("H")
    others = [0] * (len(_ROWS) + 1)
    for number, row in enumerate(_ROWS, 1):
        mask = row.format.mask
        is_fine = mask & _SUBFIELD == _SUBFIELD
        for index in _first_index(row.match, mask):
            if is_fine:
                if not first[index]:
                    first[index] = _SECOND | len(second) >> 5
                    second.extend([0] * 32)
                second[(first[index] & ~_SECOND) * 32 + (row.match >> 10 & 31)] = number
            elif first[index]:  # bceqz and bcnez differ in bits below 10
                others[first[index]] = number
            else:
                first[index] = number
    return first, second, others


def _array(name: str, kind: str, values: list[str]) -> str:
    body = ", ".join(f"{kind} {value}" for value in values)
    return f"@{name} = internal constant [{len(values)} x {kind}] [{body}]\n"


def _bytes(name: str, data: array.array[int]) -> str:
    text = "".join(f"\\{byte:02X}" for byte in data.tobytes())
    return f'@{name} = internal constant [{2 * len(data)} x i8] c"{text}", align 2\n'


def _signed(value: int) -> str:
    return literal(value, 32).text


class _Decoder(LlvmBuilder):
    """Body of the decoder."""

    def __init__(self) -> None:
        super().__init__(_ROWS[0])
        self.results: list[tuple[str, str, str, str]] = []  # label, operands, immediate, far

    def bits(self, low: int, count: int) -> Value:
        """A field of the word."""
        shifted = self.shift("lshr", Value("%word", 32), literal(low, 32))
        return self.op("and", shifted, literal((1 << count) - 1, 32))

    def look_up(self, table: str, kind: str, index: Value, bits: int) -> Value:
        """An entry of an array."""
        pointer = self.name(f"getelementptr {kind}, ptr @{table}, i64 {index.text}")
        return self.read(pointer, bits)

    def operands(self, form: Format) -> Value:
        """The four operand bytes."""
        packed = literal(0, 32)
        slots = {field.slot: field for field in form.fields}
        for slot, field in slots.items():
            value = self.bits(field.low, field.bits)
            if field.kind == "dest":
                if 2 not in slots:  # sc and the like also read it
                    packed = self.op("or", packed, self.shift("shl", value, literal(16, 32)))
                is_zero = self.compare("eq", value, literal(0, 32))
                value = self.select(is_zero, literal(at.TRASH, 32), value)
            packed = self.op("or", packed, self.shift("shl", value, literal(8 * slot, 32)))
        return packed

    def immediate(self, form: Format) -> tuple[Value, Value]:
        """(immediate, whether it is a branch that leaves the page)."""
        imm = form.immediate
        if imm is None:
            return literal(0, 32), literal(0, 1)
        value = literal(0, 32)
        for low, count in imm.pieces:
            upper = self.shift("shl", value, literal(count, 32))
            value = self.op("or", upper, self.bits(low, count))
        unused = literal(32 - imm.bits, 32)
        value = self.shift("shl", value, unused)
        value = self.shift("ashr" if imm.is_signed else "lshr", value, unused)
        value = self.shift("shl", value, literal(imm.scale, 32))
        if not form.is_branch:
            return value, literal(0, 1)
        target = self.op("add", Value("%offset", 32), value)
        is_far = self.compare("ugt", target, literal(4095, 32))
        near = self.shift("shl", value, literal(2, 32))  # from words of 4 to records of 16
        return self.select(is_far, value, near), is_far

    def write_formats(self) -> None:
        """A case per format."""
        for number, form in enumerate(_FORMATS):
            self.place(f"format{number}")
            operands = self.operands(form)
            imm, is_far = self.immediate(form)
            label = f"done{number}"
            self.go(label)
            self.place(label)
            self.go("done")
            self.results.append((label, operands.text, imm.text, is_far.text))

    def join(self, name: str, kind: str, column: int) -> None:
        """The value that the cases computed."""
        sources = ", ".join(f"[{result[column]}, %{result[0]}]" for result in self.results)
        zero = "false" if kind == "i1" else "0"
        self.put(f"%{name} = phi {kind} {sources}, [{zero}, %start]")


def _find_row(b: _Decoder) -> Value:
    """The number of the row, from %word."""
    index = b.zext(b.shift("lshr", Value("%word", 32), literal(15, 32)), 64)
    first = b.read(b.name(f"getelementptr i16, ptr @first, i64 {index.text}"), 16)
    has_second = b.compare("slt", first, literal(0, 16))
    base = b.shift("shl", b.zext(b.op("and", first, literal(_SECOND - 1, 16)), 64), literal(5))
    place = b.op("or", base, b.zext(b.bits(10, 5), 64))
    place = b.select(has_second, place, literal(0))
    second = b.read(b.name(f"getelementptr i16, ptr @second, i64 {place.text}"), 16)
    number = b.zext(b.select(has_second, second, first), 64)
    for _ in range(2):  # does it fit, or the other one?
        masked = b.op("and", Value("%word", 32), b.look_up("masks", "i32", number, 32))
        is_wrong = b.compare("ne", masked, b.look_up("matches", "i32", number, 32))
        other = b.zext(b.look_up("others", "i16", number, 16), 64)
        number = b.select(is_wrong, other, number)
    return number


def decoder_ir(handlers: dict[str, tuple[str, str]]) -> str:
    """The decoder and its tables.

    Args:
        handlers: By mnemonic: names of the handlers for branches inside a page, and out of it.
    """
    first, second, others = tables()
    both = ["@slow", "@slow"]
    for row in _ROWS:
        both += [f'@"{name}"' if name else "@slow" for name in handlers.get(row.name, ("", ""))]
    parts = [
        _bytes("first", first),
        _bytes("second", second),
        _array("others", "i16", [str(number) for number in others]),
        _array("masks", "i32", ["0", *(_signed(row.format.mask) for row in _ROWS)]),
        _array("matches", "i32", ["0", *(_signed(row.match) for row in _ROWS)]),
        _array("formats", "i8", ["127", *(str(_FORMATS.index(row.format)) for row in _ROWS)]),
        _array("handlers", "ptr", both),
    ]
    b = _Decoder()
    b.go("start")
    b.place("start")
    page = b.name(f"load ptr, ptr {b.at('%cpu', at.PAGE)}")
    host = b.name(f"load ptr, ptr {b.at(page, at.PAGE_HOST)}")
    record, start = (b.value(f"ptrtoint ptr {p} to i64", 64) for p in ("%ip", page))
    distance = b.op("sub", b.op("sub", record, start), literal(at.FIRST_RECORD))
    offset = b.shift("lshr", distance, literal(2))
    b.put(f"%offset = trunc i64 {offset.text} to i32")
    b.put(f"%word = load i32, ptr {b.at(host, offset.text)}, align 4")
    number = _find_row(b)
    form = b.look_up("formats", "i8", number, 8)
    cases = " ".join(f"i8 {i}, label %format{i}" for i in range(len(_FORMATS)))
    b.put(f"switch i8 {form.text}, label %done [{cases}]")
    b.write_formats()
    b.place("done")
    b.join("operands", "i32", 1)
    b.join("imm", "i32", 2)
    b.join("far", "i1", 3)
    b.write_to(b.at("%ip", at.SLOTS), Value("%operands", 32))
    b.write_to(b.at("%ip", at.IMMEDIATE), Value("%imm", 32))
    which = b.op("add", b.shift("shl", number, literal(1)), b.zext(Value("%far", 1), 64))
    entry = b.name(f"getelementptr ptr, ptr @handlers, i64 {which.text}")
    handler = b.name(f"load ptr, ptr {entry}, align 8")
    b.put(f"store ptr {handler}, ptr %ip, align 8")
    b.tail(handler)
    return "".join(parts) + b.function("la64_decode", linkage="")
