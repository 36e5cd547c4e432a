"""Memory that native code and its driver share: a block per CPU, records of decoded pages.

A CPU block holds the registers as in `state`, what the last run left, and two direct-mapped TLBs.
A decoded page is a header and a 16-byte record per instruction: the address of its handler, four
operand bytes (slots a to d), and a 32-bit immediate.
"""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64.state import CELLS, FCSR, GPRS, LL_ADDRESS, LL_BIT, LL_VALUE
from kernel.machine.engines.loongarch64.state import PC as PC_CELL

#: Symbols of native code that the driver looks up.
EXPORTS: Final = ("la64_run", "la64_reset", "la64_decode", "la64_slow")

# -- CPU block, offsets in bytes --
GPR: Final = 0
TRASH: Final = GPRS - 1  # register number that swallows writes to r0
FPR: Final = 8 * GPRS
FCC: Final = FPR + 8 * 32
STATE_CELLS: Final = FCC + 8
FCSR_AT: Final = STATE_CELLS + 8 * FCSR
LL_BIT_AT: Final = STATE_CELLS + 8 * LL_BIT
LL_ADDRESS_AT: Final = STATE_CELLS + 8 * LL_ADDRESS
LL_VALUE_AT: Final = STATE_CELLS + 8 * LL_VALUE
PC_AT: Final = STATE_CELLS + 8 * PC_CELL
LEFT: Final = STATE_CELLS + 8 * CELLS
REASON: Final = LEFT + 8
ADDRESS: Final = LEFT + 16
ACCESS: Final = LEFT + 24
PAGE: Final = LEFT + 32  # the decoded page last entered
HOST_MXCSR: Final = LEFT + 40
CPU_MXCSR: Final = LEFT + 44
CODE_TLB: Final = 0x400
CODE_TLB_ENTRIES: Final = 1 << 8  # 16 bytes: page address, decoded page
DATA_TLB: Final = 0x1400
DATA_TLB_ENTRIES: Final = 1 << 10  # 32 bytes: page address to read, to write, host - va, unused
CPU_BYTES: Final = DATA_TLB + 32 * DATA_TLB_ENTRIES
# The entry of a page is (number ^ number >> bits) modulo the number of entries: stacks, heap and
# program lie at multiples of large powers of two from each other, and would share one otherwise.
# For data it is the sum instead: neighbours must never share an entry, since of an access across a
# page's end only the last byte's page is compared.
CODE_TLB_BITS: Final = 8
DATA_TLB_BITS: Final = 10
#: Equals no page address, nor one with the low bits of a misaligned pc (which are compared, too).
NO_TAG: Final = 0x800

# -- why native code returned --
BUDGET, SYSCALL, MISS, CODE_MISS, SLOW = range(1, 6)
READING, WRITING = 0, 1  # ACCESS; also the tag's place in a data TLB entry

# -- decoded page --
PAGE_HOST: Final = 0  # where the page's bytes are
FIRST_RECORD: Final = 64
RECORD_BYTES: Final = 16
RECORDS: Final = 1024
PAGE_BYTES: Final = FIRST_RECORD + RECORD_BYTES * (RECORDS + 1)
SLOTS: Final = 8
IMMEDIATE: Final = 12
