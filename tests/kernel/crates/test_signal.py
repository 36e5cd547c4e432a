"""Pending sets against a model, default actions, siginfo bytes."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from kernel.crates import siginfo
from kernel.crates.siginfo import SigInfo, SigInfoLayout
from kernel.crates.signal import (
    SIG_IGN,
    SIGRTMIN,
    SYNCHRONOUS,
    DefaultAction,
    PendingSignals,
    SigAction,
    SignalActions,
    Signo,
    bit,
    default_action,
    members,
    set_of,
    signal_name,
)

SIGNALS = st.integers(1, 64)


class Model:
    """What signal(7) says: a list in order of arrival."""

    def __init__(self) -> None:
        self.sent: list[SigInfo] = []

    def add(self, info: SigInfo) -> bool:
        if info.signo < SIGRTMIN and any(one.signo == info.signo for one in self.sent):
            return False
        self.sent.append(info)
        return True

    def take(self, blocked: int) -> SigInfo | None:
        ready = [one for one in self.sent if not blocked & bit(one.signo)]
        if not ready:
            return None

        def rank(one: SigInfo) -> tuple[bool, int]:
            return not bit(one.signo) & SYNCHRONOUS, one.signo

        best = min(ready, key=rank)  # min takes the first of equals: the oldest
        self.sent.remove(best)
        return best


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), SIGNALS, st.integers(0, 1 << 32)),
            st.tuples(st.just("take"), st.integers(0, (1 << 64) - 1), st.just(0)),
            st.tuples(st.just("flush"), st.integers(0, (1 << 64) - 1), st.just(0)),
        ),
        max_size=60,
    )
)
def test_pending_equals_model(steps: list[tuple[str, int, int]]) -> None:
    real, model = PendingSignals(), Model()
    for serial, (what, number, value) in enumerate(steps):
        if what == "add":
            info = SigInfo(number, siginfo.SI_QUEUE, value=value, pid=serial)
            assert real.add(info) == model.add(info)
        elif what == "take":
            assert real.take(number) == model.take(number)
        else:
            real.flush(number)
            model.sent = [one for one in model.sent if not number & bit(one.signo)]
        assert real.mask == set_of(*(one.signo for one in model.sent))
        assert real.count() == len(model.sent)
        assert sorted(real.queues) == sorted({one.signo for one in model.sent})


def test_standard_once_real_time_in_order() -> None:
    pending = PendingSignals()
    assert pending.add(SigInfo(10, value=1))
    assert not pending.add(SigInfo(10, value=2))
    for value in (1, 2, 3):
        assert pending.add(SigInfo(40, siginfo.SI_QUEUE, value=value))
    taken = [pending.take(0) for _ in range(5)]
    assert [(one.signo, one.value) if one else None for one in taken] == [
        (10, 1),
        (40, 1),
        (40, 2),
        (40, 3),
        None,
    ]


def test_faults_come_first() -> None:
    pending = PendingSignals()
    for signo in (Signo.SIGHUP, Signo.SIGSEGV, Signo.SIGILL):
        pending.add(SigInfo(signo))
    assert [pending.take(0).signo for _ in range(3)] == [4, 11, 1]  # type: ignore[union-attr]


def test_default_actions_of_signal_7() -> None:
    core = {3, 4, 5, 6, 7, 8, 11, 24, 25, 31}
    stop = {19, 20, 21, 22}
    ignore = {17, 23, 28}
    for signo in range(1, 65):
        action = default_action(signo)
        if signo in core:
            assert action is DefaultAction.CORE
        elif signo in stop:
            assert action is DefaultAction.STOP
        elif signo in ignore:
            assert action is DefaultAction.IGNORE
        elif signo == Signo.SIGCONT:
            assert action is DefaultAction.CONTINUE
        else:
            assert action is DefaultAction.TERMINATE


@given(st.sets(SIGNALS))
def test_sets(signals: set[int]) -> None:
    assert members(set_of(*signals)) == tuple(sorted(signals))


def test_names() -> None:
    assert signal_name(11) == "SIGSEGV"
    assert signal_name(32) == "SIGRTMIN"
    assert signal_name(35) == "SIGRT_3"
    assert signal_name(99) == "99"


def test_exec_keeps_only_ignored() -> None:
    actions = SignalActions()
    actions[10] = SigAction(0x1000, 4)
    actions[13] = SigAction(SIG_IGN, 4, 0, 7)
    copy = actions.copy()
    copy.reset_handlers()
    assert copy[10] == SigAction()
    assert copy[13] == SigAction(SIG_IGN)
    assert actions[10].handler == 0x1000


def test_siginfo_bytes() -> None:
    """Offsets printed by a C program from glibc's headers: pid 16, uid 20, value 24, addr 16 ..."""
    kill = SigInfo(10, siginfo.SI_USER, pid=7, uid=3).pack()
    assert len(kill) == 128
    assert struct.unpack_from("<3i", kill) == (10, 0, 0)
    assert struct.unpack_from("<iI", kill, 16) == (7, 3)
    queued = SigInfo(40, siginfo.SI_QUEUE, pid=7, uid=3, value=0x1122334455667788).pack()
    assert struct.unpack_from("<iIQ", queued, 16) == (7, 3, 0x1122334455667788)
    fault = SigInfo(11, siginfo.SEGV_MAPERR, addr=0xDEAD000).pack()
    assert struct.unpack_from("<Q", fault, 16) == (0xDEAD000,)
    child = SigInfo(17, siginfo.CLD_EXITED, pid=9, uid=1, status=3, utime=5, stime=6).pack()
    assert struct.unpack_from("<iIi", child, 16) == (9, 1, 3)
    assert struct.unpack_from("<qq", child, 32) == (5, 6)
    timer = SigInfo(14, siginfo.SI_TIMER, timerid=2, overrun=4, value=8).pack()
    assert struct.unpack_from("<iiQ", timer, 16) == (2, 4, 8)
    poll = SigInfo(29, siginfo.POLL_IN, band=65, fd=5).pack()
    assert struct.unpack_from("<qi", poll, 16) == (65, 5)


def test_layouts() -> None:
    assert siginfo.siginfo_layout(11, siginfo.SI_KERNEL) is SigInfoLayout.KILL
    assert siginfo.siginfo_layout(11, siginfo.SI_USER) is SigInfoLayout.KILL
    assert siginfo.siginfo_layout(11, siginfo.SI_TKILL) is SigInfoLayout.RT
    assert siginfo.siginfo_layout(11, 11) is SigInfoLayout.KILL  # no such fault code
    assert siginfo.siginfo_layout(31, siginfo.SYS_SECCOMP) is SigInfoLayout.SYS


@given(st.binary(min_size=128, max_size=128), SIGNALS)
def test_queued_bytes_come_back(raw: bytes, signo: int) -> None:
    packed = SigInfo.unpack(raw, signo).pack()
    assert struct.unpack_from("<i", packed)[0] == signo
    assert packed[4:12] == raw[4:12]
    assert packed[16:] == raw[16:]
