// Local response normalisation.
#include "internal.h"

enum { strip = 64 };

size_t nk_lrn_scratch(size_t channels) { return channels * strip; }

// y = s^-beta for s > 0; the usual beta needs only roots.
NK_CLONES static void inverse_power(float *y, const float *s, float beta, size_t n) {
    if (beta == 0.75f) {
        NK_LANES
        for (size_t i = 0; i < n; i++) {
            float r = 1.0f / nk_sqrtf(s[i]);
            y[i] = r * nk_sqrtf(r);
        }
    } else if (beta == 0.5f) {
        NK_LANES
        for (size_t i = 0; i < n; i++) y[i] = 1.0f / nk_sqrtf(s[i]);
    } else if (beta == 1.0f) {
        NK_LANES
        for (size_t i = 0; i < n; i++) y[i] = 1.0f / s[i];
    } else {
        for (size_t i = 0; i < n; i++) y[i] = powf(s[i], -beta);
    }
}

static size_t first_channel(size_t c, size_t half) { return c < half ? 0 : c - half; }

static size_t last_channel(size_t c, size_t half, size_t channels) {
    return channels - c <= half ? channels : c + half + 1;
}

NK_CLONES static void scale_strip(float *scale, const float *x, const nk_lrn *p, size_t c,
                                  size_t width) {
    NK_FUSED
    float sum[strip];
    for (size_t i = 0; i < width; i++) sum[i] = 0;
    size_t end = last_channel(c, p->size / 2, p->channels);
    for (size_t d = first_channel(c, p->size / 2); d < end; d++) {
        const float *xd = x + d * p->spatial;
        for (size_t i = 0; i < width; i++) sum[i] += xd[i] * xd[i];
    }
    float share = p->alpha / (float)p->size;
    for (size_t i = 0; i < width; i++) scale[i] = p->k + share * sum[i];
}

void nk_lrn_across_forward(float *y, float *scale, const float *x, const nk_lrn *p) {
    float power[strip];
    for (size_t i = 0; i < p->spatial; i += strip) {
        size_t width = p->spatial - i < strip ? p->spatial - i : strip;
        for (size_t c = 0; c < p->channels; c++) {
            size_t at = c * p->spatial + i;
            scale_strip(scale + at, x + i, p, c, width);
            inverse_power(power, scale + at, p->beta, width);
            nk_multiply(y + at, x + at, power, width);
        }
    }
}

void nk_lrn_across_forward_reference(float *y, float *scale, const float *x, const nk_lrn *p) {
    for (size_t c = 0; c < p->channels; c++) {
        size_t end = last_channel(c, p->size / 2, p->channels);
        for (size_t i = 0; i < p->spatial; i++) {
            float sum = 0;
            for (size_t d = first_channel(c, p->size / 2); d < end; d++) {
                sum += x[d * p->spatial + i] * x[d * p->spatial + i];
            }
            size_t at = c * p->spatial + i;
            scale[at] = p->k + p->alpha / (float)p->size * sum;
            y[at] = x[at] * powf(scale[at], -p->beta);
        }
    }
}

NK_CLONES static void ratio_row(float *ratio, const float *dy, const float *y, const float *scale,
                                size_t n) {
    for (size_t i = 0; i < n; i++) ratio[i] = dy[i] * y[i] / scale[i];
}

NK_CLONES static void backward_strip(float *dx, const float *dy, const float *x, const float *power,
                                     const float *ratio, const nk_lrn *p, size_t c, size_t width) {
    NK_FUSED
    float sum[strip];
    for (size_t i = 0; i < width; i++) sum[i] = 0;
    size_t end = last_channel(c, p->size / 2, p->channels);
    for (size_t d = first_channel(c, p->size / 2); d < end; d++) {
        for (size_t i = 0; i < width; i++) sum[i] += ratio[d * strip + i];
    }
    float factor = 2.0f * p->alpha * p->beta / (float)p->size;
    NK_LANES
    for (size_t i = 0; i < width; i++) dx[i] = dy[i] * power[i] - factor * x[i] * sum[i];
}

void nk_lrn_across_backward(float *dx, const float *dy, const float *y, const float *scale,
                            const float *x, const nk_lrn *p, float *scratch) {
    float power[strip];
    for (size_t i = 0; i < p->spatial; i += strip) {
        size_t width = p->spatial - i < strip ? p->spatial - i : strip;
        for (size_t c = 0; c < p->channels; c++) {
            size_t at = c * p->spatial + i;
            ratio_row(scratch + c * strip, dy + at, y + at, scale + at, width);
        }
        for (size_t c = 0; c < p->channels; c++) {
            size_t at = c * p->spatial + i;
            inverse_power(power, scale + at, p->beta, width);
            backward_strip(dx + at, dy + at, x + at, power, scratch, p, c, width);
        }
    }
}

void nk_lrn_across_backward_reference(float *dx, const float *dy, const float *y,
                                      const float *scale, const float *x, const nk_lrn *p) {
    float factor = 2.0f * p->alpha * p->beta / (float)p->size;
    for (size_t c = 0; c < p->channels; c++) {
        size_t end = last_channel(c, p->size / 2, p->channels);
        for (size_t i = 0; i < p->spatial; i++) {
            float sum = 0;
            for (size_t d = first_channel(c, p->size / 2); d < end; d++) {
                size_t from = d * p->spatial + i;
                sum += dy[from] * y[from] / scale[from];
            }
            size_t at = c * p->spatial + i;
            dx[at] = dy[at] * powf(scale[at], -p->beta) - factor * x[at] * sum;
        }
    }
}

// Sums over a size * size square around each pixel, zero outside: rows into scratch, then columns.
NK_CLONES static void box_sum(float *sum, const float *x, size_t height, size_t width, size_t size,
                              float *scratch) {
    ptrdiff_t half = (ptrdiff_t)size / 2, h = (ptrdiff_t)height, w = (ptrdiff_t)width;
    memset(scratch, 0, height * width * sizeof(float));
    memset(sum, 0, height * width * sizeof(float));
    for (ptrdiff_t y = 0; y < h; y++) {
        for (ptrdiff_t d = -half; d <= half; d++) {
            ptrdiff_t from = d < 0 ? -d : 0, to = d > 0 ? w - d : w;
            float *out = scratch + y * w;
            const float *in = x + y * w + d;
            for (ptrdiff_t i = from; i < to; i++) out[i] += in[i];
        }
    }
    for (ptrdiff_t y = 0; y < h; y++) {
        for (ptrdiff_t d = -half; d <= half; d++) {
            if (y + d < 0 || y + d >= h) continue;
            const float *in = scratch + (y + d) * w;
            for (ptrdiff_t i = 0; i < w; i++) sum[y * w + i] += in[i];
        }
    }
}

void nk_lrn_within_forward(float *y, float *scale, const float *x, const nk_lrn *p, size_t height,
                           size_t width, float *scratch) {
    size_t n = height * width;
    nk_multiply(y, x, x, n);
    box_sum(scale, y, height, width, p->size, scratch);
    nk_scale(scale, p->alpha / (float)(p->size * p->size), scale, n);
    nk_shift(scale, 1.0f, scale, n);
    inverse_power(y, scale, p->beta, n);
    nk_multiply(y, y, x, n);
}

void nk_lrn_within_backward(float *dx, const float *dy, const float *y, const float *scale,
                            const float *x, const nk_lrn *p, size_t height, size_t width,
                            float *scratch) {
    size_t n = height * width;
    float *sum = scratch + n, *power = scratch + 2 * n;
    ratio_row(power, dy, y, scale, n);
    box_sum(sum, power, height, width, p->size, scratch);
    inverse_power(power, scale, p->beta, n);
    nk_multiply(dx, dy, power, n);
    nk_multiply(sum, sum, x, n);
    nk_axpy(dx, -2.0f * p->alpha * p->beta / (float)(p->size * p->size), sum, n);
}
