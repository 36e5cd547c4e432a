"""A small machine for engine tests: page table in a dict, code as raw bytes."""

from __future__ import annotations

import pytest

from kernel.machine.arch import ARCHES
from kernel.machine.engine import CpuEngine, Stop
from kernel.machine.engines import make_engines
from kernel.machine.ram import Ram

R, W, X = 1, 2, 4
RAM_BASE = 0x8000_0000
CODE = 0x1_0000


class Table:
    """One address space: page number -> frame address | permissions."""

    def __init__(self) -> None:
        self.pages: dict[int, int] = {}

    def translate(self, va: int, access: int) -> int:
        found = self.pages.get(va >> 12, -1)
        return found if found >= 0 and found & access else -1


class Machine:
    """RAM, one address space, `cpus` engines on it."""

    def __init__(self, arch_name: str, cpus: int = 1, size_bytes: int = 1 << 20) -> None:
        self.arch = ARCHES[arch_name]
        self.ram = Ram(RAM_BASE, size_bytes)
        self.table = Table()
        self.engines = make_engines(self.arch, self.ram, [self.table] * cpus)
        self.next = RAM_BASE

    @property
    def engine(self) -> CpuEngine:
        return self.engines[0]

    def frame(self) -> int:
        self.next += 4096
        return self.next - 4096

    def map(self, va: int, perms: int, pa: int | None = None) -> int:
        pa = self.frame() if pa is None else pa
        self.table.pages[va >> 12] = pa | perms
        return pa

    def unmap(self, va: int) -> None:
        del self.table.pages[va >> 12]
        for engine in self.engines:
            engine.flush_tlb()

    def pa(self, va: int) -> int:
        return (self.table.pages[va >> 12] & ~0xFFF) + (va & 0xFFF)

    def poke(self, va: int, data: bytes) -> None:
        for i in range(len(data)):
            self.ram.write(self.pa(va + i), data[i : i + 1])

    def peek(self, va: int, size_bytes: int = 8) -> int:
        return int.from_bytes(self.ram.read(self.pa(va), size_bytes), "little")

    def load(self, code: bytes, va: int = CODE, perms: int = R | X) -> int:
        for page in range(va >> 12, (va + len(code) - 1 >> 12) + 1):
            if page not in self.table.pages:
                self.map(page << 12, perms)
        self.poke(va, code)
        return va

    def code(self, **by_arch: str) -> bytes:
        return bytes.fromhex(by_arch[self.arch.name])

    def serve(self, pc: int, budget: int, log: list[object], lazy: int = R | W) -> tuple[int, int]:
        """Run `budget` instructions, answering faults and system calls; (pc, executed)."""
        engine, done = self.engine, 0
        while done < budget:
            why, detail, count, pc = engine.run(pc, budget - done)
            done += count
            if why == Stop.SYSCALL:
                args = engine.syscall_args()
                log.append(("call", done, pc, args))
                engine.set_return(args[0] * 3)
            elif why == Stop.FAULT:
                log.append(("fault", done, pc, detail))
                self.map(detail[0] & ~0xFFF, lazy)
            else:
                assert why == Stop.BUDGET, (why, detail, hex(pc))
        return pc, done


@pytest.fixture(params=["x86_64", "riscv64", "aarch64"])
def arch_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def machine(arch_name: str) -> Machine:
    return Machine(arch_name)


@pytest.fixture
def make_machine(arch_name: str):
    return lambda **options: Machine(arch_name, **options)


@pytest.fixture
def make():
    return Machine
