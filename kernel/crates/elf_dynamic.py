"""The dynamic section of an ELF64 file: the libraries it needs, and its relocations.

Source: System V gABI chapter 5 "Dynamic Linking"; the processor supplements for relocation types.
Only what a position-independent program with imported functions needs: no symbol versions, no
copy or TLS relocations. Nothing is trusted: an offset outside the file is an `ElfError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from kernel.crates.elf import PT_DYNAMIC, ElfError, ElfImage

_DT_NEEDED, _DT_PLTRELSZ, _DT_STRTAB, _DT_SYMTAB, _DT_RELA, _DT_RELASZ = 1, 2, 5, 6, 7, 8
_DT_JMPREL: Final = 23
#: What programs of the Unikernel form are linked against: the kernel itself.
KERNEL_LIBRARY: Final = "libarceos.so"
_ENTRY = struct.Struct("<QQ")
_RELA = struct.Struct("<QQq")
_SYMBOL = struct.Struct("<IBBHQQ")
_MAX_RELOCATIONS: Final = 1 << 20

#: By `e_machine`: relocation types that are "base + addend", and "symbol + addend" as 64 bits.
_RELATIVE: Final[dict[int, int]] = {62: 8, 183: 1027, 243: 3, 258: 3}
_SYMBOLIC: Final[dict[int, tuple[int, ...]]] = {
    62: (1, 6, 7),  # R_X86_64_64, GLOB_DAT, JUMP_SLOT
    183: (257, 1025, 1026),  # R_AARCH64_ABS64, GLOB_DAT, JUMP_SLOT
    243: (2, 5),  # R_RISCV_64, JUMP_SLOT
    258: (2, 5),  # R_LARCH_64, JUMP_SLOT
}


@dataclass(frozen=True, slots=True)
class Relocation:
    """Eight bytes to fill in when the program is loaded.

    Attributes:
        vaddr: Where, before the load bias.
        symbol: The imported name whose address goes there; "": base plus `addend`.
        value: Address of the symbol in the program itself, before the bias; 0 for imported ones.
    """

    vaddr: int
    symbol: str
    addend: int
    value: int


class DynamicSection:
    """A program's dynamic section.

    Attributes:
        needed: Names of the libraries it was linked against; () for a static program.
    """

    def __init__(self, data: bytes, image: ElfImage) -> None:
        self._data = data
        self._image = image
        self._tags: dict[int, int] = {}
        names: list[int] = []
        for segment in image.segments:
            if segment.kind != PT_DYNAMIC:
                continue
            end = min(segment.offset + segment.file_bytes, len(data))
            for at in range(segment.offset, end - _ENTRY.size + 1, _ENTRY.size):
                tag, value = _ENTRY.unpack_from(data, at)
                if tag == 0:
                    break
                if tag == _DT_NEEDED:
                    names.append(value)
                self._tags.setdefault(tag, value)
        self.needed = tuple(self._string(offset) for offset in names)

    def relocations(self) -> list[Relocation]:
        """All relocations.

        Raises:
            ElfError: One is of a type no program of this kind has, or the file is damaged.
        """
        found: list[Relocation] = []
        for table, size in ((_DT_RELA, _DT_RELASZ), (_DT_JMPREL, _DT_PLTRELSZ)):
            count = self._tags.get(size, 0) // _RELA.size
            if count > _MAX_RELOCATIONS:
                raise ElfError("the relocation table is absurdly large: the file is damaged")
            at = self._offset(self._tags.get(table, 0), count * _RELA.size) if count else 0
            for index in range(count):
                found.append(self._relocation(*_RELA.unpack_from(self._data, at + 24 * index)))
        return found

    def _relocation(self, vaddr: int, info: int, addend: int) -> Relocation:
        kind, index = info & 0xFFFF_FFFF, info >> 32
        machine = self._image.machine
        if kind == _RELATIVE[machine]:
            return Relocation(vaddr, "", addend, 0)
        if kind not in _SYMBOLIC[machine]:
            raise ElfError(f"relocations of type {kind} are not known: link with -pie, without TLS")
        table = self._tags.get(_DT_SYMTAB, 0) + index * _SYMBOL.size
        at = self._offset(table, _SYMBOL.size)
        name, _, _, section, value, _ = _SYMBOL.unpack_from(self._data, at)
        if section:
            return Relocation(vaddr, "", addend, value)
        return Relocation(vaddr, self._string(name), addend, 0)

    def _offset(self, vaddr: int, size_bytes: int) -> int:
        """Where the file has the bytes at `vaddr`."""
        for segment in self._image.loads:
            inside = vaddr - segment.vaddr
            if inside >= 0 and inside + size_bytes <= segment.file_bytes:
                return segment.offset + inside
        raise ElfError(f"the dynamic section points to {vaddr:#x}, outside the file: it is damaged")

    def _string(self, offset: int) -> str:
        start = self._offset(self._tags.get(_DT_STRTAB, 0) + offset, 1)
        end = self._data.find(b"\0", start, start + 256)
        if end < 0:
            raise ElfError("a name in the dynamic section has no end: the file is damaged")
        return self._data[start:end].decode("utf-8", "replace")
