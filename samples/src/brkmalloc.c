/* brkmalloc: the heap grows, first by hand with brk, then by malloc.
 *
 * malloc asks the kernel for memory in its own way: compare the calls for small, medium and large
 * blocks. `brk` itself is called through syscall(), since the C library keeps it for itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

static uintptr_t set_brk(uintptr_t address)
{
    return (uintptr_t)syscall(SYS_brk, address);
}

static void by_hand(void)
{
    uintptr_t start = set_brk(0);
    uintptr_t heap = (start + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = set_brk(heap + 5 * PAGE);

    printf("brk: grew by %d pages\n", (int)((end - heap) / PAGE));
    memset((char *)heap, 'x', 5 * PAGE);
    printf("brk: byte at page 4 is '%c'\n", ((char *)heap)[4 * PAGE]);
    end = set_brk(heap + 2 * PAGE);
    printf("brk: shrank to %d pages\n", (int)((end - heap) / PAGE));
    end = set_brk(heap + 3 * PAGE);
    printf("brk: page 2 came back with %d in it\n", ((char *)heap)[2 * PAGE]);
    end = set_brk(start > PAGE ? PAGE : 0);
    printf("brk: below its start it stays at %d pages\n", (int)((end - heap) / PAGE));
}

static void *take(size_t size)
{
    unsigned char *block = malloc(size);
    if (!block) {
        perror("malloc");
        exit(1);
    }
    memset(block, (int)(size & 0xff), size);
    return block;
}

static void by_malloc(void)
{
    static void *small[100];
    size_t total = 0;

    for (int i = 0; i < 100; i++) {
        small[i] = take(48);
        total += 48;
    }
    printf("malloc: 100 blocks of 48 bytes, %zu bytes\n", total);
    for (int i = 0; i < 100; i += 2)
        free(small[i]);
    puts("malloc: every second one freed");
    for (int i = 0; i < 100; i += 2)
        small[i] = take(40);
    puts("malloc: and taken again, no system call needed");

    unsigned char *medium = take(20000);
    unsigned char *large = take(300000);
    printf("malloc: 20000 and 300000 bytes; last bytes %d and %d\n", medium[19999],
           large[299999]);
    large = realloc(large, 600000);
    printf("realloc: to 600000 bytes, still %d\n", large[299999]);
    free(large);
    free(medium);
    for (int i = 0; i < 100; i++)
        free(small[i]);
    puts("malloc: all freed");
}

int main(void)
{
    by_hand();
    by_malloc();
    return 0;
}
