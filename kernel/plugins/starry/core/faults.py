"""Page faults and processor exceptions of user code, and the signals they become.

Source: Linux arch/x86/mm/fault.c and kernel/traps.c, arch/riscv/mm/fault.c and kernel/traps.c,
arch/arm64/mm/fault.c and kernel/traps.c, arch/loongarch/kernel/traps.c (si_code, si_addr and the
fault data in signal frames); mm/memory.c for SIGBUS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.siginfo import (
    BUS_ADRALN,
    BUS_ADRERR,
    FPE_FLTINV,
    FPE_INTDIV,
    FPE_INTOVF,
    ILL_ILLOPC,
    ILL_ILLOPN,
    SEGV_ACCERR,
    SEGV_BNDERR,
    SEGV_MAPERR,
    SI_KERNEL,
    TRAP_BRKPT,
    TRAP_TRACE,
)
from kernel.crates.signal import Signo
from kernel.machine.engine import Access, Cause
from kernel.modules.axmm.fault import FaultKind
from kernel.modules.axruntime.form import LastFault
from kernel.plugins.starry.core.signal import FaultRecord, force_signal

if TYPE_CHECKING:
    from kernel.machine.cpu import Cpu
    from kernel.plugins.starry.core.thread import Thread

_X86_TRAPS: Final[dict[int, int]] = {
    Cause.DIVIDE: 0,
    Cause.STEP: 1,
    Cause.BREAKPOINT: 3,
    Cause.OVERFLOW: 4,
    Cause.BOUND: 5,
    Cause.ILLEGAL: 6,
    Cause.PROTECTION: 13,
    Cause.FLOAT: 16,
    Cause.MISALIGNED: 17,
    Cause.HALT: 13,
}
_ESR_IL: Final = 1 << 25  # 32-bit instruction
_ESR_CLASS: Final[dict[int, int]] = {
    Cause.MISALIGNED: 0x24,
    Cause.BREAKPOINT: 0x3C,
    Cause.STEP: 0x32,
    Cause.FLOAT: 0x2C,
}
_ESR_ALIGNMENT: Final = 0x21

_WORDS: Final[dict[int, str]] = {
    Cause.ILLEGAL: "an illegal instruction",
    Cause.BREAKPOINT: "a breakpoint instruction",
    Cause.DIVIDE: "a division by zero",
    Cause.PROTECTION: "a privileged instruction or a bad address",
    Cause.MISALIGNED: "a misaligned access",
    Cause.FLOAT: "a floating-point exception",
    Cause.STEP: "a single-step trap",
    Cause.OVERFLOW: "an integer overflow",
    Cause.BOUND: "a bound check",
    Cause.HALT: "an instruction the emulator cannot execute",
    Cause.VECTOR: "a vector (LSX or LASX) instruction, which this CPU lacks; build with "
    "-mcpu=la64v1_0-lsx-lasx (zig cc) or -mno-lsx -mno-lasx (gcc, clang):",
}


def page_fault(cpu: Cpu, thread: Thread, va: int, access: int) -> str:
    """Handle a page fault of user code; what came of it, in words.

    An access the address space does not allow raises SIGSEGV, one beyond the end of a mapped file
    SIGBUS; without memory the process is killed, as by Linux's OOM killer.
    """
    outcome = thread.process.aspace.handle_page_fault(va, access)
    if outcome.handled:
        return outcome.sentence
    kind = outcome.kind
    if kind is FaultKind.OOM:
        thread.kernel.log.warn(f"out of memory: killed process {thread.process.pid}")
        _raise(cpu, thread, Signo.SIGKILL, SI_KERNEL, va, access, outcome.sentence, None)
        return outcome.sentence
    signo, code = Signo.SIGSEGV, SEGV_MAPERR
    if kind is FaultKind.BUS_ADRERR:
        signo, code = Signo.SIGBUS, BUS_ADRERR
    elif kind is FaultKind.SEGV_ACCERR:
        code = SEGV_ACCERR
    address = va
    if thread.arch.name == "x86_64" and not _is_canonical(va):
        address, code = 0, SI_KERNEL  # a non-canonical address is a general protection fault
    record = _fault_record(thread, va, access, present=thread.process.aspace.is_mapped(va))
    _raise(cpu, thread, signo, code, address, access, outcome.sentence, record)
    return outcome.sentence


def bus_fault(cpu: Cpu, thread: Thread, va: int, access: int) -> str:
    """The page table points outside RAM: SIGBUS."""
    sentence = f"{va:#x} is mapped to a physical address where there is no memory"
    record = _fault_record(thread, va, access, present=True)
    _raise(cpu, thread, Signo.SIGBUS, BUS_ADRERR, va, access, sentence, record)
    return sentence


def exception(cpu: Cpu, thread: Thread, cause: int, address: int) -> None:
    """Turn a processor exception into the signal Linux sends for it."""
    signo, code, addr = _exception_signal(thread.arch.name, cause, address, cpu.pc)
    if cause == Cause.HALT:
        thread.kernel.log.warn(f"the emulator gave up at pc {cpu.pc:#x}")
    record = _exception_record(thread.arch.name, cause)
    sentence = f"{_WORDS.get(cause, 'an exception')} at pc {cpu.pc:#x}"
    is_ours = cause in (Cause.VECTOR, Cause.HALT)
    _raise(cpu, thread, signo, code, addr, 0, sentence, record, is_ours=is_ours)


def _exception_signal(arch: str, cause: int, address: int, pc: int) -> tuple[Signo, int, int]:
    """(signal, si_code, si_addr) of an exception."""
    is_x86 = arch == "x86_64"
    if cause in (Cause.ILLEGAL, Cause.HALT, Cause.VECTOR):
        if arch == "loongarch64":
            return Signo.SIGILL, SI_KERNEL, 0
        return Signo.SIGILL, ILL_ILLOPN if is_x86 else ILL_ILLOPC, pc
    if cause == Cause.BREAKPOINT:
        return (Signo.SIGTRAP, SI_KERNEL, 0) if is_x86 else (Signo.SIGTRAP, TRAP_BRKPT, pc)
    if cause == Cause.STEP:
        return Signo.SIGTRAP, TRAP_TRACE, pc
    if cause == Cause.DIVIDE:
        return Signo.SIGFPE, FPE_INTDIV, pc
    if cause == Cause.OVERFLOW:
        return (Signo.SIGSEGV, SI_KERNEL, 0) if is_x86 else (Signo.SIGFPE, FPE_INTOVF, pc)
    if cause == Cause.FLOAT:
        return Signo.SIGFPE, FPE_FLTINV, pc
    if cause == Cause.MISALIGNED:
        is_fetch = arch == "loongarch64" and address == pc  # ADEF, not ALE
        return Signo.SIGBUS, BUS_ADRERR if is_fetch else BUS_ADRALN, address
    if cause == Cause.BOUND:
        return Signo.SIGSEGV, SEGV_BNDERR if arch == "loongarch64" else SI_KERNEL, address
    return Signo.SIGSEGV, SI_KERNEL, 0


def _raise(
    cpu: Cpu,
    thread: Thread,
    signo: Signo,
    code: int,
    addr: int,
    access: int,
    sentence: str,
    record: FaultRecord | None,
    *,
    is_ours: bool = False,
) -> None:
    """Force the signal and remember the fault."""
    starry = thread.starry
    word = Access(access).name.lower() if access else ""
    starry.last_fault = LastFault(
        event=starry.events.count,
        tid=thread.tid,
        pc=cpu.pc,
        va=addr,
        access=word,
        signo=int(signo),
        sentence=sentence,
        is_ours=is_ours,
    )
    if starry.observer is not None:
        starry.observer.on_fault(thread, cpu.pc, addr, word, signo.name, sentence)
    force_signal(thread, signo, code, addr, record)


def _is_canonical(va: int) -> bool:
    return va >> 47 in (0, 0x1FFFF)


def _fault_record(thread: Thread, va: int, access: int, *, present: bool) -> FaultRecord:
    """What the processor would have said about a page fault."""
    arch = thread.arch.name
    if arch == "x86_64":
        if not _is_canonical(va):
            return FaultRecord(trap_no=13, error_code=0, address=thread.signal.fault.address)
        code = 4 | (1 if present else 0)
        code |= 2 if access == Access.WRITE else 16 if access == Access.EXECUTE else 0
        return FaultRecord(trap_no=14, error_code=code, address=va)
    if arch == "aarch64":
        status = 0x0F if present else 0x07  # level 3 permission or translation fault
        klass = 0x20 if access == Access.EXECUTE else 0x24
        write = 1 << 6 if access == Access.WRITE else 0
        return FaultRecord(address=va, esr=klass << 26 | _ESR_IL | write | status)
    if arch == "loongarch64":
        return FaultRecord(error_code=2 if access == Access.WRITE else 1, address=va)
    return FaultRecord(address=va)


def _exception_record(arch: str, cause: int) -> FaultRecord | None:
    """What the processor would have said about an exception; None leaves the last one."""
    if arch == "x86_64":
        return FaultRecord(trap_no=_X86_TRAPS.get(cause, 13))
    if arch == "aarch64":
        status = _ESR_ALIGNMENT if cause == Cause.MISALIGNED else 0
        return FaultRecord(esr=_ESR_CLASS.get(cause, 0) << 26 | _ESR_IL | status)
    return None


def resume_rseq(thread: Thread, cpu: Cpu) -> None:
    """Tell a registered restartable sequence which CPU its thread is on now.

    Source: Linux kernel/rseq.c `rseq_update_cpu_node_id`, `rseq_ip_fixup`. A thread that was
    preempted inside a critical section goes on at its abort handler.
    """
    area, _, signature = thread.rseq
    try:
        if thread.rseq_cpu != cpu.index:
            thread.rseq_cpu = cpu.index
            thread.mem.write_u32(area, cpu.index)
            thread.mem.write_u32(area + 4, cpu.index)
        section = thread.mem.read_u64(area + 8)
        if not section:
            return
        thread.mem.write_u64(area + 8, 0)
        start = thread.mem.read_u64(section + 8)
        length = thread.mem.read_u64(section + 16)
        abort = thread.mem.read_u64(section + 24)
        if not 0 <= cpu.pc - start < length:
            return
        if thread.mem.read_u32(abort - 4) != signature:
            raise LinuxError(Errno.EFAULT)
        cpu.pc = abort
    except (LinuxError, AxError):
        force_signal(thread, Signo.SIGSEGV, SI_KERNEL)
