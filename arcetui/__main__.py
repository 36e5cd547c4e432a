"""`python -m arcetui`."""

from __future__ import annotations

import sys

from arcetui.cli import main

if __name__ == "__main__":
    sys.exit(main())
