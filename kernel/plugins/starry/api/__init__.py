"""Starry's system-call interface: Linux's numbers, structures and errors."""
