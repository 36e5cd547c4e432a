"""How each pane reads: its columns, its abbreviations, and what keys do in it. For `?`."""

from __future__ import annotations

READING: dict[str, tuple[str, ...]] = {
    "code": (
        "▶ stands at the instruction that runs next; a line with a file's name is the source of "
        "what follows; after ; is where a branch leads.",
        "b sets a breakpoint at the selected row, Enter runs to it, u and d show the callers.",
    ),
    "registers": (
        "Behind a value: the same in decimal, or the area it points into (stack, heap, code). "
        "Flags in capitals are set.",
        "← and → choose one in a row; w walks the page tables for it, m shows memory there.",
    ),
    "maps": (
        "A row is an area (VMA): addresses, rights (r read, w write, x execute, p private, "
        "s shared), size, pages with a frame of all its pages, and its file or use.",
        "w or Enter walks the page tables for its first address, m shows its memory.",
    ),
    "walk": (
        "The address is cut into an index for each level of tables, and the offset in the page. "
        "Each row: level, table's address [index] = entry, where it leads; below it the entry's "
        "bits, -X where X is off. The last line says what comes of it, and why.",
        "x changes the access (read, write, execute), a the address.",
    ),
    "allocators": (
        "Pages come from a bitmap in four levels: a bit below stands for 16 bits of the next. "
        "Below it every frame by its owner's letter. The byte allocator keeps its free blocks in "
        "lists by size; fl and sl are TLSF's first and second level.",
        "asked: what the kernel wanted; overhead: what rounding up and headers took.",
    ),
    "syscalls": (
        "As strace writes them; below a call what it changed. + is new since the last step, "
        "… waits has not returned yet.",
        "Enter goes to the call's entry, once more to its return.",
    ),
    "stack": (
        "Words above the stack pointer, and what each points to. #0, #1 ... are the calls' parts.",
        "u goes up to the caller, d down again; m shows memory.",
    ),
    "memory": (
        "Bytes and their text; * marks rows that the last step changed, names the registers that "
        "point into a row.",
        "a chooses another address, register or symbol.",
    ),
    "timeline": (
        "Every event of the kernel, by number. What lies ahead is grey: it has been seen before.",
        "← and → go an event back and on, PgUp and PgDn a hundred, End to the furthest point; "
        "Enter goes to the selected one.",
    ),
    "console": (
        "What the program printed; the line below is its keyboard.",
        "Enter sends the line, Ctrl-D ends the input, ↑ brings typed lines back, Esc leaves. "
        "Ctrl-C pauses the program.",
        "Ctrl-T makes it the program's keyboard: each key goes there at once, arrows and Ctrl-C "
        "(SIGINT) too; Ctrl-T again ends that.",
    ),
    "tasks": (
        "Processes with their threads and children: number, state, CPU, what a thread waits for "
        "or where it stands in its queue. ▶ running, ○ ready, ‖ blocked, ■ ended.",
    ),
    "queues": (
        "A block for each CPU: what it runs, its clock, and who is ready in the order of the "
        "scheduler, with the scheduler's own key. ← next says why the first is the next one. "
        "IPI: an interrupt from another CPU.",
    ),
    "gantt": (
        "Virtual time goes to the right: a lane for each CPU with the numbers of the tasks it "
        "ran, one for each task with the CPUs that ran it, then the switches and their reasons.",
        "Enter goes to the selected switch.",
    ),
    "waits": (
        "Each queue with those who wait in it; for a futex its word in memory and the holder, "
        "where the word or the lock names one. A deadlock is told in words.",
        "Enter shows the futex in memory.",
    ),
    "sharing": (
        "Tasks by resources: the same letter in a column is the same object, ×2 says that two "
        "tasks use it; ns is the namespace that holds them.",
        "← and → choose a column, Enter goes to the call that made it so.",
    ),
    "graph": (
        "From each task to its namespace block (ns), the Arc in it, and what that points to; "
        "strong is the count of references. Below: the blocks' bytes as they are in memory.",
    ),
    "house": (
        "The kernel's components with their lines of code. Those that the last call went through "
        "are lit and numbered in order; (in brackets) is what this machine does not use.",
    ),
    "hal": (
        "The two hardware layers side by side. The one that runs is marked; programs cannot "
        "tell which it is.",
    ),
}
