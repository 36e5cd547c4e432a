"""User contexts: the registers a program starts with (ArceOS `UspaceContext::new`)."""

from __future__ import annotations

from kernel.machine.cpu import Cpu


def new_user_context(cpu: Cpu, registers: dict[str, int]) -> bytes:
    """The engine state of a program that has not run: all zero but `registers`.

    Uses the CPU's engine and leaves it as it was (but for the load reservation).
    """
    engine = cpu.engine
    saved = engine.save()
    engine.reset()
    for name, value in registers.items():
        engine.set(name, value)
    context = engine.save()
    engine.restore(saved)
    return context


def copy_user_context(cpu: Cpu, changes: dict[str, int]) -> bytes:
    """The CPU's user context as a new task gets it: result register 0, and `changes`.

    Leaves the engine as it was (but for the load reservation).
    """
    engine = cpu.engine
    engine.set(engine.arch.pc, cpu.pc)
    saved = engine.save()
    for name, value in changes.items():
        engine.set(name, value)
    engine.set_return(0)
    context = engine.save()
    engine.restore(saved)
    return context
