"""The board: RAM, CPUs, clock, devices. The only layer that knows an instruction-set emulator."""
