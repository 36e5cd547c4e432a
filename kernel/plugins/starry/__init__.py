"""Starry: the monolithic plugin. It gives the backbone Linux's processes and system calls.

`core/` holds processes, threads, the loader and signals; `api/` one file per man-page family of
system calls, and the tables that lead there.
"""
