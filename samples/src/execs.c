/* execs: one program instead of another: what stays, what goes, what fails, and who may call it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *self;
static pid_t first;

static void on_signal(int signo) { (void)signo; }

/* The other side: says what it was born with. */
static int born(int argc, char **argv)
{
    struct sigaction usr1, usr2;
    sigset_t mask, pending;
    sigaction(SIGUSR1, NULL, &usr1);
    sigaction(SIGUSR2, NULL, &usr2);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    printf("  %d arguments:", argc - 2);
    for (int i = 2; i < argc; i++)
        printf(" [%s]", argv[i]);
    printf("; COLOUR=%s\n", getenv("COLOUR") ? getenv("COLOUR") : "(none)");
    printf("  caught is %s, ignored is %s, blocked is %s, pending is %s\n",
           usr1.sa_handler == SIG_DFL ? "default" : "?",
           usr2.sa_handler == SIG_IGN ? "ignored" : "?",
           sigismember(&mask, SIGTERM) ? "blocked" : "?",
           sigismember(&pending, SIGTERM) ? "pending" : "?");
    printf("  descriptor 20 is %s, 21 is %s\n", fcntl(20, F_GETFD) < 0 ? "closed" : "open",
           fcntl(21, F_GETFD) < 0 ? "closed" : "open");
    char name[32] = "";
    int fd = open("/proc/self/comm", O_RDONLY);
    if (fd >= 0 && read(fd, name, sizeof name - 1) > 0)
        name[strcspn(name, "\n")] = 0;
    printf("  it is called %s\n", name);
    return 11;
}

static void prepare(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t mask;
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGTERM);
    dup3(1, 20, O_CLOEXEC);
    dup2(1, 21);
}

static void in_child(const char *title, void (*work)(void))
{
    int status;
    printf("%s\n", title);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        first = getpid();
        prepare();
        work();
        printf("  not run: %s\n", strerror(errno));
        fflush(stdout);
        _exit(12);
    }
    waitpid(child, &status, 0);
    printf("  status %d\n", WEXITSTATUS(status));
}

static void plain(void)
{
    char *argv[] = {"name", "born", "one", "two words", "", NULL};
    char *envp[] = {"COLOUR=blue", NULL};
    execve(self, argv, envp);
}

static void through_fd(void)
{
    char *argv[] = {"name", "born", "by descriptor", NULL};
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
}

static void script(void)
{
    char *argv[] = {"name", "ignored", "argument", NULL};
    FILE *file = fopen("/tmp/execs-script", "w");
    fprintf(file, "#! %s born\nnobody reads this\n", self);
    fchmod(fileno(file), 0755);
    fclose(file);
    execv("/tmp/execs-script", argv);
}

static void *from_thread(void *argument)
{
    plain();
    return argument;
}

static void *forever(void *argument)
{
    for (;;)
        if (argument)
            pause();
    return NULL;
}

static void many_threads(void)
{
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, forever, &threads);
    pthread_create(&threads[1], NULL, forever, &threads);
    usleep(1000);
    pthread_create(&threads[2], NULL, from_thread, NULL);
    for (;;)
        pause();
}

static void fails(void)
{
    char *argv[] = {"name", NULL};
    char *big = malloc(200000);
    char *huge[] = {"name", big, NULL};
    memset(big, 'x', 199999);
    big[199999] = 0;
    execv("/nosuchfile", argv);
    printf("  a missing file: %s\n", strerror(errno));
    execv("/tmp", argv);
    printf("  a directory: %s\n", strerror(errno));
    FILE *file = fopen("/tmp/execs-text", "w");
    fputs("just text\n", file);
    fclose(file);
    execv("/tmp/execs-text", argv);
    printf("  without x: %s\n", strerror(errno));
    chmod("/tmp/execs-text", 0755);
    execv("/tmp/execs-text", argv);
    printf("  text: %s\n", strerror(errno));
    execv(self, huge);
    printf("  an argument of 200000 bytes: %s\n", strerror(errno));
    execv(self, (char **)8);
    printf("  a bad pointer: %s\n", strerror(errno));
    printf("  caught signals still work: %d\n", raise(SIGUSR1));
    errno = 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "born"))
        return born(argc, argv);
    self = realpath("/proc/self/exe", NULL);
    if (!self)
        self = argv[0];
    in_child("execve", plain);
    in_child("execveat of a descriptor", through_fd);
    in_child("a script", script);
    in_child("a thread of four calls it", many_threads);
    in_child("what fails changes nothing", fails);
    unlink("/tmp/execs-script");
    unlink("/tmp/execs-text");
    printf("vfork, then execve\n");
    fflush(stdout);
    int status;
    pid_t child = vfork();
    if (!child) {
        execl(self, "name", "born", "vforked", NULL);
        _exit(13);
    }
    waitpid(child, &status, 0);
    printf("  status %d\n", WEXITSTATUS(status));
    return 0;
}
