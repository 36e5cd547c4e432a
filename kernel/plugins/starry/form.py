"""Starting the monolithic form: Starry on the backbone, and its first process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.plugins.starry.api.dispatch import syscall_table
from kernel.plugins.starry.core.starry import Starry

if TYPE_CHECKING:
    from kernel.modules.axruntime.form import Program
    from kernel.modules.axruntime.kernel import Kernel


def start(kernel: Kernel, program: Program) -> Starry:
    """See `axruntime.form.FormModule.start`."""
    starry = Starry(kernel, syscall_table(kernel.arch.name))
    starry.fork_cow = program.fork == "cow"
    kernel.plugin = starry
    kernel.trap.plugin.fill(starry)
    starry.boot(program.files, program.tree)
    argv = program.argv or (program.path,)
    starry.run_user_app(program.elf, program.path, argv, program.envp)
    return starry
