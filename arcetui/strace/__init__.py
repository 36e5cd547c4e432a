"""System calls as strace 6 prints them, and as JSON.

`Formatter` turns the views of one call and the guest's memory into strace's line; tables of flags
and the decoders of every call's arguments stand beside it, one file per family of man pages.
"""

from __future__ import annotations
