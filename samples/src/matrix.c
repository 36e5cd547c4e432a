/* matrix: products of matrices, in whole numbers and in floating point.
 *
 * Much computing and few system calls: good for looking at registers, and for measuring. An
 * argument sets the size (default 32).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *take(size_t size)
{
    void *block = malloc(size);
    if (!block)
        exit(1);
    return block;
}

static void multiply_int(const uint32_t *a, const uint32_t *b, uint32_t *c, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
}

static void multiply_double(const double *a, const double *b, double *c, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 32;
    if (n < 1 || n > 512) {
        fputs("matrix: the size must be from 1 to 512\n", stderr);
        return 2;
    }
    size_t cells = (size_t)n * (size_t)n;
    uint32_t *ai = take(cells * sizeof *ai), *bi = take(cells * sizeof *bi);
    uint32_t *ci = take(cells * sizeof *ci), check = 0;
    double *ad = take(cells * sizeof *ad), *bd = take(cells * sizeof *bd);
    double *cd = take(cells * sizeof *cd), trace = 0;

    for (size_t i = 0; i < cells; i++) {
        ai[i] = (uint32_t)(i * 7 + 3) % 101;
        bi[i] = (uint32_t)(i * 13 + 5) % 97;
        ad[i] = (double)ai[i] / 8;
        bd[i] = 1.0 / (double)(bi[i] + 1);
    }
    multiply_int(ai, bi, ci, n);
    multiply_double(ad, bd, cd, n);
    for (size_t i = 0; i < cells; i++)
        check = check * 31 + ci[i];
    for (int i = 0; i < n; i++)
        trace += cd[i * n + i];
    printf("%d x %d, whole numbers: corner %u, checksum %08x\n", n, n, ci[0], check);
    printf("%d x %d, floating point: corner %.12f, trace %.9f\n", n, n, cd[0], trace);
    return 0;
}
