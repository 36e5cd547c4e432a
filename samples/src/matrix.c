/* matrix: products of matrices, in whole numbers and in floating point.
 *
 *     matrix [SIZE [THREADS]]
 *
 * Much computing and few system calls: good for looking at registers, and for measuring. The size
 * is 32 if not given. With THREADS each thread computes a share of the rows, and the products are
 * the same; without, the program makes no thread.
 */
#include <pthread.h>
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

static void multiply_int(const uint32_t *a, const uint32_t *b, uint32_t *c, int n, int from, int to)
{
    for (int i = from; i < to; i++)
        for (int j = 0; j < n; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
}

static void multiply_double(const double *a, const double *b, double *c, int n, int from, int to)
{
    for (int i = from; i < to; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
}

#define MOST_THREADS 16

static int n = 32, threads;
static uint32_t *ai, *bi, *ci;
static double *ad, *bd, *cd;

static void *share(void *argument)
{
    int me = (int)(long)argument;
    int from = n * me / threads, to = n * (me + 1) / threads;
    multiply_int(ai, bi, ci, n, from, to);
    multiply_double(ad, bd, cd, n, from, to);
    return NULL;
}

static void multiply_shared(void)
{
    pthread_t workers[MOST_THREADS];
    for (long i = 0; i < threads; i++)
        if (pthread_create(&workers[i], NULL, share, (void *)i))
            exit(1);
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i], NULL);
}

int main(int argc, char **argv)
{
    uint32_t check = 0;
    double trace = 0;
    if (argc > 1)
        n = atoi(argv[1]);
    if (argc > 2)
        threads = atoi(argv[2]);
    if (n < 1 || n > 512 || threads < 0 || threads > MOST_THREADS) {
        fputs("matrix: the size must be from 1 to 512, the threads at most 16\n", stderr);
        return 2;
    }
    size_t cells = (size_t)n * (size_t)n;
    ai = take(cells * sizeof *ai);
    bi = take(cells * sizeof *bi);
    ci = take(cells * sizeof *ci);
    ad = take(cells * sizeof *ad);
    bd = take(cells * sizeof *bd);
    cd = take(cells * sizeof *cd);

    for (size_t i = 0; i < cells; i++) {
        ai[i] = (uint32_t)(i * 7 + 3) % 101;
        bi[i] = (uint32_t)(i * 13 + 5) % 97;
        ad[i] = (double)ai[i] / 8;
        bd[i] = 1.0 / (double)(bi[i] + 1);
    }
    if (threads) {
        multiply_shared();
    } else {
        multiply_int(ai, bi, ci, n, 0, n);
        multiply_double(ad, bd, cd, n, 0, n);
    }
    for (size_t i = 0; i < cells; i++)
        check = check * 31 + ci[i];
    for (int i = 0; i < n; i++)
        trace += cd[i * n + i];
    printf("%d x %d, whole numbers: corner %u, checksum %08x\n", n, n, ci[0], check);
    printf("%d x %d, floating point: corner %.12f, trace %.9f\n", n, n, cd[0], trace);
    return 0;
}
