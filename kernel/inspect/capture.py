"""Make the frozen views: read live objects once, give values.

Each component that has much to show makes its own view (axalloc, axmm); here they are put together
and the small ones made. Nothing here changes the machine.
"""

from __future__ import annotations

from kernel.crates.errno import LinuxError
from kernel.crates.scheduler import SchedEntity
from kernel.crates.signal import Signo
from kernel.inspect.position import Position
from kernel.inspect.system import System
from kernel.inspect.views import (
    AddressSpaceView,
    CpuView,
    FaultView,
    FdView,
    MachineView,
    ProcessView,
    RunQueueView,
    TaskView,
    WalkView,
)
from kernel.machine.engine import Access
from kernel.modules.axmm import view
from kernel.modules.axmm.aspace import AddrSpace
from kernel.modules.axtask.task import TaskInner, TaskState
from kernel.plugins.starry.core.fd_table import FdTable
from kernel.plugins.starry.core.file import describe_flags
from kernel.plugins.starry.core.fs_context import FsContext
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.process import Process

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
    if system.kernel.console_wait.waiters and not board.console.eof:
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
    return process.pid if isinstance(process, Process) else 0


def _kernel_work(system: System, index: int) -> str:
    """What the CPU's pending trap is, "" in user mode."""
    pending = system.board.cpus[index].pending
    if pending is None:
        return ""
    if pending.why.name == "SYSCALL":
        nr = system.board.cpus[index].engine.syscall_args()[0]
        return f"syscall {system.kernel.plugin.call_name(nr)}"
    return pending.why.name.lower()


def current_pid(system: System) -> int:
    """The process a person most likely means: the running one, else the machine's program."""
    board = system.board
    pid = _pid_of(board.cpus[board.active].current)
    return pid or system.kernel.plugin.main_pid


def address_space_of(system: System, pid: int) -> AddrSpace | None:
    """The live address space of a process (0: the kernel's), or None."""
    if pid == 0:
        return system.kernel.kernel_aspace
    process = system.kernel.plugin.processes.get(pid)
    return process.aspace if process is not None else None


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
    waiting = ""
    if task.state == TaskState.BLOCKED:
        waiting = task.task_ext.describe_wait() if task.task_ext is not None else task.why
    return TaskView(
        tid=task.tid,
        pid=_pid_of(task),
        name=task.name,
        state=task.state.name.capitalize(),
        cpu=task.cpu_id,
        waiting_for=waiting,
        key=queue.scheduler.key(entity) if task.is_user else "",
        kstack_pa=task.kstack_pa,
        is_kernel=not task.is_user,
    )


def queue_views(system: System) -> tuple[RunQueueView, ...]:
    """Run queues by CPU, next task first."""
    return tuple(
        RunQueueView(
            cpu=queue.cpu_id,
            scheduler=queue.scheduler.name,
            current=queue.current.tid if queue.current is not None else 0,
            tids=tuple(entity.tid for entity in queue.scheduler.queue()),
            need_resched=queue.current is not None and queue.current.need_resched,
        )
        for queue in system.kernel.tasks.queues
    )


def process_views(system: System) -> tuple[ProcessView, ...]:
    """User processes by pid."""
    return tuple(_process_view(process) for process in system.kernel.plugin.processes.values())


def _process_view(process: Process) -> ProcessView:
    limits = tuple(
        (f"RLIMIT_{resource.name}", *process.limits.get(resource)) for resource in Resource
    )
    return ProcessView(
        pid=process.pid,
        ppid=process.ppid,
        name=process.name,
        exe=process.exe_path,
        threads=tuple(process.threads),
        aspace=process.aspace.ident,
        cwd=_cwd(process),
        umask=_umask(process),
        fds=_fds(process),
        signals=_signals(process),
        limits=limits,
        exit_status=process.exit_status if process.is_zombie else None,
    )


def _has(process: Process, name: str) -> bool:
    return process.ns.slots[name].is_inited


def _umask(process: Process) -> int:
    if not _has(process, "FS_CONTEXT"):
        return 0
    context: FsContext = process.ns.get("FS_CONTEXT")
    return context.umask


def _cwd(process: Process) -> str:
    if not _has(process, "FS_CONTEXT"):
        return ""
    context: FsContext = process.ns.get("FS_CONTEXT")
    try:
        return context.cwd_path
    except LinuxError:  # a removed directory has no path
        return "(deleted)"


def _fds(process: Process) -> tuple[FdView, ...]:
    if not _has(process, "FD_TABLE"):
        return ()
    table: FdTable = process.ns.get("FD_TABLE")
    return tuple(
        FdView(
            fd=fd,
            kind=entry.file.kind,
            what=entry.path,
            flags=describe_flags(entry.flags) + ("|O_CLOEXEC" if table.is_cloexec(fd) else ""),
            offset=entry.offset,
            refs=entry.refs,
        )
        for fd, entry in table.objects.items()
    )


def _signals(process: Process) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    actions = process.signal.actions
    for signo in Signo:
        action = actions[signo]
        if action.handler == 1:
            found.append((signo.name, "ignored"))
        elif action.handler:
            found.append((signo.name, f"handler {action.handler:#x}"))
    for thread in process.threads.values():
        blocked = thread.signal.blocked
        found += [
            (signo.name, f"blocked in {thread.tid}") for signo in Signo if blocked >> signo - 1 & 1
        ]
    return tuple(found)
