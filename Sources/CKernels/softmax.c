// Softmax over the middle axis of (outer, channels, inner), and its logistic loss.
#include "internal.h"
#include "labels.h"

enum { strip = 128 };

NK_CLONES static void softmax_row(float *y, const float *x, size_t channels) {
    NK_RELAXED
    float top = -INFINITY;
    for (size_t c = 0; c < channels; c++) top = x[c] > top ? x[c] : top;
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
