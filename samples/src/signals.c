/* signals: handlers, masks, a second stack, and what the kernel pushes to call a handler.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static char second_stack[32768];
static sigjmp_buf back;

static void count(int signo)
{
    caught++;
    printf("  handler: %s, call %d\n", signo == SIGUSR1 ? "SIGUSR1" : "SIGUSR2", (int)caught);
}

static void details(int signo, siginfo_t *info, void *context)
{
    char here;
    (void)context;
    printf("  handler: signal %d, from %s, sender is %s, on the %s stack\n", signo,
           info->si_code == SI_USER || info->si_code == SI_TKILL ? "a process" : "the kernel",
           info->si_pid == getpid() ? "myself" : "another",
           (uintptr_t)&here - (uintptr_t)second_stack < sizeof second_stack ? "second" : "normal");
}

static void jump(int signo)
{
    siglongjmp(back, signo);
}

static void set(int signo, void (*handler)(int), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    if (sigaction(signo, &action, NULL))
        exit(1);
}

static void plain(void)
{
    puts("1. a handler");
    set(SIGUSR1, count, 0);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    set(SIGUSR1, SIG_IGN, 0);
    raise(SIGUSR1);
    puts("  ignored after that");
}

static void masked(void)
{
    sigset_t block, old, pending;

    puts("2. blocked, pending, delivered");
    set(SIGUSR2, count, 0);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR2);
    sigprocmask(SIG_BLOCK, &block, &old);
    raise(SIGUSR2);
    raise(SIGUSR2);
    sigpending(&pending);
    printf("  pending: %s, calls so far: %d\n", sigismember(&pending, SIGUSR2) ? "yes" : "no",
           (int)caught);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("  unblocked: two raised, calls now: %d\n", (int)caught);
}

static void other_stack(void)
{
    stack_t stack = {.ss_sp = second_stack, .ss_size = sizeof second_stack};
    struct sigaction action;

    puts("3. on a second stack, with details");
    if (sigaltstack(&stack, NULL))
        exit(1);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = details;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void out_of_a_fault(void)
{
    volatile int *volatile nowhere = NULL;

    puts("4. a jump out of a fault");
    set(SIGSEGV, jump, 0);
    int signo = sigsetjmp(back, 1);
    if (signo == 0) {
        *nowhere = 1;
        puts("  not reached");
    }
    printf("  came back with signal %d\n", signo);
    set(SIGFPE, jump, SA_RESETHAND);
    signo = sigsetjmp(back, 1);
    if (signo == 0)
        raise(SIGFPE);
    printf("  came back with signal %d\n", signo);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    plain();
    masked();
    other_stack();
    out_of_a_fault();
    if (argc > 1 && strcmp(argv[1], "term") == 0) {
        puts("5. SIGTERM with its default action ends the program");
        raise(SIGTERM);
    }
    puts("done");
    return 0;
}
