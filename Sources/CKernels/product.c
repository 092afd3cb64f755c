// Matrix products: one factor lies in panels as wide as a tile of sums in registers, the other is
// read as it is.
#include "internal.h"

enum { tile_rows = 6 };

typedef void (*tile_function)(float *c, size_t ldc, const float *start, size_t start_stride,
                              const float *a, size_t a_row, size_t a_depth, const float *panel,
                              size_t depth);

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

void nk_pack_panels(float *panels, const float *b, size_t ldb, int transposed, size_t depth,
                    size_t columns) {
    size_t width = nk_panel_width();
    for (size_t n = 0; n < columns; n += width, panels += depth * width) {
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

// A tile that is narrower than a panel goes through a full one.
static void edge_tile(tile_function tile, float *c, size_t ldc, const float *start,
                      size_t start_stride, const float *a, size_t a_row, size_t a_depth,
                      const float *panel, size_t depth, size_t rows, size_t columns) {
    float edge[tile_rows * 64];
    size_t width = nk_panel_width();
    memset(edge, 0, sizeof edge);
    for (size_t r = 0; start && r < rows; r++) {
        memcpy(edge + r * width, start + r * start_stride, columns * sizeof *edge);
    }
    tile(edge, width, start ? edge : NULL, width, a, a_row, a_depth, panel, depth);
    for (size_t r = 0; r < rows; r++) {
        memcpy(c + r * ldc, edge + r * width, columns * sizeof *edge);
    }
}

void nk_panel_product(float *c, size_t ldc, const float *start, size_t start_stride, const float *a,
                      size_t lda, int transposed, const float *panels, size_t rows, size_t columns,
                      size_t depth) {
    const tile_function *tile = tiles()[transposed != 0];
    size_t a_row = transposed ? 1 : lda, a_depth = transposed ? lda : 1;
    size_t width = nk_panel_width();
    for (size_t n = 0; n < columns; n += width, panels += depth * width) {
        size_t left = columns - n < width ? columns - n : width;
        for (size_t m = 0; m < rows; m += tile_rows) {
            size_t mb = rows - m < tile_rows ? rows - m : tile_rows;
            const float *from = start ? start + m * start_stride + n : NULL;
            float *to = c + m * ldc + n;
            if (left == width) {
                tile[mb - 1](to, ldc, from, start_stride, a + m * a_row, a_row, a_depth, panels,
                             depth);
            } else {
                edge_tile(tile[mb - 1], to, ldc, from, start_stride, a + m * a_row, a_row, a_depth,
                          panels, depth, mb, left);
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
