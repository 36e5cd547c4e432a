/* sort: three ways to sort the same numbers, counting comparisons and moves.
 *
 * A program for breakpoints, stepping and the call stack: quicksort is recursive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 200

static unsigned long comparisons, moves;

static int less(int a, int b)
{
    comparisons++;
    return a < b;
}

static void swap(int *a, int *b)
{
    int keep = *a;
    *a = *b;
    *b = keep;
    moves++;
}

static void insertion_sort(int *values, int count)
{
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && less(values[j], values[j - 1]); j--)
            swap(&values[j], &values[j - 1]);
}

static void sift_down(int *values, int root, int count)
{
    for (;;) {
        int child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && less(values[child], values[child + 1]))
            child++;
        if (!less(values[root], values[child]))
            return;
        swap(&values[root], &values[child]);
        root = child;
    }
}

static void heap_sort(int *values, int count)
{
    for (int root = count / 2 - 1; root >= 0; root--)
        sift_down(values, root, count);
    for (int last = count - 1; last > 0; last--) {
        swap(&values[0], &values[last]);
        sift_down(values, 0, last);
    }
}

static void quick_sort_range(int *values, int low, int high)
{
    if (low >= high)
        return;
    int pivot = values[(low + high) / 2], i = low, j = high;
    while (i <= j) {
        while (less(values[i], pivot))
            i++;
        while (less(pivot, values[j]))
            j--;
        if (i <= j)
            swap(&values[i++], &values[j--]);
    }
    quick_sort_range(values, low, j);
    quick_sort_range(values, i, high);
}

static void quick_sort(int *values, int count)
{
    quick_sort_range(values, 0, count - 1);
}

static void fill(int *values, int count)
{
    unsigned state = 2024;
    for (int i = 0; i < count; i++) {
        state = state * 1103515245u + 12345u;
        values[i] = (int)(state >> 16) % 1000;
    }
}

static void run(const char *name, void (*sort)(int *, int))
{
    int values[COUNT], sorted = 1;

    fill(values, COUNT);
    comparisons = moves = 0;
    sort(values, COUNT);
    for (int i = 1; i < COUNT; i++)
        sorted &= values[i - 1] <= values[i];
    printf("%-10s %6lu comparisons %6lu swaps  %s  first %d last %d\n", name, comparisons, moves,
           sorted ? "sorted" : "NOT SORTED", values[0], values[COUNT - 1]);
}

int main(void)
{
    run("insertion", insertion_sort);
    run("heap", heap_sort);
    run("quick", quick_sort);
    return 0;
}
