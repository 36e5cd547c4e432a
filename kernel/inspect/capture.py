"""Make the frozen views: read live objects once, give values.

Each component that has much to show makes its own view (axalloc, axmm); here they are put together
and the small ones made. Nothing here changes the machine.
"""

from __future__ import annotations

from kernel.crates.scheduler import SchedEntity
from kernel.crates.signal import Signo
from kernel.inspect.position import Position
from kernel.inspect.scheduling import state_word
from kernel.inspect.system import System
from kernel.inspect.views import (
    AddressSpaceView,
    CpuView,
    FaultView,
    MachineView,
    ProcessView,
    TaskView,
    WalkView,
)
from kernel.machine.engine import Access
from kernel.modules.axmm import view
from kernel.modules.axmm.aspace import AddrSpace
from kernel.modules.axtask.task import TaskInner, TaskState

_ACCESS = {"read": Access.READ, "write": Access.WRITE, "execute": Access.EXECUTE}


def machine_view(
    system: System, *, epoch: int, position: Position, end: Position, half_way: bool
) -> MachineView:
    """The whole machine in short."""
    board = system.board
    alloc = system.kernel.alloc
    used = alloc.used_pages
    return MachineView(
        epoch=epoch,
        arch=system.kernel.arch.name,
        position=position,
        end=end,
        state=machine_state(system),
        half_way=half_way,
        instructions=board.instructions,
        time_ns=max(cpu.clock_ns for cpu in board.cpus),
        syscalls=system.kernel.plugin.syscalls,
        cpus=tuple(cpu_view(system, cpu.index) for cpu in board.cpus),
        current_cpu=board.active,
        console_bytes=board.console.out_bytes,
        exit_status=board.exit_status if board.is_off and not board.panic else None,
        last_fault=_last_fault(system),
        panic=board.panic,
        frames_used=used,
        frames_total=used + alloc.available_pages,
        form=system.kernel.plugin.form,
        engine_note=board.cpus[0].engine.note,
    )


def machine_state(system: System) -> str:
    """What the machine does, in the words of `MachineView.state`."""
    board = system.board
    if board.panic:
        return "panicked"
    if board.is_off:
        return "exited"
    if any(cpu.is_user or cpu.pending for cpu in board.cpus):
        return "stopped"
    if system.kernel.tasks.has_timers():
        return "stopped"
    if system.wants_input():
        return "waiting for input"
    return "deadlocked"


def _last_fault(system: System) -> FaultView | None:
    fault = system.kernel.plugin.last_fault
    if fault is None:
        return None
    return FaultView(
        position=Position(fault.event),
        tid=fault.tid,
        pc=fault.pc,
        va=fault.va,
        access=fault.access,
        signal=Signo(fault.signo).name if fault.signo else "",
        sentence=fault.sentence,
    )


def cpu_view(system: System, index: int) -> CpuView:
    """One CPU. While it idles the registers are those of its last program."""
    cpu = system.board.cpus[index]
    task: TaskInner | None = cpu.current
    registers = dict(zip(cpu.engine.arch.registers, cpu.engine.registers(), strict=True))
    registers[cpu.engine.arch.pc] = cpu.pc
    return CpuView(
        cpu=index,
        tid=task.tid if task is not None and not task.is_idle else 0,
        pid=_pid_of(task),
        task_name=task.name if task is not None else "",
        pc=cpu.pc,
        registers=tuple(registers.items()),
        time_ns=cpu.clock_ns,
        instructions=cpu.instructions,
        root_pa=cpu.root_pa,
        in_kernel=_kernel_work(system, index),
    )


def task_cpu_view(system: System, tid: int) -> CpuView:
    """A task as if its CPU were shown: the registers it goes on with when it runs again.

    Raises:
        LookupError: There is no such task, or it has no user registers.
    """
    task = system.kernel.tasks.tasks.get(tid)
    if task is None:
        raise LookupError(f"there is no thread {tid}")
    if not task.is_user:
        raise LookupError(f"task {tid} ({task.name}) is the kernel's own: it has no registers")
    cpu = system.board.cpus[task.cpu_id]
    if cpu.current is task or task.context is None:
        return cpu_view(system, cpu.index)
    names = cpu.engine.arch.registers
    registers = dict(zip(names, cpu.engine.saved_registers(task.context), strict=True))
    registers[cpu.engine.arch.pc] = task.pc
    return CpuView(
        cpu=task.cpu_id,
        tid=tid,
        pid=_pid_of(task),
        task_name=task.name,
        pc=task.pc,
        registers=tuple(registers.items()),
        time_ns=cpu.clock_ns,
        instructions=cpu.instructions,
        root_pa=task.root_pa,
        in_kernel=task.task_ext.describe_wait() if task.task_ext is not None else "",
    )


def _pid_of(task: TaskInner | None) -> int:
    ext = task.task_ext if task is not None else None
    process = getattr(ext, "process", None)
    return process.pid if process is not None else 0


def _kernel_work(system: System, index: int) -> str:
    """What the CPU's pending trap is, "" in user mode."""
    pending = system.board.cpus[index].pending
    if pending is None:
        return ""
    if pending.why.name in ("SYSCALL", "CALL"):
        nr = system.kernel.plugin.pending_call(system.board.cpus[index])[0]
        return f"{pending.why.name.lower()} {system.kernel.plugin.call_name(nr)}"
    return pending.why.name.lower()


def current_pid(system: System) -> int:
    """The process a person most likely means: the running one, else the machine's program."""
    board = system.board
    pid = _pid_of(board.cpus[board.active].current)
    return pid or system.kernel.plugin.main_pid


def address_space_of(system: System, pid: int) -> AddrSpace | None:
    """The live address space of a process (0: the kernel's), or None."""
    return system.kernel.plugin.aspace_of(pid)


def _aspace(system: System, pid: int) -> AddrSpace:
    aspace = address_space_of(system, pid)
    if aspace is None:
        raise LookupError(f"there is no process {pid}")
    return aspace


def address_space_view(system: System, pid: int) -> AddressSpaceView:
    """All areas of one address space."""
    return view.address_space_view(_aspace(system, pid), pid)


def walk_view(system: System, pid: int, va: int, access: str) -> WalkView:
    """One page walk, explained."""
    return view.explain(_aspace(system, pid), va & ((1 << 64) - 1), _ACCESS[access])


def task_views(system: System) -> tuple[TaskView, ...]:
    """All tasks by tid."""
    tasks = system.kernel.tasks
    return tuple(_task_view(system, task) for task in tasks.tasks.values())


def _task_view(system: System, task: TaskInner) -> TaskView:
    queue = system.kernel.tasks.queues[task.cpu_id]
    entity: SchedEntity = task.sched
    can_run = task.is_user and task.state in (TaskState.READY, TaskState.RUNNING)
    waiting = ""
    if task.state == TaskState.BLOCKED:
        waiting = task.task_ext.describe_wait() if task.task_ext is not None else task.why
    return TaskView(
        tid=task.tid,
        pid=_pid_of(task),
        name=task.name,
        state=state_word(task, queue.current),
        cpu=task.cpu_id,
        waiting_for=waiting,
        key=queue.scheduler.key(entity) if can_run else "",
        kstack_pa=task.kstack_pa,
        is_kernel=not task.is_user,
    )


def process_views(system: System) -> tuple[ProcessView, ...]:
    """User processes by pid."""
    return system.kernel.plugin.process_views()
