"""Recipes: looking at one loads no kernel."""

from __future__ import annotations

import subprocess
import sys


def test_the_facade_loads_no_kernel_until_it_is_needed() -> None:
    script = (
        "import sys; from kernel.control import LoadError, Recipe, check_recipe;"
        "heavy = {'kernel.boot', 'kernel.control.debugger', 'kernel.machine.ram'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
