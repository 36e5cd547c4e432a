"""Call-frame information: how to find a caller's registers, from `.eh_frame` and `.debug_frame`.

A program may need both: gcc for riscv64 gives C functions a `.debug_frame` only, and libc's own
are in `.eh_frame`.

Source: DWARF 5 section 6.4; the Linux Standard Base's chapter on `.eh_frame`. Only rules that are
plain offsets from the CFA are understood; an expression ends the unwinding.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.line_program import Broken, Reader

MAX_ENTRIES = 500_000


@dataclass(slots=True)
class Rules:
    """How to unwind at one address.

    Attributes:
        cfa_register, cfa_offset: The frame's address is this register plus this offset.
        saved: DWARF register number to the offset from the CFA where its old value lies.
        return_register: Number of the return address's register.
        lost: Registers whose old value is gone ("undefined"): the outermost frame says so of its
            return address.
    """

    cfa_register: int = -1
    cfa_offset: int = 0
    saved: dict[int, int] = field(default_factory=dict)
    return_register: int = 0
    lost: set[int] = field(default_factory=set)
    understood: bool = True

    def copy(self) -> Rules:
        """The same rules, independent."""
        return Rules(
            self.cfa_register,
            self.cfa_offset,
            dict(self.saved),
            self.return_register,
            set(self.lost),
            self.understood,
        )


@dataclass(frozen=True, slots=True)
class _Section:
    data: bytes
    base: int
    is_eh: bool


@dataclass(slots=True)
class _Cie:
    section: _Section
    code_align: int
    data_align: int
    return_register: int
    encoding: int
    augmented: bool
    program: tuple[int, int]


class FrameTable:
    """Unwind rules by address."""

    def __init__(self, elf: ElfFile, bias_bytes: int = 0) -> None:
        self._bias = bias_bytes
        self._entries: list[tuple[int, int, _Cie, tuple[int, int]]] = []
        for name in (".eh_frame", ".debug_frame"):
            section = elf.sections.get(name)
            if section is not None:
                self._index(_Section(elf.content(name), section.address, name == ".eh_frame"))
        # Of two for one function, lookup takes the later: .eh_frame's.
        self._entries.reverse()
        self._entries.sort(key=lambda entry: entry[0])
        self._starts = [entry[0] for entry in self._entries]

    def __len__(self) -> int:
        return len(self._entries)

    def _index(self, section: _Section) -> None:
        """Find all entries; their programs are run when asked for."""
        data, is_eh = section.data, section.is_eh
        cies: dict[int, _Cie | None] = {}
        at = looked_at = 0
        while at + 8 <= len(data) and looked_at < MAX_ENTRIES:
            looked_at += 1
            reader = Reader(data, at)
            length = reader.uint(4)
            if length == 0xFFFFFFFF or (not length and is_eh):
                if not length:
                    at += 4
                    continue
                return
            end = reader.at + length
            here = reader.at
            ident = reader.uint(4)
            is_cie = ident == (0 if is_eh else 0xFFFFFFFF)
            try:
                if is_cie:
                    cies[at] = self._cie(Reader(data, reader.at, end), section)
                else:
                    cie = cies.get(here - ident if is_eh else ident)
                    if cie is not None:
                        self._fde(Reader(data, reader.at, end), cie)
            except Broken:
                pass
            at = end

    def _cie(self, reader: Reader, section: _Section) -> _Cie | None:
        version = reader.uint(1)
        augmentation = reader.string()
        if version >= 4:
            reader.skip(2)
        code_align, data_align = reader.uleb(), reader.sleb()
        return_register = reader.uint(1) if version == 1 else reader.uleb()
        encoding = 0
        if augmentation[:1] == b"z":
            after = reader.uleb()
            after += reader.at
            for letter in augmentation[1:]:
                if letter == 0x52:  # R: encoding of addresses
                    encoding = reader.uint(1)
                elif letter == 0x50:  # P: personality
                    _pointer(reader, reader.uint(1), section.base)
                elif letter == 0x4C:  # L
                    reader.skip(1)
            reader.at = after
        elif augmentation:
            return None
        return _Cie(
            section,
            code_align,
            data_align,
            return_register,
            encoding,
            augmentation[:1] == b"z",
            (reader.at, reader.end),
        )

    def _fde(self, reader: Reader, cie: _Cie) -> None:
        start = _pointer(reader, cie.encoding, cie.section.base)
        size = _pointer(reader, cie.encoding & 0x0F, cie.section.base)
        if cie.augmented:
            reader.skip(reader.uleb())
        if start and size:
            self._entries.append((start, start + size, cie, (reader.at, reader.end)))

    def rules(self, address: int) -> Rules | None:
        """The rules in force when the instruction at `address` is about to run."""
        address -= self._bias
        index = bisect_right(self._starts, address) - 1
        if index < 0 or not self._entries[index][0] <= address < self._entries[index][1]:
            return None
        start, _, cie, program = self._entries[index]
        rules = Rules(return_register=cie.return_register)
        try:
            self._run(cie.program, cie, rules, None, 0, 0)
            self._run(program, cie, rules, rules.copy(), start, address)
        except (Broken, IndexError):
            return None
        return rules if rules.understood and rules.cfa_register >= 0 else None

    def _run(
        self,
        span: tuple[int, int],
        cie: _Cie,
        rules: Rules,
        initial: Rules | None,
        location: int,
        wanted: int,
    ) -> None:
        """Execute call-frame instructions up to the address wanted."""
        reader = Reader(cie.section.data, *span)
        stack: list[Rules] = []
        while reader.at < reader.end:
            opcode = reader.uint(1)
            high, low = opcode & 0xC0, opcode & 0x3F
            if high == 0x40 or opcode in {0x02, 0x03, 0x04, 0x01}:
                if high == 0x40:
                    location += low * cie.code_align
                elif opcode == 0x01:
                    location = _pointer(reader, cie.encoding, cie.section.base)
                else:
                    location += reader.uint({2: 1, 3: 2, 4: 4}[opcode]) * cie.code_align
                if initial is not None and location > wanted:
                    return
            elif high == 0x80:
                self._save(rules, low, reader.uleb() * cie.data_align)
            elif high == 0xC0:
                _restore(rules, low, initial)
            elif opcode == 0x0A:
                stack.append(rules.copy())
            elif opcode == 0x0B:
                old = stack.pop()
                rules.cfa_register, rules.cfa_offset = old.cfa_register, old.cfa_offset
                rules.saved, rules.lost = old.saved, old.lost
            else:
                self._other(reader, opcode, cie, rules, initial)

    @staticmethod
    def _save(rules: Rules, register: int, offset: int) -> None:
        rules.saved[register] = offset
        rules.lost.discard(register)

    def _other(  # noqa: C901 - a branch an opcode
        self, reader: Reader, opcode: int, cie: _Cie, rules: Rules, initial: Rules | None
    ) -> None:
        match opcode:
            case 0x00 | 0x2D:  # nop; AArch64: negate_ra_state
                pass
            case 0x0C:
                rules.cfa_register, rules.cfa_offset = reader.uleb(), reader.uleb()
            case 0x12:
                rules.cfa_register, rules.cfa_offset = (
                    reader.uleb(),
                    reader.sleb() * cie.data_align,
                )
            case 0x0D:
                rules.cfa_register = reader.uleb()
            case 0x0E:
                rules.cfa_offset = reader.uleb()
            case 0x13:
                rules.cfa_offset = reader.sleb() * cie.data_align
            case 0x05:
                self._save(rules, reader.uleb(), reader.uleb() * cie.data_align)
            case 0x11:
                self._save(rules, reader.uleb(), reader.sleb() * cie.data_align)
            case 0x06:
                _restore(rules, reader.uleb(), initial)
            case 0x07:
                register = reader.uleb()
                rules.saved.pop(register, None)
                rules.lost.add(register)
            case 0x08:
                register = reader.uleb()
                rules.saved.pop(register, None)
                rules.lost.discard(register)
            case 0x2E:
                reader.uleb()
            case 0x0F:  # the CFA is an expression
                reader.skip(reader.uleb())
                rules.understood = False
            case 0x10 | 0x16:
                register = reader.uleb()
                reader.skip(reader.uleb())
                rules.lost.add(register)
            case 0x09 | 0x14 | 0x15:
                rules.lost.add(reader.uleb())
                reader.uleb()
            case _:
                raise Broken


def _pointer(reader: Reader, encoding: int, base: int) -> int:
    here = base + reader.at
    match encoding & 0x0F:
        case 0x00 | 0x04 | 0x0C:
            value = reader.uint(8)
        case 0x03:
            value = reader.uint(4)
        case 0x0B:
            value = reader.uint(4)
            value -= (1 << 32) if value >> 31 else 0
        case 0x02 | 0x0A:
            value = reader.uint(2)
        case 0x01:
            value = reader.uleb()
        case _:
            value = reader.sleb()
    if encoding & 0x70 == 0x10:
        value += here
    return value & ((1 << 64) - 1)


def _restore(rules: Rules, register: int, initial: Rules | None) -> None:
    if initial is not None and register in initial.saved:
        rules.saved[register] = initial.saved[register]
    else:
        rules.saved.pop(register, None)
    rules.lost.discard(register)
