/* hello: the smallest C program. What does a system call look like?
 *
 * puts() fills a buffer inside the program; only one system call (writev or write) hands it to the
 * kernel. Everything before main() is the C library setting itself up.
 */
#include <stdio.h>

int main(void)
{
    puts("Hello from user mode.");
    return 0;
}
