/* Runs one of the tours: tours NAME [ARGUMENTS]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tour_clone(int, char **);
int tour_wait(int, char **);
int tour_sig(int, char **);
int tour_futex(int, char **);
int tour_restart(int, char **);
int tour_ipc(int, char **);
int tour_mq(int, char **);
int tour_thr(int, char **);
int tour_misc(int, char **);
int tour_more(int, char **);
int tour_job(int, char **);
int tour_exec(int, char **);
int tour_policy(int, char **);
int tour_echo(int, char **);

static const struct {
    const char *name;
    int (*run)(int, char **);
} tours[] = {
    {"clone", tour_clone},     {"wait", tour_wait}, {"sig", tour_sig}, {"futex", tour_futex},
    {"restart", tour_restart}, {"ipc", tour_ipc},   {"mq", tour_mq},   {"thr", tour_thr},
    {"misc", tour_misc},       {"more", tour_more}, {"job", tour_job}, {"exec", tour_exec},
    {"policy", tour_policy},
};

int main(int ac, char **av) {
    if (getenv("TOUR_ECHO"))
        return tour_echo(ac, av);
    for (unsigned i = 0; ac > 1 && i < sizeof tours / sizeof *tours; i++)
        if (!strcmp(av[1], tours[i].name))
            return tours[i].run(ac - 1, av + 1);
    fprintf(stderr, "usage: tours NAME\n");
    return 2;
}
