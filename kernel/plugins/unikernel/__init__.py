"""The Unikernel form: one application, at kernel privilege, in the kernel's own address space.

    core/  the application and its threads, the exported functions, what becomes of faults
    api/   the functions applications call, one file per group of arceos_api

Nothing here knows Starry. Source: S000 chapters 2 and 3; ArceOS api/arceos_api, ulib/axlibc.
"""
