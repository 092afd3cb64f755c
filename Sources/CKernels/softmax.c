// Softmax over the middle axis of (outer, channels, inner), and its logistic loss.
#include "internal.h"
#include "labels.h"

enum { strip = 128 };

typedef float lanes __attribute__((ext_vector_type(16), aligned(4)));

// The largest value, NaN left out. Lanes are written out: the compiler keeps such a loop scalar, since
// it may not reorder comparisons that could meet NaN.
NK_INLINE float largest(const float *x, size_t n) {
    float top = -INFINITY;
    size_t i = 0;
    if (n >= 64) {
        lanes most[4] = {top, top, top, top};
        for (; i + 64 <= n; i += 64) {
            for (int k = 0; k < 4; k++) {
                lanes v = *(const lanes *)(x + i + 16 * k);
                most[k] = v > most[k] ? v : most[k];
            }
        }
        for (int k = 0; k < 4; k++) {
            for (int l = 0; l < 16; l++) top = most[k][l] > top ? most[k][l] : top;
        }
    }
    for (; i < n; i++) top = x[i] > top ? x[i] : top;
    return top;
}

NK_CLONES static void softmax_row(float *y, const float *x, size_t channels) {
    NK_RELAXED
    float top = largest(x, channels);
    NK_LANES
    for (size_t c = 0; c < channels; c++) y[c] = nk_expf(x[c] - top);
    float sum = 0;
    for (size_t c = 0; c < channels; c++) sum += y[c];
    float scale = 1.0f / sum;
    for (size_t c = 0; c < channels; c++) y[c] *= scale;
}

// `width` neighbouring columns at once, so that lanes run along the inner axis.
NK_CLONES static void softmax_columns(float *y, const float *x, size_t channels, size_t inner,
                                      size_t width) {
    float top[strip], sum[strip];
    for (size_t i = 0; i < width; i++) top[i] = -INFINITY, sum[i] = 0;
    for (size_t c = 0; c < channels; c++) {
        const float *xc = x + c * inner;
        for (size_t i = 0; i < width; i++) top[i] = xc[i] > top[i] ? xc[i] : top[i];
    }
    for (size_t c = 0; c < channels; c++) {
        const float *xc = x + c * inner;
        float *yc = y + c * inner;
        NK_LANES
        for (size_t i = 0; i < width; i++) {
            float e = nk_expf(xc[i] - top[i]);
            yc[i] = e;
            sum[i] += e;
        }
    }
    for (size_t i = 0; i < width; i++) sum[i] = 1.0f / sum[i];
    for (size_t c = 0; c < channels; c++) {
        float *yc = y + c * inner;
        for (size_t i = 0; i < width; i++) yc[i] *= sum[i];
    }
}

void nk_softmax_forward(float *y, const float *x, size_t outer, size_t channels, size_t inner) {
    for (size_t o = 0; o < outer; o++) {
        size_t base = o * channels * inner;
        if (inner == 1) {
            softmax_row(y + base, x + base, channels);
            continue;
        }
        for (size_t i = 0; i < inner; i += strip) {
            size_t width = inner - i < strip ? inner - i : strip;
            softmax_columns(y + base + i, x + base + i, channels, inner, width);
        }
    }
}

void nk_softmax_forward_reference(float *y, const float *x, size_t outer, size_t channels,
                                  size_t inner) {
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            const float *xs = x + o * channels * inner + i;
            float *ys = y + o * channels * inner + i;
            float top = -INFINITY, sum = 0;
            for (size_t c = 0; c < channels; c++) {
                top = xs[c * inner] > top ? xs[c * inner] : top;
            }
            for (size_t c = 0; c < channels; c++) {
                ys[c * inner] = expf(xs[c * inner] - top);
                sum += ys[c * inner];
            }
            for (size_t c = 0; c < channels; c++) ys[c * inner] /= sum;
        }
    }
}

NK_CLONES static void softmax_row_backward(float *dx, const float *dy, const float *y,
                                           size_t channels) {
    NK_RELAXED
    float dot = 0;
    for (size_t c = 0; c < channels; c++) dot += dy[c] * y[c];
    NK_LANES
    for (size_t c = 0; c < channels; c++) dx[c] = (dy[c] - dot) * y[c];
}

NK_CLONES static void softmax_columns_backward(float *dx, const float *dy, const float *y,
                                               size_t channels, size_t inner, size_t width) {
    NK_FUSED
    float dot[strip];
    for (size_t i = 0; i < width; i++) dot[i] = 0;
    for (size_t c = 0; c < channels; c++) {
        const float *dyc = dy + c * inner, *yc = y + c * inner;
        for (size_t i = 0; i < width; i++) dot[i] += dyc[i] * yc[i];
    }
    for (size_t c = 0; c < channels; c++) {
        const float *dyc = dy + c * inner, *yc = y + c * inner;
        float *dxc = dx + c * inner;
        NK_LANES
        for (size_t i = 0; i < width; i++) dxc[i] = (dyc[i] - dot[i]) * yc[i];
    }
}

void nk_softmax_backward(float *dx, const float *dy, const float *y, size_t outer, size_t channels,
                         size_t inner) {
    for (size_t o = 0; o < outer; o++) {
        size_t base = o * channels * inner;
        if (inner == 1) {
            softmax_row_backward(dx + base, dy + base, y + base, channels);
            continue;
        }
        for (size_t i = base; i < base + inner; i += strip) {
            size_t width = base + inner - i < strip ? base + inner - i : strip;
            softmax_columns_backward(dx + i, dy + i, y + i, channels, inner, width);
        }
    }
}

void nk_softmax_backward_reference(float *dx, const float *dy, const float *y, size_t outer,
                                   size_t channels, size_t inner) {
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            size_t base = o * channels * inner + i;
            float dot = 0;
            for (size_t c = 0; c < channels; c++) dot += dy[base + c * inner] * y[base + c * inner];
            for (size_t c = 0; c < channels; c++) {
                size_t at = base + c * inner;
                dx[at] = (dy[at] - dot) * y[at];
            }
        }
    }
}

double nk_softmax_loss_forward(const float *y, const float *labels, const int32_t *ignored,
                               size_t outer, size_t channels, size_t inner, size_t *counted,
                               ptrdiff_t *bad_label) {
    double loss = 0;
    size_t valid = 0;
    *bad_label = -1;
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            size_t at = o * inner + i;
            if (is_ignored(labels[at], ignored)) continue;
            ptrdiff_t c = class_of(labels[at], channels);
            if (c < 0) {
                if (*bad_label < 0) *bad_label = (ptrdiff_t)at;
                continue;
            }
            float p = y[(o * channels + (size_t)c) * inner + i];
            // Written so that NaN is clamped as in Caffe's std::max(p, FLT_MIN): it stays NaN.
            loss -= logf(p < FLT_MIN ? FLT_MIN : p);
            valid += 1;
        }
    }
    *counted = valid;
    return loss;
}

void nk_softmax_loss_backward(float *dx, const float *y, const float *labels,
                              const int32_t *ignored, float scale, size_t outer, size_t channels,
                              size_t inner) {
    for (size_t o = 0; o < outer; o++) {
        size_t base = o * channels * inner;
        nk_scale(dx + base, scale, y + base, channels * inner);
        for (size_t i = 0; i < inner; i++) {
            float label = labels[o * inner + i];
            if (is_ignored(label, ignored)) {
                for (size_t c = 0; c < channels; c++) dx[base + c * inner + i] = 0;
                continue;
            }
            ptrdiff_t c = class_of(label, channels);
            if (c >= 0) {
                size_t at = base + (size_t)c * inner + i;
                dx[at] = scale * (y[at] - 1.0f);
            }
        }
    }
}

NK_CLONES static void row_sums(float *top, float *scale, const float *x, size_t channels) {
    NK_RELAXED
    float most = largest(x, channels), sum = 0;
    for (size_t c = 0; c < channels; c++) sum += nk_expf(x[c] - most);
    *top = most;
    *scale = 1.0f / sum;
}

NK_CLONES static void row_gradient(float *dx, const float *x, float top, float scale, float factor,
                                   size_t channels) {
    NK_LANES
    for (size_t c = 0; c < channels; c++) dx[c] = factor * (nk_expf(x[c] - top) * scale);
}

double nk_softmax_scores_forward(float *tops, float *scales, const float *x, const float *labels,
                                 const int32_t *ignored, size_t rows, size_t channels,
                                 size_t *counted, ptrdiff_t *bad_label) {
    double loss = 0;
    size_t valid = 0;
    *bad_label = -1;
    for (size_t r = 0; r < rows; r++, x += channels) {
        row_sums(tops + r, scales + r, x, channels);
        if (is_ignored(labels[r], ignored)) continue;
        ptrdiff_t c = class_of(labels[r], channels);
        if (c < 0) {
            if (*bad_label < 0) *bad_label = (ptrdiff_t)r;
            continue;
        }
        float p = nk_expf(x[c] - tops[r]) * scales[r];
        loss -= logf(p < FLT_MIN ? FLT_MIN : p);
        valid += 1;
    }
    *counted = valid;
    return loss;
}

void nk_softmax_scores_backward(float *dx, const float *x, const float *tops, const float *scales,
                                const float *labels, const int32_t *ignored, float factor,
                                size_t rows, size_t channels) {
    for (size_t r = 0; r < rows; r++, x += channels, dx += channels) {
        if (is_ignored(labels[r], ignored)) {
            nk_fill(dx, 0, channels);
            continue;
        }
        // Taken before, since dx may be x.
        ptrdiff_t c = class_of(labels[r], channels);
        float p = c >= 0 ? nk_expf(x[c] - tops[r]) * scales[r] : 0;
        row_gradient(dx, x, tops[r], scales[r], factor, channels);
        if (c >= 0) dx[c] = factor * (p - 1.0f);
    }
}

NK_INLINE float surprise(float p) { return -logf(p < FLT_MIN ? FLT_MIN : p); }

NK_INLINE float rest_of(float p) { return p > 1.0f ? 0.0f : 1.0f - p; }

double nk_softmax_terms_forward(const float *y, const float *labels, const int32_t *ignored,
                                const nk_softmax_terms *terms, size_t outer, size_t channels,
                                size_t inner, size_t *counted, ptrdiff_t *bad_label) {
    double loss = 0;
    size_t valid = 0;
    *bad_label = -1;
    for (size_t at = 0; at < outer * inner; at++) {
        if (is_ignored(labels[at], ignored)) continue;
        ptrdiff_t c = class_of(labels[at], channels);
        if (c < 0) {
            if (*bad_label < 0) *bad_label = (ptrdiff_t)at;
            continue;
        }
        const float *p = y + at / inner * channels * inner + at % inner;
        double value = surprise(p[(size_t)c * inner]);
        if (terms->gamma > 0) {
            value *= powf(rest_of(p[(size_t)c * inner]), terms->gamma);
        } else if (terms->smoothing > 0) {
            double sum = 0;
            for (size_t k = 0; k < channels; k++) sum += surprise(p[k * inner]);
            value = (1 - terms->smoothing) * value + terms->smoothing / (double)channels * sum;
        }
        loss += (terms->weights ? terms->weights[c] : 1.0f) * value;
        valid += 1;
    }
    *counted = valid;
    return loss;
}

void nk_softmax_terms_backward(float *dx, const float *y, const float *labels,
                               const int32_t *ignored, const nk_softmax_terms *terms, float scale,
                               size_t outer, size_t channels, size_t inner) {
    float share = terms->gamma > 0 ? 0 : terms->smoothing;
    for (size_t at = 0; at < outer * inner; at++) {
        size_t base = at / inner * channels * inner + at % inner;
        ptrdiff_t c = class_of(labels[at], channels);
        int counts = !is_ignored(labels[at], ignored) && c >= 0;
        float factor = counts ? scale * (terms->weights ? terms->weights[c] : 1.0f) : 0;
        if (counts && terms->gamma > 0) {
            // -p times the derivative by p of (1 - p)^gamma times -ln p.
            float p = y[base + (size_t)c * inner], rest = rest_of(p);
            float slope = rest > 0 ? terms->gamma * p * powf(rest, terms->gamma - 1) : 0;
            factor *= powf(rest, terms->gamma) + slope * surprise(p);
        }
        for (size_t k = 0; k < channels; k++) {
            float target = share / (float)channels + (k == (size_t)c ? 1 - share : 0);
            dx[base + k * inner] = counts ? factor * (y[base + k * inner] - target) : 0;
        }
    }
}
