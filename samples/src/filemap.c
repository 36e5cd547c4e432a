/* filemap: a file seen as memory. Private pages are copied at the first write, shared ones are the
 * file itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define FILE_NAME "/tmp/arcetui-filemap"

static void *map(int fd, int pages, int flags)
{
    void *area = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (area == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return area;
}

static char byte_in_file(int fd, long offset)
{
    char byte = '?';
    if (pread(fd, &byte, 1, offset) != 1)
        perror("pread");
    return byte;
}

int main(void)
{
    char text[2 * PAGE];
    int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        perror(FILE_NAME);
        return 1;
    }
    memset(text, 'a', PAGE);
    memset(text + PAGE, 'b', PAGE / 2);
    if (write(fd, text, PAGE + PAGE / 2) != PAGE + PAGE / 2)
        return 1;

    char *own = map(fd, 2, MAP_PRIVATE);
    printf("private: '%c' and '%c'; behind the end of the file: %d\n", own[0], own[PAGE],
           own[PAGE + PAGE / 2]);
    own[0] = 'P';
    printf("private: wrote '%c', the file still has '%c'\n", own[0], byte_in_file(fd, 0));

    char *shared = map(fd, 2, MAP_SHARED);
    shared[1] = 'S';
    printf("shared: wrote '%c', the file has '%c'\n", shared[1], byte_in_file(fd, 1));
    if (pwrite(fd, "W", 1, PAGE) != 1)
        return 1;
    printf("shared: the file got 'W', memory has '%c'\n", shared[PAGE]);
    printf("private: an untouched page has '%c' too\n", own[PAGE + 1]);
    msync(shared, 2 * PAGE, MS_SYNC);

    close(fd);
    printf("closed: the mapping lives on, '%c'\n", shared[1]);
    munmap(shared, 2 * PAGE);
    munmap(own, 2 * PAGE);
    unlink(FILE_NAME);
    return 0;
}
