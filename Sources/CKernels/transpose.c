// Transposition of matrices, in square blocks that fit in registers.
#include "internal.h"

void nk_transpose_reference(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                            size_t columns) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) y[c * y_stride + r] = x[r * x_stride + c];
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("arch=x86-64-v4")))

// 16 x 16: within quarters first, then the quarters themselves.
static inline AVX512 void block_512(float *y, size_t y_stride, const float *x, size_t x_stride) {
    __m512 r[16], t[16];
    for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_ps(x + (size_t)i * x_stride);
    for (int i = 0; i < 16; i += 4) {
        __m512 a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        __m512 c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]);
        __m512 d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xEE);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
        __m512 b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xDD);
        __m512 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        __m512 d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xDD);
        float *at = y + (size_t)i * y_stride;
        _mm512_storeu_ps(at, _mm512_shuffle_f32x4(a, c, 0x88));
        _mm512_storeu_ps(at + 4 * y_stride, _mm512_shuffle_f32x4(b, d, 0x88));
        _mm512_storeu_ps(at + 8 * y_stride, _mm512_shuffle_f32x4(a, c, 0xDD));
        _mm512_storeu_ps(at + 12 * y_stride, _mm512_shuffle_f32x4(b, d, 0xDD));
    }
}

static AVX512 void transpose_512(float *y, size_t y_stride, const float *x, size_t x_stride,
                                 size_t rows, size_t columns) {
    size_t whole_rows = rows / 16 * 16, whole_columns = columns / 16 * 16;
    for (size_t r = 0; r < whole_rows; r += 16) {
        for (size_t c = 0; c < whole_columns; c += 16) {
            block_512(y + c * y_stride + r, y_stride, x + r * x_stride + c, x_stride);
        }
    }
    nk_transpose_reference(y + whole_columns * y_stride, y_stride, x + whole_columns, x_stride,
                           whole_rows, columns - whole_columns);
    nk_transpose_reference(y + whole_rows, y_stride, x + whole_rows * x_stride, x_stride,
                           rows - whole_rows, columns);
}
#endif

// 8 x 8 at a time, so that the lines read and written stay in the nearest cache.
static void transpose_blocks(float *y, size_t y_stride, const float *x, size_t x_stride,
                             size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r += 8) {
        size_t height = rows - r < 8 ? rows - r : 8;
        for (size_t c = 0; c < columns; c += 8) {
            size_t width = columns - c < 8 ? columns - c : 8;
            nk_transpose_reference(y + c * y_stride + r, y_stride, x + r * x_stride + c, x_stride,
                                   height, width);
        }
    }
}

void nk_transpose(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                  size_t columns) {
#if defined(__x86_64__)
    if (nk_vector() == 16) {
        transpose_512(y, y_stride, x, x_stride, rows, columns);
        return;
    }
#endif
    transpose_blocks(y, y_stride, x, x_stride, rows, columns);
}
