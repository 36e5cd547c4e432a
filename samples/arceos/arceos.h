/* The C API of the kernel, for programs of both forms from one source.
 *
 * Built with -DAX_UNIKERNEL the functions below are the kernel's own: a call of one is a function
 * call into the kernel, resolved when the program is loaded (it is linked against libarceos.so,
 * which is the kernel). Built without, each is a few lines over the C library, and the kernel is
 * reached by system calls.
 *
 * Modelled on ArceOS: api/arceos_api (ax_alloc, ax_spawn, ax_sleep_until ...), arceos_posix_api for
 * files, axsync for the mutex. Failures are negative error numbers. Times are in nanoseconds.
 */
#ifndef ARCEOS_H
#define ARCEOS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define AX_O_RDONLY 00
#define AX_O_WRONLY 01
#define AX_O_RDWR 02
#define AX_O_CREAT 0100
#define AX_O_EXCL 0200
#define AX_O_TRUNC 01000
#define AX_O_APPEND 02000
#define AX_FOREVER UINT64_MAX

#ifdef AX_UNIKERNEL

#define AX_FORM "unikernel"
#define AX_API extern

typedef struct { uint64_t holder; } ax_mutex;
#define AX_MUTEX_INIT {0}

/* sys */
AX_API void ax_terminate(int status) __attribute__((noreturn));
AX_API int ax_cpu_num(void);
AX_API long ax_random(void *buffer, size_t size);
/* time */
AX_API uint64_t ax_monotonic_time(void);
AX_API uint64_t ax_wall_time(void);
AX_API int ax_sleep_until(uint64_t deadline);
/* mem: blocks of the kernel's own heap */
AX_API void *ax_alloc(size_t size, size_t align);
AX_API void ax_dealloc(void *block);
/* stdio */
AX_API long ax_console_write_bytes(const void *data, size_t size);
AX_API long ax_console_read_bytes(void *buffer, size_t size);
/* task; a stack of 0 bytes means the usual size */
AX_API long ax_spawn(int (*entry)(void *), void *argument, const char *name, size_t stack);
AX_API void ax_exit(int code) __attribute__((noreturn));
AX_API long ax_wait_for_exit(long task);
AX_API void ax_yield_now(void);
AX_API long ax_current_task_id(void);
AX_API int ax_set_current_priority(int priority);
AX_API int ax_set_current_affinity(unsigned long mask);
/* sync */
AX_API void ax_mutex_lock(ax_mutex *mutex);
AX_API void ax_mutex_unlock(ax_mutex *mutex);
AX_API int ax_wait_queue_wait(const uint32_t *word, uint32_t value, uint64_t timeout);
AX_API int ax_wait_queue_wake(const uint32_t *word, uint32_t count);
/* fs */
AX_API int ax_open(const char *path, int flags);
AX_API int ax_close(int fd);
AX_API long ax_read(int fd, void *buffer, size_t size);
AX_API long ax_write(int fd, const void *data, size_t size);
AX_API long ax_lseek(int fd, long offset, int whence);
AX_API int ax_mkdir(const char *path);
AX_API int ax_remove(const char *path);
AX_API int ax_chdir(const char *path);
AX_API long ax_getcwd(char *buffer, size_t size);

#else
#include "arceos_linux.h"
#endif

/* printf to the console, the same in both forms: %d %ld %u %lu %x %lx %c %s %% and a width. */
void ax_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
