"""Layouts: panes tile the field at every size, under every preset."""

from __future__ import annotations

import pytest

from arcetui import layouts


@pytest.mark.parametrize("size", ["narrow", "wide", "huge"])
@pytest.mark.parametrize("preset", layouts.PRESETS)
def test_layouts_tile_the_field(preset, size):
    width, height = {"narrow": (80, 21), "wide": (120, 37), "huge": (200, 57)}[size]
    for study in ("", *(p.name for p in layouts.PANES)):
        places = layouts.places(preset, size, study, width, height)
        names = [place.pane for place in places]
        assert len(names) == len(set(names))
        assert {"code", "console"} <= set(names)
        cells = sum(place.width * place.height for place in places)
        columns = len({place.x for place in places})
        assert cells == width * height - (columns - 1) * height
        assert all(place.height >= 4 for place in places)
