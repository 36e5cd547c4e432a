"""axtask: tasks, run queues, wait queues and timers."""
