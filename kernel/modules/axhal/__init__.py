"""axhal: the hardware as the kernel sees it: platform interface, traps, TLB, user contexts."""
