"""What an architecture is to the board, the kernel and the tools: names, numbers, conventions.

Everything that differs between instruction sets and is a plain value stands in one `Arch`; code
that differs stands in a file per architecture beside the subject it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arch:
    """One instruction-set architecture.

    Attributes:
        name: Linux's name, as `uname -m` prints it: x86_64, riscv64, aarch64, loongarch64.
        elf_machine: `e_machine` of its ELF files.
        registers: General registers by ABI name, then pc, flags where there are any, and the TLS
            base; the order of `CpuEngine.registers()`.
        fp_registers: FP/SIMD registers by name, for display.
        pc, sp, ret, tls: Names of these registers.
        flags: Name of the condition-flags register, or "" where there is none.
        link: Name of the return-address register, or "" (x86: on the stack).
        syscall_nr: Register with the system-call number.
        syscall_args: The six registers of its arguments.
        call_args: Registers of the first six arguments of a C function.
        syscall_size_bytes: Length of the system-call instruction: pc - this restarts it.
        insn_align: Instructions start at multiples of this.
        max_insn_bytes: Longest instruction.
        fp_layout: Format of `fp_state`: "fxsave" (512 bytes), "riscv-d" (32 u64 + u32 fcsr +
            u32 pad), "fpsimd" (u32 fpsr, u32 fpcr, 32 x 16 bytes), "loongarch" (32 u64, u64 fcc,
            u32 fcsr, u32 pad).
        page_table: Name of the page-table format in `crates.page_table_entry.FORMATS`.
        va_bits: Width of a virtual address, sign-extended where the architecture does.
        timer_hz: Frequency of the user-readable time counter.
    """

    name: str
    elf_machine: int
    registers: tuple[str, ...]
    fp_registers: tuple[str, ...]
    pc: str
    sp: str
    ret: str
    tls: str
    flags: str
    link: str
    syscall_nr: str
    syscall_args: tuple[str, ...]
    call_args: tuple[str, ...]
    syscall_size_bytes: int
    insn_align: int
    max_insn_bytes: int
    fp_layout: str
    page_table: str
    va_bits: int
    timer_hz: int


_X86 = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
_RV = (
    "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1",
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
    "t3", "t4", "t5", "t6",
)  # fmt: skip
_A64 = tuple(f"x{i}" for i in range(31))
_LA = (
    "zero", "ra", "tp", "sp", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
    "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "u0", "fp",
    "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
)  # fmt: skip

X86_64 = Arch(
    name="x86_64",
    elf_machine=62,
    registers=(*_X86, "rip", "eflags", "fs_base", "gs_base"),
    fp_registers=tuple(f"xmm{i}" for i in range(16)),
    pc="rip",
    sp="rsp",
    ret="rax",
    tls="fs_base",
    flags="eflags",
    link="",
    syscall_nr="rax",
    syscall_args=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
    call_args=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
    syscall_size_bytes=2,
    insn_align=1,
    max_insn_bytes=15,
    fp_layout="fxsave",
    page_table="x86_64",
    va_bits=48,
    timer_hz=1_000_000_000,
)
RISCV64 = Arch(
    name="riscv64",
    elf_machine=243,
    registers=(*_RV, "pc"),
    fp_registers=tuple(f"f{i}" for i in range(32)),
    pc="pc",
    sp="sp",
    ret="a0",
    tls="tp",
    flags="",
    link="ra",
    syscall_nr="a7",
    syscall_args=("a0", "a1", "a2", "a3", "a4", "a5"),
    call_args=("a0", "a1", "a2", "a3", "a4", "a5"),
    syscall_size_bytes=4,
    insn_align=2,
    max_insn_bytes=4,
    fp_layout="riscv-d",
    page_table="sv39",
    va_bits=39,
    timer_hz=10_000_000,
)
AARCH64 = Arch(
    name="aarch64",
    elf_machine=183,
    registers=(*_A64, "sp", "pc", "nzcv", "tpidr_el0"),
    fp_registers=tuple(f"v{i}" for i in range(32)),
    pc="pc",
    sp="sp",
    ret="x0",
    tls="tpidr_el0",
    flags="nzcv",
    link="x30",
    syscall_nr="x8",
    syscall_args=("x0", "x1", "x2", "x3", "x4", "x5"),
    call_args=("x0", "x1", "x2", "x3", "x4", "x5"),
    syscall_size_bytes=4,
    insn_align=4,
    max_insn_bytes=4,
    fp_layout="fpsimd",
    page_table="aarch64",
    va_bits=48,
    timer_hz=62_500_000,
)
LOONGARCH64 = Arch(
    name="loongarch64",
    elf_machine=258,
    registers=(*_LA, "pc"),
    fp_registers=tuple(f"f{i}" for i in range(32)),
    pc="pc",
    sp="sp",
    ret="a0",
    tls="tp",
    flags="",
    link="ra",
    syscall_nr="a7",
    syscall_args=("a0", "a1", "a2", "a3", "a4", "a5"),
    call_args=("a0", "a1", "a2", "a3", "a4", "a5"),
    syscall_size_bytes=4,
    insn_align=4,
    max_insn_bytes=4,
    fp_layout="loongarch",
    page_table="loongarch64",
    va_bits=48,
    timer_hz=100_000_000,
)

ARCHES: dict[str, Arch] = {a.name: a for a in (X86_64, RISCV64, AARCH64, LOONGARCH64)}
BY_ELF_MACHINE: dict[int, Arch] = {a.elf_machine: a for a in ARCHES.values()}
