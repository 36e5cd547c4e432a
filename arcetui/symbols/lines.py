"""Addresses to source lines and back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from pathlib import Path

from arcetui.symbols.elf_file import ElfFile
from arcetui.symbols.line_program import LineSections

MAX_SOURCE_BYTES = 4 << 20
#: Endings of the names of source files. A program names its sources itself, and may name any file
#: of this computer: only what is called like a source file is read.
_ENDINGS = (
    ".c .h .s .asm .cc .cpp .cxx .c++ .hh .hpp .hxx .inc .inl .ipp .tcc .rs .go .zig .d .f .f90 .m "
    ".mm .nim .v .swift .pas .adb .ads .ml .hs .y .l .def .py"
)
SOURCE_ENDINGS = frozenset(_ENDINGS.split())


class LineMap:
    """The line table of a program.

    Attributes:
        files: Every source file of the table.
        program: Where the program's file is on this host, if that is known.
    """

    def __init__(self, elf: ElfFile, program: Path | None = None) -> None:
        self.files: list[str] = []
        self.program = program
        self._starts: list[int] = []
        self._entries: list[tuple[int, int]] = []  # (file number, line); line 0: no source
        self._sources: dict[str, list[str]] = {}
        self._by_line: dict[tuple[int, int], list[int]] = {}
        self._load(elf)

    def _load(self, elf: ElfFile) -> None:
        sections = LineSections(
            elf.content(".debug_line"), elf.content(".debug_line_str"), elf.content(".debug_str")
        )
        numbers: dict[str, int] = {}
        ranges: list[tuple[int, int, int, int]] = []  # start, order, file, line
        order = 0
        for unit in sections.units():
            files = []
            for name in unit.files:
                if name not in numbers:
                    numbers[name] = len(self.files)
                    self.files.append(name)
                files.append(numbers[name])
            sequence: list[tuple[int, int, int, int]] = []
            for address, line, file, is_end in unit.rows:
                number = files[file] if file < len(files) else -1
                if is_end:
                    sequence.append((address, -1, -1, 0))
                    if sequence[0][0]:  # address 0: a function the linker dropped
                        ranges.extend(sequence)
                    sequence = []
                    continue
                order += 1
                sequence.append((address, order, number, max(line, 0)))
        ranges.sort()
        for start, _, file, line in ranges:
            if self._starts and self._starts[-1] == start:
                self._entries[-1] = (file, line)
                continue
            self._starts.append(start)
            self._entries.append((file, line))
        before = (-1, 0)
        for start, entry in zip(self._starts, self._entries, strict=True):
            if entry[1] and entry != before:
                self._by_line.setdefault(entry, []).append(start)
            before = entry

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, address: int) -> tuple[str, int] | None:
        """File and line of an address."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        file, line = self._entries[index]
        if line <= 0 or file < 0:
            return None
        return self.files[file], line

    def starts_between(self, start: int, end: int) -> list[int]:
        """Addresses in `start..end` where a row of the table begins (the same line may return)."""
        low, high = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return self._starts[low:high]

    def matching_files(self, name: str) -> list[int]:
        """Numbers of the files called `name`, with or without directories."""
        return [i for i, file in enumerate(self.files) if file == name or file.endswith("/" + name)]

    def addresses(self, name: str, line: int) -> tuple[list[int], int]:
        """Where the code of a line starts.

        Returns:
            (lowest address of each separate piece, the line really used: the next one that has
            code); ([], line) if there is none.
        """
        files = self.matching_files(name)
        lines = sorted({n for file, n in self._by_line if file in files and n >= line})
        if not lines:
            return [], line
        used = lines[0]
        found = sorted({a for file in files for a in self._by_line.get((file, used), ())})
        return found, used

    def lines_with_code(self, name: str) -> list[int]:
        """Lines of a file that have code."""
        files = self.matching_files(name)
        return sorted({line for file, line in self._by_line if file in files})

    def text(self, file: str, line: int) -> str:
        """A line of a source file on this host; "" if it cannot be found."""
        lines = self._sources.get(file)
        if lines is None:
            lines = self._sources[file] = self._read(file)
        return lines[line - 1].rstrip() if 0 < line <= len(lines) else ""

    def _read(self, file: str) -> list[str]:
        """A source file of this host; a relative name also counts from above the program."""
        path = Path(file)
        if path.suffix.lower() not in SOURCE_ENDINGS:
            return []
        lines = _read_text(path)
        if lines or path.is_absolute() or self.program is None:
            return lines
        for directory in self.program.parents:
            if lines := _read_text(directory / path):
                break
        return lines

    def add_source(self, name: str, content: str) -> None:
        """Give the text of a source file that is not where the program was built."""
        for index in self.matching_files(name):
            self._sources[self.files[index]] = content.splitlines()


def _read_text(path: Path) -> list[str]:
    try:
        if not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
            return []
        return path.read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return []
