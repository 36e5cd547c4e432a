"""Signal names and codes. Source: asm-generic/{signal,signal-defs,siginfo}.h."""

from __future__ import annotations

from arcetui.strace.text import table

_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT "
    "STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN"
)
NAMES: tuple[str, ...] = tuple(_NAMES.split())

SA = table(
    "SA_RESTORER=0x4000000 SA_ONSTACK=0x8000000 SA_RESTART=0x10000000 SA_NODEFER=0x40000000 "
    "SA_RESETHAND=0x80000000 SA_SIGINFO=4 SA_NOCLDSTOP=1 SA_NOCLDWAIT=2 SA_INTERRUPT=0x20000000"
)
HANDLERS = table("SIG_DFL=0 SIG_IGN=1 SIG_ERR=0xffffffffffffffff")
HOW = table("SIG_BLOCK=0 SIG_UNBLOCK SIG_SETMASK")
SS = table("SS_ONSTACK=1 SS_DISABLE=2 SS_AUTODISARM=0x80000000")
SI_CODES = table(
    "SI_USER=0 SI_KERNEL=0x80 SI_QUEUE=-1 SI_TIMER=-2 SI_MESGQ=-3 SI_ASYNCIO=-4 SI_SIGIO=-5 "
    "SI_TKILL=-6 SI_DETHREAD=-7 SI_ASYNCNL=-60"
)
CODES = {
    4: table(
        "ILL_ILLOPC=1 ILL_ILLOPN ILL_ILLADR ILL_ILLTRP ILL_PRVOPC ILL_PRVREG ILL_COPROC ILL_BADSTK"
    ),
    5: table("TRAP_BRKPT=1 TRAP_TRACE TRAP_BRANCH TRAP_HWBKPT TRAP_UNK TRAP_PERF"),
    7: table("BUS_ADRALN=1 BUS_ADRERR BUS_OBJERR BUS_MCEERR_AR BUS_MCEERR_AO"),
    8: table(
        "FPE_INTDIV=1 FPE_INTOVF FPE_FLTDIV FPE_FLTOVF FPE_FLTUND FPE_FLTRES FPE_FLTINV FPE_FLTSUB"
    ),
    11: table("SEGV_MAPERR=1 SEGV_ACCERR SEGV_BNDERR SEGV_PKUERR"),
    17: table("CLD_EXITED=1 CLD_KILLED CLD_DUMPED CLD_TRAPPED CLD_STOPPED CLD_CONTINUED"),
    29: table("POLL_IN=1 POLL_OUT POLL_MSG POLL_ERR POLL_PRI POLL_HUP"),
    31: table("SYS_SECCOMP=1 SYS_USER_DISPATCH"),
}


def signal_name(number: int) -> str:
    """`SIGINT`, `SIGRT_3`, or "" for no signal."""
    if 1 <= number <= len(NAMES):
        return "SIG" + NAMES[number - 1]
    return f"SIGRT_{number - 32}" if 32 < number <= 64 else ""


def signal(number: int) -> str:
    """The signal's name, or the number where it has none."""
    return signal_name(number) or str(number)


def sigset(mask: int) -> str:
    """A signal set: `[INT USR1]`; `~[...]` names the missing ones when most are in."""
    prefix = ""
    if mask.bit_count() >= 42:  # two thirds of 64
        mask ^= (1 << 64) - 1
        prefix = "~"
    names = [signal_name(i + 1)[3:] for i in range(64) if mask >> i & 1]
    return f"{prefix}[{' '.join(names)}]"
