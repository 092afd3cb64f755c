// Pooling of regions: one region at a time, over all channels.
#include "internal.h"

NK_INLINE ptrdiff_t within(ptrdiff_t value, ptrdiff_t most) {
    return value < 0 ? 0 : value > most ? most : value;
}

// Whole numbers from floats, where too large ones must not wrap round.
NK_INLINE ptrdiff_t whole(float value) {
    return value > 1e9f ? 1000000000 : value > -1e9f ? (ptrdiff_t)value : -1000000000;
}

typedef struct cell {
    ptrdiff_t top, bottom, left, right;
} cell;

static cell cell_of(const nk_regions *p, float y, float x, float bin_h, float bin_w, ptrdiff_t ph,
                    ptrdiff_t pw) {
    cell c;
    c.top = within(whole(floorf((float)ph * bin_h + y)), p->height);
    c.bottom = within(whole(ceilf((float)(ph + 1) * bin_h + y)), p->height);
    c.left = within(whole(floorf((float)pw * bin_w + x)), p->width);
    c.right = within(whole(ceilf((float)(pw + 1) * bin_w + x)), p->width);
    return c;
}

void nk_roi_pool_forward(float *y, int32_t *mask, const float *x, const float *roi,
                         const nk_regions *p) {
    float left = (float)whole(roundf(roi[0] * p->scale));
    float top = (float)whole(roundf(roi[1] * p->scale));
    float right = (float)whole(roundf(roi[2] * p->scale));
    float bottom = (float)whole(roundf(roi[3] * p->scale));
    float bin_h = fmaxf(bottom - top + 1, 1) / (float)p->pooled_h;
    float bin_w = fmaxf(right - left + 1, 1) / (float)p->pooled_w;
    for (ptrdiff_t c = 0; c < p->channels; c++, x += p->height * p->width) {
        for (ptrdiff_t ph = 0; ph < p->pooled_h; ph++) {
            for (ptrdiff_t pw = 0; pw < p->pooled_w; pw++) {
                cell k = cell_of(p, top, left, bin_h, bin_w, ph, pw);
                int empty = k.bottom <= k.top || k.right <= k.left;
                float best = empty ? 0 : -FLT_MAX;
                int32_t at = -1;
                for (ptrdiff_t i = k.top; i < k.bottom; i++) {
                    for (ptrdiff_t j = k.left; j < k.right; j++) {
                        float v = x[i * p->width + j];
                        at = v > best ? (int32_t)(i * p->width + j) : at;
                        best = v > best ? v : best;
                    }
                }
                *y++ = best;
                *mask++ = empty ? -1 : at;
            }
        }
    }
}

void nk_scatter_add(float *dx, const float *dy, const int32_t *mask, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (mask[i] >= 0) dx[mask[i]] += dy[i];
}

static cell psroi_cell(const nk_regions *p, const float *roi, ptrdiff_t ph, ptrdiff_t pw) {
    float left = roundf(roi[0]) * p->scale, top = roundf(roi[1]) * p->scale;
    float right = (roundf(roi[2]) + 1) * p->scale, bottom = (roundf(roi[3]) + 1) * p->scale;
    float bin_h = fmaxf(bottom - top, 0.1f) / (float)p->pooled_h;
    float bin_w = fmaxf(right - left, 0.1f) / (float)p->pooled_w;
    return cell_of(p, top, left, bin_h, bin_w, ph, pw);
}

void nk_psroi_pool_forward(float *y, const float *x, const float *roi, const nk_regions *p) {
    ptrdiff_t cells = p->pooled_h * p->pooled_w;
    for (ptrdiff_t at = 0; at < p->channels; at++) {
        cell k = psroi_cell(p, roi, at % cells / p->pooled_w, at % p->pooled_w);
        const float *plane = x + at * p->height * p->width;
        double sum = 0;
        for (ptrdiff_t i = k.top; i < k.bottom; i++)
            for (ptrdiff_t j = k.left; j < k.right; j++) sum += plane[i * p->width + j];
        int empty = k.bottom <= k.top || k.right <= k.left;
        y[at] = empty ? 0 : (float)(sum / (double)((k.bottom - k.top) * (k.right - k.left)));
    }
}

void nk_psroi_pool_backward(float *dx, const float *dy, const float *roi, ptrdiff_t channel,
                            const nk_regions *p) {
    ptrdiff_t cells = p->pooled_h * p->pooled_w;
    cell k = psroi_cell(p, roi, channel % cells / p->pooled_w, channel % p->pooled_w);
    if (k.bottom <= k.top || k.right <= k.left) return;
    float share = dy[channel] / (float)((k.bottom - k.top) * (k.right - k.left));
    for (ptrdiff_t i = k.top; i < k.bottom; i++)
        for (ptrdiff_t j = k.left; j < k.right; j++) dx[i * p->width + j] += share;
}
