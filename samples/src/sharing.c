/* sharing: what clone's flags share. A task is made with every combination of five flags; it
 * changes one thing of each kind, and its maker looks which of the changes it sees.
 *
 * `catch syscall clone return`, then `info sharing`: the same letter, the same object.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The C library's own clone refuses CLONE_THREAD; this is what it is made of. */
extern int __clone(int (*start)(void *), void *stack, int flags, void *argument, ...);

enum { SPARE_FD = 50, STACK = 65536 };

static const struct {
    int flag;
    const char *name;
} kinds[] = {
    {CLONE_VM, "VM"},           {CLONE_FS, "FS"},         {CLONE_FILES, "FILES"},
    {CLONE_SIGHAND, "SIGHAND"}, {CLONE_THREAD, "THREAD"},
};

static char stack[STACK] __attribute__((aligned(16)));
static int word;        /* memory of one address space */
static int *report;     /* memory of all of them: the pid that the new task sees */
static int alive;       /* cleared by the kernel when a thread has ended */

static void set_action(void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigaction(SIGUSR1, &action, NULL);
}

static int change(void *argument)
{
    (void)argument;
    *report = (int)syscall(SYS_getpid);
    word = 1;
    syscall(SYS_chdir, "/tmp");
    syscall(SYS_dup3, 1, SPARE_FD, 0);
    set_action(SIG_IGN);
    syscall(SYS_exit, 0);
    return 0;
}

static void restore(void)
{
    word = 0;
    chdir("/");
    close(SPARE_FD);
    set_action(SIG_DFL);
    *report = 0;
}

static void wait_for(int task, int flags)
{
    if (!(flags & CLONE_THREAD)) {
        waitpid(task, NULL, __WALL);
        return;
    }
    while (__atomic_load_n(&alive, __ATOMIC_ACQUIRE))
        syscall(SYS_futex, &alive, FUTEX_WAIT, task, NULL, NULL, 0);
}

static void try(int flags)
{
    char where[64];
    struct sigaction action;
    int more = flags & CLONE_THREAD ? CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID : SIGCHLD;
    restore();
    alive = 1;
    int task = __clone(change, stack + STACK, flags | more, NULL, NULL, NULL, &alive);
    if (task < 0) {
        puts(task == -EINVAL ? "not allowed" : "failed");
        return;
    }
    wait_for(task, flags);
    getcwd(where, sizeof where);
    sigaction(SIGUSR1, NULL, &action);
    printf("shares%s%s%s%s%s\n", word ? " memory" : "", strcmp(where, "/") ? " directory" : "",
           fcntl(SPARE_FD, F_GETFD) >= 0 ? " descriptors" : "",
           action.sa_handler == SIG_IGN ? " handlers" : "",
           *report == getpid() ? " process" : "");
}

int main(void)
{
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 1;
    for (int choice = 0; choice < 32; choice++) {
        int flags = 0, length = 0;
        for (int bit = 0; bit < 5; bit++)
            if (choice & 1 << bit) {
                flags |= kinds[bit].flag;
                length += printf("%s%s", length ? " " : "", kinds[bit].name);
            }
        length += length ? 0 : printf("none");
        printf("%*s", 30 - length, "");
        fflush(stdout);
        try(flags);
    }
    restore();
    return 0;
}
