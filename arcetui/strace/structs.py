"""How structures in guest memory read, abbreviated as strace does by default.

Layouts are Linux's for 64-bit little-endian machines; `struct stat` differs on x86_64.
Source: asm/stat.h, linux/{stat,time,resource,utsname,times,sysinfo,poll,uio}.h.
"""

from __future__ import annotations

from arcetui.strace.call import Call
from arcetui.strace.scalars import device, open_flags_text, symbolic_mode
from arcetui.strace.tables import files as file_names
from arcetui.strace.tables import signals as signal_names
from arcetui.strace.text import (
    U64,
    addr,
    array,
    as_int32,
    choice,
    flags,
    hexa,
    lookup,
    octal,
    quote,
    struct,
)


def timespec_text(sec: int, nsec: int) -> str:
    """`{tv_sec=0, tv_nsec=5}`; utimensat's two special values by name."""
    return struct(f"tv_sec={sec}", f"tv_nsec={nsec & U64}")


def timespec(call: Call, value: int) -> str:
    """`struct timespec *`."""
    got = call.unpack(value, "qq")
    return addr(value) if got is None else timespec_text(*got)


def timeval_text(sec: int, usec: int) -> str:
    """`{tv_sec=0, tv_usec=5}`."""
    return struct(f"tv_sec={sec}", f"tv_usec={usec}")


def timeval(call: Call, value: int) -> str:
    """`struct timeval *`."""
    got = call.unpack(value, "qq")
    return addr(value) if got is None else timeval_text(*got)


def itimerval(call: Call, value: int) -> str:
    """`struct itimerval *`."""
    got = call.unpack(value, "4q")
    if got is None:
        return addr(value)
    return struct(f"it_interval={timeval_text(*got[:2])}", f"it_value={timeval_text(*got[2:])}")


def itimerspec(call: Call, value: int) -> str:
    """`struct itimerspec *`."""
    got = call.unpack(value, "4q")
    if got is None:
        return addr(value)
    return struct(f"it_interval={timespec_text(*got[:2])}", f"it_value={timespec_text(*got[2:])}")


def timezone(call: Call, value: int) -> str:
    """`struct timezone *`."""
    got = call.unpack(value, "ii")
    if got is None:
        return addr(value)
    return struct(f"tz_minuteswest={got[0]}", f"tz_dsttime={got[1]}")


def utimens(call: Call, value: int) -> str:
    """The two times of utimensat."""
    got = call.unpack(value, "4q")
    if got is None:
        return addr(value)
    names = {0x3FFFFFFF: "UTIME_NOW", 0x3FFFFFFE: "UTIME_OMIT"}
    out: list[str] = []
    for sec, nsec in (got[:2], got[2:]):
        if nsec in names:
            out.append(names[nsec])
        else:
            out.append(timespec_text(sec, nsec) + time_comment(sec, nsec))
    return array(out)


def time_comment(sec: int, nsec: int) -> str:
    """The date strace adds as a comment, in UTC."""
    from datetime import UTC, datetime, timedelta

    if (not sec and not nsec) or not 0 <= nsec < 10**9:
        return ""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=sec)
    except OverflowError:
        return ""
    fraction = f".{nsec:09d}" if nsec else ""
    return f" /* {when:%Y-%m-%dT%H:%M:%S}{fraction}+0000 */"


def stat(call: Call, value: int) -> str:
    """`struct stat *`, abbreviated."""
    if call.arch == "x86_64":
        got = call.unpack(value, "QQQIIIIQq")
        if got is None:
            return addr(value)
        mode, rdev, size = got[3], got[7], got[8]
    else:
        got = call.unpack(value, "QQIIIIQQq")
        if got is None:
            return addr(value)
        mode, rdev, size = got[2], got[6], got[8]
    kind = mode & 0o170000
    where = f"st_rdev={device(rdev)}" if kind in {0o20000, 0o60000} else f"st_size={size}"
    return struct(f"st_mode={symbolic_mode(mode)}", where, "...")


def statx(call: Call, value: int) -> str:
    """`struct statx *`, abbreviated."""
    got = call.unpack(value, "IIQIIIHHQQ")
    if got is None:
        return addr(value)
    return struct(
        f"stx_mask={flags(got[0], file_names.STATX, 'STATX_???')}",
        f"stx_attributes={flags(got[2], file_names.STATX_ATTR, 'STATX_ATTR_???')}",
        f"stx_mode={symbolic_mode(got[6])}",
        f"stx_size={got[9]}",
        "...",
    )


def statfs(call: Call, value: int) -> str:
    """`struct statfs *`, as strace prints it in full."""
    got = call.unpack(value, "qqQQQQQiiqqq")
    if got is None:
        return addr(value)
    kind, bsize, blocks, bfree, bavail, files, ffree, id0, id1, namelen, frsize, bits = got
    return struct(
        f"f_type={choice(kind & 0xFFFFFFFF, file_names.FS_MAGIC, '')}",
        f"f_bsize={bsize}",
        f"f_blocks={blocks}",
        f"f_bfree={bfree}",
        f"f_bavail={bavail}",
        f"f_files={files}",
        f"f_ffree={ffree}",
        f"f_fsid={{val=[{hexa(id0 & 0xFFFFFFFF)}, {hexa(id1 & 0xFFFFFFFF)}]}}",
        f"f_namelen={namelen}",
        f"f_frsize={frsize}",
        f"f_flags={flags(bits, file_names.ST_FLAGS, 'ST_???')}",
    )


def uname(call: Call, value: int) -> str:
    """`struct utsname *`, abbreviated."""
    data = call.read(value, 65 * 6)
    if data is None:
        return addr(value)
    fields = [data[i * 65 : i * 65 + 65].split(b"\0")[0] for i in range(6)]
    return struct(f"sysname={quote(fields[0])}", f"nodename={quote(fields[1])}", "...")


def sysinfo(call: Call, value: int) -> str:
    """`struct sysinfo *`."""
    got = call.unpack(value, "q3Q6QH6xQQI")
    if got is None:
        return addr(value)
    names = "totalram freeram sharedram bufferram totalswap freeswap procs totalhigh freehigh"
    rest = [f"{name}={number}" for name, number in zip(names.split(), got[4:13], strict=True)]
    loads = ", ".join(str(load) for load in got[1:4])
    return struct(f"uptime={got[0]}", f"loads=[{loads}]", *rest, f"mem_unit={got[13]}")


def rusage(call: Call, value: int) -> str:
    """`struct rusage *`, abbreviated."""
    got = call.unpack(value, "4q")
    if got is None:
        return addr(value)
    return struct(f"ru_utime={timeval_text(*got[:2])}", f"ru_stime={timeval_text(*got[2:])}", "...")


def tms(call: Call, value: int) -> str:
    """`struct tms *`."""
    got = call.unpack(value, "4q")
    if got is None:
        return addr(value)
    names = ("tms_utime", "tms_stime", "tms_cutime", "tms_cstime")
    return struct(*[f"{name}={ticks}" for name, ticks in zip(names, got, strict=True)])


def limit_text(value: int) -> str:
    """One limit: multiples of 1024 read `8*1024`."""
    if value == (1 << 64) - 1:
        return "RLIM64_INFINITY"
    return f"{value // 1024}*1024" if value > 1024 and not value % 1024 else str(value)


def rlimit(call: Call, value: int) -> str:
    """`struct rlimit64 *`."""
    got = call.unpack(value, "QQ")
    if got is None:
        return addr(value)
    return struct(f"rlim_cur={limit_text(got[0])}", f"rlim_max={limit_text(got[1])}")


def sigaction(call: Call, value: int) -> str:
    """The kernel's `struct sigaction *`: handler, flags, (restorer,) mask."""
    restorer_there = call.arch in {"x86_64", "aarch64"}
    got = call.unpack(value, "QQQQ" if restorer_there else "QQQ")
    if got is None:
        return addr(value)
    handler = lookup(got[0], signal_names.HANDLERS) or addr(got[0])
    fields = [
        f"sa_handler={handler}",
        f"sa_mask={signal_names.sigset(got[-1])}",
        f"sa_flags={flags(got[1], signal_names.SA, 'SA_???')}",
    ]
    if restorer_there and got[1] & 0x4000000:
        fields.append(f"sa_restorer={addr(got[2])}")
    return struct(*fields)


def stack(call: Call, value: int) -> str:
    """`stack_t *`."""
    got = call.unpack(value, "QI4xQ")
    if got is None:
        return addr(value)
    return struct(
        f"ss_sp={addr(got[0])}",
        f"ss_flags={flags(got[1], signal_names.SS, 'SS_???')}",
        f"ss_size={got[2]}",
    )


def siginfo(signo: int, code: int, pid: int, uid: int, address: int, value: int) -> str:
    """`siginfo_t` by its parts, as in `--- SIGSEGV {...} ---`."""
    name = lookup(code, signal_names.SI_CODES) or lookup(code, signal_names.CODES.get(signo, ()))
    fields = [
        f"si_signo={signal_names.signal(signo)}",
        f"si_code={name or hexa(code & 0xFFFFFFFF)}",
    ]
    source = [f"si_pid={pid}", f"si_uid={uid}"]
    number = [f"si_int={as_int32(value)}", f"si_ptr={addr(value)}"]
    if code == -2:
        fields += [f"si_timerid={hexa(pid)}", f"si_overrun={uid}", *number]
    elif code <= 0:
        fields += source + (number if value and code not in {0, -6} else [])
    elif signo == 17:
        status = str(value) if code == 1 else signal_names.signal(value)
        fields += [*source, f"si_status={status}", "si_utime=0", "si_stime=0"]
    elif signo in {4, 5, 7, 8, 11}:
        fields.append(f"si_addr={addr(address)}")
    else:
        fields += (source if pid or uid else []) + (number if value else [])
    return struct(*fields)


def siginfo_pointer(call: Call, value: int) -> str:
    """`siginfo_t *`."""
    got = call.unpack(value, "iii4xIIQ")
    if got is None:
        return addr(value)
    signo, _, code, first, second, number = got
    if not signo:
        return "{}"
    if code > 0 and signo in {4, 5, 7, 8, 11}:
        return siginfo(signo, code, 0, 0, first | second << 32, 0)
    return siginfo(signo, code, first, second, 0, number & 0xFFFFFFFF if signo == 17 else number)


def pollfds(call: Call, value: int) -> str:
    """The array of poll; its length is the second argument."""

    def one(data: bytes, _: int) -> str:
        fd = int.from_bytes(data[:4], "little", signed=True)
        events = int.from_bytes(data[4:6], "little")
        if fd < 0:
            return struct(f"fd={fd}")
        return struct(f"fd={fd}", f"events={flags(events, file_names.POLL, 'POLL???')}")

    return call.many(value, call.args[1] & 0xFFFFFFFF, 8, one)


def iovecs(count_index: int, *, filled_in: bool) -> object:
    """An array of iovec; `filled_in`: by the kernel, so only `result` bytes hold data."""

    def decode(call: Call, value: int) -> str:
        left = (call.result or 0) if filled_in else 1 << 62

        def one(data: bytes, _: int) -> str:
            nonlocal left
            base = int.from_bytes(data[:8], "little")
            size = int.from_bytes(data[8:], "little")
            shown = min(size, max(left, 0))
            left -= shown
            raw = filled_in and call.failed
            data_text = addr(base) if raw else call.buffer(base, shown)
            return struct(f"iov_base={data_text}", f"iov_len={size}")

        return call.many(value, call.args[count_index], 16, one)

    return decode


def dirents(call: Call, value: int) -> str:
    """What getdents64 gave: only how many entries."""
    size = call.result or 0
    data = call.memory(value, min(size, 1 << 20)) if size > 0 else b""
    count = offset = 0
    while offset + 19 <= len(data):
        step = int.from_bytes(data[offset + 16 : offset + 18], "little")
        if step < 19:
            break
        offset += step
        count += 1
    noun = "entry" if count == 1 else "entries"
    return f"{addr(value)} /* {count} {noun} */"


def flock(call: Call, value: int) -> str:
    """`struct flock *`; the lock's owner only where the kernel gives it (F_GETLK)."""
    got = call.unpack(value, "hh4xqqi")
    if got is None:
        return addr(value)
    fields = [
        f"l_type={choice(got[0] & 0xFFFF, file_names.LOCK, 'F_???')}",
        f"l_whence={choice(got[1] & 0xFFFF, file_names.SEEK, 'SEEK_???')}",
        f"l_start={got[2]}",
        f"l_len={got[3]}",
    ]
    if call.args[1] & 0xFFFFFFFF in {5, 36}:
        fields.append(f"l_pid={got[4]}")
    return struct(*fields)


def owner(call: Call, value: int) -> str:
    """`struct f_owner_ex *` of fcntl."""
    got = call.unpack(value, "Ii")
    if got is None:
        return addr(value)
    return struct(f"type={choice(got[0], file_names.OWNER, 'F_OWNER_???')}", f"pid={got[1]}")


def open_how(call: Call, value: int) -> str:
    """`struct open_how *` of openat2, its size in the fourth argument."""
    got = call.unpack(value, "QQQ") if call.args[3] >= 24 else None
    if got is None:
        return addr(value)
    more = f"|{got[0] >> 32 << 32:#x}" if got[0] >> 32 else ""
    fields = [f"flags={open_flags_text(got[0], call.arch)}{more}"]
    if got[1] or got[0] & 0o100:
        fields.append(f"mode={octal(got[1])}")
    fields.append(f"resolve={flags(got[2], file_names.RESOLVE, 'RESOLVE_???')}")
    return struct(*fields)


def string_array(call: Call, value: int) -> str:
    """`char *argv[]`: `["a", "b"]`, at most `string_limit` of them."""
    if not value:
        return "NULL"
    out: list[str] = []
    for i in range(call.string_limit + 1):
        got = call.unpack(value + 8 * i, "Q")
        if got is None:
            return f"{addr(value)}" if not i else array([*out, f"... /* {value + 8 * i:#x} */"])
        if not got[0]:
            break
        out.append("..." if i == call.string_limit else call.string(got[0]))
    return array(out)


def environment(call: Call, value: int) -> str:
    """`char *envp[]`: only how many."""
    if not value:
        return "NULL"
    count = 0
    while count < 100_000:
        got = call.unpack(value + 8 * count, "Q")
        if got is None:
            return addr(value)
        if not got[0]:
            break
        count += 1
    return f"{addr(value)} /* {count} var{'' if count == 1 else 's'} */"
