/* One source, two kernels: the same program as a Linux process (`both`, system calls) and as the
 * application of a Unikernel (`both.uni`, function calls into the kernel). It prints the same.
 *
 *     arcetui samples/bin/x86_64/both
 *     arcetui --form unikernel samples/bin/x86_64/both.uni
 *
 * Stop at step by step() in both and compare `info maps`, `info house`, `info sharing`, and where
 * the memory of numbers() comes from (`info allocators`). */
#include "arceos.h"

enum { WORKERS = 3, ROUNDS = 40 };

static ax_mutex lock = AX_MUTEX_INIT;
static long total;
static uint32_t turn;

static void step(const char *what) { ax_printf("-- %s\n", what); }

static void numbers(void) {
    step("memory from the allocator");
    long sum = 0;
    long *block = ax_alloc(1000 * sizeof *block, 64);
    for (long i = 0; i < 1000; i++) block[i] = i * i;
    for (long i = 0; i < 1000; i++) sum += block[i];
    ax_printf("aligned %d, sum of squares %ld\n", (uintptr_t)block % 64 == 0, sum);
    ax_dealloc(block);
}

static void files(void) {
    step("a file");
    char text[32], path[32];
    ax_mkdir("/tmp/both");
    ax_chdir("/tmp/both");
    int fd = ax_open("note", AX_O_RDWR | AX_O_CREAT | AX_O_TRUNC);
    long written = ax_write(fd, "kernels compared", 16);
    ax_lseek(fd, 8, 0);
    long got = ax_read(fd, text, sizeof text - 1);
    text[got] = 0;
    ax_close(fd);
    long length = ax_getcwd(path, sizeof path);
    ax_printf("wrote %ld, read %ld from 8: '%s', in %s (%ld)\n", written, got, text, path, length);
    ax_printf("missing: %d, closed: %ld, still full: %d\n", ax_open("none", AX_O_RDONLY),
              ax_read(fd, text, 1), ax_remove("/tmp/both"));
    ax_printf("removed: %d %d\n", ax_remove("note"), ax_remove("/tmp/both"));
    ax_chdir("/");
}

static int add(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        ax_mutex_lock(&lock);
        long seen = total;
        if (i % 10 == 0) ax_yield_now();
        total = seen + (long)argument;
        ax_mutex_unlock(&lock);
    }
    return (int)(long)argument;
}

static void threads(void) {
    step("threads and a mutex");
    long task[WORKERS], code = 0;
    for (long i = 0; i < WORKERS; i++) task[i] = ax_spawn(add, (void *)(i + 1), "adder", 0);
    for (int i = 0; i < WORKERS; i++) code = code * 10 + ax_wait_for_exit(task[i]);
    ax_printf("exit codes %ld, total %ld\n", code, total);
}

static int pong(void *argument) {
    (void)argument;
    for (uint32_t i = 0; i < 6; i += 2) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != i + 1)
            ax_wait_queue_wait(&turn, i, AX_FOREVER);
        ax_printf("pong %u\n", i + 1);
        __atomic_store_n(&turn, i + 2, __ATOMIC_RELEASE);
        ax_wait_queue_wake(&turn, 1);
    }
    return 0;
}

static void waiting(void) {
    step("a wait queue");
    long task = ax_spawn(pong, NULL, "pong", 65536);
    for (uint32_t i = 0; i < 6; i += 2) {
        ax_printf("ping %u\n", i);
        __atomic_store_n(&turn, i + 1, __ATOMIC_RELEASE);
        ax_wait_queue_wake(&turn, 1);
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != i + 2)
            ax_wait_queue_wait(&turn, i + 1, AX_FOREVER);
    }
    ax_wait_for_exit(task);
    uint32_t never = 7;
    int timed_out = ax_wait_queue_wait(&never, 7, 2000000);
    int changed = ax_wait_queue_wait(&never, 8, 2000000);
    ax_printf("timeout %d, other value %d\n", timed_out, changed);
}

static int sleeper(void *argument) {
    uint64_t start = *(uint64_t *)argument;
    for (int i = 0; i < 3; i++) {
        ax_sleep_until(start + 10000000u * (uint64_t)(2 * i + 2));
        ax_printf("sleeper %d\n", i);
    }
    return 0;
}

static void sleeping(void) {
    step("sleep");
    uint64_t start = ax_monotonic_time();
    long task = ax_spawn(sleeper, &start, "sleeper", 0);
    for (int i = 0; i < 3; i++) {
        ax_sleep_until(start + 10000000u * (uint64_t)(2 * i + 1));
        ax_printf("main %d\n", i);
    }
    ax_wait_for_exit(task);
    ax_printf("slept long enough: %d\n", ax_monotonic_time() - start >= 60000000u);
    ax_printf("it is after 2020: %d\n", ax_wall_time() / 1000000000u > 1577836800u);
}

static void odds(void) {
    step("odds and ends");
    uint64_t random[2] = {0, 0};
    long got = ax_random(random, sizeof random);
    ax_printf("%ld random bytes, not all alike: %d\n", got, random[0] != random[1]);
    ax_printf("at least one CPU: %d, affinity %d, priority %d\n", ax_cpu_num() >= 1,
              ax_set_current_affinity(1), ax_set_current_priority(5));
}

int main(int argc, char **argv) {
    ax_printf("hello");
    for (int i = 1; i < argc; i++) ax_printf(" %s", argv[i]);
    ax_printf(", this is main\n");
    numbers();
    files();
    threads();
    waiting();
    sleeping();
    odds();
    return 7;
}
