"""The functions applications call: each file has `CALLS`, by name; `dispatch` puts them together.

A function gets the calling thread and its arguments as unsigned 64-bit numbers and gives its
result. Failures a program can do something about are negative error numbers, as in
arceos_posix_api; what no program may do is a `ProgramPanic`: there is nobody to protect from whom.
"""
