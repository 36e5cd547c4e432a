/* Forks, waits, kills, failing execve, vfork, a thread, a pipe: the order is forced everywhere. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *thread(void *argument) {
    write(1, "t\n", 2);
    return argument;
}

static void on_child(int number) { (void)number; }

int main(int argc, char **argv) {
    int status, ends[2], other[2];
    char byte;
    pid_t child;
    pthread_t id;

    if (argc > 1) {
        write(1, argv[1], 2);
        return 9;
    }
    if (!(child = fork()))
        _exit(3);
    waitpid(child, &status, 0);
    signal(SIGCHLD, on_child);
    pipe(ends);
    pipe(other);
    if (!(child = fork())) {
        write(other[1], "r", 1);
        read(ends[0], &byte, 1);
    }
    read(other[0], &byte, 1);
    usleep(20000);
    kill(child, SIGKILL);
    wait4(child, &status, 0, NULL);
    if (!(child = fork())) {
        write(other[1], "r", 1);
        pause();
    }
    read(other[0], &byte, 1);
    usleep(20000);
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    if (!vfork())
        _exit(0);
    wait(NULL);
    if (!fork()) {
        execl("/nonexistent", "name", "argument", NULL);
        execl("/proc/self/exe", "again", "x\n", NULL);
        _exit(1);
    }
    wait(&status);
    pthread_create(&id, NULL, thread, NULL);
    usleep(20000);
    pthread_join(id, NULL);
    abort();
}
