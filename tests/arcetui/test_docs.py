"""The generated pages say what the tables say, and the tables are sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from arcetui.commands import COMMANDS
from arcetui.commands.help import GROUPS

ROOT = Path(__file__).parents[2]


def test_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_has_a_group_a_summary_and_its_own_names():
    seen: set[str] = set()
    for command in COMMANDS:
        assert command.group in GROUPS, command.name
        assert command.summary.endswith("."), command.name
        for name in (command.name, *command.aliases):
            assert name not in seen, name
            seen.add(name)


def test_json_types_are_described():
    page = (ROOT / "docs" / "json.md").read_text()
    for command in COMMANDS:
        if command.json and command.name != "explain":
            short = command.name.replace("backtrace", "bt")
            assert f"`{short}`" in page, command.name
