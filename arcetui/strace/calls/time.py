"""Time calls: clock_gettime(2), nanosleep(2), timers."""

from __future__ import annotations

from arcetui.strace import structs
from arcetui.strace.call import Call, Spec
from arcetui.strace.results import number
from arcetui.strace.scalars import arg, filled, flag_set, indirect, int32, one_of, uint32
from arcetui.strace.sigevent import sigevent
from arcetui.strace.tables import clocks as clock_names
from arcetui.strace.text import addr

ITIMER = arg("which", one_of(clock_names.ITIMERS, "ITIMER_???"))
TIMER_ID = arg("timerid", int32)


#: EINTR and what strace sees in its place (ERESTART_RESTARTBLOCK, ERESTARTNOHAND).
INTERRUPTED = frozenset({-4, -512, -513, -514, -516})


def remaining(call: Call, value: int) -> str:
    """Nanosleep's rest: filled in only when a signal ended the sleep."""
    interrupted = call.failed and call.result is not None and call.result in INTERRUPTED
    return structs.timespec(call, value) if interrupted else addr(value)


CLOCK = arg("clockid", one_of(clock_names.CLOCKS, "CLOCK_???"))

CALLS: dict[str, Spec] = {
    "clock_gettime": Spec((CLOCK, filled("tp", structs.timespec)), number),
    "clock_getres": Spec((CLOCK, filled("res", structs.timespec)), number),
    "clock_settime": Spec((CLOCK, arg("tp", structs.timespec)), number),
    "clock_nanosleep": Spec(
        (
            CLOCK,
            arg("flags", flag_set(clock_names.TIMER, "TIMER_???")),
            arg("request", structs.timespec),
            filled("remain", remaining, even_failed=True),
        ),
        number,
    ),
    "nanosleep": Spec(
        (arg("req", structs.timespec), filled("rem", remaining, even_failed=True)), number
    ),
    "gettimeofday": Spec((filled("tv", structs.timeval), filled("tz", structs.timezone)), number),
    "settimeofday": Spec((arg("tv", structs.timeval), arg("tz", structs.timezone)), number),
    "time": Spec((filled("tloc", indirect("q")),), number),
    "times": Spec((filled("buf", structs.tms),), number),
    "getitimer": Spec((ITIMER, filled("curr_value", structs.itimerval)), number),
    "setitimer": Spec(
        (ITIMER, arg("new_value", structs.itimerval), filled("old_value", structs.itimerval)),
        number,
    ),
    "alarm": Spec((arg("seconds", uint32),), number),
    "timer_create": Spec((CLOCK, arg("sevp", sigevent), filled("timerid", indirect("i"))), number),
    "timer_settime": Spec(
        (
            TIMER_ID,
            arg("flags", flag_set(clock_names.TIMER, "TIMER_???")),
            arg("new_value", structs.itimerspec),
            filled("old_value", structs.itimerspec),
        ),
        number,
    ),
    "timer_gettime": Spec((TIMER_ID, filled("curr_value", structs.itimerspec)), number),
    "timer_delete": Spec((TIMER_ID,), number),
    "timer_getoverrun": Spec((TIMER_ID,), number),
    "timerfd_create": Spec(
        (CLOCK, arg("flags", flag_set(clock_names.TFD_CREATE, "TFD_???"))), number
    ),
    "timerfd_settime": Spec(
        (
            arg("fd", int32),
            arg("flags", flag_set(clock_names.TFD_SET, "TFD_???")),
            arg("new_value", structs.itimerspec),
            filled("old_value", structs.itimerspec),
        ),
        number,
    ),
    "timerfd_gettime": Spec((arg("fd", int32), filled("curr_value", structs.itimerspec)), number),
}
