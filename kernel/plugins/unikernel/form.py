"""Starting a Unikernel: files, namespace, application, and the call of its `main`.

Source: ArceOS axruntime `rust_main`, from "call main()" on. The main task is the one boot made;
its end switches the machine off.
"""

from __future__ import annotations

from posixpath import normpath
from typing import TYPE_CHECKING

from kernel.crates.elf import parse_elf
from kernel.crates.errno import AxError, AxErrorKind
from kernel.crates.event import EventKind
from kernel.crates.vfs import encode_name
from kernel.modules.axfs.init import build_root
from kernel.plugins.unikernel.api.dispatch import function_table
from kernel.plugins.unikernel.core.app import Application
from kernel.plugins.unikernel.core.image import load_app
from kernel.plugins.unikernel.core.thread import start_task
from kernel.plugins.unikernel.core.unikernel import Unikernel

if TYPE_CHECKING:
    from kernel.modules.axruntime.form import Program
    from kernel.modules.axruntime.kernel import Kernel
    from kernel.modules.axtask.task import TaskInner


def start(kernel: Kernel, program: Program) -> Unikernel:
    """See `axruntime.form.FormModule.start`."""
    form = Unikernel(kernel, function_table())
    kernel.plugin = form
    kernel.trap.plugin.fill(form)
    kernel.fs = build_root(kernel, program.files, tree=program.tree, rootfs=kernel.rootfs)
    form.init_resources()
    kernel.kernel_aspace.is_privileged = True
    form.exports.write(kernel)
    arch = kernel.arch
    image = parse_elf(program.elf, {arch.elf_machine: arch.name})
    path = normpath("/" + program.path.lstrip("/"))
    app = load_app(kernel, form.exports, program.elf, image, path)
    task = next(task for task in kernel.tasks.tasks.values() if task.is_init)
    argv = program.argv or (program.path,)
    form.app = Application(form, task.tid, path, argv)
    top = _main_stack(kernel, task)
    arguments, stack_top = _arguments(kernel, task, top, argv)
    kernel.events.emit(EventKind.PROC_EXEC, task.tid, path)
    start_task(form, task, app.entry, arguments, stack_top)
    return form


def _main_stack(kernel: Kernel, task: TaskInner) -> int:
    """Give boot's task a stack in the heap, as all threads have; its upper end, virtual."""
    size = kernel.config.kernel_stack_bytes
    task.kstack_pa = kernel.alloc.alloc(size, 16, "kernel stack")
    task.kstack_bytes = size
    task.why = ""
    return kernel.hal.phys_to_virt(task.kstack_pa + size) & -16


def _arguments(
    kernel: Kernel, task: TaskInner, top: int, argv: tuple[str, ...]
) -> tuple[tuple[int, int], int]:
    """Put `main`'s arguments on its stack.

    Returns:
        ((argc, address of argv), the stack's new top).

    Raises:
        AxError: NO_MEMORY: they do not fit into a quarter of the stack.
    """
    strings = [encode_name(text) + b"\0" for text in argv]
    size = sum(map(len, strings)) + 8 * (len(strings) + 1)
    if size > task.kstack_bytes // 4:
        raise AxError(AxErrorKind.NO_MEMORY, "the arguments are too long")
    at = top - sum(map(len, strings))
    pointers: list[int] = []
    for text in strings:
        kernel.ram.write(kernel.hal.virt_to_phys(at), text)
        pointers.append(at)
        at += len(text)
    array = top - size & -16
    data = b"".join(value.to_bytes(8, "little") for value in (*pointers, 0))
    kernel.ram.write(kernel.hal.virt_to_phys(array), data)
    return (len(strings), array), array
