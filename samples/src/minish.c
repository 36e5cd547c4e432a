/* minish: a small shell: words, pipes, < > >>, &, ;, &&, ||, cd, exit, wait, and programs of its own
 * (echo, cat, wc, seq, rev, true, false, sleep), each run in a process.
 *
 *     minish [-c LINE]       otherwise lines come from standard input
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 64

static int last_status;

/* -- programs ------------------------------------------------------------------------------- */

static int do_echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s%s", i > 1 ? " " : "", argv[i]);
    putchar('\n');
    return 0;
}

static int do_cat(int argc, char **argv)
{
    char data[512];
    for (int i = 1; i < argc || i == 1; i++) {
        FILE *file = argc > 1 ? fopen(argv[i], "r") : stdin;
        if (!file) {
            fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
            return 1;
        }
        for (size_t n; (n = fread(data, 1, sizeof data, file)) > 0;)
            fwrite(data, 1, n, stdout);
    }
    return 0;
}

static int do_wc(int argc, char **argv)
{
    long lines = 0, words = 0, bytes = 0, inside = 0;
    (void)argc;
    (void)argv;
    for (int c; (c = getchar()) != EOF; bytes++) {
        lines += c == '\n';
        words += !isspace(c) && !inside;
        inside = !isspace(c);
    }
    printf("%ld %ld %ld\n", lines, words, bytes);
    return 0;
}

static int do_seq(int argc, char **argv)
{
    for (int i = 1, end = argc > 1 ? atoi(argv[1]) : 0; i <= end; i++)
        printf("%d\n", i);
    return 0;
}

static int do_rev(int argc, char **argv)
{
    char line[256];
    (void)argc;
    (void)argv;
    while (fgets(line, sizeof line, stdin)) {
        for (size_t n = strcspn(line, "\n"); n > 0;)
            putchar(line[--n]);
        putchar('\n');
    }
    return 0;
}

static int do_sleep(int argc, char **argv)
{
    if (argc > 1)
        usleep((useconds_t)(atof(argv[1]) * 1e6));
    return 0;
}

static int do_true(int argc, char **argv) { return (void)argc, (void)argv, 0; }
static int do_false(int argc, char **argv) { return (void)argc, (void)argv, 1; }

static const struct {
    const char *name;
    int (*run)(int, char **);
} programs[] = {
    {"echo", do_echo}, {"cat", do_cat},     {"wc", do_wc},     {"seq", do_seq},
    {"rev", do_rev},   {"sleep", do_sleep}, {"true", do_true}, {"false", do_false},
};

static void run(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (!strcmp(argv[0], programs[i].name)) {
            int status = programs[i].run(argc, argv);
            fflush(stdout);
            exit(status);
        }
    execvp(argv[0], argv);
    fprintf(stderr, "minish: %s: %s\n", argv[0], strerror(errno));
    exit(127);
}

/* -- the shell ------------------------------------------------------------------------------- */

static int is_operator(const char *word) { return word && strchr("|;&<>", *word) != NULL; }

static int split(char *line, char **words)
{
    static char buffer[2048];
    char *out = buffer;
    int count = 0;
    while (*line && count < WORDS - 1) {
        if (isspace((unsigned char)*line)) {
            line++;
            continue;
        }
        if (*line == '#')
            break;
        words[count++] = out;
        if (strchr("|;&<>", *line)) {
            char first = *line;
            *out++ = *line++;
            if (*line == first && first != ';' && first != '<')
                *out++ = *line++;
        } else {
            while (*line && !isspace((unsigned char)*line) && !strchr("|;&<>", *line)) {
                char quote = *line == '\'' || *line == '"' ? *line++ : 0;
                if (!quote && line[0] == '$' && line[1] == '?') {
                    out += sprintf(out, "%d", last_status);
                    line += 2;
                } else if (quote) {
                    while (*line && *line != quote)
                        *out++ = *line++;
                    line += *line != 0;
                } else
                    *out++ = *line++;
            }
        }
        *out++ = 0;
    }
    words[count] = NULL;
    return count;
}

static char **command(char **words, int in, int out, pid_t *child)
{
    char *argv[WORDS];
    int argc = 0;
    for (; *words && (!is_operator(*words) || **words == '<' || **words == '>'); words++) {
        if (is_operator(*words)) {
            int append = !strcmp(*words, ">>");
            int flags = **words == '<' ? O_RDONLY
                                       : O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC);
            int to = **words == '<';
            if (!words[1])
                break;
            int fd = open(*++words, flags, 0644);
            if (fd < 0) {
                fprintf(stderr, "minish: %s: %s\n", *words, strerror(errno));
                fd = open("/dev/null", O_RDWR);
            }
            if (to) {
                if (in > 0)
                    close(in);
                in = fd;
            } else {
                if (out != 1)
                    close(out);
                out = fd;
            }
        } else
            argv[argc++] = *words;
    }
    argv[argc] = NULL;
    *child = 0;
    if (argc) {
        fflush(stdout);
        *child = fork();
        if (!*child) {
            dup2(in, 0);
            dup2(out, 1);
            for (int fd = 3; fd < 20; fd++)
                close(fd);
            run(argc, argv);
        }
    }
    if (in > 0)
        close(in);
    if (out != 1)
        close(out);
    return words;
}

static char **pipeline(char **words)
{
    pid_t children[WORDS];
    int count = 0, in = 0, status = 0;
    for (;;) {
        char **look = words;
        int ends[2] = {0, 1};
        while (*look && (!is_operator(*look) || **look == '<' || **look == '>'))
            look++;
        int goes_on = *look && !strcmp(*look, "|");
        if (goes_on && pipe2(ends, O_CLOEXEC))
            return look;
        words = command(words, in, ends[1], &children[count]);
        count += children[count] > 0;
        in = ends[0];
        if (!goes_on)
            break;
        words++;
    }
    if (*words && !strcmp(*words, "&"))
        last_status = 0;
    else
        for (int i = 0; i < count; i++)
            if (waitpid(children[i], &status, 0) > 0)
                last_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return words;
}

static void line(char *text)
{
    char *all[WORDS], **words = all;
    split(text, all);
    while (*words) {
        if (!strcmp(*words, "exit"))
            exit(words[1] ? atoi(words[1]) : last_status);
        if (!strcmp(*words, "cd")) {
            last_status = chdir(words[1] ? words[1] : "/") != 0;
            words += words[1] ? 2 : 1;
        } else if (!strcmp(*words, "wait")) {
            while (wait(NULL) > 0)
                ;
            words++;
        } else
            words = pipeline(words);
        if (!*words)
            break;
        const char *operator= *words++;
        if ((!strcmp(operator, "&&") && last_status) || (!strcmp(operator, "||") && !last_status))
            while (*words && strcmp(*words, ";"))
                words++;
    }
}

int main(int argc, char **argv)
{
    char text[1024];
    if (argc > 2 && !strcmp(argv[1], "-c")) {
        line(argv[2]);
        return last_status;
    }
    for (;;) {
        if (isatty(0)) {
            printf("$ ");
            fflush(stdout);
        }
        size_t length = 0;
        char letter;
        ssize_t got;
        while ((got = read(0, &letter, 1)) == 1 && letter != '\n')
            if (length < sizeof text - 1)
                text[length++] = letter;
        if (got <= 0 && !length)
            break;
        text[length] = 0;
        line(text);
    }
    return last_status;
}
