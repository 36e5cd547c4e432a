"""One command language: for the TUI's prompt, batch mode, scripts and the documentation.

`Commander` runs and completes lines; every command stands in the table of its family's file.
"""

from __future__ import annotations

from arcetui.commands.command import Command, CommandError, Result
from arcetui.commands.language import COMMANDS, Commander

__all__ = ["COMMANDS", "Command", "CommandError", "Commander", "Result"]
