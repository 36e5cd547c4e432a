"""The application as a whole: what a debugger shows where other kernels have processes.

There is one, it owns nothing that another could not touch, and it ends with the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.crates.views import FdView, ProcessView

if TYPE_CHECKING:
    from kernel.modules.axmm.aspace import AddrSpace
    from kernel.modules.axns import AxNamespace
    from kernel.plugins.unikernel.core.files import CurrentDir, FileTable
    from kernel.plugins.unikernel.core.thread import AppThread
    from kernel.plugins.unikernel.core.unikernel import Unikernel


class Application:
    """The program the machine was started for.

    Attributes:
        pid: Its main thread's id, by which people name it.
        exe_path: The file it was loaded from.
        argv: What `main` gets.
    """

    __slots__ = ("argv", "exe_path", "exit_status", "form", "pid")

    ppid = 0
    is_zombie = False

    def __init__(self, form: Unikernel, pid: int, path: str, argv: tuple[str, ...]) -> None:
        self.form = form
        self.pid = pid
        self.exe_path = path
        self.argv = argv
        self.exit_status: int | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.exe_path.rpartition("/")[2]

    @property
    def aspace(self) -> AddrSpace:
        """The kernel's own address space."""
        return self.form.kernel.kernel_aspace

    @property
    def ns(self) -> AxNamespace:
        """The one namespace."""
        return self.form.kernel.ns.global_namespace()

    @property
    def threads(self) -> dict[int, AppThread]:
        """Living threads by id."""
        return self.form.threads

    def view(self) -> ProcessView:
        """As a line of a process list."""
        files: FileTable = self.ns.get("FD_TABLE")
        directory: CurrentDir = self.ns.get("CURRENT_DIR")
        return ProcessView(
            pid=self.pid,
            ppid=0,
            name=self.name,
            exe=self.exe_path,
            threads=tuple(self.threads),
            aspace=self.aspace.ident,
            cwd=directory.path,
            umask=0,
            fds=tuple(
                FdView(fd, file.kind, file.path, file.flags_text, file.offset, 1)
                for fd, file in files.objects.items()
            ),
            signals=(),
            limits=(),
            exit_status=self.exit_status,
        )
