"""Permission bits, device numbers, names and the defaults of nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.crates.errno import AxError, Errno, LinuxError
from kernel.crates.vfs import (
    Access,
    Credentials,
    VfsDir,
    VfsNodeAttr,
    VfsNodeType,
    VfsNonDir,
    VfsOps,
    decode_name,
    encode_name,
    make_dev,
    permits,
    split_dev,
)


@given(st.binary(max_size=40))
def test_names_survive(raw: bytes) -> None:
    assert encode_name(decode_name(raw)) == raw


@given(st.integers(0, 0xFFF), st.integers(0, 0xFFFFF))
def test_device_numbers(major: int, minor: int) -> None:
    assert split_dev(make_dev(major, minor)) == (major, minor)


@pytest.mark.parametrize(
    ("perm", "who", "wanted", "allowed"),
    [
        (0o700, Credentials(5, 5), Access.READ, True),
        (0o077, Credentials(5, 5), Access.READ, False),  # the owner's bits decide
        (0o070, Credentials(6, 7), Access.WRITE, True),
        (0o070, Credentials(6, 9, (8, 7)), Access.WRITE, True),
        (0o007, Credentials(6, 7), Access.WRITE, False),
        (0o004, Credentials(6, 8), Access.READ, True),
        (0o004, Credentials(6, 8), Access.READ | Access.WRITE, False),
        (0o000, Credentials(0, 0), Access.READ | Access.WRITE, True),
        (0o666, Credentials(0, 0), Access.EXECUTE, False),
        (0o010, Credentials(0, 0), Access.EXECUTE, True),
    ],
)
def test_permits(perm: int, who: Credentials, wanted: int, allowed: bool) -> None:
    attr = VfsNodeAttr(1, VfsNodeType.FILE, perm, uid=5, gid=7)
    assert permits(attr, wanted, who) is allowed


def test_root_searches_every_directory() -> None:
    assert permits(VfsNodeAttr(1, VfsNodeType.DIR, 0), Access.EXECUTE, Credentials())


def test_defaults_fail_as_axfs_vfs() -> None:
    fs = VfsOps("none", 1)
    directory = VfsDir(fs, VfsNodeAttr(1, VfsNodeType.DIR, 0o755), "", None)
    file = VfsNonDir(fs, VfsNodeAttr(2, VfsNodeType.FILE, 0o644))
    for call in (lambda: directory.read_at(0, 1), lambda: directory.truncate(0)):
        with pytest.raises(AxError) as caught:
            call()
        assert caught.value.to_errno() == Errno.EISDIR
    for call in (lambda: file.lookup("x"), lambda: file.remove("x"), lambda: file.read_dir(0)):
        with pytest.raises(AxError) as caught:
            call()
        assert caught.value.to_errno() == Errno.ENOTDIR
    with pytest.raises(LinuxError):
        directory.create("x", VfsNodeType.FILE, 0, Credentials())
