"""The architectures' names and registers, for front ends; light to import."""

from kernel.machine.arch import ARCHES, BY_ELF_MACHINE, Arch

__all__ = ["ARCHES", "BY_ELF_MACHINE", "Arch"]
