// Values moved between places and sizes of an image.
#include "internal.h"

void nk_permute(float *y, const float *x, const ptrdiff_t *sizes, const ptrdiff_t *strides,
                ptrdiff_t axes) {
    ptrdiff_t counter[32] = {0};
    ptrdiff_t inner = axes > 0 ? sizes[axes - 1] : 1;
    ptrdiff_t step = axes > 0 ? strides[axes - 1] : 1;
    for (ptrdiff_t axis = 0; axis < axes; axis++)
        if (sizes[axis] == 0) return;
    for (;;) {
        if (step == 1) {
            memcpy(y, x, (size_t)inner * sizeof(float));
        } else {
            for (ptrdiff_t i = 0; i < inner; i++) y[i] = x[i * step];
        }
        y += inner;
        ptrdiff_t axis = axes - 2;
        for (; axis >= 0; axis--) {
            x += strides[axis];
            if (++counter[axis] < sizes[axis]) break;
            x -= strides[axis] * sizes[axis];
            counter[axis] = 0;
        }
        if (axis < 0) return;
    }
}

ptrdiff_t nk_unpool_forward(float *y, const float *x, const float *mask, size_t size,
                            size_t out_size, size_t planes) {
    ptrdiff_t bad = -1;
    memset(y, 0, planes * out_size * sizeof(float));
    for (size_t p = 0; p < planes; p++, y += out_size) {
        for (size_t i = p * size; i < (p + 1) * size; i++) {
            if (mask[i] > -1.0f && mask[i] < (float)out_size && (size_t)mask[i] < out_size) {
                y[(size_t)mask[i]] = x[i];
            } else if (bad < 0) {
                bad = (ptrdiff_t)i;
            }
        }
    }
    return bad;
}

void nk_unpool_backward(float *dx, const float *dy, const float *mask, size_t size, size_t out_size,
                        size_t planes) {
    for (size_t p = 0; p < planes; p++, dy += out_size) {
        for (size_t i = p * size; i < (p + 1) * size; i++) {
            int inside = mask[i] > -1.0f && mask[i] < (float)out_size && (size_t)mask[i] < out_size;
            dx[i] = inside ? dy[(size_t)mask[i]] : 0;
        }
    }
}

void nk_repeat_forward(float *y, const float *x, size_t rows, size_t width, size_t times_h,
                       size_t times_w) {
    size_t out = width * times_w;
    for (size_t r = 0; r < rows; r++, x += width) {
        for (size_t i = 0; i < width; i++)
            for (size_t t = 0; t < times_w; t++) y[i * times_w + t] = x[i];
        for (size_t t = 1; t < times_h; t++) memcpy(y + t * out, y, out * sizeof(float));
        y += times_h * out;
    }
}

void nk_repeat_backward(float *dx, const float *dy, size_t rows, size_t width, size_t times_h,
                        size_t times_w) {
    for (size_t r = 0; r < rows; r++, dx += width) {
        memset(dx, 0, width * sizeof(float));
        for (size_t s = 0; s < times_h; s++, dy += width * times_w)
            for (size_t i = 0; i < width; i++)
                for (size_t t = 0; t < times_w; t++) dx[i] += dy[i * times_w + t];
    }
}

// Where an output lies between two inputs, when the ends of both axes lie on each other.
typedef struct place {
    ptrdiff_t low, next;
    float toward;
} place;

NK_INLINE float rate(ptrdiff_t in, ptrdiff_t out) {
    return out > 1 ? (float)(in - 1) / (float)(out - 1) : 0.0f;
}

NK_INLINE place place_of(ptrdiff_t at, float rate, ptrdiff_t size) {
    float exact = rate * (float)at;
    place p;
    p.low = (ptrdiff_t)exact;
    p.low = p.low < size - 1 ? p.low : size - 1;
    p.next = p.low < size - 1 ? 1 : 0;
    p.toward = exact - (float)p.low;
    return p;
}

NK_CLONES void nk_interp_forward(float *y, const float *x, const nk_interp *p, size_t planes) {
    float rate_h = rate(p->cut_h, p->out_h), rate_w = rate(p->cut_w, p->out_w);
    for (size_t plane = 0; plane < planes; plane++, x += p->height * p->width) {
        for (ptrdiff_t oy = 0; oy < p->out_h; oy++, y += p->out_w) {
            place v = place_of(oy, rate_h, p->cut_h);
            const float *upper = x + (p->begin + v.low) * p->width + p->begin;
            const float *lower = upper + v.next * p->width;
            for (ptrdiff_t ox = 0; ox < p->out_w; ox++) {
                place h = place_of(ox, rate_w, p->cut_w);
                float a = (1 - h.toward) * upper[h.low] + h.toward * upper[h.low + h.next];
                float b = (1 - h.toward) * lower[h.low] + h.toward * lower[h.low + h.next];
                y[ox] = (1 - v.toward) * a + v.toward * b;
            }
        }
    }
}

void nk_interp_backward(float *dx, const float *dy, const nk_interp *p, size_t planes) {
    float rate_h = rate(p->cut_h, p->out_h), rate_w = rate(p->cut_w, p->out_w);
    memset(dx, 0, planes * (size_t)(p->height * p->width) * sizeof(float));
    for (size_t plane = 0; plane < planes; plane++, dx += p->height * p->width) {
        for (ptrdiff_t oy = 0; oy < p->out_h; oy++, dy += p->out_w) {
            place v = place_of(oy, rate_h, p->cut_h);
            float *upper = dx + (p->begin + v.low) * p->width + p->begin;
            float *lower = upper + v.next * p->width;
            for (ptrdiff_t ox = 0; ox < p->out_w; ox++) {
                place h = place_of(ox, rate_w, p->cut_w);
                float a = (1 - v.toward) * dy[ox], b = v.toward * dy[ox];
                upper[h.low] += (1 - h.toward) * a;
                upper[h.low + h.next] += h.toward * a;
                lower[h.low] += (1 - h.toward) * b;
                lower[h.low + h.next] += h.toward * b;
            }
        }
    }
}

void nk_reorg(float *y, const float *x, ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width,
              ptrdiff_t stride, int reverse) {
    ptrdiff_t few = channels / (stride * stride);
    for (ptrdiff_t k = 0; k < channels; k++) {
        ptrdiff_t offset = k / few;
        for (ptrdiff_t j = 0; j < height; j++) {
            ptrdiff_t many = (k * height + j) * width;
            ptrdiff_t row = (k % few * height + j) * stride + offset / stride;
            ptrdiff_t at = row * width * stride + offset % stride;
            for (ptrdiff_t i = 0; i < width; i++) {
                if (reverse) {
                    y[at + i * stride] = x[many + i];
                } else {
                    y[many + i] = x[at + i * stride];
                }
            }
        }
    }
}
