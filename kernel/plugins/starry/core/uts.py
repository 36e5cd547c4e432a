"""What this system calls itself, for uname(2) and /proc/version.

Source: Linux init/version.c, include/linux/uts.h.
Differs: nodename and release are this kernel's; the release is new enough for C libraries.
"""

from __future__ import annotations

from typing import Final

SYSNAME: Final = "Linux"
NODENAME: Final = "arceos"
RELEASE: Final = "6.6.0-arcetui"
VERSION: Final = "#1 SMP PREEMPT_DYNAMIC Sun Jun  1 00:00:00 UTC 2025"
DOMAINNAME: Final = "(none)"
