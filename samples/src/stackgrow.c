/* stackgrow: the stack gets its pages one by one as the program goes deeper.
 *
 * Each level of recursion takes a little more than one page, so each is one page fault. An argument
 * sets the depth (default 256, about 1 MiB); around 2000 the limit of 8 MiB ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static unsigned deepest;

static unsigned descend(unsigned depth, unsigned left)
{
    volatile unsigned char room[4096];

    room[0] = (unsigned char)depth;
    room[4095] = (unsigned char)(depth >> 8);
    deepest = depth;
    if (depth % 64 == 0) {
        printf("depth %u: about %u KiB of stack\n", depth, depth * 4);
        fflush(stdout);
    }
    unsigned below = left ? descend(depth + 1, left - 1) : 0;
    return below + room[0] + room[4095];
}

int main(int argc, char **argv)
{
    unsigned depth = argc > 1 ? (unsigned)atoi(argv[1]) : 256;
    struct rlimit limit;

    getrlimit(RLIMIT_STACK, &limit);
    printf("the stack is limited: %s\n", limit.rlim_cur == RLIM_INFINITY ? "no" : "yes");
    unsigned sum = descend(1, depth - 1);
    printf("reached %u, came back with %u\n", deepest, sum);
    return 0;
}
