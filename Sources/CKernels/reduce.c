// Sums. Lanes of floats over short blocks, blocks in double: exact enough for millions of values and
// always added in the same order.
#include "internal.h"

enum { block = 1024 };

#define NK_REDUCE(name, parameters, term) \
    NK_CLONES double name parameters { \
        double total = 0; \
        for (size_t start = 0; start < n; start += block) { \
            NK_RELAXED \
            size_t end = n - start < block ? n : start + block; \
            float sum = 0; \
            for (size_t i = start; i < end; i++) sum += term; \
            total += sum; \
        } \
        return total; \
    } \
    double name##_reference parameters { \
        double total = 0; \
        for (size_t i = 0; i < n; i++) total += (double)(term); \
        return total; \
    }

NK_REDUCE(nk_sum, (const float *x, size_t n), x[i])
NK_REDUCE(nk_dot, (const float *x, const float *y, size_t n), x[i] * y[i])
NK_REDUCE(nk_sum_of_squares, (const float *x, size_t n), x[i] * x[i])
NK_REDUCE(nk_sum_of_magnitudes, (const float *x, size_t n), fabsf(x[i]))
NK_REDUCE(nk_sum_of_squared_differences, (const float *x, const float *y, size_t n),
          (x[i] - y[i]) * (x[i] - y[i]))
NK_REDUCE(nk_sum_of_squares_about, (const float *x, float mean, size_t n),
          (x[i] - mean) * (x[i] - mean))

NK_CLONES int nk_all_finite(const float *x, size_t n) {
    NK_RELAXED
    // 0 for what is finite, NaN for all else; a sum with NaN in it is NaN.
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * 0.0f;
    return sum == 0.0f;
}

void nk_channel_sum(float *sum, const float *x, size_t channels, size_t inner) {
    if (inner == 1) {
        nk_add(sum, sum, x, channels);
        return;
    }
    for (size_t c = 0; c < channels; c++) sum[c] += (float)nk_sum(x + c * inner, inner);
}

void nk_channel_dot(float *sum, const float *x, const float *y, size_t channels, size_t inner) {
    if (inner == 1) {
        nk_multiply_add(sum, x, y, channels);
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        sum[c] += (float)nk_dot(x + c * inner, y + c * inner, inner);
    }
}
