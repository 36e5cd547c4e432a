"""arcetui: a terminal debugger and visualizer with an emulated kernel inside."""

from __future__ import annotations

__version__ = "0.1.0"
