"""axruntime: the order in which the kernel comes up, and the kernel as one object."""
