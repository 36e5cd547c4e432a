"""Replacing a process's program: what execve(2) and execveat(2) do.

The new address space is built completely while the old one still stands; only when nothing can
fail any more they change places. So a failed execve leaves everything as it was.

Source: Linux fs/exec.c (`bprm_execve`, `begin_new_exec`, `de_thread`), fs/binfmt_script.c;
starry-next api/src/imp/task/execve.rs, which loses the old image first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.crates.elf import ElfError, ElfImage
from kernel.crates.errno import AxError, Errno, KernelError, LinuxError
from kernel.crates.vfs import Access, Credentials, VfsNode, VfsNodeType, permits
from kernel.modules.axtask.task import WaitOutcome
from kernel.plugins.starry.core.clone import unshare_resource
from kernel.plugins.starry.core.limits import Resource
from kernel.plugins.starry.core.loader import check_program, load_program
from kernel.plugins.starry.core.posix_timer import delete_timers
from kernel.plugins.starry.core.process import kill_others, release_user_words
from kernel.plugins.starry.core.thread import Thread
from kernel.plugins.starry.core.user_app import TASK_NAME_BYTES, new_user_aspace, set_image

if TYPE_CHECKING:
    from kernel.plugins.starry.core.process import Process
    from kernel.plugins.starry.core.starry import Starry

_HEAD_BYTES: Final = 256  # BINPRM_BUF_SIZE
_MAX_SCRIPTS: Final = 5
_SIGCHLD: Final = 17


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run.

    Attributes:
        node: The program file: behind scripts, the last interpreter.
        path: Its path, for listings.
        name: What the task will be called: the name of the file execve was given.
        exec_path: AT_EXECFN: the path execve was given.
        image: The checked file.
        argv: Arguments, with those scripts add.
    """

    node: VfsNode
    path: str
    name: str
    exec_path: str
    image: ElfImage
    argv: tuple[bytes, ...]


def check_file(starry: Starry, node: VfsNode, who: Credentials) -> None:
    """Whether the file may be executed.

    Raises:
        LinuxError: EACCES; ETXTBSY while somebody has it open for writing.
    """
    attr = node.get_attr()
    if attr.kind is not VfsNodeType.FILE or not permits(attr, Access.EXECUTE, who):
        raise LinuxError(Errno.EACCES)
    if _has_writer(starry, node):
        raise LinuxError(Errno.ETXTBSY)


def _has_writer(starry: Starry, node: VfsNode) -> bool:
    return any(
        file.node is node and file.writable
        for thread in starry.threads.values()
        for _, file in thread.fds.objects.items()
    )


def find_program(
    starry: Starry,
    cwd: VfsNode | None,
    node: VfsNode,
    path: str,
    argv: tuple[bytes, ...],
    who: Credentials,
    *,
    closes: bool = False,
) -> Program:
    """Follow `#!` lines to a program that can run here.

    Args:
        starry: The plugin.
        cwd: Where relative paths of interpreters start; None: the root.
        node: The file execve was given, already checked to be executable.
        path: Its path as the program named it.
        argv: Arguments.
        who: As whom interpreters are looked up.
        closes: Whether `path` names a descriptor that execve closes: no interpreter could open it.

    Raises:
        LinuxError: ENOEXEC, ELOOP, ENOENT, EACCES, ETXTBSY, ...
    """
    name = path.rpartition("/")[2]
    exec_path = path
    for _ in range(_MAX_SCRIPTS + 1):
        head = node.read_at(0, _HEAD_BYTES)
        if not head.startswith(b"#!"):
            image = _check_image(starry, node)
            return Program(node, path, name, exec_path, image, argv)
        interpreter, argument = _script_line(head)
        if closes:
            raise LinuxError(Errno.ENOENT)
        if not interpreter:  # Linux opens "", which is the current directory
            raise LinuxError(Errno.EACCES)
        extra = (interpreter,) if argument is None else (interpreter, argument)
        argv = (*extra, path.encode("utf-8", "surrogateescape"), *argv[1:])
        path = interpreter.decode("utf-8", "surrogateescape")
        node = starry.kernel.fs.lookup(path, cwd, who=who)
        check_file(starry, node, who)
    raise LinuxError(Errno.ELOOP)


def _script_line(head: bytes) -> tuple[bytes, bytes | None]:
    """Interpreter and its one argument of a `#!` line; a line too long for the head is cut.

    Raises:
        LinuxError: ENOEXEC: no interpreter, or its name is cut.
    """
    buffer = head.ljust(_HEAD_BYTES, b"\0")
    line, newline, _ = buffer.partition(b"\n")
    if not newline or b"\0" in line:
        line = buffer[:-1]
        name = line[2:].lstrip(b" \t")
        if not name or not any(end in buffer[-len(name) - 1 :] for end in (b" ", b"\t", b"\0")):
            raise LinuxError(Errno.ENOEXEC)
    line = line[2:].strip(b" \t")
    if not line:
        raise LinuxError(Errno.ENOEXEC)
    end = next((i for i, byte in enumerate(line) if byte in b" \t\0"), len(line))
    rest = line[end:].lstrip(b" \t") if line[end : end + 1] != b"\0" else b""
    return line[:end], rest.partition(b"\0")[0] if rest else None


def _check_image(starry: Starry, node: VfsNode) -> ElfImage:
    data = node.read_at(0, node.get_attr().size_bytes)
    try:
        return check_program(data, starry.kernel.arch, starry.layout)
    except ElfError as error:
        raise LinuxError(Errno.ENOEXEC, str(error)) from error


def others_gone(t: Thread) -> bool:
    """Whether the caller is its process's only thread; asks the others to end if not.

    The handler has to block on the process's "exec" queue then and call again.
    """
    process = t.process
    if len(process.threads) == 1:
        return True
    if not process.exec_thread:
        process.exec_thread = t.tid
        kill_others(t)
    return len(process.threads) == 1


def wait_for_others(t: Thread) -> int:
    """Block until `others_gone`.

    Raises:
        LinuxError: EAGAIN: another thread calls execve, or the process is ending.
    """
    process = t.process
    if t.resumed is WaitOutcome.SIGNAL or process.group_exited or process.exec_thread != t.tid:
        raise LinuxError(Errno.EAGAIN)
    queue = t.kernel.tasks.wait_queue(f"exec {process.pid}")
    return t.block("its other threads to end", (queue,), interruptible=False)


def replace_program(t: Thread, program: Program, envp: tuple[bytes, ...]) -> None:
    """Load the program and let the thread, its process's only one, run it.

    Raises:
        LinuxError: E2BIG, ENOEXEC, ENOMEM; the old program goes on.
    """
    process = t.process
    aspace = new_user_aspace(t.starry)
    aspace.stack_limit_bytes = process.limits.soft(Resource.STACK)
    full_path = _full_path(t, program)
    what = program.image, program.node, program.exec_path
    try:
        loaded = load_program(t.starry, aspace, *what, program.argv, envp, full_path)
    except KernelError as error:
        aspace.destroy()
        if isinstance(error, ElfError):
            cause = error.__cause__
            raise LinuxError(Errno.ENOMEM if cause else Errno.ENOEXEC, str(error)) from error
        if isinstance(error, AxError):
            raise LinuxError(error.to_errno()) from error
        raise
    release_user_words(t)
    _take_leader_id(t)
    old, process.aspace = process.aspace, aspace
    t.task.root_pa = aspace.root_pa
    t.cpu.set_root(aspace.root_pa)
    if not any(p.aspace is old and not p.is_zombie for p in t.starry.processes.values()):
        t.starry.drop_space(old)
    _new_image(t, process, program)
    set_image(process, full_path, program.node, loaded)
    engine, arch = t.cpu.engine, t.arch
    engine.reset()
    engine.set(arch.sp, loaded.stack.sp)
    engine.set(arch.pc, loaded.entry)
    t.cpu.pc = loaded.entry


def _full_path(t: Thread, program: Program) -> str:
    """What /proc/PID/exe and the names of areas show: the path without links."""
    try:
        return t.kernel.fs.real_path(program.path, t.fs.cwd)
    except LinuxError:
        return program.path


def _take_leader_id(t: Thread) -> None:
    """The surviving thread becomes the process's first one."""
    process, starry = t.process, t.starry
    process.exec_thread = 0
    t.kernel.tasks.wait_queues.pop(f"exec {process.pid}", None)
    if t.tid == process.pid:
        return
    del process.threads[t.tid], starry.threads[t.tid], process.thread_ids[t.tid]
    t.kernel.tasks.take_id(t.task, process.pid)
    old_tid, t.tid = t.tid, process.pid
    if starry.observer is not None:
        starry.observer.on_replaced(old_tid, t)
    process.add(t)
    starry.threads[t.tid] = t


def _new_image(t: Thread, process: Process, program: Program) -> None:
    """What a new program does not inherit from the old one."""
    arc = t.ns.arc("FD_TABLE")
    if t.own_ns is not None:
        process.ns, t.own_ns, old = t.own_ns, None, process.ns
        old.drop()
    elif arc is not None and arc.strong > 1:
        unshare_resource(t, process.ns, "FD_TABLE")
    t.fds.close_on_exec()
    delete_timers(process)
    process.signal.on_exec()
    t.signal.on_exec()
    process.exit_signal = _SIGCHLD
    process.has_execed = True
    process.membarrier = process.lock_all = process.keep_caps = 0
    process.dumpable = 1
    t.robust_list, t.rseq, t.rseq_cpu = (0, 0), (0, 0, 0), -1
    t.timer_slack_ns = 50_000
    t.task.name = program.name[:TASK_NAME_BYTES]


def is_running(starry: Starry, node: VfsNode) -> bool:
    """Whether a process runs the program in this file, which nobody may write to then."""
    return any(p.exe_node is node and not p.is_zombie for p in starry.processes.values())
