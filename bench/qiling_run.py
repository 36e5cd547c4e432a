"""Runs one program under Qiling and prints its CPU seconds. Run it with an interpreter that has it.

PYTHON qiling_run.py ARCH ELF
"""

from __future__ import annotations

import sys
import tempfile
import time

from qiling import Qiling
from qiling.const import QL_ARCH, QL_OS, QL_VERBOSE

ARCHES = {"x86_64": QL_ARCH.X8664, "riscv64": QL_ARCH.RISCV64, "aarch64": QL_ARCH.ARM64}


def main() -> None:
    """Run it once."""
    arch, path = sys.argv[1:]
    with tempfile.TemporaryDirectory() as root:
        ql = Qiling(
            [path], root, archtype=ARCHES[arch], ostype=QL_OS.LINUX, verbose=QL_VERBOSE.DISABLED
        )
        start = time.process_time()
        ql.run()
        print(time.process_time() - start)


if __name__ == "__main__":
    main()
