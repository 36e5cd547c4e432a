"""The README says what is true: its links lead somewhere, and it names every pane and option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arcetui.layouts import PANES, PRESETS
from arcetui.options import OPTIONS
from kernel.control import ALLOCATORS
from kernel.crates.scheduler import policies

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "samples" / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_pane_and_preset_is_named() -> None:
    for pane in PANES:
        assert f"`{pane.keys}` {pane.heading}" in README, pane.heading
    for preset in PRESETS:
        assert f"| `{preset}` |" in README


def test_every_option_of_the_machine_is_named() -> None:
    for option in OPTIONS:
        if not option.modes and option.names[0].startswith("--") and option.value:
            assert f"`{option.names[0]}" in README, option.names[0]
    for name in (*policies(), *ALLOCATORS):
        assert f"`{name}`" in README


def test_the_first_lesson_uses_samples_and_files_that_exist() -> None:
    lesson = (ROOT / "docs" / "first-lesson.md").read_text("utf-8")
    programs = set(re.findall(r"samples/bin/x86_64/\w+", lesson))
    assert len(programs) >= 5
    for program in programs:
        assert (ROOT / program).is_file()
    source = (ROOT / "samples/src/memlab.c").read_text("utf-8").splitlines()
    assert "area[i * PAGE]" in source[45]
    assert "area[6 * PAGE] = '!';" in source[62]
