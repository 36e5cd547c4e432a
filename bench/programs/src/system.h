/* System calls and the entry point, for programs without a C library. */
#ifndef SYSTEM_H
#define SYSTEM_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#if defined(__x86_64__)
enum { NR_write = 1, NR_mmap = 9, NR_mprotect = 10, NR_munmap = 11, NR_exit = 60, NR_getppid = 110 };
static inline long call6(long nr, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#else
enum { NR_write = 64, NR_exit = 93, NR_getppid = 173, NR_munmap = 215, NR_mmap = 222, NR_mprotect = 226 };
#if defined(__riscv)
#define REGISTER(n) "a" #n
#define NUMBER "a7"
#define TRAP "ecall"
#elif defined(__aarch64__)
#define REGISTER(n) "x" #n
#define NUMBER "x8"
#define TRAP "svc #0"
#elif defined(__loongarch64)
#define REGISTER(n) "$a" #n
#define NUMBER "$a7"
#define TRAP "syscall 0"
#define TRAP_CLOBBERS , "$t0", "$t1", "$t2", "$t3", "$t4", "$t5", "$t6", "$t7", "$t8"
#endif
#ifndef TRAP_CLOBBERS
#define TRAP_CLOBBERS
#endif
static inline long call6(long nr, long a, long b, long c, long d, long e, long f) {
    register long number __asm__(NUMBER) = nr;
    register long r0 __asm__(REGISTER(0)) = a;
    register long r1 __asm__(REGISTER(1)) = b;
    register long r2 __asm__(REGISTER(2)) = c;
    register long r3 __asm__(REGISTER(3)) = d;
    register long r4 __asm__(REGISTER(4)) = e;
    register long r5 __asm__(REGISTER(5)) = f;
    __asm__ volatile(TRAP
                     : "+r"(r0)
                     : "r"(number), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "memory" TRAP_CLOBBERS);
    return r0;
}
#endif

#define call0(nr) call6(nr, 0, 0, 0, 0, 0, 0)
#define call3(nr, a, b, c) call6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static inline void print_hex(u64 value) {
    char text[17];
    for (int i = 15; i >= 0; i--, value >>= 4) text[i] = "0123456789abcdef"[value & 15];
    text[16] = '\n';
    call3(NR_write, 1, text, 17);
}

static int run(void);

__attribute__((used, noreturn)) static void start_c(void) {
    call3(NR_exit, run(), 0, 0);
    for (;;) {}
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call start_c\n");
#elif defined(__riscv)
__asm__(".globl _start\n_start: andi sp, sp, -16\n jal start_c\n");
#elif defined(__loongarch64)
__asm__(".globl _start\n_start: move $fp, $zero\n bl start_c\n");
#else
__asm__(".globl _start\n_start: mov x29, #0\n bl start_c\n");
#endif

#endif
