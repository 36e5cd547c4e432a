"""The native TLBs answer only for the page they were filled for: a wrong hit reaches the host."""

from __future__ import annotations

from la64_assembler import A0, T0, code, enc, li

from kernel.machine.engine import Cause, Stop

RW = 3


def test_a_jump_to_an_odd_address_meets_no_empty_entry(la_machine, backend):
    machine = la_machine(backend)
    for target in (1, 2, 3, 5, 0xFFD, 0x1001):
        pc = machine.load(code(li(T0, target), [enc("jirl", 0, T0, 0)]))
        why, detail, _, at = machine.engine.run(pc, 100)
        assert (why, at) == (Stop.EXCEPTION, target)
        assert detail is not None
        assert detail[0] == Cause.MISALIGNED


def test_an_access_across_pages_takes_both(la_machine, backend):
    """Also where the page numbers' low bits all change, as at 4 GiB."""
    machine = la_machine(backend)
    for boundary in (0x1_0000_0000, 0x40_0000, 0x100_0000_0000):
        second, first = machine.map(boundary, RW), machine.map(boundary - 0x1000, RW)
        machine.ram.write(first + 0xFFC, b"abcd")
        machine.ram.write(second, b"efgh")
        touch_second = [*li(T0, boundary), enc("ld.d", A0, T0, 0)]
        pc = machine.load(code(touch_second, [enc("ld.d", A0, T0, -4)]))
        machine.engine.run(pc, 6)
        assert machine.engine.get("a0").to_bytes(8, "little") == b"abcdefgh"
