/* notify: waiting for several things at once: eventfd, timerfd, signalfd and epoll, POSIX timers,
 * process descriptors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *why(long result) { return result < 0 ? strerror(errno) : "ok"; }

static void events(void)
{
    uint64_t value = 3;
    int counter = eventfd(2, EFD_NONBLOCK);
    write(counter, &value, 8);
    read(counter, &value, 8);
    printf("eventfd: %d, then %s\n", (int)value, why(read(counter, &value, 8)));
    int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    read(semaphore, &value, 8);
    printf("as a semaphore: %d, ", (int)value);
    printf("%s, ", why(read(semaphore, &value, 8)));
    printf("%s\n", why(read(semaphore, &value, 8)));
    close(counter);
    close(semaphore);
}

static void timers(void)
{
    uint64_t expired = 0;
    struct itimerspec spec = {{0, 2000000}, {0, 5000000}}, left;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(timer, 0, &spec, NULL);
    printf("timerfd before its time: %s\n", why(read(timer, &expired, 8)));
    timerfd_gettime(timer, &left);
    printf("interval %ld ns\n", left.it_interval.tv_nsec);
    struct pollfd look = {timer, POLLIN, 0};
    printf("poll: %d\n", poll(&look, 1, -1));
    read(timer, &expired, 8);
    printf("expired: %s\n", expired >= 1 ? "yes" : "no");
    struct timespec pause = {0, 7000000};
    nanosleep(&pause, NULL);
    read(timer, &expired, 8);
    printf("after a pause of 3 periods: %s\n", expired >= 3 ? "3 or more" : "fewer");
    close(timer);
}

static volatile sig_atomic_t rings, last_ring, overruns;
static timer_t timer;

static void ring(int signo, siginfo_t *info, void *context)
{
    static const struct itimerspec never;
    (void)signo;
    (void)context;
    if (info->si_code != SI_TIMER || info->si_value.sival_int != 77)
        return;
    rings++;
    if (last_ring) { /* however slow the machine is: this is the one that was blocked */
        overruns = timer_getoverrun(timer);
        timer_settime(timer, 0, &never, NULL);
    }
}

static void alarms(void)
{
    struct sigaction action = {.sa_sigaction = ring, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec spec = {{0, 10000000}, {0, 10000000}};
    sigset_t mask;
    event.sigev_value.sival_int = 77;
    sigaction(SIGUSR1, &action, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &spec, NULL);
    while (rings < 3)
        pause();
    printf("a POSIX timer rang\n");
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    struct timespec rest = {0, 105000000};
    nanosleep(&rest, NULL);
    int before = rings;
    last_ring = 1;
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    timer_delete(timer);
    printf("blocked meanwhile: %d signal, overruns %s\n", rings - before,
           overruns >= 8 ? "8 or more" : "fewer");
}

static void signals(void)
{
    sigset_t mask;
    struct signalfd_siginfo info;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int fd = signalfd(-1, &mask, SFD_NONBLOCK);
    printf("signalfd, nothing yet: %s\n", why(read(fd, &info, sizeof info)));
    kill(getpid(), SIGUSR2);
    read(fd, &info, sizeof info);
    printf("signal %u from %s\n", info.ssi_signo, (pid_t)info.ssi_pid == getpid() ? "me" : "?");
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        usleep(1000);
        _exit(9);
    }
    struct pollfd look = {fd, POLLIN, 0};
    poll(&look, 1, -1);
    read(fd, &info, sizeof info);
    printf("signal %u, status %d\n", info.ssi_signo, info.ssi_status);
    waitpid(child, NULL, 0);
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    close(fd);
}

static void show(const char *title, int count, const struct epoll_event *found)
{
    printf("%-28s", title);
    for (int i = 0; i < count; i++)
        printf(" %c:%x", (char)found[i].data.u32, found[i].events);
    printf("%s\n", count ? "" : " nothing");
}

static void watch(void)
{
    int ends[2], counter = eventfd(0, EFD_NONBLOCK), set = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.u32 = 'p'}}, found[4];
    uint64_t one = 1;
    char letters[8];
    pipe(ends);
    epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
    printf("added twice: %s\n", why(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event)));
    event.events = EPOLLIN | EPOLLET;
    event.data.u32 = 'e';
    epoll_ctl(set, EPOLL_CTL_ADD, counter, &event);
    show("quiet:", epoll_wait(set, found, 4, 0), found);
    write(ends[1], "ab", 2);
    write(counter, &one, 8);
    show("both:", epoll_wait(set, found, 4, -1), found);
    show("level only:", epoll_wait(set, found, 4, 0), found);
    write(counter, &one, 8);
    show("a new edge:", epoll_wait(set, found, 4, 0), found);
    read(ends[0], letters, 8);
    event.events = EPOLLIN | EPOLLONESHOT;
    event.data.u32 = 'o';
    epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event);
    write(ends[1], "c", 1);
    show("one shot:", epoll_wait(set, found, 4, 0), found);
    show("and no other:", epoll_wait(set, found, 4, 0), found);
    epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event);
    close(ends[1]);
    show("armed again, writer gone:", epoll_wait(set, found, 4, 0), found);
    printf("not watched: %s\n", why(epoll_ctl(set, EPOLL_CTL_DEL, ends[1], NULL)));
    printf("itself: %s\n", why(epoll_ctl(set, EPOLL_CTL_ADD, set, &event)));
    int file = syscall(SYS_memfd_create, "file", 0);
    printf("a file: %s\n", file < 0 ? "Operation not permitted"
                                     : why(epoll_ctl(set, EPOLL_CTL_ADD, file, &event)));
    printf("in time: %d\n", epoll_wait(set, found, 4, 3));
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        usleep(2000);
        _exit(0);
    }
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    event.events = EPOLLIN;
    event.data.u32 = 'c';
    epoll_ctl(set, EPOLL_CTL_ADD, process, &event);
    show("a child ended:", epoll_wait(set, found, 4, -1), found);
    siginfo_t info;
    waitid(P_PIDFD, (id_t)process, &info, WEXITED);
    printf("waited for through its descriptor: %s\n", info.si_pid == child ? "yes" : "no");
}

int main(void)
{
    events();
    timers();
    alarms();
    signals();
    watch();
    return 0;
}
