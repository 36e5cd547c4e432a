/* memlab: one mapping is cut in three, changes its permissions, and faults.
 *
 * Watch the memory map and the page tables after each numbered step.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static void step(int number, const char *text)
{
    printf("%d. %s\n", number, text);
    fflush(stdout);
}

static void need(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

/* Count the pages that have a frame behind them. */
static int resident(char *start, int pages)
{
    unsigned char vec[16];
    int count = 0;
    need(mincore(start, (size_t)pages * PAGE, vec) == 0, "mincore");
    for (int i = 0; i < pages; i++)
        count += vec[i] & 1;
    return count;
}

int main(void)
{
    char *area = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(area != MAP_FAILED, "mmap");
    step(1, "mapped 8 pages, read and write");
    printf("   pages with a frame: %d\n", resident(area, 8));

    for (int i = 0; i < 8; i++)
        area[i * PAGE] = (char)('A' + i);
    step(2, "wrote one letter into each page: 8 page faults");
    printf("   pages with a frame: %d\n", resident(area, 8));

    need(munmap(area + 3 * PAGE, 2 * PAGE) == 0, "munmap");
    step(3, "unmapped pages 3 and 4: one area became two");

    need(mprotect(area + 6 * PAGE, PAGE, PROT_READ) == 0, "mprotect");
    step(4, "made page 6 read-only: the upper area became three");
    printf("   page 2 has '%c', page 5 has '%c', page 6 has '%c'\n", area[2 * PAGE],
           area[5 * PAGE], area[6 * PAGE]);

    need(madvise(area, 3 * PAGE, MADV_DONTNEED) == 0, "madvise");
    step(5, "gave the frames of pages 0 to 2 back: they read as zero again");
    printf("   page 2 has %d\n", area[2 * PAGE]);

    step(6, "now a write to page 6, which is read-only: SIGSEGV");
    area[6 * PAGE] = '!';

    puts("not reached");
    return 0;
}
