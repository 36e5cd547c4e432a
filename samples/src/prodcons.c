/* prodcons: producers and consumers around a bounded buffer, and what each saw.
 *
 *     prodcons [PRODUCERS [CONSUMERS [ITEMS]]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM 4
#define MAX 16

static int buffer[ROOM], used, first, left_to_take, producers = 2, consumers = 3, items = 60;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static int most_used;

static void *produce(void *argument)
{
    int me = (int)(long)argument;
    for (int i = me; i < items; i += producers) {
        pthread_mutex_lock(&mutex);
        while (used == ROOM)
            pthread_cond_wait(&not_full, &mutex);
        buffer[(first + used++) % ROOM] = i;
        if (used > most_used)
            most_used = used;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *consume(void *argument)
{
    long sum = 0;
    (void)argument;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (!used && left_to_take)
            pthread_cond_wait(&not_empty, &mutex);
        if (!left_to_take) {
            pthread_mutex_unlock(&mutex);
            return (void *)sum;
        }
        sum += buffer[first];
        first = (first + 1) % ROOM;
        used--;
        if (--left_to_take == 0)
            pthread_cond_broadcast(&not_empty);
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&mutex);
    }
}

int main(int argc, char **argv)
{
    pthread_t threads[2 * MAX];
    long total = 0;
    if (argc > 1)
        producers = atoi(argv[1]);
    if (argc > 2)
        consumers = atoi(argv[2]);
    if (argc > 3)
        items = atoi(argv[3]);
    if (producers < 1 || producers > MAX || consumers < 1 || consumers > MAX)
        return 2;
    left_to_take = items;
    for (long i = 0; i < producers; i++)
        pthread_create(&threads[i], NULL, produce, (void *)i);
    for (int i = 0; i < consumers; i++)
        pthread_create(&threads[producers + i], NULL, consume, NULL);
    for (int i = 0; i < producers + consumers; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        total += (long)sum;
    }
    printf("%d items through a buffer for %d: sum %ld, expected %ld\n", items, ROOM, total,
           (long)items * (items - 1) / 2);
    if (most_used > ROOM)
        puts("the buffer overflowed");
    return total != (long)items * (items - 1) / 2;
}
