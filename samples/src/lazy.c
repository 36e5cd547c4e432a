/* lazy: when does a mapping get its frames?
 *
 * mincore() tells which pages have a frame: '#' has one, '.' has none. A lazy mapping gets each at
 * its first touch, by a page fault; MAP_POPULATE takes all at once inside mmap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096
#define PAGES 8

static char *map(int extra)
{
    char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | extra, -1, 0);
    if (area == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return area;
}

static void show(const char *what, char *area)
{
    unsigned char vec[PAGES];
    char line[PAGES + 1];

    if (mincore(area, PAGES * PAGE, vec)) {
        perror("mincore");
        exit(1);
    }
    for (int i = 0; i < PAGES; i++)
        line[i] = vec[i] & 1 ? '#' : '.';
    line[PAGES] = 0;
    printf("%-32s %s\n", what, line);
}

int main(void)
{
    char *lazy = map(0);
    show("lazy, just mapped", lazy);
    lazy[0] = 1;
    show("lazy, page 0 written", lazy);
    lazy[3 * PAGE] = 1;
    lazy[6 * PAGE + 100] = 1;
    show("lazy, pages 3 and 6 written", lazy);
    for (int i = 0; i < PAGES; i++)
        lazy[i * PAGE] = 1;
    show("lazy, all written", lazy);

    char *eager = map(MAP_POPULATE);
    show("populated, just mapped", eager);
    for (int i = 0; i < PAGES; i++)
        eager[i * PAGE] = 1;
    show("populated, written, no fault", eager);

    madvise(lazy + 2 * PAGE, 3 * PAGE, MADV_DONTNEED);
    show("lazy, pages 2 to 4 given back", lazy);
    munmap(lazy, PAGES * PAGE);
    munmap(eager, PAGES * PAGE);
    return 0;
}
