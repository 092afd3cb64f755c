// Pooling of planes. Windows that lie whole in the image run in lanes along a row, with the kernel
// and stride of the common shapes known to the compiler; windows cut by the border go one by one.
#include "internal.h"

typedef struct {
    ptrdiff_t y0, y1, x0, x1; // the part of the image that a window sees
    ptrdiff_t area;           // what an average is divided by
} window;

NK_INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
NK_INLINE ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

static window window_at(const nk_pool *p, ptrdiff_t oy, ptrdiff_t ox) {
    ptrdiff_t y0 = oy * p->stride_h - p->pad_h, x0 = ox * p->stride_w - p->pad_w;
    ptrdiff_t y1 = smaller(y0 + p->kernel_h, p->height + p->pad_h);
    ptrdiff_t x1 = smaller(x0 + p->kernel_w, p->width + p->pad_w);
    ptrdiff_t area = (y1 - y0) * (x1 - x0);
    return (window){larger(y0, 0), smaller(y1, p->height), larger(x0, 0), smaller(x1, p->width),
                    area};
}

static void max_window(float *y, int32_t *mask, const float *x, const nk_pool *p, ptrdiff_t oy,
                       ptrdiff_t ox) {
    window w = window_at(p, oy, ox);
    float best = -FLT_MAX;
    int32_t index = -1;
    for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
        for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) {
            ptrdiff_t at = iy * p->width + ix;
            if (x[at] > best) best = x[at], index = (int32_t)at;
        }
    }
    y[oy * p->out_w + ox] = best;
    if (mask) mask[oy * p->out_w + ox] = index;
}

// Outputs [0, n) of one row; x points at the first window's corner, `at` is its index in the plane.
NK_INLINE void max_row(float *y, int32_t *mask, const float *x, ptrdiff_t at, ptrdiff_t n,
                       ptrdiff_t width, ptrdiff_t kh, ptrdiff_t kw, ptrdiff_t stride) {
    NK_LANES
    for (ptrdiff_t i = 0; i < n; i++) {
        float best = -FLT_MAX;
        int32_t index = -1;
        for (ptrdiff_t ky = 0; ky < kh; ky++) {
            for (ptrdiff_t kx = 0; kx < kw; kx++) {
                float v = x[i * stride + ky * width + kx];
                int32_t here = (int32_t)(at + i * stride + ky * width + kx);
                index = v > best ? here : index;
                best = v > best ? v : best;
            }
        }
        y[i] = best;
        if (mask) mask[i] = index;
    }
}

NK_CLONES static void max_row_2x2(float *y, int32_t *mask, const float *x, ptrdiff_t at,
                                  ptrdiff_t n, ptrdiff_t width) {
    if (mask) {
        max_row(y, mask, x, at, n, width, 2, 2, 2);
    } else {
        max_row(y, NULL, x, at, n, width, 2, 2, 2);
    }
}

NK_CLONES static void max_row_3x3(float *y, int32_t *mask, const float *x, ptrdiff_t at,
                                  ptrdiff_t n, ptrdiff_t width, ptrdiff_t stride) {
    if (stride == 2 && mask) {
        max_row(y, mask, x, at, n, width, 3, 3, 2);
    } else if (stride == 2) {
        max_row(y, NULL, x, at, n, width, 3, 3, 2);
    } else if (mask) {
        max_row(y, mask, x, at, n, width, 3, 3, 1);
    } else {
        max_row(y, NULL, x, at, n, width, 3, 3, 1);
    }
}

enum { pool_any, pool_2x2, pool_3x3 };

static int pool_kind(const nk_pool *p) {
    if (p->kernel_h == 2 && p->kernel_w == 2 && p->stride_w == 2) return pool_2x2;
    if (p->kernel_h == 3 && p->kernel_w == 3 && p->stride_w <= 2) return pool_3x3;
    return pool_any;
}

// Outputs [*first, *last) of an axis have windows that lie whole in the image.
static void interior(ptrdiff_t *first, ptrdiff_t *last, ptrdiff_t size, ptrdiff_t kernel,
                     ptrdiff_t stride, ptrdiff_t pad, ptrdiff_t out) {
    *first = smaller((pad + stride - 1) / stride, out);
    ptrdiff_t room = size + pad - kernel;
    *last = room < 0 ? *first : larger(*first, smaller(room / stride + 1, out));
}

static void max_plane(float *y, int32_t *mask, const float *x, const nk_pool *p) {
    ptrdiff_t oy0, oy1, ox0, ox1;
    int kind = pool_kind(p);
    interior(&oy0, &oy1, p->height, p->kernel_h, p->stride_h, p->pad_h, p->out_h);
    interior(&ox0, &ox1, p->width, p->kernel_w, p->stride_w, p->pad_w, p->out_w);
    for (ptrdiff_t oy = 0; oy < p->out_h; oy++) {
        int whole = kind != pool_any && oy >= oy0 && oy < oy1 && ox0 < ox1;
        for (ptrdiff_t ox = 0; ox < p->out_w; ox++) {
            if (!whole || ox < ox0 || ox >= ox1) {
                max_window(y, mask, x, p, oy, ox);
                continue;
            }
            ptrdiff_t corner = (oy * p->stride_h - p->pad_h) * p->width;
            corner += ox0 * p->stride_w - p->pad_w;
            ptrdiff_t to = oy * p->out_w + ox0;
            int32_t *m = mask ? mask + to : NULL;
            if (kind == pool_2x2) {
                max_row_2x2(y + to, m, x + corner, corner, ox1 - ox0, p->width);
            } else {
                max_row_3x3(y + to, m, x + corner, corner, ox1 - ox0, p->width, p->stride_w);
            }
            ox = ox1 - 1;
        }
    }
}

void nk_max_pool_forward(float *y, int32_t *mask, const float *x, const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, y += out, x += in) {
        max_plane(y, mask, x, p);
        if (mask) mask += out;
    }
}

void nk_max_pool_forward_reference(float *y, int32_t *mask, const float *x, const nk_pool *p,
                                   size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, y += out, x += in) {
        for (ptrdiff_t o = 0; o < out; o++) max_window(y, mask, x, p, o / p->out_w, o % p->out_w);
        if (mask) mask += out;
    }
}

// Windows that tile the plane: each input pixel belongs to one window, so nothing is added.
NK_CLONES static void max_tiles_row_backward(float *dx, const float *dy, const int32_t *mask,
                                             int32_t at, ptrdiff_t n, ptrdiff_t width) {
    NK_LANES
    for (ptrdiff_t i = 0; i < n; i++) {
        int32_t here = mask[i] - (at + 2 * (int32_t)i);
        float g = dy[i];
        dx[2 * i] = here == 0 ? g : 0.0f;
        dx[2 * i + 1] = here == 1 ? g : 0.0f;
        dx[width + 2 * i] = here == (int32_t)width ? g : 0.0f;
        dx[width + 2 * i + 1] = here == (int32_t)width + 1 ? g : 0.0f;
    }
}

void nk_max_pool_backward(float *dx, const float *dy, const int32_t *mask, const nk_pool *p,
                          size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    int tiles = pool_kind(p) == pool_2x2 && p->stride_h == 2 && p->pad_h == 0 && p->pad_w == 0 &&
                p->height == 2 * p->out_h && p->width == 2 * p->out_w;
    for (size_t i = 0; i < planes; i++, dx += in, dy += out, mask += out) {
        if (tiles) {
            for (ptrdiff_t oy = 0; oy < p->out_h; oy++) {
                ptrdiff_t at = 2 * oy * p->width, from = oy * p->out_w;
                max_tiles_row_backward(dx + at, dy + from, mask + from, (int32_t)at, p->out_w,
                                       p->width);
            }
        } else {
            nk_max_pool_backward_reference(dx, dy, mask, p, 1);
        }
    }
}

void nk_max_pool_backward_reference(float *dx, const float *dy, const int32_t *mask,
                                    const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, dx += in, dy += out, mask += out) {
        memset(dx, 0, (size_t)in * sizeof(float));
        for (ptrdiff_t o = 0; o < out; o++) {
            if (mask[o] >= 0) dx[mask[o]] += dy[o];
        }
    }
}

static void average_window(float *y, const float *x, const nk_pool *p, ptrdiff_t oy, ptrdiff_t ox) {
    window w = window_at(p, oy, ox);
    float sum = 0;
    for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
        for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) sum += x[iy * p->width + ix];
    }
    y[oy * p->out_w + ox] = sum / (float)w.area;
}

NK_INLINE void average_row(float *y, const float *x, ptrdiff_t n, ptrdiff_t width, ptrdiff_t kh,
                           ptrdiff_t kw, ptrdiff_t stride) {
    NK_LANES
    for (ptrdiff_t i = 0; i < n; i++) {
        float sum = 0;
        for (ptrdiff_t ky = 0; ky < kh; ky++) {
            for (ptrdiff_t kx = 0; kx < kw; kx++) sum += x[i * stride + ky * width + kx];
        }
        y[i] = sum / (float)(kh * kw);
    }
}

NK_CLONES static void average_row_of(int kind, float *y, const float *x, ptrdiff_t n,
                                     ptrdiff_t width, ptrdiff_t stride) {
    if (kind == pool_2x2) {
        average_row(y, x, n, width, 2, 2, 2);
    } else if (stride == 2) {
        average_row(y, x, n, width, 3, 3, 2);
    } else {
        average_row(y, x, n, width, 3, 3, 1);
    }
}

static int covers_plane(const nk_pool *p) {
    return p->kernel_h == p->height && p->kernel_w == p->width && p->out_h == 1 && p->out_w == 1 &&
           p->pad_h == 0 && p->pad_w == 0;
}

static void average_plane(float *y, const float *x, const nk_pool *p) {
    ptrdiff_t oy0, oy1, ox0, ox1;
    int kind = pool_kind(p);
    interior(&oy0, &oy1, p->height, p->kernel_h, p->stride_h, p->pad_h, p->out_h);
    interior(&ox0, &ox1, p->width, p->kernel_w, p->stride_w, p->pad_w, p->out_w);
    for (ptrdiff_t oy = 0; oy < p->out_h; oy++) {
        int whole = kind != pool_any && oy >= oy0 && oy < oy1 && ox0 < ox1;
        for (ptrdiff_t ox = 0; ox < p->out_w; ox++) {
            if (!whole || ox < ox0 || ox >= ox1) {
                average_window(y, x, p, oy, ox);
                continue;
            }
            ptrdiff_t corner = (oy * p->stride_h - p->pad_h) * p->width;
            corner += ox0 * p->stride_w - p->pad_w;
            average_row_of(kind, y + oy * p->out_w + ox0, x + corner, ox1 - ox0, p->width,
                           p->stride_w);
            ox = ox1 - 1;
        }
    }
}

void nk_average_pool_forward(float *y, const float *x, const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, y += out, x += in) {
        if (covers_plane(p)) {
            *y = (float)(nk_sum(x, (size_t)in) / (double)in);
        } else {
            average_plane(y, x, p);
        }
    }
}

void nk_average_pool_forward_reference(float *y, const float *x, const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, y += out, x += in) {
        for (ptrdiff_t o = 0; o < out; o++) average_window(y, x, p, o / p->out_w, o % p->out_w);
    }
}

void nk_average_pool_backward(float *dx, const float *dy, const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, dx += in, dy += out) {
        if (covers_plane(p)) {
            nk_fill(dx, *dy / (float)in, (size_t)in);
        } else {
            nk_average_pool_backward_reference(dx, dy, p, 1);
        }
    }
}

void nk_average_pool_backward_reference(float *dx, const float *dy, const nk_pool *p,
                                        size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, dx += in, dy += out) {
        memset(dx, 0, (size_t)in * sizeof(float));
        for (ptrdiff_t o = 0; o < out; o++) {
            window w = window_at(p, o / p->out_w, o % p->out_w);
            float share = dy[o] / (float)w.area;
            for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
                for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) dx[iy * p->width + ix] += share;
            }
        }
    }
}

// One value of a window, drawn in proportion to the values: the first at which the running sum
// reaches a random part of the whole.
static void draw_window(float *y, int32_t *mask, const float *x, const nk_pool *p, ptrdiff_t o,
                        float random) {
    window w = window_at(p, o / p->out_w, o % p->out_w);
    float sum = 0;
    for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
        for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) sum += x[iy * p->width + ix];
    }
    float threshold = random * sum;
    sum = 0;
    y[o] = 0, mask[o] = -1;
    for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
        for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) {
            ptrdiff_t at = iy * p->width + ix;
            sum += x[at];
            y[o] = x[at], mask[o] = (int32_t)at;
            if (sum >= threshold) return;
        }
    }
}

void nk_stochastic_pool_draw(float *y, int32_t *mask, const float *x, const nk_pool *p,
                             size_t planes, uint64_t seed, uint64_t counter, uint64_t first) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    uint64_t key = nk_mix64(nk_mix64(seed) ^ counter);
    for (size_t i = 0; i < planes; i++, y += out, mask += out, x += in, first += (uint64_t)out) {
        for (ptrdiff_t o = 0; o < out; o++) {
            // In (0, 1], so that a value of 0 is drawn only where all are 0.
            uint64_t bits = nk_mix64(key ^ (first + (uint64_t)o)) >> 40;
            draw_window(y, mask, x, p, o, (float)(bits + 1) * 0x1p-24f);
        }
    }
}

void nk_stochastic_pool_mean(float *y, const float *x, const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, y += out, x += in) {
        for (ptrdiff_t o = 0; o < out; o++) {
            window w = window_at(p, o / p->out_w, o % p->out_w);
            float sum = 0, squares = 0;
            for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
                for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) {
                    float v = x[iy * p->width + ix];
                    sum += v, squares += v * v;
                }
            }
            y[o] = sum > 0 ? squares / sum : 0;
        }
    }
}

void nk_stochastic_pool_mean_backward(float *dx, const float *dy, const float *y, const float *x,
                                      const nk_pool *p, size_t planes) {
    ptrdiff_t in = p->height * p->width, out = p->out_h * p->out_w;
    for (size_t i = 0; i < planes; i++, dx += in, dy += out, y += out, x += in) {
        memset(dx, 0, (size_t)in * sizeof(float));
        for (ptrdiff_t o = 0; o < out; o++) {
            window w = window_at(p, o / p->out_w, o % p->out_w);
            float sum = 0;
            for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
                for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) sum += x[iy * p->width + ix];
            }
            if (!(sum > 0)) continue;
            for (ptrdiff_t iy = w.y0; iy < w.y1; iy++) {
                for (ptrdiff_t ix = w.x0; ix < w.x1; ix++) {
                    ptrdiff_t at = iy * p->width + ix;
                    dx[at] += dy[o] * (2 * x[at] - y[o]) / sum;
                }
            }
        }
    }
}
