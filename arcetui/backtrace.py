"""Who called whom: walks the stack by unwind tables, frame pointers, or the link register.

Each frame says how it was found; a frame found without an unwind table is a guess and says so.
Signal frames are recognised by the trampoline's code and read from the saved context (layouts:
Linux arch/*/kernel/signal.c).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from arcetui.symbols import Symbols

MAX_FRAMES = 256
_U64 = (1 << 64) - 1
_A64 = {i: f"x{i}" for i in range(31)} | {31: "sp"}
_X86 = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15"
_RISCV = (
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 "
    "t3 t4 t5 t6"
)
_LOONGARCH = (
    "zero ra tp sp a0 a1 a2 a3 a4 a5 a6 a7 t0 t1 t2 t3 t4 t5 t6 t7 t8 u0 fp s0 s1 s2 s3 s4 s5 s6 "
    "s7 s8"
)
#: DWARF register numbers per architecture (psABI documents).
DWARF_REGISTERS: dict[str, dict[int, str]] = {
    "x86_64": dict(enumerate(_X86.split())),
    "riscv64": dict(enumerate(_RISCV.split())),
    "aarch64": _A64,
    "loongarch64": dict(enumerate(_LOONGARCH.split())),
}
#: The code of rt_sigreturn's trampoline.
_TRAMPOLINES: dict[str, bytes] = {
    "x86_64": bytes.fromhex("48c7c00f0000000f05"),
    "riscv64": bytes.fromhex("9308b00873000000"),
    "aarch64": bytes.fromhex("681180d2010000d4"),
    "loongarch64": bytes.fromhex("0b2c820300002b00"),
}
_X86_CONTEXT = "r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip"
#: Frame pointer, and where the return address and the caller's frame pointer lie from it.
_FRAME_POINTERS = {
    "x86_64": ("rbp", 8, 0, 16),
    "riscv64": ("s0", -8, -16, 0),
    "aarch64": ("x29", 8, 0, 16),
    "loongarch64": ("fp", -8, -16, 0),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What unwinding needs to see.

    Attributes:
        registers: By name, of the CPU.
        read: Memory: (address, size) to bytes, shorter where unmapped.
        is_code: Whether an address lies in an executable area.
    """

    arch: str
    pc: str
    sp: str
    link: str
    registers: dict[str, int]
    read: Callable[[int, int], bytes]
    is_code: Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Frame:
    """One activation.

    Attributes:
        pc: Where it stands: the next instruction, or the return address.
        sp: Its stack pointer.
        how: How it was found: "", "unwind table", "frame pointer", "link register", "signal".
        certain: Whether an unwind table or the machine itself says so.
        registers: As they were in it, as far as its callees say where they kept them.
    """

    pc: int
    sp: int
    how: str
    certain: bool
    registers: dict[str, int] = field(default_factory=dict[str, int], repr=False)

    @property
    def interrupted(self) -> bool:
        """Whether it stands before the instruction at `pc`, and not behind a call."""
        return self.how in {"", "signal"}


def unwind(machine: Machine, symbols: Symbols | None, most: int = MAX_FRAMES) -> list[Frame]:
    """The frames, innermost first; at least one."""
    registers = dict(machine.registers)
    frames = [Frame(registers[machine.pc], registers[machine.sp], "", True, dict(registers))]
    after_call = False
    while len(frames) < most:
        found = _caller(machine, symbols, registers, innermost=len(frames) == 1, back=after_call)
        if found is None:
            break
        how, certain, interrupted = found
        after_call = not interrupted
        pc, sp = registers[machine.pc], registers[machine.sp]
        if not pc or not machine.is_code(pc):
            break
        frames.append(Frame(pc, sp, how, certain and frames[-1].certain, dict(registers)))
        if sp < frames[-2].sp and how != "signal":
            frames.pop()
            break
    return frames


def _caller(
    machine: Machine,
    symbols: Symbols | None,
    registers: dict[str, int],
    *,
    innermost: bool,
    back: bool,
) -> tuple[str, bool, bool] | None:
    """Turn `registers` into the caller's.

    Returns:
        (how, certain, whether the caller was interrupted by a signal rather than calling).
    """
    pc = registers[machine.pc]
    code = _TRAMPOLINES.get(machine.arch, b"?")
    if machine.read(pc, len(code)) == code and _signal_frame(machine, registers):
        return "signal", True, True
    if symbols is not None:
        result = _by_table(machine, symbols, registers, pc - 1 if back else pc)
        if result is not None:
            return ("unwind table", True, False) if result else None
    if innermost and _by_entry(machine, symbols, registers, pc):
        return "link register" if machine.link else "stack top", True, False
    if innermost and _by_link(machine, symbols, registers, pc):
        return "link register", False, False
    if _by_frame_pointer(machine, registers):
        return "frame pointer", False, False
    return None


def _word(machine: Machine, address: int) -> int | None:
    data = machine.read(address & _U64, 8)
    return int.from_bytes(data, "little") if len(data) == 8 else None


def _by_table(
    machine: Machine, symbols: Symbols, registers: dict[str, int], at: int
) -> bool | None:
    """Unwind by call-frame information; None: there is none, False: this is the outermost."""
    rules = symbols.frames.rules(at)
    names = DWARF_REGISTERS.get(machine.arch, {})
    if rules is None or rules.cfa_register not in names:
        return None
    if rules.return_register in rules.lost:
        return False
    cfa = registers[names[rules.cfa_register]] + rules.cfa_offset & _U64
    values: dict[str, int] = {}
    return_to = registers.get(machine.link, 0) if machine.link else 0
    for number, offset in rules.saved.items():
        word = _word(machine, cfa + offset)
        if word is None:
            return False
        if number == rules.return_register:
            return_to = word
        if number in names:
            values[names[number]] = word
    registers.update(values)
    registers[machine.sp] = cfa
    registers[machine.pc] = return_to
    return True


def _by_entry(
    machine: Machine, symbols: Symbols | None, registers: dict[str, int], pc: int
) -> bool:
    """At a function's first instruction nothing has moved yet."""
    found = symbols.function(pc) if symbols is not None else None
    if found is None or found[1] != pc:
        return False
    if machine.link:
        return_to = registers[machine.link]
    else:
        return_to = _word(machine, registers[machine.sp]) or 0
        if machine.is_code(return_to):
            registers[machine.sp] += 8
    if not machine.is_code(return_to):
        return False
    registers[machine.pc] = return_to
    return True


def _by_link(machine: Machine, symbols: Symbols | None, registers: dict[str, int], pc: int) -> bool:
    """A leaf still has its return address in the link register."""
    if not machine.link or symbols is None:
        return False
    return_to = registers[machine.link]
    found = symbols.function(pc)
    if found is None or found[1] <= return_to < found[2] or not machine.is_code(return_to):
        return False
    registers[machine.pc] = return_to
    return True


def _by_frame_pointer(machine: Machine, registers: dict[str, int]) -> bool:
    """The chain of saved frame pointers."""
    if machine.arch not in _FRAME_POINTERS:
        return False
    name, return_at, old_at, size = _FRAME_POINTERS[machine.arch]
    base = registers[name]
    if base < registers[machine.sp] or base & 7 or base - registers[machine.sp] > 1 << 24:
        return False
    return_to, old = _word(machine, base + return_at), _word(machine, base + old_at)
    if return_to is None or old is None or not machine.is_code(return_to):
        return False
    registers[machine.pc] = return_to
    registers[name] = old
    registers[machine.sp] = base + size
    return True


def _signal_frame(machine: Machine, registers: dict[str, int]) -> bool:
    """The context a signal interrupted, from the frame at the stack pointer."""
    sp = registers[machine.sp]
    if machine.arch == "x86_64":
        names, at = _X86_CONTEXT.split(), sp + 40
    elif machine.arch == "aarch64":
        names, at = [*(f"x{i}" for i in range(31)), "sp", "pc"], sp + 128 + 176 + 8
    elif machine.arch == "riscv64":
        names, at = ["pc", *_RISCV.split()[1:]], sp + 128 + 176
    else:
        names, at = ["pc", *_LOONGARCH.split()], sp + 128 + 176
    data = machine.read(at, 8 * len(names))
    if len(data) < 8 * len(names):
        return False
    values = {
        name: int.from_bytes(data[8 * i : 8 * i + 8], "little") for i, name in enumerate(names)
    }
    registers.update({name: value for name, value in values.items() if name in registers})
    return True
