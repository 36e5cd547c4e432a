/* CPU-bound work with the usual mix of calls, branches, loads and stores: sort, matrix, sieve, hash. */
#include "system.h"

#define COUNT 20000
#define SIZE 40
#define LIMIT 200000

static u32 numbers[COUNT];
static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
static u8 composite[LIMIT];

__attribute__((noinline)) static void sort(u32 *v, long low, long high) {
    while (low < high) {
        u32 pivot = v[(low + high) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i <= j) {
                u32 t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        sort(v, low, j);
        low = i;
    }
}

__attribute__((noinline)) static void multiply(void) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
}

__attribute__((noinline)) static u32 sieve(void) {
    u32 found = 0;
    for (u32 i = 0; i < LIMIT; i++) composite[i] = 0;
    for (u32 i = 2; i < LIMIT; i++) {
        if (composite[i]) continue;
        found++;
        for (u32 j = 2 * i; j < LIMIT; j += i) composite[j] = 1;
    }
    return found;
}

static int run(void) {
    u64 hash = 0xcbf29ce484222325;
    u32 seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            seed = seed * 1664525 + 1013904223;
            numbers[i] = seed >> 8;
        }
        sort(numbers, 0, COUNT - 1);
        for (int i = 0; i < SIZE; i++)
            for (int j = 0; j < SIZE; j++) {
                a[i][j] = i + j + round;
                b[i][j] = i - j;
            }
        multiply();
        hash = (hash ^ sieve()) * 0x100000001b3;
        for (int i = 0; i < COUNT; i++) hash = (hash ^ numbers[i]) * 0x100000001b3;
        hash ^= (u64)(long)c[3][5];
    }
    print_hex(hash);
    return 0;
}
