"""`struct sigevent` of timer_create and mq_notify. Source: sigevent(7)."""

from __future__ import annotations

from arcetui.strace.call import Call
from arcetui.strace.tables.clocks import SIGEV
from arcetui.strace.tables.signals import signal
from arcetui.strace.text import addr, as_int32, choice, struct


def sigevent(call: Call, value: int) -> str:
    """`{sigev_signo=SIGALRM, sigev_notify=SIGEV_SIGNAL}`."""
    got = call.unpack(value, "QiI")
    if got is None:
        return addr(value)
    data, signo, how = got
    fields: list[str] = []
    if data:
        fields.append(f"sigev_value={{sival_int={as_int32(data)}, sival_ptr={data:#x}}}")
    fields.append(f"sigev_signo={signal(signo) if how in {0, 2, 4} else signo & 0xFFFFFFFF}")
    fields.append(f"sigev_notify={choice(how, SIGEV, 'SIGEV_???')}")
    if how == 4 and (thread := call.unpack(value + 16, "i")):
        fields.append(f"sigev_notify_thread_id={thread[0]}")
    if how == 2 and (function := call.unpack(value + 16, "QQ")):
        fields.append(f"sigev_notify_function={addr(function[0])}")
        fields.append(f"sigev_notify_attributes={addr(function[1])}")
    return struct(*fields)
