// The products and dot products that the convolutions are made of; conv2d.c has them.
#pragma once

#include "internal.h"

enum {
    tile_rows = 6, // output channels of a tile: 6 x 4 sums, 4 pixels and a weight fill 32 registers
    dot_taps = 4,
};

typedef struct {
    const ptrdiff_t *taps;  // where the right factor's rows start
    const ptrdiff_t *rows;  // where the product's rows start
    ptrdiff_t depth;        // taps in this block
    ptrdiff_t depth_start;  // taps before this block
    ptrdiff_t depth_stride; // taps in all
    int first, last;        // does the block begin or end the sum
    float negative_slope;
} tile_job;

typedef struct {
    ptrdiff_t samples, x_stride, dy_stride;
    ptrdiff_t positions; // floats from one row of dy to the next
    ptrdiff_t count;     // positions of the band
    ptrdiff_t depth;     // floats from one row of dw to the next
} dot_job;

typedef void (*product_function)(const tile_job *, float *, const float *, const float *,
                                 const float *, ptrdiff_t, ptrdiff_t);
typedef void (*dot_function)(const dot_job *, float *, const float *, const float *,
                             const ptrdiff_t *);

// Packed weights times rows of positions, by the widest vectors that the processor has.
product_function nk_product(void);
// Tiles of the weight gradient by [rows - 1][taps - 1], and how many rows the tallest has.
const dot_function (*nk_dot_tiles(void))[dot_taps];
ptrdiff_t nk_dot_rows(void);

NK_INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// Floats that a table of offsets takes at the front of the scratch memory.
NK_INLINE size_t table_floats(ptrdiff_t entries) {
    return ((size_t)entries * sizeof(ptrdiff_t) / sizeof(float) + 15) / 16 * 16;
}

NK_INLINE void list_multiples(ptrdiff_t *list, ptrdiff_t count, ptrdiff_t step) {
    for (ptrdiff_t i = 0; i < count; i++) list[i] = i * step;
}
