/* What happens where a kernel is trusted to nobody, and where it trusts everybody. As a process
 * the program is killed and the kernel goes on; as a Unikernel's application it takes the kernel
 * with it, and the panic says in words how.
 *
 *     null      write through a null pointer
 *     code      write to the program's own instructions
 *     pointer   give the kernel a pointer that leads nowhere
 *     twice     give memory back twice
 *     unlock    give back a mutex that is not held
 *     jump      call an address where no function begins, in the kernel's text if it can
 *     deadlock  two threads, two mutexes, each taken in another order: here it is known who waits
 *     quiet     nothing of this (the default) */
#include "arceos.h"

#ifdef AX_UNIKERNEL
#define TARGET ((uintptr_t)ax_write + 4)
#else
#define TARGET 16
#endif

static ax_mutex lock = AX_MUTEX_INIT, other = AX_MUTEX_INIT;
static volatile int *nowhere;

static int is(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static int crossing(void *argument) {
    ax_mutex_lock(&other);
    ax_mutex_lock(&lock);
    return argument != 0;
}

static void deadlock(void) {
    ax_mutex_lock(&lock);
    ax_spawn(crossing, 0, "crossing", 0);
    ax_sleep_until(ax_monotonic_time() + 5000000);
    ax_mutex_lock(&other);
}

static void trespass(const char *how) {
    if (is(how, "null")) *nowhere = 1;
    if (is(how, "code")) *(volatile int *)(uintptr_t)trespass = 1;
    if (is(how, "pointer")) ax_printf("write: %ld\n", ax_write(1, (void *)16, 4));
    if (is(how, "twice")) {
        void *block = ax_alloc(100, 8);
        ax_dealloc(block);
        ax_dealloc(block);
    }
    if (is(how, "unlock")) ax_mutex_unlock(&lock);
    if (is(how, "deadlock")) deadlock();
    if (is(how, "jump")) ((void (*)(void))TARGET)();
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "quiet";
    ax_printf("%s\n", how);
    trespass(how);
    ax_printf("still here\n");
    return 0;
}
