// Plain loops over one or two arrays. They vectorise as written, so each is its own reference.
#include "internal.h"

NK_CLONES void nk_fill(float *y, float value, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = value;
}

void nk_copy(float *y, const float *x, size_t n) {
    if (n > 0 && y != x) memmove(y, x, n * sizeof(float));
}

NK_CLONES void nk_scale(float *y, float a, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}

NK_CLONES void nk_shift(float *y, float a, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = x[i] + a;
}

NK_CLONES void nk_axpy(float *y, float a, const float *x, size_t n) {
    NK_FUSED
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a * x[i] + y[i];
}

NK_CLONES void nk_add(float *y, const float *a, const float *b, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

NK_CLONES void nk_subtract(float *y, const float *a, const float *b, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a[i] - b[i];
}

NK_CLONES void nk_scaled_difference(float *y, float a, const float *x, const float *z, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a * (x[i] - z[i]);
}

NK_CLONES void nk_multiply(float *y, const float *a, const float *b, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

NK_CLONES void nk_divide(float *y, const float *a, const float *b, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a[i] / b[i];
}

NK_CLONES void nk_multiply_add(float *y, const float *a, const float *b, size_t n) {
    NK_FUSED
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i] + y[i];
}

NK_CLONES void nk_maximum_first(float *y, int32_t *mask, const float *a, const float *b, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float p = a[i], q = b[i];
        mask[i] = p > q ? 0 : 1;
        y[i] = p > q ? p : q;
    }
}

NK_CLONES void nk_maximum_next(float *y, int32_t *mask, const float *x, int32_t index, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float p = x[i], q = y[i];
        mask[i] = p > q ? index : mask[i];
        y[i] = p > q ? p : q;
    }
}

NK_CLONES void nk_maximum_backward(float *dx, const float *dy, const int32_t *mask, int32_t index,
                                   size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = mask[i] == index ? dy[i] : 0.0f;
}

NK_CLONES void nk_channel_affine(float *y, const float *x, const float *scale, const float *shift,
                                 size_t channels, size_t inner) {
    NK_FUSED
    if (inner == 1) {
        NK_LANES
        for (size_t c = 0; c < channels; c++) {
            y[c] = (scale ? scale[c] : 1.0f) * x[c] + (shift ? shift[c] : 0.0f);
        }
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        float a = scale ? scale[c] : 1.0f, b = shift ? shift[c] : 0.0f;
        const float *xc = x + c * inner;
        float *yc = y + c * inner;
        NK_LANES
        for (size_t i = 0; i < inner; i++) yc[i] = a * xc[i] + b;
    }
}
