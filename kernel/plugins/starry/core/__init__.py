"""Starry's core: processes, threads, program loading, signals, restarts."""
