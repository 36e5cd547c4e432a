"""Recently opened programs, kept in the user's state directory.

A missing, unreadable or damaged file means an empty list; it never stands in the way.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

KEPT = 12


class RecentFiles:
    """Paths, newest first."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_user(cls) -> RecentFiles:
        """The user's own list: `$XDG_STATE_HOME/arcetui/recent.json`."""
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return cls(Path(base).expanduser() / "arcetui" / "recent.json")

    def paths(self) -> tuple[str, ...]:
        """The files that still exist."""
        try:
            data = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return ()
        if not isinstance(data, list):
            return ()
        paths = [path for path in data if isinstance(path, str) and "\0" not in path]
        return tuple(path for path in paths if Path(path).is_file())[:KEPT]

    def add(self, path: str) -> None:
        """Put a file at the top."""
        full = str(Path(path).absolute())
        paths = [full, *(p for p in self.paths() if p != full)][:KEPT]
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            other = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            other.write_text(json.dumps(paths, indent=1), "utf-8")
            other.replace(self._file)
