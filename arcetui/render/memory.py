"""Memory as text: hexdump, gdb's x command, pwndbg's telescope."""

from __future__ import annotations

import struct
from collections.abc import Callable

from arcetui.render.row import Row, Span, plain, row

Reader = Callable[[int, int], bytes]
Namer = Callable[[int], str]
_U64 = (1 << 64) - 1


def printable(byte: int) -> str:
    """The character, or a dot."""
    return chr(byte) if 0x20 <= byte < 0x7F else "."


def hexdump(data: bytes, address: int) -> list[Row]:
    """Sixteen bytes a row, with the characters."""
    out: list[Row] = []
    for at in range(0, len(data), 16):
        line = data[at : at + 16]
        left = " ".join(f"{byte:02x}" for byte in line[:8])
        right = " ".join(f"{byte:02x}" for byte in line[8:])
        out.append(
            row(
                (f"{address + at:#014x}  ", "addr"),
                (f"{left:<23}  {right:<23}  ", "value"),
                ("|" + "".join(map(printable, line)) + "|", "string"),
            )
        )
    return out


_FLOATS = {4: "<f", 8: "<d"}


def number(value: int, letter: str, size_bytes: int) -> str:
    """One value in an x or p format: x d u o t a c f."""
    mask = (1 << size_bytes * 8) - 1
    bits = value & mask
    signed = bits - mask - 1 if bits >> (size_bytes * 8 - 1) else bits
    match letter:
        case "d":
            return str(signed)
        case "u":
            return str(bits)
        case "o":
            return f"0{bits:o}" if bits else "0"
        case "t":
            return f"{bits:b}"
        case "z":
            return f"{bits:#0{2 + size_bytes * 2}x}"
        case "f" if size_bytes in _FLOATS:
            return (
                f"{struct.unpack(_FLOATS[size_bytes], bits.to_bytes(size_bytes, 'little'))[0]:.9g}"
            )
        case "c":
            code = bits & 0xFF
            return f"{signed if size_bytes > 1 else code} {character(code)}"
        case _:
            return f"{bits:#x}"


def character(code: int) -> str:
    """A character between quotes, as C writes it."""
    known = {0: "\\0", 9: "\\t", 10: "\\n", 13: "\\r", 39: "\\'", 92: "\\\\"}
    shown = known.get(code) or (chr(code) if 0x20 <= code < 0x7F else f"\\{code:03o}")
    return f"'{shown}'"


def examine(data: bytes, address: int, letter: str, size_bytes: int, name: Namer) -> list[Row]:
    """Gdb's x: values of one size, 16 bytes a row (one a row for addresses)."""
    per_row = {"a": 2 if size_bytes == 8 else 1, "c": 8}.get(letter, max(16 // size_bytes, 1))
    if letter == "t":
        per_row = max(8 // size_bytes, 1)
    out: list[Row] = []
    step = per_row * size_bytes
    for at in range(0, len(data) // size_bytes * size_bytes, step):
        here = address + at
        label = name(here)
        spans = [Span(f"{here:#x}", "addr"), Span(f" <{label}>" if label else "", "comment")]
        spans.append(Span(":"))
        for each in range(at, min(at + step, len(data) // size_bytes * size_bytes), size_bytes):
            value = int.from_bytes(data[each : each + size_bytes], "little")
            text = number(value, "x" if letter == "a" else letter, size_bytes)
            pointed = name(value) if letter == "a" else ""
            spans.append(Span("\t" + text, "value"))
            spans.append(Span(f" <{pointed}>" if pointed else "", "comment"))
        out.append(tuple(span for span in spans if span.text))
    return out


def as_text(data: bytes) -> str:
    """The printable string memory starts with, or "" if it is none (at least two characters)."""
    end = data.find(0)
    body = data if end < 0 else data[:end]
    if len(body) < 2 or any(not 0x20 <= byte < 0x7F and byte not in b"\t\n" for byte in body):
        return ""
    text = body.decode("ascii").replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text[:40]}"' + ("..." if len(text) > 40 or end < 0 else "")


def chain(value: int, read: Reader, name: Namer, style: Callable[[int], str], most: int = 4) -> Row:
    """A value and what it points to, and what that points to."""
    spans = [Span(f"{value:#x}", style(value))]
    seen = {value}
    for _ in range(most):
        label = name(value)
        if label:
            spans.append(Span(f" <{label}>", "comment"))
        if style(value) in {"code", "wx"}:
            break
        data = read(value, 8)
        if len(data) < 8:
            break
        shown = as_text(read(value, 44))
        if shown:
            spans.append(Span(f" -> {shown}", "string"))
            break
        value = int.from_bytes(data, "little")
        spans.append(Span(" -> ", "dim"))
        spans.append(Span(f"{value:#x}", style(value)))
        if value in seen or not read(value, 1):
            break
        seen.add(value)
    return tuple(spans)


def telescope(
    address: int,
    count: int,
    read: Reader,
    name: Namer,
    style: Callable[[int], str],
    marks: dict[int, str],
) -> list[Row]:
    """Words from an address on, each followed through memory; `marks` are registers by value."""
    out: list[Row] = []
    for index in range(count):
        here = (address + 8 * index) & _U64
        data = read(here, 8)
        head = (f"{index:02x}:{8 * index:04x} ", "dim")
        mark = (f"{marks.get(here, ''):<8} ", "key")
        if len(data) < 8:
            out.append(row(head, mark, (f"{here:#x}", "addr"), ("  not mapped", "error")))
            break
        value = int.from_bytes(data, "little")
        follow = chain(value, read, name, style)
        out.append((*row(head, mark, (f"{here:#x}", style(here)), (" -> ", "dim")), *follow))
    return out or [plain("nothing is mapped there", "error")]
