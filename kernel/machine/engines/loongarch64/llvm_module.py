"""The whole interpreter as LLVM IR: handlers, decoder, and the ways in and out."""

from __future__ import annotations

from typing import Final

from kernel.machine.engines.loongarch64 import llvm_layout as at
from kernel.machine.engines.loongarch64.builder import Value
from kernel.machine.engines.loongarch64.isa import TABLE, Instruction
from kernel.machine.engines.loongarch64.llvm_builder import LlvmBuilder, RareInstruction
from kernel.machine.engines.loongarch64.llvm_decoder import decoder_ir
from kernel.machine.engines.loongarch64.llvm_text import FLOAT_TYPES, PARAMETERS, literal
from kernel.machine.engines.loongarch64.semantics import SEMANTICS

_ENTRY: Final = """
define void @la64_run(ptr %cpu, i64 %count) nounwind {{
  %host = getelementptr i8, ptr %cpu, i64 {host}
  call void @llvm.x86.sse.stmxcsr(ptr %host)
  %fcsr.at = getelementptr i8, ptr %cpu, i64 {fcsr}
  %before = load i32, ptr %fcsr.at
  %mode = lshr i32 %before, 8
  %mode.low = and i32 %mode, 3
  %mode.neg = sub i32 0, %mode.low        ; 0 nearest, 1 zero, 2 up, 3 down here;
  %mode.host = and i32 %mode.neg, 3       ; SSE has 0, 3, 2, 1
  %mode.bits = shl i32 %mode.host, 13
  %control = or i32 %mode.bits, 8064      ; all exceptions masked, denormals as they are
  %own = getelementptr i8, ptr %cpu, i64 {own}
  store i32 %control, ptr %own
  call void @llvm.x86.sse.ldmxcsr(ptr %own)
  %pc.at = getelementptr i8, ptr %cpu, i64 {pc}
  %pc = load i64, ptr %pc.at
  call void @goto(ptr %cpu, ptr null, i64 %count, i64 %pc)
  call void @llvm.x86.sse.stmxcsr(ptr %own)
  call void @llvm.x86.sse.ldmxcsr(ptr %host)
  %status = load i32, ptr %own
  %invalid = and i32 %status, 1           ; to bit 20
  %invalid.at = shl i32 %invalid, 20
  %divide = and i32 %status, 4            ; 2 to 19
  %divide.at = shl i32 %divide, 17
  %overflow = and i32 %status, 8          ; 3 to 18
  %overflow.at = shl i32 %overflow, 15
  %underflow = and i32 %status, 16        ; 4 to 17
  %underflow.at = shl i32 %underflow, 13
  %inexact = and i32 %status, 32          ; 5 to 16
  %inexact.at = shl i32 %inexact, 11
  %flags1 = or i32 %invalid.at, %divide.at
  %flags2 = or i32 %overflow.at, %underflow.at
  %flags3 = or i32 %flags1, %inexact.at
  %flags = or i32 %flags2, %flags3
  %after = or i32 %before, %flags         ; native code does not write FCSR
  store i32 %after, ptr %fcsr.at
  ret void
}}

define void @la64_reset(ptr %page) nounwind {{
  %first = getelementptr i8, ptr %page, i64 {first}
  br label %loop
loop:
  %i = phi i64 [0, %0], [%next, %loop]
  %offset = shl i64 %i, 4
  %record = getelementptr i8, ptr %first, i64 %offset
  store ptr @la64_decode, ptr %record
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, {records}
  br i1 %more, label %loop, label %end
end:
  %after = getelementptr i8, ptr %first, i64 {end}
  store ptr @page_end, ptr %after
  ret void
}}

; Go on at pc %bias.
define internal void @goto{parameters} nounwind {{
  %is.over = icmp eq i64 %left, 0
  br i1 %is.over, label %out, label %look, !prof !0
look:
  %low = lshr i64 %bias, 8
  %high = lshr i64 %bias, {code_high}
  %spread = xor i64 %low, %high
  %index = and i64 %spread, {code_mask}
  %tlb = getelementptr i8, ptr %cpu, i64 {code_tlb}
  %entry = getelementptr i8, ptr %tlb, i64 %index
  %tag = load i64, ptr %entry
  %want = and i64 %bias, -4093            ; a misaligned pc matches nothing
  %hit = icmp eq i64 %tag, %want
  br i1 %hit, label %go, label %out, !prof !1
go:
  %page.at = getelementptr i8, ptr %entry, i64 8
  %page = load ptr, ptr %page.at
  %current = getelementptr i8, ptr %cpu, i64 {page}
  store ptr %page, ptr %current
  %offset = and i64 %bias, 4092
  %offset.records = shl i64 %offset, 2
  %first = getelementptr i8, ptr %page, i64 {first}
  %record = getelementptr i8, ptr %first, i64 %offset.records
  %record.int = ptrtoint ptr %record to i64
  %record.words = lshr i64 %record.int, 2
  %new.bias = sub i64 %bias, %record.words
  %handler = load ptr, ptr %record
  musttail call void %handler(ptr %cpu, ptr %record, i64 %left, i64 %new.bias)
  ret void
out:
  %why = select i1 %is.over, i64 {budget}, i64 {code_miss}
  %pc.at = getelementptr i8, ptr %cpu, i64 {pc}
  store i64 %bias, ptr %pc.at
  %left.at = getelementptr i8, ptr %cpu, i64 {left}
  store i64 %left, ptr %left.at
  %reason.at = getelementptr i8, ptr %cpu, i64 {reason}
  store i64 %why, ptr %reason.at
  ret void
}}
"""


def _leave(name: str, reason: int, linkage: str = "internal ") -> str:
    """A handler that returns to the driver with pc at its record."""
    b = LlvmBuilder(next(iter(TABLE.values())))
    b.write_cpu(at.PC_AT, b.pc())
    b.write_cpu(at.LEFT, Value("%left", 64))
    b.write_cpu(at.REASON, literal(reason))
    b.put("ret void")
    return b.function(name, linkage=linkage)


def _page_end() -> str:
    """The handler behind the last record: on to the next page."""
    b = LlvmBuilder(next(iter(TABLE.values())))
    b.tail("@goto", bias=b.pc().text)
    return b.function("page_end")


def _handler(row: Instruction, *, is_far: bool) -> str:
    """The handler of an instruction.

    Raises:
        RareInstruction: It has none.
    """
    b = LlvmBuilder(row, is_far=is_far)
    SEMANTICS[row.name](b)
    if not b.is_done:
        b.next()
    return b.function(_name(row, is_far=is_far), strict=b.is_strict)


def _name(row: Instruction, *, is_far: bool) -> str:
    return f"{row.name}.far" if is_far else f"op.{row.name}"


def _declarations() -> str:
    parts = [
        '!0 = !{!"branch_weights", i32 1, i32 100000}',
        '!1 = !{!"branch_weights", i32 100000, i32 1}',
        "declare void @llvm.x86.sse.stmxcsr(ptr)",
        "declare void @llvm.x86.sse.ldmxcsr(ptr)",
    ]
    for bits, form in FLOAT_TYPES.items():
        vector, level, suffix = {
            32: ("<4 x float>", "sse", "ss"),
            64: ("<2 x double>", "sse2", "sd"),
        }[bits]
        for how in ("cvt", "cvtt"):
            parts.append(f"declare i64 @llvm.x86.{level}.{how}{suffix}2si64({vector})")
        for kind in ("fcmp", "fcmps"):
            name = f"@llvm.experimental.constrained.{kind}.f{bits}"
            parts.append(f"declare i1 {name}({form}, {form}, metadata, metadata)")
        parts += [f"declare {form} @llvm.{name}.f{bits}({form})" for name in ("sqrt", "fabs")]
        parts.append(f"declare {form} @llvm.fma.f{bits}({form}, {form}, {form})")
        kind = f"i{bits}"
        parts += [f"declare {kind} @llvm.{n}.{kind}({kind}, i1)" for n in ("ctlz", "cttz")]
        parts += [f"declare {kind} @llvm.{n}.{kind}({kind})" for n in ("bswap", "bitreverse")]
        parts.append(f"declare {kind} @llvm.fshr.{kind}({kind}, {kind}, {kind})")
    return "\n".join(parts) + "\n"


def module_ir() -> str:
    """The module's text."""
    handlers: dict[str, tuple[str, str]] = {}
    parts = [
        _declarations(),
        _ENTRY.format(
            host=at.HOST_MXCSR,
            own=at.CPU_MXCSR,
            fcsr=at.FCSR_AT,
            pc=at.PC_AT,
            left=at.LEFT,
            reason=at.REASON,
            page=at.PAGE,
            first=at.FIRST_RECORD,
            records=at.RECORDS,
            end=at.RECORD_BYTES * at.RECORDS,
            code_tlb=at.CODE_TLB,
            code_high=8 + at.CODE_TLB_BITS,
            code_mask=(at.CODE_TLB_ENTRIES - 1) << 4,
            budget=at.BUDGET,
            code_miss=at.CODE_MISS,
            parameters=PARAMETERS,
        ),
        _leave("budget", at.BUDGET),
        _leave("system_call", at.SYSCALL),
        _leave("missed", at.MISS),
        _leave("slow", at.SLOW),
        _leave("la64_slow", at.SLOW, linkage=""),
        _page_end(),
    ]
    for row in TABLE.values():
        try:
            parts.append(_handler(row, is_far=False))
            if row.format.is_branch:
                parts.append(_handler(row, is_far=True))
        except RareInstruction:
            continue
        near, far = _name(row, is_far=False), _name(row, is_far=row.format.is_branch)
        handlers[row.name] = (near, far)
    parts.append(decoder_ir(handlers))
    return "".join(parts)
