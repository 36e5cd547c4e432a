/* The little C library of both forms: printing, and what compilers call by themselves.
 * ArceOS: ulib/axlibc. */
#include "arceos.h"

static char *digits(char *end, uint64_t value, unsigned base) {
    do {
        *--end = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    return end;
}

struct line { char text[256]; size_t used; };

static void put(struct line *line, char c) {
    if (line->used == sizeof line->text) {
        ax_console_write_bytes(line->text, line->used);
        line->used = 0;
    }
    line->text[line->used++] = c;
}

static void padded(struct line *line, const char *text, size_t size, int width, char fill) {
    while (width-- > (int)size) put(line, fill);
    while (size--) put(line, *text++);
}

void ax_printf(const char *format, ...) {
    struct line line;
    line.used = 0;
    va_list args;
    va_start(args, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(&line, *format);
            continue;
        }
        int width = 0, is_long = 0;
        char fill = *++format == '0' ? '0' : ' ';
        for (; *format >= '0' && *format <= '9'; format++) width = width * 10 + *format - '0';
        for (; *format == 'l' || *format == 'z'; format++) is_long = 1;
        char buffer[24], *end = buffer + sizeof buffer, *start = end;
        if (*format == 's') {
            const char *text = va_arg(args, const char *);
            size_t size = 0;
            while (text[size]) size++;
            padded(&line, text, size, width, ' ');
        } else if (*format == 'd') {
            long value = is_long ? va_arg(args, long) : va_arg(args, int);
            start = digits(end, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
            if (value < 0) *--start = '-';
            padded(&line, start, (size_t)(end - start), width, fill);
        } else if (*format == 'u' || *format == 'x') {
            uint64_t value = is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned);
            start = digits(end, value, *format == 'u' ? 10 : 16);
            padded(&line, start, (size_t)(end - start), width, fill);
        } else if (*format == 'c') {
            put(&line, (char)va_arg(args, int));
        } else {
            put(&line, *format);
        }
    }
    va_end(args);
    if (line.used) ax_console_write_bytes(line.text, line.used);
}

#ifdef AX_UNIKERNEL
void *memset(void *to, int value, size_t size) {
    for (volatile char *p = to; size--;) *p++ = (char)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    const char *q = from;
    for (volatile char *p = to; size--;) *p++ = *q++;
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    const char *q = from;
    volatile char *p = to;
    if ((uintptr_t)to < (uintptr_t)from)
        while (size--) *p++ = *q++;
    else
        while (size--) p[size] = q[size];
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *p = a, *q = b;
    for (; size--; p++, q++)
        if (*p != *q) return *p - *q;
    return 0;
}
#endif
