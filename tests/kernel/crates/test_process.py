from __future__ import annotations

import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.crates.errno import KernelPanic, LinuxError
from kernel.crates.process import Process, ProcessTable


def family() -> tuple[ProcessTable, Process, Process, Process]:
    table = ProcessTable()
    init = Process(table, 2, None)
    shell = Process(table, 10, init)
    child = Process(table, 11, shell)
    return table, init, shell, child


def test_a_child_inherits_group_and_session() -> None:
    _, init, shell, child = family()
    assert (child.ppid, child.pgid, child.sid) == (10, 2, 2)
    assert list(shell.children) == [11]
    assert init.ppid == 0


def test_orphans_go_to_init_and_zombies_stay_until_freed() -> None:
    table, init, shell, child = family()
    shell.exit()
    assert child.parent is init and list(init.children) == [10, 11]
    assert table.get(10) is shell
    shell.free()
    assert list(init.children) == [11]
    with pytest.raises(LinuxError):
        table.get(10)
    with pytest.raises(KernelPanic):
        child.free()
    with pytest.raises(KernelPanic):
        init.exit()


def test_the_last_thread_says_the_status_unless_the_group_exited() -> None:
    _, _, shell, _ = family()
    for tid in (10, 12, 13):
        shell.add_thread(tid)
    assert not shell.exit_thread(10, 1 << 8)
    assert shell.group_exit(5 << 8)
    assert not shell.group_exit(6 << 8)
    assert not shell.exit_thread(12, 9)
    assert shell.exit_thread(13, 9)
    assert shell.exit_status == 5 << 8


def test_sessions_and_groups_follow_linuxs_rules() -> None:
    table, init, shell, child = family()
    with pytest.raises(LinuxError):
        init.create_session()  # leads a group
    shell.move_to_group(10)
    assert (shell.pgid, child.pgid) == (10, 2)
    child.move_to_group(10)
    assert list(table.get_group(10).members) == [10, 11]
    assert child.create_session() == 11
    assert (child.sid, child.pgid) == (11, 11)
    with pytest.raises(LinuxError):
        child.move_to_group(10)  # a session leader
    with pytest.raises(LinuxError):
        shell.move_to_group(11)  # another session's group
    with pytest.raises(LinuxError):
        shell.move_to_group(77)


def test_the_table_can_be_pickled() -> None:
    table, *_ = family()
    copy = pickle.loads(pickle.dumps(table))
    assert sorted(copy.processes) == [2, 10, 11]
    assert copy.get(11).parent is copy.get(10)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=60))
def test_the_tree_stays_consistent(steps: list[tuple[int, int]]) -> None:
    table = ProcessTable()
    Process(table, 1, None)
    next_pid = 2
    for kind, pick in steps:
        pids = sorted(table.processes)
        process = table.processes[pids[pick % len(pids)]]
        if kind <= 1 and not process.is_zombie:
            Process(table, next_pid, process)
            next_pid += 1
        elif kind == 2 and process.pid != 1 and not process.is_zombie:
            process.exit()
        elif kind == 3 and process.is_zombie:
            process.free()
        elif kind >= 4:
            with contextlib.suppress(LinuxError):
                process.create_session() if kind == 4 else process.move_to_group(process.pid)
        for p in table.processes.values():
            assert p.parent is None or p.parent.children[p.pid] is p
            assert p.group.members[p.pid] is p
            assert table.groups[p.pgid] is p.group
            assert table.sessions[p.sid] is p.group.session
            assert not (p.is_zombie and p.children)
        assert all(group.members for group in table.groups.values())
