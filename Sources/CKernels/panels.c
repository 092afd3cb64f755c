// Products of a matrix that is read once with one that is kept in panels; dots of few rows with many.
//
// OpenBLAS packs both factors. Where one of them has few rows (a batch) and the other is a large
// matrix of weights, packing the large one costs as much as multiplying. Here the large one is read as
// it lies: one number at a time, spread over a vector, times a panel's row. While a tile multiplies, it
// fetches what comes next, so that memory and arithmetic overlap.
#include "internal.h"

enum { tile_rows = 6, dot_rows = 4 };

#define NK_UNROLL _Pragma("clang loop unroll(full)")

#if defined(__x86_64__)
#define LANES 16
#define VECTORS 4
#define TARGET __attribute__((target("arch=x86-64-v4")))
#define NAME(x) x##_512
#include "panels_lanes.h"
#undef LANES
#undef VECTORS
#undef TARGET
#undef NAME

#define LANES 8
#define VECTORS 2
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAME(x) x##_256
#include "panels_lanes.h"
#undef LANES
#undef VECTORS
#undef TARGET
#undef NAME
#endif

#define LANES 4
#if defined(__x86_64__)
#define VECTORS 2
#else
#define VECTORS 4
#endif
#define TARGET
#define NAME(x) x##_128
#include "panels_lanes.h"

size_t nk_panel_width(void) {
#if defined(__x86_64__)
    if (nk_vector() == 16) return 64;
    if (nk_vector() == 8) return 16;
    return 8;
#else
    return 16;
#endif
}

void nk_pack_panels(float *panels, size_t panel_stride, const float *b, size_t ldb, size_t depth,
                    size_t columns) {
    size_t width = nk_panel_width();
    for (size_t n = 0; n < columns; n += width, panels += panel_stride) {
        size_t left = columns - n < width ? columns - n : width;
        for (size_t d = 0; d < depth; d++) {
            float *to = panels + d * width;
            memcpy(to, b + d * ldb + n, left * sizeof *to);
            if (left < width) memset(to + left, 0, (width - left) * sizeof *to);
        }
    }
}

void nk_pack_panels_transposed(float *panels, size_t panel_stride, const float *b, size_t ldb,
                               size_t depth, size_t columns) {
    size_t width = nk_panel_width();
    for (size_t n = 0; n < columns; n += width, panels += panel_stride) {
        size_t left = columns - n < width ? columns - n : width;
        nk_transpose(panels, width, b + n * ldb, ldb, left, depth);
        if (left == width) continue;
        for (size_t d = 0; d < depth; d++) {
            memset(panels + d * width + left, 0, (width - left) * sizeof *panels);
        }
    }
}

void nk_panel_product(float *c, size_t ldc, const float *a, size_t lda, const float *panels,
                      size_t panel_stride, size_t rows, size_t columns, size_t depth, int adds,
                      const nk_region *next) {
#if defined(__x86_64__)
    if (nk_vector() == 16) {
        product_512(c, ldc, a, lda, panels, panel_stride, rows, columns, depth, adds, next);
        return;
    }
    if (nk_vector() == 8) {
        product_256(c, ldc, a, lda, panels, panel_stride, rows, columns, depth, adds, next);
        return;
    }
#endif
    product_128(c, ldc, a, lda, panels, panel_stride, rows, columns, depth, adds, next);
}

void nk_panel_product_reference(float *c, size_t ldc, const float *a, size_t lda,
                                const float *panels, size_t panel_stride, size_t rows,
                                size_t columns, size_t depth, int adds) {
    size_t width = nk_panel_width();
    for (size_t m = 0; m < rows; m++) {
        for (size_t n = 0; n < columns; n++) {
            const float *b = panels + n / width * panel_stride + n % width;
            float sum = 0;
            for (size_t d = 0; d < depth; d++) sum += a[m * lda + d] * b[d * width];
            c[m * ldc + n] = (adds ? c[m * ldc + n] : 0) + sum;
        }
    }
}

void nk_dot_product(float *y, size_t ldy, const float *x, size_t ldx, const float *w, size_t ldw,
                    const float *bias, size_t items, size_t outputs, size_t width) {
#if defined(__x86_64__)
    if (nk_vector() == 16) {
        dots_512(y, ldy, x, ldx, w, ldw, bias, items, outputs, width);
        return;
    }
    if (nk_vector() == 8) {
        dots_256(y, ldy, x, ldx, w, ldw, bias, items, outputs, width);
        return;
    }
#endif
    dots_128(y, ldy, x, ldx, w, ldw, bias, items, outputs, width);
}

void nk_dot_product_reference(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                              size_t ldw, const float *bias, size_t items, size_t outputs,
                              size_t width) {
    for (size_t m = 0; m < items; m++) {
        for (size_t n = 0; n < outputs; n++) {
            float sum = 0;
            for (size_t k = 0; k < width; k++) sum += x[m * ldx + k] * w[n * ldw + k];
            y[m * ldy + n] = (bias ? bias[n] : 0) + sum;
        }
    }
}

void nk_fetch(const nk_region *region) {
    for (size_t r = 0; r < region->rows; r++) {
        const float *row = region->at + r * region->stride;
        for (size_t i = 0; i < region->columns; i += 16) __builtin_prefetch(row + i, 1, 2);
    }
}
