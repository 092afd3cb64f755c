#include "CAllocations.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static _Thread_local int counting;
static _Thread_local allocation_count count;

int allocations_can_be_counted(void) {
#ifdef SANITIZED
    return 0;
#else
    return 1;
#endif
}

void allocations_begin(void) {
    count = (allocation_count){0};
    counting = 1;
}

allocation_count allocations_end(void) {
    counting = 0;
    return count;
}

size_t heap_bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

#ifndef SANITIZED

// The C library's own functions under its own names.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void *taken(void *block) {
    if (counting && block) {
        size_t bytes = malloc_usable_size(block);
        count.calls += 1;
        count.growth += (long)bytes;
        if (bytes > count.largest) count.largest = bytes;
    }
    return block;
}

static void given_back(void *block) {
    if (counting && block) count.growth -= (long)malloc_usable_size(block);
}

void *malloc(size_t bytes) { return taken(__libc_malloc(bytes)); }

void *calloc(size_t n, size_t bytes) { return taken(__libc_calloc(n, bytes)); }

void *realloc(void *block, size_t bytes) {
    given_back(block);
    return taken(__libc_realloc(block, bytes));
}

void free(void *block) {
    given_back(block);
    __libc_free(block);
}

void *memalign(size_t alignment, size_t bytes) { return taken(__libc_memalign(alignment, bytes)); }

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **block, size_t alignment, size_t bytes) {
    void *result = memalign(alignment, bytes);
    if (!result) return ENOMEM;
    *block = result;
    return 0;
}

#endif
