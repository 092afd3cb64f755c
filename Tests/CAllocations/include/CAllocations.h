/// Counts what the calling thread takes from the heap.
///
/// The tests' program defines malloc and its relatives in place of the C library's, and hands each call
/// on; so every allocation is seen, by whatever code, and other threads do not disturb the count.
#pragma once

#include <stddef.h>

/// What a thread has taken since the count began.
typedef struct allocation_count {
    size_t calls;   ///< how often memory was asked for
    size_t largest; ///< bytes of the largest piece
    long growth;    ///< bytes taken minus bytes given back
} allocation_count;

/// Whether counting works in this build: not under a sanitizer, which has a malloc of its own.
int allocations_can_be_counted(void);
/// Begins to count on this thread.
void allocations_begin(void);
/// Ends it, and returns the count.
allocation_count allocations_end(void);
/// The bytes of the heap that the whole process has in use.
size_t heap_bytes_in_use(void);
