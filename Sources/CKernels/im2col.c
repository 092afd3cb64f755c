// Patches to columns and back.
#include "internal.h"

NK_INLINE ptrdiff_t clamp(ptrdiff_t v, ptrdiff_t low, ptrdiff_t high) {
    return v < low ? low : (v > high ? high : v);
}

// The outputs [*first, *last) of a row whose input column ox * stride + offset lies in the image.
NK_INLINE void inside(ptrdiff_t *first, ptrdiff_t *last, ptrdiff_t from, ptrdiff_t to,
                      ptrdiff_t offset, ptrdiff_t stride, ptrdiff_t width) {
    ptrdiff_t low = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    ptrdiff_t high = offset >= width ? 0 : (width - offset + stride - 1) / stride;
    *first = clamp(low, from, to);
    *last = clamp(high, *first, to);
}

// One row of outputs [from, to) of one tap; y points at the output `from`.
NK_CLONES static void gather_row(float *y, const float *row, ptrdiff_t from, ptrdiff_t to,
                                 ptrdiff_t offset, ptrdiff_t stride, ptrdiff_t width) {
    ptrdiff_t first, last;
    inside(&first, &last, from, to, offset, stride, width);
    for (ptrdiff_t ox = from; ox < first; ox++) y[ox - from] = 0;
    const float *x = row + offset;
    if (stride == 1) {
        for (ptrdiff_t ox = first; ox < last; ox++) y[ox - from] = x[ox];
    } else {
        for (ptrdiff_t ox = first; ox < last; ox++) y[ox - from] = x[ox * stride];
    }
    for (ptrdiff_t ox = last; ox < to; ox++) y[ox - from] = 0;
}

NK_CLONES static void scatter_row(float *row, const float *y, ptrdiff_t from, ptrdiff_t to,
                                  ptrdiff_t offset, ptrdiff_t stride, ptrdiff_t width) {
    ptrdiff_t first, last;
    inside(&first, &last, from, to, offset, stride, width);
    float *x = row + offset;
    if (stride == 1) {
        for (ptrdiff_t ox = first; ox < last; ox++) x[ox] += y[ox - from];
    } else {
        for (ptrdiff_t ox = first; ox < last; ox++) x[ox * stride] += y[ox - from];
    }
}

void nk_im2col(float *col, size_t stride_col, const float *x, const nk_window *w, ptrdiff_t p0,
               ptrdiff_t p1) {
    for (ptrdiff_t c = 0; c < w->channels; c++) {
        const float *plane = x + c * w->height * w->width;
        for (ptrdiff_t ky = 0; ky < w->kernel_h; ky++) {
            for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++, col += stride_col) {
                ptrdiff_t offset = kx * w->dilation_w - w->pad_w;
                for (ptrdiff_t p = p0; p < p1;) {
                    ptrdiff_t oy = p / w->out_w, from = p - oy * w->out_w;
                    ptrdiff_t to = p1 - p < w->out_w - from ? from + (p1 - p) : w->out_w;
                    ptrdiff_t iy = oy * w->stride_h + ky * w->dilation_h - w->pad_h;
                    float *y = col + (p - p0);
                    if (iy < 0 || iy >= w->height) {
                        memset(y, 0, (size_t)(to - from) * sizeof(float));
                    } else {
                        gather_row(y, plane + iy * w->width, from, to, offset, w->stride_w,
                                   w->width);
                    }
                    p += to - from;
                }
            }
        }
    }
}

void nk_col2im_add(float *dx, const float *col, size_t stride_col, const nk_window *w, ptrdiff_t p0,
                   ptrdiff_t p1) {
    for (ptrdiff_t c = 0; c < w->channels; c++) {
        float *plane = dx + c * w->height * w->width;
        for (ptrdiff_t ky = 0; ky < w->kernel_h; ky++) {
            for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++, col += stride_col) {
                ptrdiff_t offset = kx * w->dilation_w - w->pad_w;
                for (ptrdiff_t p = p0; p < p1;) {
                    ptrdiff_t oy = p / w->out_w, from = p - oy * w->out_w;
                    ptrdiff_t to = p1 - p < w->out_w - from ? from + (p1 - p) : w->out_w;
                    ptrdiff_t iy = oy * w->stride_h + ky * w->dilation_h - w->pad_h;
                    if (iy >= 0 && iy < w->height) {
                        scatter_row(plane + iy * w->width, col + (p - p0), from, to, offset,
                                    w->stride_w, w->width);
                    }
                    p += to - from;
                }
            }
        }
    }
}

// The input index of output p at tap (c, ky, kx), or -1 in the padding.
static ptrdiff_t tap(const nk_window *w, ptrdiff_t c, ptrdiff_t ky, ptrdiff_t kx, ptrdiff_t p) {
    ptrdiff_t iy = p / w->out_w * w->stride_h + ky * w->dilation_h - w->pad_h;
    ptrdiff_t ix = p % w->out_w * w->stride_w + kx * w->dilation_w - w->pad_w;
    if (iy < 0 || iy >= w->height || ix < 0 || ix >= w->width) return -1;
    return (c * w->height + iy) * w->width + ix;
}

void nk_im2col_reference(float *col, size_t stride_col, const float *x, const nk_window *w,
                         ptrdiff_t p0, ptrdiff_t p1) {
    for (ptrdiff_t c = 0; c < w->channels; c++) {
        for (ptrdiff_t ky = 0; ky < w->kernel_h; ky++) {
            for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++, col += stride_col) {
                for (ptrdiff_t p = p0; p < p1; p++) {
                    ptrdiff_t at = tap(w, c, ky, kx, p);
                    col[p - p0] = at < 0 ? 0 : x[at];
                }
            }
        }
    }
}

void nk_col2im_add_reference(float *dx, const float *col, size_t stride_col, const nk_window *w,
                             ptrdiff_t p0, ptrdiff_t p1) {
    for (ptrdiff_t c = 0; c < w->channels; c++) {
        for (ptrdiff_t ky = 0; ky < w->kernel_h; ky++) {
            for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++, col += stride_col) {
                for (ptrdiff_t p = p0; p < p1; p++) {
                    ptrdiff_t at = tap(w, c, ky, kx, p);
                    if (at >= 0) dx[at] += col[p - p0];
                }
            }
        }
    }
}

// Walks every (channel, tap, output) of an N-dimensional window; odometers instead of recursion.
static void walk_nd(float *col, float *image, const nk_window_nd *w, int scatter) {
    ptrdiff_t taps = 1, outputs = 1, plane = 1;
    for (ptrdiff_t a = 0; a < w->axes; a++) {
        taps *= w->kernel[a], outputs *= w->out[a], plane *= w->shape[a];
    }
    for (ptrdiff_t c = 0; c < w->channels; c++, image += plane) {
        for (ptrdiff_t t = 0; t < taps; t++) {
            for (ptrdiff_t p = 0; p < outputs; p++, col++) {
                ptrdiff_t tap_left = t, out_left = p, at = 0, step = 1;
                int is_inside = 1;
                for (ptrdiff_t a = w->axes; a-- > 0;) {
                    ptrdiff_t k = tap_left % w->kernel[a], o = out_left % w->out[a];
                    ptrdiff_t i = o * w->stride[a] + k * w->dilation[a] - w->pad[a];
                    is_inside &= i >= 0 && i < w->shape[a];
                    at += i * step;
                    step *= w->shape[a];
                    tap_left /= w->kernel[a], out_left /= w->out[a];
                }
                if (!scatter) {
                    *col = is_inside ? image[at] : 0;
                } else if (is_inside) {
                    image[at] += *col;
                }
            }
        }
    }
}

void nk_im2col_nd(float *col, const float *x, const nk_window_nd *window) {
    walk_nd(col, (float *)x, window, 0);
}

void nk_col2im_nd_add(float *dx, const float *col, const nk_window_nd *window) {
    walk_nd((float *)col, dx, window, 1);
}
