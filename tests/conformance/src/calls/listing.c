/* getdents64(2), telldir(3): results and errno of good and odd calls. */
#include "report.h"
#include <dirent.h>
struct d64 {
    uint64_t ino;
    int64_t off;
    unsigned short len;
    unsigned char type;
    char name[];
};
static int cmp(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int tour_listing(void) {
    char b[4096];
    struct stat st;
    mkdir("w", 0755);
    chdir("w");
    for (int i = 0; i < 40; i++) {
        char n[40];
        sprintf(n, "file%02d", i);
        close(creat(n, 0644));
    }
    mkdir("sub", 0755);
    symlink("x", "sym");
    mkfifo("ff", 0644);
    int d = open(".", O_RDONLY | O_DIRECTORY);
    int n = 0, total = 0;
    char *names[100];
    int calls = 0;
    for (;;) {
        int r = syscall(SYS_getdents64, d, b, 200);
        if (r <= 0) {
            R(r);
            break;
        }
        calls++;
        for (int o = 0; o < r;) {
            struct d64 *e = (void *)(b + o);
            char t[64];
            sprintf(t, "%s type %d len%%8 %d ino %d", e->name, e->type, e->len % 8, e->ino != 0);
            names[n++] = strdup(t);
            o += e->len;
        }
    }
    qsort(names, n, sizeof *names, cmp);
    for (int i = 0; i < n; i++)
        P("%s\n", names[i]);
    R(n);
    R(syscall(SYS_getdents64, d, b, 200));
    R(lseek(d, 0, SEEK_SET));
    R(syscall(SYS_getdents64, d, b, 10));
    R(syscall(SYS_getdents64, d, (void *)1, 200));
    R(syscall(SYS_getdents64, 99, b, 200));
    int f = open("file00", O_RDONLY);
    R(syscall(SYS_getdents64, f, b, 200));
    R(syscall(SYS_getdents64, d, b, 0));
    /* telldir/seekdir, remove while reading */
    DIR *D = opendir(".");
    struct dirent *e;
    int k = 0;
    long pos = 0;
    char at[64];
    while ((e = readdir(D))) {
        if (++k == 10)
            pos = telldir(D);
        if (k == 11)
            strcpy(at, e->d_name);
    }
    R(k);
    seekdir(D, pos);
    e = readdir(D);
    R(strcmp(e->d_name, at));
    rewinddir(D);
    k = 0;
    while ((e = readdir(D))) {
        if (e->d_name[0] == 'f' && e->d_name[1] == 'i')
            unlink(e->d_name);
        k++;
    }
    R(k);
    closedir(D);
    D = opendir(".");
    k = 0;
    while ((e = readdir(D)))
        k++;
    R(k);
    closedir(D);
    D = opendir("/proc/self/fd");
    k = 0;
    while ((e = readdir(D)))
        k += e->d_name[0] != '.';
    R(k > 3);
    closedir(D);

    return 0;
}
