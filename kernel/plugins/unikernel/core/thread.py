"""Threads of the application: plain ArceOS tasks, with what a call that waits has to remember.

Source: ArceOS api/arceos_api/src/imp/task.rs (`AxTaskHandle`); modules/axtask.
Differs: a function that waits keeps nothing on a Python stack; it notes what it waits for and is
entered again when the task has the CPU, as everywhere in this kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from kernel.crates.errno import AxError
from kernel.modules.axtask.task import TaskInner, WaitOutcome

if TYPE_CHECKING:
    from kernel.machine.cpu import Cpu
    from kernel.modules.axns import AxNamespace
    from kernel.modules.axtask.wait_queue import WaitQueue
    from kernel.plugins.unikernel.core.app import Application
    from kernel.plugins.unikernel.core.app_memory import AppMemory
    from kernel.plugins.unikernel.core.unikernel import Unikernel

#: Results below this are no results: the caller waits, or the function does not return.
SPECIAL: Final = -(1 << 64)
#: The caller waits; the function is entered again later. `AppThread.block` returns it.
BLOCKED: Final = -(1 << 65)
#: The thread has ended.
NO_RETURN: Final = -(1 << 66)


class AppThread:
    """One thread of the application.

    Attributes:
        tid: Task id.
        process: The application.
        mem: Memory behind its pointers.
        pending: The call it waits in: (serial, number, arguments).
        resumed: How the wait before this entry of the function ended; NONE on the first entry.
        wait_state: What the function passed to `block`.
        clear_child_tid: Always 0: nobody waits for a word it would clear.
    """

    __slots__ = ("form", "pending", "resumed", "task", "wait_state")
    clear_child_tid = 0

    def __init__(self, form: Unikernel, task: TaskInner) -> None:
        self.form = form
        self.task = task
        self.pending: tuple[int, int, tuple[int, ...]] | None = None
        self.resumed = WaitOutcome.NONE
        self.wait_state: Any = None

    @property
    def tid(self) -> int:
        """Its task's id."""
        return self.task.tid

    @property
    def process(self) -> Application:
        """The application, which takes a process's place in listings."""
        return self.form.app

    @property
    def mem(self) -> AppMemory:
        """Memory behind its pointers."""
        return self.form.mem

    @property
    def ns(self) -> AxNamespace:
        """The one namespace of all."""
        return self.form.kernel.ns.global_namespace()

    def block(
        self,
        why: str,
        queues: Sequence[WaitQueue] = (),
        deadline_ns: int | None = None,
        state: Any = None,
    ) -> int:
        """Wait until a queue is notified or the deadline passes; the function returns this.

        Args:
            why: What it waits for, in words.
            queues: Any of them ends the wait.
            deadline_ns: Virtual time; None: no timeout.
            state: Plain data for the next entry of the function.
        """
        self.wait_state = state
        tasks = self.form.kernel.tasks
        tasks.block_current(self.task, queues, deadline_ns, why, interruptible=False)
        return BLOCKED

    # -- TaskExt --------------------------------------------------------------------------------

    def resume(self, cpu: Cpu) -> None:
        """The task has the CPU again (axtask calls this)."""
        self.form.resume(cpu, self)

    def describe_wait(self) -> str:
        """What it waits for, in words."""
        if self.pending is None:
            return self.task.why
        return f"{self.form.call_name(self.pending[1])}: {self.task.why}"


def start_task(
    form: Unikernel, task: TaskInner, entry: int, arguments: Sequence[int], stack_top: int
) -> AppThread:
    """Give a task a C function to run, and put it into a run queue.

    Args:
        form: The kernel form.
        task: New; its stack is the kernel stack, there is no other.
        entry: Address of the function.
        arguments: For its first parameters.
        stack_top: Upper end of what the stack still offers, a multiple of 16.
    """
    kernel = form.kernel
    arch = kernel.arch
    thread = AppThread(form, task)
    registers = dict(zip(arch.call_args, arguments, strict=False))
    if arch.link:
        registers[arch.link] = form.exports.return_address
    else:
        stack_top -= 8
        kernel.ram.write_u64(kernel.hal.virt_to_phys(stack_top), form.exports.return_address)
    registers[arch.sp] = stack_top
    cpu = kernel.board.cpus[kernel.events.cpu_id]
    task.context = kernel.hal.new_context(cpu, registers)
    task.pc = entry
    task.root_pa = kernel.kernel_aspace.root_pa
    task.is_user = True
    task.task_ext = thread
    form.threads[task.tid] = thread
    kernel.tasks.spawn(task)
    return thread


def spawn(form: Unikernel, name: str, entry: int, argument: int, stack_bytes: int) -> AppThread:
    """A new thread that calls `entry(argument)`.

    Raises:
        AxError: NO_MEMORY for its stack.
    """
    kernel = form.kernel
    task = kernel.tasks.new_task(name, stack_bytes)
    try:
        top = kernel.hal.phys_to_virt(task.kstack_pa + stack_bytes) & -16
        return start_task(form, task, entry, (argument,), top)
    except AxError:
        kernel.tasks.discard(task)
        raise
