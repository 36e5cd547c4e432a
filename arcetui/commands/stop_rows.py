"""What is said when the machine stops: why, where, and the next line or instruction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcetui.commands.command import Result
from arcetui.disassembly import disassemble
from arcetui.render.code import instruction, place, source_line
from arcetui.render.row import Row, row
from arcetui.render.task_words import name_futexes

if TYPE_CHECKING:
    from arcetui.commands.context import Context
    from kernel.control import Stopped

_SILENT = frozenset({"STEP", "POSITION"})
_GONE = frozenset({"EXITED", "PANIC"})


def stop_result(context: Context, stopped: Stopped) -> Result:
    """The result of a command that moved the machine."""
    settings = context.settings
    settings.examine_next = settings.list_next = 0
    settings.frame = 0
    return Result(tuple(stop_rows(context, stopped)), False, stopped)


def stop_rows(context: Context, stopped: Stopped) -> list[Row]:
    """Why, where, and what comes next."""
    out: list[Row] = []
    reason = stopped.reason.name
    sentence = name_futexes(stopped.sentence, context.symbols.describe)
    if reason not in _SILENT or sentence:
        style = "error" if reason in {"FAULT", "PANIC", "DEADLOCK"} else "title"
        out.append(row((sentence or stopped.reason.value, style)))
    machine = context.debugger.machine()
    if machine.last_fault is not None and reason in {"FAULT", "SIGNAL", "EXITED"}:
        fault = machine.last_fault
        ended_well = reason == "EXITED" and not (machine.exit_status or 0) & 0x7F
        if fault.signal and not ended_well:  # a handler may have taken it long ago
            out.append(row((f"{fault.signal}: {fault.sentence}", "error")))
    if stopped.syscall is not None:
        out.extend(_call_rows(context, stopped))
    if machine.exit_status is None and reason not in _GONE:
        out.extend(_here(context))
    position = stopped.position
    past = f" of {machine.end}" if position < machine.end else ""
    out.append(row((f"[position {position}{past}]", "dim")))
    out.extend(display_rows(context))
    return out


def _call_rows(context: Context, stopped: Stopped) -> list[Row]:
    from arcetui.render.calls import call_row
    from arcetui.strace.formatter import Formatter

    call = stopped.syscall
    if call is None:
        return []
    formatter = Formatter(context.debugger.arch.name)
    if call.serial:
        return [call_row(call, formatter, context.read)]
    pending = formatter.enter(call, context.read)
    return [row((pending.entry, "syscall"))]


def _here(context: Context) -> list[Row]:
    """The place, and its source line or instruction."""
    cpu = context.debugger.cpu()
    symbols, pc = context.symbols, cpu.pc
    if cpu.in_kernel.startswith("call "):  # the pc is that function's already
        out = [row(("in the kernel: ", "key"), cpu.in_kernel)]
    elif cpu.in_kernel:
        out = [row(("in the kernel: ", "key"), cpu.in_kernel, (" for ", "dim"), place(pc, symbols))]
    else:
        out = [row((place(pc, symbols), "key"))]
    line = symbols.line(pc)
    if line is not None:
        out.append(source_line(symbols, *line, here=True))
    arch = context.debugger.arch
    data = context.read(pc, arch.max_insn_bytes)
    for insn in disassemble(arch.name, data, pc, 1):
        out.append(instruction(insn, symbols, pc, {}))
    return out


def display_rows(context: Context) -> list[Row]:
    """The expressions shown at every stop."""
    from arcetui.commands.values import show_display

    out: list[Row] = []
    for number, text in context.settings.displays.items():
        out.extend(show_display(context, number, text))
    return out
