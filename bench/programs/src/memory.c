/* 1,000 mappings of 16 KiB: map, write, read, protect and unmap them; one letter between the phases. */
#include "system.h"

#define MAPS 1000
#define BYTES 0x4000
#define PAGE 0x1000

static u8 *maps[MAPS];

static void phase_done(const char *letter) {
    call3(NR_write, 1, letter, 1);
}

static int run(void) {
    u64 sum = 0;
    phase_done("s");
    for (int i = 0; i < MAPS; i++) {
        maps[i] = (u8 *)call6(NR_mmap, 0, BYTES, 3, 0x22, -1, 0);
        if ((u64)maps[i] > -4096UL) return 1;
    }
    phase_done("m");
    for (int i = 0; i < MAPS; i++)
        for (int at = 0; at < BYTES; at += PAGE) ((volatile u8 *)maps[i])[at] = (u8)i;
    phase_done("w");
    for (int i = 0; i < MAPS; i++)
        for (int at = 0; at < BYTES; at += PAGE) sum += ((volatile u8 *)maps[i])[at];
    phase_done("r");
    for (int i = 0; i < MAPS; i++)
        if (call3(NR_mprotect, maps[i], BYTES, 1)) return 2;
    phase_done("p");
    for (int i = 0; i < MAPS; i++)
        if (call3(NR_munmap, maps[i], BYTES, 0)) return 3;
    phase_done("u");
    return sum == 0;
}
