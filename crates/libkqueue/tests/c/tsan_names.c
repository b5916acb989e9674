/*
 * Three functions that the Rust compiler's thread sanitizer calls and gcc's run-time library does
 * not have.
 */
#include <string.h>

/* Of gcc's run-time library: memory is read, or written. */
void __tsan_read_range(void *from, unsigned long size);
void __tsan_write_range(void *to, unsigned long size);

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    __tsan_read_range((void *)from, size);
    __tsan_write_range(to, size);
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
    __tsan_read_range((void *)from, size);
    __tsan_write_range(to, size);
    return memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
    __tsan_write_range(to, size);
    return memset(to, byte, size);
}
