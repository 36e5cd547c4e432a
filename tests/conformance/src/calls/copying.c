/* sendfile(2), splice(2), tee(2), vmsplice(2), copy_file_range(2): results and errno of good and
 * odd calls. */
#include "report.h"
#include <sys/sendfile.h>
int tour_copying(void) {
    char b[9000] = {0};
    int a = open("a", O_CREAT | O_RDWR, 0644), c = open("c", O_CREAT | O_RDWR, 0644);
    write(a, "0123456789", 10);
    int p[2], q[2];
    pipe(p);
    pipe(q);
    off_t o = 3;
    loff_t lo, lo2;
    R(sendfile(c, a, &o, 4));
    R(o);
    R(lseek(c, 0, SEEK_CUR));
    R(lseek(a, 0, SEEK_SET));
    R(sendfile(c, a, 0, 100));
    R(lseek(a, 0, SEEK_CUR));
    R(sendfile(p[1], a, 0, 5));
    lseek(a, 0, 0);
    R(sendfile(p[1], a, 0, 5));
    R(read(p[0], b, 20));
    R(sendfile(c, p[0], 0, 3));
    write(p[1], "abc", 3);
    R(sendfile(c, p[0], 0, 3));
    R(sendfile(99, a, 0, 1));
    R(sendfile(c, 99, 0, 1));
    o = -1;
    R(sendfile(c, a, &o, 1));
    R(sendfile(c, a, (off_t *)1, 1));
    int ap = open("c", O_WRONLY | O_APPEND);
    R(sendfile(ap, a, 0, 1));
    R(sendfile(c, open("c", O_WRONLY), 0, 1));
    R(sendfile(open("a", O_RDONLY), a, 0, 1));
    R(sendfile(c, a, 0, -1));
    while (0)
        ;
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    while (read(p[0], b, 100) > 0)
        ;
    fcntl(p[0], F_SETFL, 0);
    /* splice */
    lseek(a, 0, 0);
    R(splice(a, 0, p[1], 0, 5, 0));
    R(read(p[0], b, 20));
    P("%.5s\n", b);
    lo = 2;
    R(splice(a, &lo, p[1], 0, 50, 0));
    R(lo);
    R(splice(p[0], 0, c, 0, 3, 0));
    lo2 = 0;
    R(splice(p[0], 0, c, &lo2, 3, 0));
    R(lo2);
    R(splice(p[0], 0, q[1], 0, 100, 0));
    R(read(q[0], b, 100));
    R(splice(p[0], 0, q[1], 0, 10, SPLICE_F_NONBLOCK));
    R(splice(a, 0, c, 0, 5, 0));
    R(splice(p[0], &lo, c, 0, 5, 0));
    R(splice(99, 0, p[1], 0, 1, 0));
    R(splice(a, 0, p[1], 0, 0, 0));
    R(splice(a, 0, p[0], 0, 1, 0));
    R(splice(p[1], 0, c, 0, 1, 0));
    R(splice(a, 0, p[1], 0, 1, 0x100));
    lo = -1;
    R(splice(a, &lo, p[1], 0, 1, 0));
    R(splice(p[0], 0, p[1], 0, 1, 0));
    write(p[1], "zz", 2);
    R(splice(p[0], 0, ap, 0, 1, 0));
    lo = 100;
    R(splice(a, &lo, p[1], 0, 5, 0));
    while (read(p[0], b, 100) == 100)
        ;
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    while (read(p[0], b, 100) > 0)
        ;
    fcntl(p[0], F_SETFL, 0);
    /* tee */
    write(p[1], "hello world", 11);
    R(tee(p[0], q[1], 5, 0));
    R(tee(p[0], q[1], 100, 0));
    R(read(p[0], b, 100));
    memset(b, 0, 100);
    R(read(q[0], b, 100));
    P("%s\n", b);
    R(tee(p[0], q[1], 5, SPLICE_F_NONBLOCK));
    R(tee(a, q[1], 5, 0));
    R(tee(p[0], p[1], 5, 0));
    R(tee(p[0], q[1], 0, 0));
    R(tee(p[0], q[1], 5, 0x80));
    struct iovec v[2] = {{"abc", 3}, {"defg", 4}};
    R(vmsplice(p[1], v, 2, 0));
    memset(b, 0, 100);
    R(read(p[0], b, 100));
    P("%s\n", b);
    struct iovec w = {b, 10};
    R(vmsplice(a, v, 1, 0));
    R(vmsplice(99, v, 1, 0));
    R(vmsplice(p[1], v, 2000, 0));
    R(vmsplice(p[1], 0, 0, 0));
    R(vmsplice(p[1], v, 1, 0x80));
    close(p[1]);
    R(splice(p[0], 0, c, 0, 5, 0));
    R(tee(p[0], q[1], 5, 0));
    close(q[0]);
    signal(SIGPIPE, SIG_IGN);
    lseek(a, 0, 0);
    R(splice(a, 0, q[1], 0, 5, 0));
    R(vmsplice(q[1], v, 1, 0));
    /* copy_file_range */
    lseek(a, 0, 0);
    lseek(c, 0, 0);
    ftruncate(c, 0);
    R(copy_file_range(a, 0, c, 0, 100, 0));
    R(copy_file_range(a, 0, c, 0, 100, 0));
    lo = 2;
    lo2 = 20;
    R(copy_file_range(a, &lo, c, &lo2, 3, 0));
    R(lo);
    R(lo2);
    R(copy_file_range(a, 0, c, 0, 1, 1));
    R(copy_file_range(p[0], 0, c, 0, 1, 0));
    R(copy_file_range(a, 0, open(".", O_RDONLY), 0, 1, 0));
    R(copy_file_range(a, 0, ap, 0, 1, 0));
    lo = 0;
    lo2 = 1;
    R(copy_file_range(a, &lo, a, &lo2, 3, 0));
    lo2 = 5;
    R(copy_file_range(a, &lo, a, &lo2, 3, 0));
    R(copy_file_range(99, 0, c, 0, 1, 0));
    R(copy_file_range(a, 0, open("a", O_RDONLY), 0, 1, 0));
    lo = -3;
    R(copy_file_range(a, &lo, c, 0, 1, 0));
    struct stat st;
    fstat(c, &st);
    R(st.st_size);
    return 0;
}
