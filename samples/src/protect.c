/* protect: a write to a read-only page, with or without someone to handle it.
 *
 *   protect            the default action: the kernel ends the program with SIGSEGV
 *   protect handler    a SIGSEGV handler makes the page writable; the same instruction runs again
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static char *page;
static volatile sig_atomic_t faults;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)context;
    /* printf is not safe in a handler in general; here the fault is at a known place. */
    printf("  handler: signal %d, %s, %d bytes into the page\n", signo,
           info->si_code == SEGV_ACCERR ? "SEGV_ACCERR (no permission)" : "another reason",
           (int)((char *)info->si_addr - page));
    faults++;
    if (faults > 1 || mprotect(page, PAGE, PROT_READ | PROT_WRITE))
        exit(1);
    puts("  handler: page is writable now, going back");
}

static void poke(int offset, char value)
{
    page[offset] = value;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 1;
    poke(16, 'a');
    printf("before: '%c'\n", page[16]);
    mprotect(page, PAGE, PROT_READ);
    puts("the page is read-only now");

    if (argc > 1 && strcmp(argv[1], "handler") == 0) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &action, NULL);
        puts("a handler for SIGSEGV is set");
    }
    poke(16, 'b');
    printf("after: '%c', faults: %d\n", page[16], (int)faults);
    return 0;
}
