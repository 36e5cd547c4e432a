"""Code as text: disassembly, source lines, backtraces."""

from __future__ import annotations

from arcetui.backtrace import Frame
from arcetui.disassembly import Insn, annotate
from arcetui.render.row import Row, plain, row
from arcetui.symbols import Symbols


def instruction(
    insn: Insn, symbols: Symbols | None, current: int, breaks: dict[int, int], *, raw: bool = False
) -> Row:
    """One instruction; `=>` marks the current one, `*` a breakpoint."""
    here = insn.address == current
    name = symbols.describe(insn.address) if symbols is not None else ""
    comment = annotate(insn, symbols)
    return row(
        ("=> " if here else "   ", "current"),
        ("* " if insn.address in breaks else "  ", "bp"),
        (f"{insn.address:#x}", "current" if here else "addr"),
        (f" <{name}>" if name else "", "comment"),
        ":\t",
        (f"{insn.data.hex(' '):<32} " if raw else "", "dim"),
        (f"{insn.mnemonic} {insn.operands}".rstrip(), "current" if here else "code"),
        (f"  {comment}" if comment else "", "comment"),
    )


def disassembly(
    insns: list[Insn],
    symbols: Symbols | None,
    current: int,
    breaks: dict[int, int],
    *,
    raw: bool = False,
    source: bool = False,
) -> list[Row]:
    """Instructions, with the source line before the first one of each line if asked for."""
    out: list[Row] = []
    last: tuple[str, int] | None = None
    for insn in insns:
        line = symbols.line(insn.address) if source and symbols is not None else None
        if line is not None and line != last and symbols is not None:
            last = line
            out.append(source_line(symbols, *line))
        out.append(instruction(insn, symbols, current, breaks, raw=raw))
    return out


def source_line(symbols: Symbols, file: str, line: int, *, here: bool = False) -> Row:
    """`12      puts("hi");`, or the place alone where the source is not at hand."""
    text = symbols.text(file, line)
    if not text:
        return row((f"{file.rsplit('/', 1)[-1]}:{line}", "comment"))
    return row((f"{line}", "number"), "\t", (text, "current" if here else ""))


def place(address: int, symbols: Symbols | None) -> str:
    """`main+0x4 () at hello.c:5`, or the bare address."""
    if symbols is None:
        return f"{address:#x}"
    name = symbols.describe(address)
    line = symbols.line(address)
    at = f" at {line[0].rsplit('/', 1)[-1]}:{line[1]}" if line else ""
    return (f"{name} ()" if name else f"{address:#x}") + at


def backtrace(frames: list[Frame], symbols: Symbols | None) -> list[Row]:
    """One row a frame, innermost first; guesses are marked."""
    out: list[Row] = []
    for number, frame in enumerate(frames):
        is_trampoline = number + 1 < len(frames) and frames[number + 1].how == "signal"
        if is_trampoline:
            out.append(row((f"#{number:<3} ", "key"), ("<signal handler called>", "comment")))
            continue
        back = 0 if number == 0 or frame.how == "signal" else 1
        symbol = symbols.symbol_at(frame.pc - back) if symbols is not None else None
        name = symbols.label(symbol.name) if symbols and symbol else "??"
        line = symbols.line(frame.pc - back) if symbols is not None else None
        where = f" at {line[0].rsplit('/', 1)[-1]}:{line[1]}" if line else ""
        note = "" if frame.certain else f"  (a guess, by {frame.how})"
        out.append(
            row(
                (f"#{number:<3} ", "key"),
                (f"{frame.pc:#x}", "addr"),
                " in ",
                (name, "code"),
                f" (){where}",
                (note, "comment"),
            )
        )
    if frames and not frames[-1].certain:
        out.append(plain("frames marked as a guess have no unwind table", "dim"))
    return out
