// Matrix products: one factor lies in panels as wide as a tile of sums in registers, the other is
// read as it is.
//
// OpenBLAS packs both factors. Where one of them has few rows (a batch) and the other is a large
// matrix of weights, packing the large one costs as much as multiplying. While a tile multiplies, it
// fetches what comes next, so that memory and arithmetic overlap.
#include "internal.h"

enum { tile_rows = 6 };

// The tile's columns are nb vectors; a[m * a_row + d * a_depth]; `ahead` is fetched `step` floats at a time.
#define TILE_ARGUMENTS \
    int nb, float *c, size_t ldc, const float *start, size_t start_stride, const float *a, \
        size_t a_row, size_t a_depth, const float *panel, size_t depth, const float *ahead, \
        size_t step
typedef void (*tile_function)(TILE_ARGUMENTS);

#define NK_UNROLL _Pragma("clang loop unroll(full)")

#if defined(__x86_64__)
#define LANES 16
#define VECTORS 4
#define TARGET __attribute__((target("arch=x86-64-v4")))
#define NAME(x) x##_512
#include "product_lanes.h"
#undef LANES
#undef VECTORS
#undef TARGET
#undef NAME

#define LANES 8
#define VECTORS 2
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAME(x) x##_256
#include "product_lanes.h"
#undef LANES
#undef VECTORS
#undef TARGET
#undef NAME
#endif

// 16 registers on old x86, 32 elsewhere.
#define LANES 4
#if defined(__x86_64__)
#define VECTORS 2
#else
#define VECTORS 4
#endif
#define TARGET
#define NAME(x) x##_128
#include "product_lanes.h"

// Tiles by [whether rows of A are neighbours in memory][rows - 1].
static const tile_function (*tiles(void))[tile_rows] {
#if defined(__x86_64__)
    if (nk_vector() == 16) return tiles_512;
    if (nk_vector() == 8) return tiles_256;
#endif
    return tiles_128;
}

size_t nk_panel_width(void) {
#if defined(__x86_64__)
    return nk_vector() == 16 ? 64 : nk_vector() == 8 ? 16 : 8;
#else
    return 16;
#endif
}

// Floats of a vector of the tiles.
static size_t lanes(void) { return nk_vector() >= 8 ? (size_t)nk_vector() : 4; }

void nk_pack_panels(float *panels, size_t panel_stride, const float *b, size_t ldb, int transposed,
                    size_t depth, size_t columns) {
    size_t width = nk_panel_width();
    for (size_t n = 0; n < columns; n += width, panels += panel_stride) {
        size_t left = columns - n < width ? columns - n : width;
        if (left < width) memset(panels, 0, depth * width * sizeof *panels);
        if (transposed) {
            nk_transpose(panels, width, b + n * ldb, ldb, left, depth);
            continue;
        }
        for (size_t d = 0; d < depth; d++) {
            memcpy(panels + d * width, b + d * ldb + n, left * sizeof *panels);
        }
    }
}

// A tile whose columns are no whole vectors goes through memory that has them.
static void edge_tile(tile_function tile, size_t columns, size_t rows, TILE_ARGUMENTS) {
    float edge[tile_rows * 64];
    size_t width = nk_panel_width();
    memset(edge, 0, sizeof edge);
    for (size_t r = 0; start && r < rows; r++) {
        memcpy(edge + r * width, start + r * start_stride, columns * sizeof *edge);
    }
    tile(nb, edge, width, start ? edge : NULL, width, a, a_row, a_depth, panel, depth, ahead, step);
    for (size_t r = 0; r < rows; r++) {
        memcpy(c + r * ldc, edge + r * width, columns * sizeof *edge);
    }
}

void nk_panel_product(float *c, size_t ldc, const float *start, size_t start_stride, const float *a,
                      size_t lda, int transposed, const float *panels, size_t panel_stride,
                      size_t rows, size_t columns, size_t depth, const nk_region *next) {
    const tile_function *tile = tiles()[transposed != 0];
    size_t a_row = transposed ? 1 : lda, a_depth = transposed ? lda : 1;
    size_t width = nk_panel_width(), vector = lanes();
    size_t call = 0, pace = next && depth ? (next->columns + depth - 1) / depth : 0;
    for (size_t n = 0; n < columns; n += width, panels += panel_stride) {
        size_t left = columns - n < width ? columns - n : width;
        int nb = (int)((left + vector - 1) / vector);
        for (size_t m = 0; m < rows; m += tile_rows, call++) {
            size_t mb = rows - m < tile_rows ? rows - m : tile_rows;
            const float *from = start ? start + m * start_stride + n : NULL;
            float *to = c + m * ldc + n;
            // Each tile fetches a row.
            int fetches = next && call < next->rows;
            const float *ahead = fetches ? next->at + call * next->stride : panels;
            size_t step = fetches ? pace : 0;
            if (left % vector == 0) {
                tile[mb - 1](nb, to, ldc, from, start_stride, a + m * a_row, a_row, a_depth, panels,
                             depth, ahead, step);
            } else {
                edge_tile(tile[mb - 1], left, mb, nb, to, ldc, from, start_stride, a + m * a_row,
                          a_row, a_depth, panels, depth, ahead, step);
            }
        }
    }
}

void nk_panel_product_reference(float *c, size_t ldc, const float *start, size_t start_stride,
                                const float *a, size_t lda, int transposed, const float *b,
                                size_t ldb, size_t rows, size_t columns, size_t depth) {
    for (size_t m = 0; m < rows; m++) {
        for (size_t n = 0; n < columns; n++) {
            float sum = 0;
            for (size_t d = 0; d < depth; d++) {
                sum += a[transposed ? d * lda + m : m * lda + d] * b[d * ldb + n];
            }
            c[m * ldc + n] = (start ? start[m * start_stride + n] : 0) + sum;
        }
    }
}

void nk_fetch(const nk_region *region) {
    for (size_t r = 0; r < region->rows; r++) {
        const float *row = region->at + r * region->stride;
        for (size_t i = 0; i < region->columns; i += 16) __builtin_prefetch(row + i, 1, 2);
    }
}
