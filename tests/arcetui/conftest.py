"""Tests of the TUI wait no longer for its screen to come to rest than it takes."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def quick_pilot(request, monkeypatch):
    """Textual's pilot looks every 20 ms whether the app is idle; here every 8 ms."""
    if request.path.name.startswith("test_tui"):
        from textual import _wait

        monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", 0.008)
        monkeypatch.setattr(_wait, "SLEEP_IDLE", 0.0004)
