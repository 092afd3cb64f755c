// Convolution of single planes. A row of the output is done at once for each tap: the loop along the
// row vectorises as written.
#include "internal.h"

// The outputs [*first, *last) along one axis whose tap at `offset` (tap · dilation - pad) is inside.
static void places(ptrdiff_t *first, ptrdiff_t *last, ptrdiff_t offset, ptrdiff_t stride,
                   ptrdiff_t size, ptrdiff_t out) {
    ptrdiff_t from = offset < 0 ? (-offset + stride - 1) / stride : 0;
    ptrdiff_t room = size - 1 - offset;
    ptrdiff_t to = room < 0 ? 0 : room / stride + 1;
    *last = to < out ? to : out;
    *first = from < *last ? from : *last;
}

NK_CLONES void nk_depthwise_forward(float *y, const float *x, const float *w, float bias,
                                    float negative_slope, const nk_window *p) {
    NK_FUSED
    for (ptrdiff_t oy = 0; oy < p->out_h; oy++) {
        float *row = y + oy * p->out_w;
        for (ptrdiff_t i = 0; i < p->out_w; i++) row[i] = bias;
        for (ptrdiff_t ky = 0; ky < p->kernel_h; ky++) {
            ptrdiff_t iy = oy * p->stride_h + ky * p->dilation_h - p->pad_h;
            if (iy < 0 || iy >= p->height) continue;
            for (ptrdiff_t kx = 0; kx < p->kernel_w; kx++) {
                ptrdiff_t first, last, offset = kx * p->dilation_w - p->pad_w;
                places(&first, &last, offset, p->stride_w, p->width, p->out_w);
                const float *from = x + iy * p->width + offset;
                float weight = w[ky * p->kernel_w + kx];
                if (p->stride_w == 1) {
                    NK_LANES
                    for (ptrdiff_t i = first; i < last; i++) row[i] += weight * from[i];
                } else {
                    for (ptrdiff_t i = first; i < last; i++) row[i] += weight * from[i * p->stride_w];
                }
            }
        }
        if (negative_slope != 1)
            for (ptrdiff_t i = 0; i < p->out_w; i++) row[i] *= row[i] < 0 ? negative_slope : 1;
    }
}

NK_CLONES void nk_depthwise_data_gradient(float *dx, const float *dy, const float *w,
                                          const nk_window *p) {
    NK_FUSED
    for (ptrdiff_t oy = 0; oy < p->out_h; oy++) {
        const float *row = dy + oy * p->out_w;
        for (ptrdiff_t ky = 0; ky < p->kernel_h; ky++) {
            ptrdiff_t iy = oy * p->stride_h + ky * p->dilation_h - p->pad_h;
            if (iy < 0 || iy >= p->height) continue;
            for (ptrdiff_t kx = 0; kx < p->kernel_w; kx++) {
                ptrdiff_t first, last, offset = kx * p->dilation_w - p->pad_w;
                places(&first, &last, offset, p->stride_w, p->width, p->out_w);
                float *to = dx + iy * p->width + offset;
                float weight = w[ky * p->kernel_w + kx];
                if (p->stride_w == 1) {
                    NK_LANES
                    for (ptrdiff_t i = first; i < last; i++) to[i] += weight * row[i];
                } else {
                    for (ptrdiff_t i = first; i < last; i++) to[i * p->stride_w] += weight * row[i];
                }
            }
        }
    }
}

NK_CLONES void nk_depthwise_weight_gradient(float *dw, const float *dy, const float *x,
                                            const nk_window *p) {
    NK_RELAXED
    for (ptrdiff_t ky = 0; ky < p->kernel_h; ky++) {
        for (ptrdiff_t kx = 0; kx < p->kernel_w; kx++) {
            ptrdiff_t first, last, offset = kx * p->dilation_w - p->pad_w;
            places(&first, &last, offset, p->stride_w, p->width, p->out_w);
            double total = 0;
            for (ptrdiff_t oy = 0; oy < p->out_h; oy++) {
                ptrdiff_t iy = oy * p->stride_h + ky * p->dilation_h - p->pad_h;
                if (iy < 0 || iy >= p->height) continue;
                const float *row = dy + oy * p->out_w, *from = x + iy * p->width + offset;
                float sum = 0;
                if (p->stride_w == 1) {
                    for (ptrdiff_t i = first; i < last; i++) sum += row[i] * from[i];
                } else {
                    for (ptrdiff_t i = first; i < last; i++) sum += row[i] * from[i * p->stride_w];
                }
                total += sum;
            }
            dw[ky * p->kernel_w + kx] += (float)total;
        }
    }
}
