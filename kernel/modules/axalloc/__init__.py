"""axalloc: the kernel's page and byte allocators in one `GlobalAllocator`.

Source: oscomp/arceos modules/axalloc; thesis S002 section 3.2.
"""

from __future__ import annotations

from kernel.modules.axalloc.global_allocator import GlobalAllocator
from kernel.modules.axalloc.page import GlobalPage
from kernel.modules.axalloc.usage import PageUsage

__all__ = ["GlobalAllocator", "GlobalPage", "PageUsage"]
