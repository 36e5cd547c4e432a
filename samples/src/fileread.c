/* fileread: writes a file under /tmp, reads it back in pieces, lists a directory, cleans up.
 *
 * Watch the file descriptors: numbers, offsets, and what open, dup and close do to them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_NAME "/tmp/arcetui-fileread"

static int check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static void write_poem(void)
{
    static const char poem[] = "one: a file is bytes\n"
                               "two: a descriptor is a number\n"
                               "three: the offset is in between\n";
    int fd = check(open("poem.txt", O_WRONLY | O_CREAT | O_TRUNC, 0644), "open");
    printf("wrote %d bytes\n", (int)write(fd, poem, sizeof poem - 1));
    check(close(fd), "close");
}

static void read_poem(void)
{
    char piece[17];
    struct stat st;
    int total = 0, pieces = 0, n;
    int fd = check(open("poem.txt", O_RDONLY), "open");

    check(fstat(fd, &st), "fstat");
    printf("size %d, regular file: %s, mode %o\n", (int)st.st_size,
           S_ISREG(st.st_mode) ? "yes" : "no", st.st_mode & 0777);
    while ((n = (int)read(fd, piece, sizeof piece - 1)) > 0) {
        total += n;
        pieces++;
    }
    printf("read %d bytes in %d pieces\n", total, pieces);

    lseek(fd, 5, SEEK_SET);
    n = (int)read(fd, piece, 6);
    printf("at offset 5: \"%.*s\"\n", n, piece);
    int copy = check(dup(fd), "dup");
    n = (int)read(copy, piece, 5);
    printf("a duplicate shares the offset: \"%.*s\", now at %d\n", n, piece,
           (int)lseek(fd, 0, SEEK_CUR));
    n = (int)pread(fd, piece, 3, 0);
    printf("pread does not move it: \"%.*s\", still at %d\n", n, piece,
           (int)lseek(fd, 0, SEEK_CUR));
    close(copy);
    close(fd);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(void)
{
    char *names[16];
    int count = 0;
    struct dirent *entry;
    DIR *dir = opendir(".");

    if (!dir)
        exit(1);
    while ((entry = readdir(dir)) && count < 16)
        names[count++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, (size_t)count, sizeof names[0], by_name);
    printf("the directory has %d entries:", count);
    for (int i = 0; i < count; i++) {
        printf(" %s", names[i]);
        free(names[i]);
    }
    putchar('\n');
}

static void clean(void)
{
    unlink("poem.txt");
    unlink("second.txt");
    rmdir("sub");
}

int main(void)
{
    mkdir(DIR_NAME, 0755);
    check(chdir(DIR_NAME), "chdir");
    clean();
    umask(022);

    write_poem();
    read_poem();
    check(mkdir("sub", 0755), "mkdir");
    check(close(check(open("first.txt", O_CREAT | O_WRONLY, 0600), "open")), "close");
    check(rename("first.txt", "second.txt"), "rename");
    list();
    printf("open of a missing file: %s\n", open("missing", O_RDONLY) < 0 ? strerror(errno) : "?");
    printf("rmdir of a file: %s\n", rmdir("poem.txt") < 0 ? strerror(errno) : "?");

    clean();
    list();
    check(chdir("/"), "chdir");
    check(rmdir(DIR_NAME), "rmdir");
    puts("cleaned up");
    return 0;
}
