"""Writes docs/commands.md, keys.md and system-calls.md from the tables the program itself uses.

python docs/generate.py           write them
python docs/generate.py --check   only say whether they are up to date (status 1 if not)
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

_KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "space": "Space",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "full_stop": ".",
    "comma": ",",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "up": "Up",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "exclamation_mark": "!",
    "asterisk": "*",
    "backslash": "\\",
    "grave_accent": "`",
}


def commands_page() -> str:
    """docs/commands.md."""
    from arcetui.commands import COMMANDS
    from arcetui.commands.help import GROUPS

    out = [
        "# Commands",
        "",
        "The same language works at the TUI's prompt (`:`), in `arcetui --batch -ex COMMAND`,",
        "and in files given with `-x`. The words are gdb's where gdb has them and pwndbg's where",
        "it has them. An unknown name is an error with a suggestion. Tab completes names. An empty",
        "line repeats the last step. This page is made from the program's own table by",
        "`docs/generate.py`.",
        "",
    ]
    for group in GROUPS:
        out += [f"## {group}", "", "| Command | Also | What it does |", "|---|---|---|"]
        members = [command for command in COMMANDS if command.group == group]
        for command in members:
            also = " ".join(f"`{alias}`" for alias in command.aliases)
            out.append(f"| `{_cell(command.name)}` | {_cell(also)} | {_cell(command.summary)} |")
        out.append("")
        for command in members:
            if command.help or command.grammar:
                out += [f"### {command.name}", "", f"    {command.usage}", ""]
                if command.help:
                    out += [command.help, ""]
    out += [
        "## Output as JSON",
        "",
        "Commands with `[--json]` print one JSON object a line; `docs/json.md` describes them.",
        "",
    ]
    return "\n".join(out)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def key_name(key: str) -> str:
    """A key as people write it: `ctrl+c` -> Ctrl-C, `shift+f8` -> Shift-F8, `S` -> S."""
    *mods, last = key.split("+")
    last = _KEY_NAMES.get(last, last.upper() if len(last) > 1 and last[0] == "f" else last)
    if mods and len(last) == 1:
        last = last.upper()
    return "-".join([*(mod.capitalize() for mod in mods), last.capitalize() if len(last) > 2
                     and last.islower() else last])  # fmt: skip


def keys_page() -> str:
    """docs/keys.md."""
    from arcetui.keymap import KEYS

    out = [
        "# Keys",
        "",
        "A letter for every action; its capital is the same action backwards. Function keys are",
        "aliases. `?` shows this table in the program. This page is made from the program's own",
        "table by `docs/generate.py`.",
        "",
    ]
    groups: list[str] = []
    for key in KEYS:
        if key.group not in groups:
            groups.append(key.group)
    for group in groups:
        out += [f"## {group}", "", "| Keys | What they do |", "|---|---|"]
        for key in KEYS:
            if key.group == group:
                names = " ".join(f"`{key_name(name)}`" for name in key.keys)
                out.append(f"| {_cell(names)} | {_cell(key.help)} |")
        out.append("")
    return "\n".join(out)


def system_calls_page() -> str:
    """docs/system-calls.md."""
    sys.path.insert(0, str(HERE))
    import system_calls

    return system_calls.page()


PAGES = {
    "commands.md": commands_page,
    "keys.md": keys_page,
    "system-calls.md": system_calls_page,
}


def stale() -> list[str]:
    """Pages that differ from what the tables say."""
    return [
        name
        for name, page in PAGES.items()
        if not (HERE / name).exists() or (HERE / name).read_text("utf-8") != page()
    ]


def main(argv: list[str]) -> int:
    """Write the pages, or check them."""
    if "--check" in argv:
        old = stale()
        for name in old:
            print(f"docs/{name} is not up to date; run python docs/generate.py")
        return 1 if old else 0
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
