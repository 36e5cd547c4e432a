/* forktree: a tree of processes; each waits for its children and tells its parent how many it saw.
 *
 *     forktree [DEPTH [ROUNDS]]    with ROUNDS: fork, exec, exit and wait so often
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int shared_by_none = 1;

static int tree(int depth)
{
    int total = 1, status;
    pid_t children[2];
    if (!depth)
        return 1;
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] < 0) {
            perror("fork");
            exit(99);
        }
        if (!children[i]) {
            shared_by_none += depth;
            _exit(tree(depth - 1));
        }
    }
    for (int i = 0; i < 2; i++) {
        if (waitpid(children[i], &status, 0) != children[i] || !WIFEXITED(status))
            exit(98);
        total += WEXITSTATUS(status);
    }
    return total;
}

static void ends(void)
{
    int status;
    pid_t child = fork();
    if (!child) {
        raise(SIGTERM);
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("a child killed by signal %d\n", WTERMSIG(status));
    child = vfork();
    if (!child)
        _exit(7);
    waitpid(child, &status, 0);
    printf("a vforked child exited with %d\n", WEXITSTATUS(status));
    int gate[2];
    if (pipe(gate))
        exit(96);
    child = fork();
    if (!child) {
        char letter;
        raise(SIGSTOP);
        read(gate[0], &letter, 1);
        _exit(5);
    }
    waitpid(child, &status, WUNTRACED);
    printf("a child stopped by signal %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    printf("a child that goes on: %d\n", WIFCONTINUED(status));
    write(gate[1], "g", 1);
    siginfo_t info = {0};
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    printf("waitid: code %d status %d, %s\n", info.si_code, info.si_status,
           info.si_pid == child ? "the child" : "?");
    waitpid(child, &status, 0);
    printf("no child left: %s\n", wait(NULL) < 0 && errno == ECHILD ? "ECHILD" : "?");
}

static void orphan(void)
{
    int ends[2];
    char letter = '?';
    if (pipe(ends))
        exit(97);
    pid_t child = fork();
    if (!child) {
        pid_t parent = getpid();
        if (!fork()) {
            while (getppid() == parent)
                usleep(100);
            letter = 'o';
            write(ends[1], &letter, 1);
            _exit(0);
        }
        _exit(0);
    }
    close(ends[1]);
    waitpid(child, NULL, 0);
    read(ends[0], &letter, 1);
    printf("an orphan found a new parent: %c, %zd\n", letter, read(ends[0], &letter, 1));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "leaf"))
        return 3;
    int depth = argc > 1 ? atoi(argv[1]) : 3;
    int rounds = argc > 2 ? atoi(argv[2]) : 0;
    printf("a tree of depth %d: %d processes\n", depth, tree(depth));
    printf("the parent's own variable: %d\n", shared_by_none);
    int good = 0;
    for (int i = 0; i < rounds; i++) {
        int status;
        pid_t child = fork();
        if (!child) {
            execl(argv[0], argv[0], "leaf", NULL);
            _exit(4);
        }
        if (waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3)
            good++;
    }
    if (rounds)
        printf("%d of %d rounds of fork and exec\n", good, rounds);
    else {
        ends();
        orphan();
    }
    return 0;
}
