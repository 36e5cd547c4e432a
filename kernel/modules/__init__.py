"""The backbone: ArceOS's modules under their own names (axhal, axalloc, axmm, axtask, ...)."""
