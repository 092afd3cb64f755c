// Normalisation by mean and deviation: over the batch for each channel, and over each row.
#include "internal.h"

enum { block = 1024 };

// Sums a term over samples and places for each channel: lanes of floats in short blocks, blocks in
// double; with one place a channel, lanes of channels instead.
#define NK_BATCH_REDUCE(name, parameters, term) \
    NK_CLONES void name parameters { \
        size_t channels = batch->channels, inner = batch->inner; \
        for (size_t c = 0; c < channels; c++) sum[c] = 0; \
        for (size_t s = 0; s < batch->samples; s++) { \
            size_t start = s * batch->stride; \
            if (inner == 1) { \
                for (size_t c = 0; c < channels; c++) { \
                    size_t i = start + c; \
                    sum[c] += (double)(term); \
                } \
                continue; \
            } \
            for (size_t c = 0; c < channels; c++, start += inner) { \
                double total = 0; \
                for (size_t j = 0; j < inner; j += block) { \
                    NK_RELAXED \
                    size_t end = start + (inner - j < block ? inner : j + block); \
                    float part = 0; \
                    for (size_t i = start + j; i < end; i++) part += term; \
                    total += part; \
                } \
                sum[c] += total; \
            } \
        } \
    } \
    void name##_reference parameters { \
        for (size_t c = 0; c < batch->channels; c++) { \
            sum[c] = 0; \
            for (size_t s = 0; s < batch->samples; s++) { \
                for (size_t j = 0; j < batch->inner; j++) { \
                    size_t i = s * batch->stride + c * batch->inner + j; \
                    sum[c] += (double)(term); \
                } \
            } \
        } \
    }

NK_BATCH_REDUCE(nk_batch_sum, (double *sum, const float *x, const nk_batch *batch), x[i])
NK_BATCH_REDUCE(nk_batch_sum_of_squares_about,
                (double *sum, const float *x, const float *mean, const nk_batch *batch),
                (x[i] - mean[c]) * (x[i] - mean[c]))
NK_BATCH_REDUCE(nk_batch_dot_about,
                (double *sum, const float *y, const float *x, const float *mean,
                 const nk_batch *batch),
                y[i] * (x[i] - mean[c]))

NK_INLINE float rectified(float v, float slope) {
    float low = v * slope + 0.0f;
    return v < 0 ? low : v;
}

NK_CLONES void nk_batch_normalize(float *y, const float *x, const float *mean, const float *factor,
                                  const float *bias, float negative_slope, const nk_batch *batch) {
    size_t channels = batch->channels, inner = batch->inner;
    for (size_t s = 0; s < batch->samples; s++) {
        const float *xs = x + s * batch->stride;
        float *ys = y + s * batch->stride;
        for (size_t c = 0; c < channels; c++, xs += inner, ys += inner) {
            float m = mean[c], f = factor[c], b = bias ? bias[c] : 0;
            NK_LANES
            for (size_t i = 0; i < inner; i++) {
                ys[i] = rectified((xs[i] - m) * f + b, negative_slope);
            }
        }
    }
}

NK_CLONES void nk_batch_normalize_backward(float *dx, const float *dy, const float *x,
                                           const float *mean, const float *factor,
                                           const float *shift, const float *slope,
                                           const nk_batch *batch) {
    size_t channels = batch->channels, inner = batch->inner;
    for (size_t s = 0; s < batch->samples; s++) {
        NK_FUSED
        size_t start = s * batch->stride;
        if (inner == 1) {
            NK_LANES
            for (size_t c = 0; c < channels; c++) {
                float centred = x[start + c] - mean[c];
                dx[start + c] = (dy[start + c] - shift[c] - centred * slope[c]) * factor[c];
            }
            continue;
        }
        for (size_t c = 0; c < channels; c++, start += inner) {
            float m = mean[c], f = factor[c], b = shift[c], a = slope[c];
            NK_LANES
            for (size_t i = start; i < start + inner; i++) {
                dx[i] = (dy[i] - b - (x[i] - m) * a) * f;
            }
        }
    }
}

// In double: a row of equal values must come out as zeros, not as noise over a tiny deviation.
NK_CLONES void nk_mvn_forward(float *y, float *deviation, const float *x, float eps, size_t rows,
                              size_t size) {
    for (size_t r = 0; r < rows; r++) {
        NK_RELAXED
        const float *xr = x + r * size;
        float *yr = y + r * size;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < size; i++) sum += xr[i];
        float mean = (float)(sum / (double)size), factor = 1;
        if (deviation) {
            for (size_t i = 0; i < size; i++) {
                double d = xr[i] - mean;
                squares += d * d;
            }
            deviation[r] = (float)sqrt(squares / (double)size) + eps;
            factor = 1.0f / deviation[r];
        }
        NK_LANES
        for (size_t i = 0; i < size; i++) yr[i] = (xr[i] - mean) * factor;
    }
}

void nk_mvn_forward_reference(float *y, float *deviation, const float *x, float eps, size_t rows,
                              size_t size) {
    for (size_t r = 0; r < rows; r++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < size; i++) sum += x[r * size + i];
        float mean = (float)(sum / (double)size);
        for (size_t i = 0; i < size; i++) {
            double d = x[r * size + i] - mean;
            squares += d * d;
        }
        float divisor = (float)sqrt(squares / (double)size) + eps;
        if (deviation) deviation[r] = divisor;
        for (size_t i = 0; i < size; i++) {
            y[r * size + i] = (x[r * size + i] - mean) / (deviation ? divisor : 1.0f);
        }
    }
}

NK_CLONES void nk_mvn_backward(float *dx, const float *dy, const float *y, const float *deviation,
                               size_t rows, size_t size) {
    for (size_t r = 0; r < rows; r++) {
        NK_RELAXED
        const float *dyr = dy + r * size, *yr = y + r * size;
        float *dxr = dx + r * size;
        double sum = 0, dot = 0;
        for (size_t i = 0; i < size; i++) sum += dyr[i];
        float mean = (float)(sum / (double)size), slope = 0, factor = 1;
        if (deviation) {
            for (size_t i = 0; i < size; i++) dot += dyr[i] * yr[i];
            slope = (float)(dot / (double)size);
            factor = 1.0f / deviation[r];
        }
        NK_LANES
        for (size_t i = 0; i < size; i++) dxr[i] = (dyr[i] - mean - yr[i] * slope) * factor;
    }
}

void nk_mvn_backward_reference(float *dx, const float *dy, const float *y, const float *deviation,
                               size_t rows, size_t size) {
    for (size_t r = 0; r < rows; r++) {
        double sum = 0, dot = 0;
        for (size_t i = r * size; i < (r + 1) * size; i++) {
            sum += dy[i];
            dot += (double)dy[i] * y[i];
        }
        double mean = sum / (double)size, slope = deviation ? dot / (double)size : 0;
        for (size_t i = r * size; i < (r + 1) * size; i++) {
            dx[i] = (float)((dy[i] - mean - y[i] * slope) / (deviation ? deviation[r] : 1.0f));
        }
    }
}
