"""Linux error numbers and the kernel's exception tree.

    KernelError                 anything raised on purpose inside the kernel
    +-- LinuxError(errno)       a system call's failure; becomes -errno at the boundary
    +-- AxError(kind)           a backbone failure; `to_errno` gives Linux's number
    +-- KernelPanic(reason)     a broken invariant: our bug; stops the machine

Source: include/uapi/asm-generic/errno*.h (the numbers are the same on all four architectures);
axerrno's `From<AxError> for LinuxError`.
"""

from __future__ import annotations

import enum


class Errno(enum.IntEnum):
    """Linux error numbers, asm-generic."""

    EPERM = 1
    ENOENT = 2
    ESRCH = 3
    EINTR = 4
    EIO = 5
    ENXIO = 6
    E2BIG = 7
    ENOEXEC = 8
    EBADF = 9
    ECHILD = 10
    EAGAIN = 11
    ENOMEM = 12
    EACCES = 13
    EFAULT = 14
    ENOTBLK = 15
    EBUSY = 16
    EEXIST = 17
    EXDEV = 18
    ENODEV = 19
    ENOTDIR = 20
    EISDIR = 21
    EINVAL = 22
    ENFILE = 23
    EMFILE = 24
    ENOTTY = 25
    ETXTBSY = 26
    EFBIG = 27
    ENOSPC = 28
    ESPIPE = 29
    EROFS = 30
    EMLINK = 31
    EPIPE = 32
    EDOM = 33
    ERANGE = 34
    EDEADLK = 35
    ENAMETOOLONG = 36
    ENOLCK = 37
    ENOSYS = 38
    ENOTEMPTY = 39
    ELOOP = 40
    ENOMSG = 42
    EIDRM = 43
    ENODATA = 61
    EOVERFLOW = 75
    EILSEQ = 84
    EUSERS = 87
    ENOTSOCK = 88
    EDESTADDRREQ = 89
    EMSGSIZE = 90
    EPROTOTYPE = 91
    ENOPROTOOPT = 92
    EPROTONOSUPPORT = 93
    ESOCKTNOSUPPORT = 94
    EOPNOTSUPP = 95
    EAFNOSUPPORT = 97
    EADDRINUSE = 98
    EADDRNOTAVAIL = 99
    ENETUNREACH = 101
    ECONNRESET = 104
    ENOBUFS = 105
    EISCONN = 106
    ENOTCONN = 107
    ETIMEDOUT = 110
    ECONNREFUSED = 111
    EALREADY = 114
    EINPROGRESS = 115
    ECANCELED = 125
    EOWNERDEAD = 130
    ENOTRECOVERABLE = 131
    # Inside the kernel only: a wait ended by a signal. Turned into a restart or EINTR.
    ERESTARTSYS = 512
    ERESTARTNOINTR = 513
    ERESTARTNOHAND = 514
    ERESTART_RESTARTBLOCK = 516


class KernelError(Exception):
    """Root of everything the kernel raises on purpose."""


class LinuxError(KernelError):
    """A system call fails with `errno`."""

    def __init__(self, errno: Errno, why: str = "") -> None:
        super().__init__(errno, why)
        self.errno = errno
        self.why = why


class AxErrorKind(enum.Enum):
    """ArceOS's error kinds, with the Linux number each becomes."""

    ALREADY_EXISTS = Errno.EEXIST
    BAD_ADDRESS = Errno.EFAULT
    BAD_STATE = (Errno.EFAULT, "state")
    DIRECTORY_NOT_EMPTY = Errno.ENOTEMPTY
    INVALID_INPUT = Errno.EINVAL
    INVALID_DATA = (Errno.EINVAL, "data")
    IO = Errno.EIO
    IS_A_DIRECTORY = Errno.EISDIR
    NO_MEMORY = Errno.ENOMEM
    NOT_A_DIRECTORY = Errno.ENOTDIR
    NOT_FOUND = Errno.ENOENT
    PERMISSION_DENIED = Errno.EACCES
    RESOURCE_BUSY = Errno.EBUSY
    STORAGE_FULL = Errno.ENOSPC
    UNSUPPORTED = Errno.ENOSYS
    WOULD_BLOCK = Errno.EAGAIN

    @property
    def errno(self) -> Errno:
        """The Linux error number of this kind."""
        value = self.value
        return value[0] if isinstance(value, tuple) else value


class AxError(KernelError):
    """A backbone operation failed."""

    def __init__(self, kind: AxErrorKind, why: str = "") -> None:
        super().__init__(kind, why)
        self.kind = kind
        self.why = why

    def to_errno(self) -> Errno:
        """The Linux error number a system call gives for it."""
        return self.kind.errno


class KernelPanic(KernelError):
    """A kernel invariant is broken. The machine stops and says where."""


class ProgramPanic(KernelPanic):
    """A program at kernel privilege did what nobody can undo; the text says what, for people."""


class PowerOff(KernelError):
    """The kernel asked the board to switch off (ArceOS `terminate`)."""
