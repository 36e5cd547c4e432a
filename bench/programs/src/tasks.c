/* What the scheduler and fork cost. A letter is written after each phase, so that it can be timed.
 *
 *     tasks yield N       two threads give way to each other N times each
 *     tasks futex N       two threads hand a token to and fro N times
 *     tasks pairs N       four threads in two pairs, each pair hands a token to and fro N times
 *     tasks pipe N        two processes hand a byte to and fro N times
 *     tasks fork PAGES    fork with so many pages in memory
 *     tasks crowd N       N threads in pairs hand tokens to and fro for ever
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 128

static int tokens[MOST];
static long rounds;

static void letter(const char *which) { write(1, which, 1); }

static void *yields(void *argument) {
    for (long i = 0; i < rounds; i++) sched_yield();
    return argument;
}

/* Pair `n / 2`: wait until the token is mine (n % 2), give it to the other. */
static void *hands_over(void *argument) {
    int n = (int)(long)argument, me = n % 2, *token = &tokens[n / 2];
    for (long i = 0; i < rounds; i++) {
        while (__atomic_load_n(token, __ATOMIC_SEQ_CST) != me)
            syscall(SYS_futex, token, FUTEX_WAIT_PRIVATE, !me, 0, 0, 0);
        __atomic_store_n(token, !me, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, token, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
    return argument;
}

static void with_threads(int count, void *(*work)(void *)) {
    static pthread_t threads[MOST];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 16384);
    for (long i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attr, work, (void *)i)) exit(1);
    for (int i = 0; i < count; i++) pthread_join(threads[i], 0);
}

static void over_pipes(void) {
    int there[2], back[2];
    char byte = 0;
    if (pipe(there) || pipe(back)) exit(1);
    pid_t child = fork();
    for (long i = 0; i < rounds; i++) {
        if (child) {
            write(there[1], &byte, 1);
            read(back[0], &byte, 1);
        } else {
            read(there[0], &byte, 1);
            write(back[1], &byte, 1);
        }
    }
    if (!child) _exit(0);
    waitpid(child, 0, 0);
}

static void forks(void) {
    size_t size = (size_t)rounds * 4096;
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) exit(1);
    memset(memory, 1, size);
    letter("t");
    pid_t child = fork();
    if (!child) _exit(0);
    letter("f");
    waitpid(child, 0, 0);
    letter("w");
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *what = argv[1];
    rounds = atol(argv[2]);
    letter("s");
    if (!strcmp(what, "yield")) with_threads(2, yields);
    if (!strcmp(what, "futex")) with_threads(2, hands_over);
    if (!strcmp(what, "pairs")) with_threads(4, hands_over);
    if (!strcmp(what, "pipe")) over_pipes();
    if (!strcmp(what, "fork")) forks();
    if (!strcmp(what, "crowd")) {
        int count = rounds < MOST ? (int)rounds : MOST;
        rounds = 1L << 40;
        with_threads(count, hands_over);
    }
    letter("e");
    return 0;
}
