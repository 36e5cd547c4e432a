/* The API of arceos.h over the C library: what the same program costs in the monolithic form. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define AX_FORM "monolithic"
#define AX_API static inline __attribute__((unused))

typedef pthread_mutex_t ax_mutex;
#define AX_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER

struct ax_start { int (*entry)(void *); void *argument; };

AX_API long ax_checked(long result) { return result < 0 ? -(long)errno : result; }
AX_API void *ax_run(void *start) {
    struct ax_start copy = *(struct ax_start *)start;
    free(start);
    return (void *)(long)copy.entry(copy.argument);
}

AX_API void ax_terminate(int status) { exit(status); }
AX_API int ax_cpu_num(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
AX_API long ax_random(void *buffer, size_t size) { return ax_checked(getrandom(buffer, size, 0)); }
AX_API uint64_t ax_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
AX_API uint64_t ax_monotonic_time(void) { return ax_clock(CLOCK_MONOTONIC); }
AX_API uint64_t ax_wall_time(void) { return ax_clock(CLOCK_REALTIME); }
AX_API int ax_sleep_until(uint64_t deadline) {
    struct timespec at = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
    return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}
AX_API void *ax_alloc(size_t size, size_t align) {
    void *block = NULL;
    return posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, size) ? NULL
                                                                                         : block;
}
AX_API void ax_dealloc(void *block) { free(block); }
AX_API long ax_console_write_bytes(const void *data, size_t size) {
    return ax_checked(write(1, data, size));
}
AX_API long ax_console_read_bytes(void *buffer, size_t size) {
    return ax_checked(read(0, buffer, size));
}
AX_API long ax_spawn(int (*entry)(void *), void *argument, const char *name, size_t stack) {
    pthread_t thread;
    pthread_attr_t attributes;
    struct ax_start *start = malloc(sizeof *start);
    (void)name;
    *start = (struct ax_start){entry, argument};
    pthread_attr_init(&attributes);
    if (stack) pthread_attr_setstacksize(&attributes, stack);
    int failed = pthread_create(&thread, &attributes, ax_run, start);
    pthread_attr_destroy(&attributes);
    return failed ? -failed : (long)thread;
}
AX_API void ax_exit(int code) { pthread_exit((void *)(long)code); }
AX_API long ax_wait_for_exit(long task) {
    void *code;
    int failed = pthread_join((pthread_t)task, &code);
    return failed ? -failed : (long)code;
}
AX_API void ax_yield_now(void) { sched_yield(); }
AX_API long ax_current_task_id(void) { return syscall(SYS_gettid); }
AX_API int ax_set_current_priority(int priority) {
    return (int)ax_checked(setpriority(PRIO_PROCESS, (id_t)ax_current_task_id(), priority));
}
AX_API int ax_set_current_affinity(unsigned long mask) {
    return (int)ax_checked(syscall(SYS_sched_setaffinity, 0, sizeof mask, &mask));
}
AX_API void ax_mutex_lock(ax_mutex *mutex) { pthread_mutex_lock(mutex); }
AX_API void ax_mutex_unlock(ax_mutex *mutex) { pthread_mutex_unlock(mutex); }
AX_API int ax_wait_queue_wait(const uint32_t *word, uint32_t value, uint64_t timeout) {
    struct timespec limit = {(time_t)(timeout / 1000000000u), (long)(timeout % 1000000000u)};
    struct timespec *given = timeout == AX_FOREVER ? NULL : &limit;
    return (int)ax_checked(syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, given));
}
AX_API int ax_wait_queue_wake(const uint32_t *word, uint32_t count) {
    return (int)ax_checked(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count));
}
AX_API int ax_open(const char *path, int flags) { return (int)ax_checked(open(path, flags, 0644)); }
AX_API int ax_close(int fd) { return (int)ax_checked(close(fd)); }
AX_API long ax_read(int fd, void *buffer, size_t size) { return ax_checked(read(fd, buffer, size)); }
AX_API long ax_write(int fd, const void *data, size_t size) {
    return ax_checked(write(fd, data, size));
}
AX_API long ax_lseek(int fd, long offset, int whence) {
    return ax_checked(lseek(fd, offset, whence));
}
AX_API int ax_mkdir(const char *path) { return (int)ax_checked(mkdir(path, 0755)); }
AX_API int ax_remove(const char *path) {
    int result = unlink(path);
    if (result && (errno == EISDIR || errno == EPERM)) result = rmdir(path);
    return (int)ax_checked(result);
}
AX_API int ax_chdir(const char *path) { return (int)ax_checked(chdir(path)); }
AX_API long ax_getcwd(char *buffer, size_t size) {
    return ax_checked(syscall(SYS_getcwd, buffer, size)) - 1;
}
