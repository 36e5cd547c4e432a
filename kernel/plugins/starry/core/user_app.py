"""Bringing Starry up and starting the program: the tree, init, the first process.

Source: starry-next src/{main,entry}.rs (`run_user_app`): one program at a time, the machine stops
when it has ended.
"""

from __future__ import annotations

from posixpath import normpath
from typing import TYPE_CHECKING, Any

from kernel.crates.elf import ElfError
from kernel.crates.errno import KernelError
from kernel.crates.event import EventKind
from kernel.crates.process import Process as AxProcess
from kernel.crates.user_ptr import UserMemory
from kernel.crates.vfs import ROOT_USER, VfsNode, VfsNodeType, encode_name
from kernel.modules.axfs.images import images
from kernel.modules.axfs.init import build_root
from kernel.modules.axfs.laid_tree import TreeEntry
from kernel.modules.axmm.aspace import AddrSpace
from kernel.plugins.starry.core.layout import TRAMPOLINE_CODE
from kernel.plugins.starry.core.limits import ResourceLimits
from kernel.plugins.starry.core.loader import (
    LoadedProgram,
    check_program,
    load_program,
    write_trampoline,
)
from kernel.plugins.starry.core.proc_source import StarryProc
from kernel.plugins.starry.core.process import Process
from kernel.plugins.starry.core.signal_state import ProcessSignals, ThreadSignals
from kernel.plugins.starry.core.stdio import terminal_of
from kernel.plugins.starry.core.thread import Thread

if TYPE_CHECKING:
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.modules.axtask.task import TaskInner
    from kernel.plugins.starry.core.exec import Program
    from kernel.plugins.starry.core.starry import Starry

TASK_NAME_BYTES = 15  # TASK_COMM_LEN - 1


def boot(
    starry: Starry, files: tuple[tuple[str, bytes], ...], tree: tuple[TreeEntry, ...] = ()
) -> None:
    """Build the file tree and the init process (the kernel's main task, which has no user code).

    Args:
        starry: The plugin.
        files: (absolute path, contents) of extra files.
        tree: A host directory's contents, laid under /.
    """
    kernel = starry.kernel
    starry.trampoline_pa = write_trampoline(starry)
    init_pid = next(task.tid for task in kernel.tasks.tasks.values() if task.is_init)
    AxProcess(starry.table, init_pid, None)
    if kernel.fs is None:
        kernel.fs = build_root(kernel, files, tree=tree, rootfs=kernel.rootfs)
    else:
        for path, data in files:
            kernel.fs.add_file(path, data)
    kernel.fs.proc.fill(StarryProc(starry))
    _init_kernel_namespace(kernel)


def _init_kernel_namespace(kernel: Kernel) -> None:
    """Resources of kernel tasks (starry-next's ctor `init_stdio`); processes start with copies."""
    from kernel.plugins.starry.core.fd_table import FdTable
    from kernel.plugins.starry.core.fs_context import FsContext

    ns = kernel.ns.kernel()
    ns.init_new("FD_TABLE", FdTable.new_stdio(kernel), FdTable.MODEL_BYTES)
    ns.init_new("FS_CONTEXT", FsContext(kernel.fs), FsContext.MODEL_BYTES)


def new_user_aspace(starry: Starry) -> AddrSpace:
    """An address space with an empty user half and, where there is one table, the kernel half."""
    kernel = starry.kernel
    ident = starry.next_aspace
    starry.next_aspace += 1
    layout = starry.layout
    aspace = AddrSpace(
        ident,
        layout.base,
        layout.end - layout.base,
        kernel.arch.page_table,
        kernel.ram,
        kernel.events,
        kernel.alloc,
        kernel.tlb,
        kernel.frames,
    )
    if not kernel.config.has_split_tables:
        aspace.copy_mappings_from(kernel.kernel_aspace)
    return aspace


def run_user_app(
    starry: Starry, data: bytes, path: str, argv: tuple[str, ...], envp: tuple[str, ...]
) -> Thread:
    """Load the machine's program and make its first thread ready to run.

    Args:
        starry: The plugin, booted.
        data: The program file.
        path: Its path; made absolute in the guest's tree. Also AT_EXECFN.
        argv: Arguments.
        envp: Environment, "NAME=VALUE" each.

    Raises:
        ElfError: The file cannot run here.
        LinuxError: E2BIG: arguments too long.
        AxError: NO_MEMORY.
    """
    kernel = starry.kernel
    what = _first_program(starry, data, path, tuple(encode_name(text) for text in argv))
    real = kernel.fs.real_path(what.path)
    aspace = new_user_aspace(starry)
    program = load_program(
        starry,
        aspace,
        what.image,
        what.node,
        what.exec_path,
        what.argv,
        tuple(encode_name(text) for text in envp),
        real,
    )
    task = kernel.tasks.new_task(what.name[:TASK_NAME_BYTES], kernel.config.kernel_stack_bytes)
    process = _new_first_process(starry, task, aspace)
    set_image(process, real, what.node, program)
    thread = Thread(starry, process, task, UserMemory(process), ThreadSignals())
    process.add(thread)
    starry.threads[task.tid] = thread
    starry.main_pid = process.pid
    _start(starry, task, thread, program)
    return thread


def _first_program(starry: Starry, data: bytes, path: str, argv: tuple[bytes, ...]) -> Program:
    """The program's file in the guest's tree: what already stands there, or a new file.

    A `#!` script of a laid tree leads to its interpreter, which `data` is then.
    """
    from kernel.plugins.starry.core.exec import Program, find_program

    fs = starry.kernel.fs
    absolute = normpath("/" + path.lstrip("/"))  # so that argv[0] finds it from the directory /
    try:
        node: VfsNode = fs.lookup(absolute)
    except KernelError:
        pass  # nothing stands there
    else:
        head = node.read_at(0, len(data)) if node.attr.kind is VfsNodeType.FILE else b""
        if head == data or head.startswith(b"#!"):
            return find_program(starry, None, node, absolute, argv, ROOT_USER)
    image = check_program(data, starry.kernel.arch, starry.layout)
    node = fs.add_file(absolute, data, 0o755)
    return Program(node, absolute, absolute.rpartition("/")[2], absolute, image, argv)


def _new_first_process(starry: Starry, task: TaskInner, aspace: AddrSpace) -> Process:
    """A process with fresh resources, child of init."""
    kernel = starry.kernel
    ns = kernel.ns.new_thread_local()
    limits = ResourceLimits(kernel.ram.size_bytes)
    process = Process(starry, task.tid, starry.table.init, aspace, ns, ProcessSignals(), limits)
    for name in kernel.ns.resources:
        value = kernel.ns.kernel().get(name)
        ns.init_new(name, value.copy(), value.MODEL_BYTES)
    process.move_to_group(process.pid)  # as a shell's job; init stands for the shell
    tty = terminal_of(kernel)
    if tty is not None:
        session = process.group.session
        session.terminal, tty.session, tty.foreground = tty, session, process.pgid
    return process


def set_image(process: Process, path: str, node: VfsNode, program: LoadedProgram) -> None:
    """Note which program a process runs (at start, and again at execve)."""
    process.exe_path = path
    process.exe_node = node
    process.image = (program.start, program.end)
    process.argv = program.stack.argv
    process.envp = program.stack.envp
    process.auxv = program.stack.auxv
    process.aspace.brk_start = process.aspace.brk = program.brk_start
    layout = process.starry.layout
    has_code = process.starry.kernel.arch.name in TRAMPOLINE_CODE
    process.signal.trampoline = layout.trampoline if has_code else 0
    process.starry.events.emit(EventKind.PROC_EXEC, process.pid, path)


def _start(starry: Starry, task: TaskInner, thread: Thread, program: LoadedProgram) -> None:
    """Give the task its user context and put it into a run queue."""
    kernel = starry.kernel
    cpu = kernel.board.cpus[0]
    task.context = kernel.hal.new_context(cpu, {kernel.arch.sp: program.stack.sp})
    task.pc = program.entry
    task.root_pa = thread.process.aspace.root_pa
    task.is_user = True
    task.task_ext = thread
    kernel.tasks.spawn(task)


def blobs(starry: Starry) -> dict[str, Any]:
    """Large immutable objects that snapshots name instead of copying: file images, the table."""
    found: dict[str, Any] = {"syscalls": starry.calls}
    return found | images(starry.kernel.fs)


__all__ = ["ElfError", "blobs", "boot", "new_user_aspace", "run_user_app", "set_image"]
