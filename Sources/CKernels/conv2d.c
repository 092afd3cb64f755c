// Two-dimensional convolution as a matrix product whose right factor is never built.
//
// A band of the image is copied once per kernel column: copy kx holds, row by row, just the pixels
// that this column of the kernel meets. In it the outputs of all rows follow each other without a
// gap, so any vector of outputs reads any tap with one contiguous load, at an offset that depends on
// the tap alone, whatever width, stride, padding and dilation are. (Patches would be kernel_h times
// as many copies.) The rest is a product of packed weights with those loads, held in registers.
#include "conv2d.h"

enum {
    slack = 64, // floats that a load may touch behind the last pixel
    band_floats = 96 * 1024,
    good_depth = 256,
};

#define NK_UNROLL _Pragma("clang loop unroll(full)")

typedef float quad __attribute__((ext_vector_type(4)));

#if defined(__x86_64__)
#include <immintrin.h>

#define LANES 16
#define VECTORS 4
#define TARGET __attribute__((target("arch=x86-64-v4")))
#define NAME(x) x##_512
#define TAIL __mmask16
static inline TARGET TAIL tail_512(int live) { return (TAIL)((1u << live) - 1); }
static inline TARGET __m512 load_tail_512(const float *p, TAIL tail) {
    return _mm512_maskz_loadu_ps(tail, p);
}
static inline TARGET void store_tail_512(float *p, __m512 v, TAIL tail) {
    _mm512_mask_storeu_ps(p, tail, v);
}
// The sums of four vectors.
static inline TARGET quad fold_512(__m512 a, __m512 b, __m512 c, __m512 d) {
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    __m512 all = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xEE));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}
#include "conv2d_lanes.h"
#undef LANES
#undef VECTORS
#undef TARGET
#undef NAME
#undef TAIL

#define LANES 8
#define VECTORS 2
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAME(x) x##_256
#define TAIL __m256i
static inline TARGET TAIL tail_256(int live) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(live), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline TARGET __m256 load_tail_256(const float *p, TAIL tail) {
    return _mm256_maskload_ps(p, tail);
}
static inline TARGET void store_tail_256(float *p, __m256 v, TAIL tail) {
    _mm256_maskstore_ps(p, tail, v);
}
static inline TARGET quad fold_256(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 ab = _mm256_hadd_ps(a, b), cd = _mm256_hadd_ps(c, d), all = _mm256_hadd_ps(ab, cd);
    return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}
#include "conv2d_lanes.h"
#undef LANES
#undef VECTORS
#undef TARGET
#undef NAME
#undef TAIL
#endif

#define LANES 4
#if defined(__x86_64__)
#define VECTORS 2
#else
#define VECTORS 4
#endif
#define TARGET
#define NAME(x) x##_128
#define TAIL int
static inline int tail_128(int live) { return live; }
static inline quad load_128(const float *p);
static inline void store_128(float *p, quad v);
static inline quad load_tail_128(const float *p, int live) {
    if (live == 4) return load_128(p);
    quad v = 0.0f;
    for (int i = 0; i < live; i++) v[i] = p[i];
    return v;
}
static inline void store_tail_128(float *p, quad v, int live) {
    if (live == 4) {
        store_128(p, v);
        return;
    }
    for (int i = 0; i < live; i++) p[i] = v[i];
}
static inline quad fold_128(quad a, quad b, quad c, quad d) {
    quad sum = {a[0] + a[1] + a[2] + a[3], b[0] + b[1] + b[2] + b[3], c[0] + c[1] + c[2] + c[3],
                d[0] + d[1] + d[2] + d[3]};
    return sum;
}
#include "conv2d_lanes.h"

product_function nk_product(void) {
#if defined(__x86_64__)
    if (nk_vector() == 16) return product_512;
    if (nk_vector() == 8) return product_256;
#endif
    return product_128;
}

const dot_function (*nk_dot_tiles(void))[dot_taps] {
#if defined(__x86_64__)
    if (nk_vector() == 16) return dot_tiles_512;
    if (nk_vector() == 8) return dot_tiles_256;
#endif
    return dot_tiles_128;
}

// A block of channels and rows as the loops read it.
typedef struct {
    ptrdiff_t channels, channel, rows, row; // how many, and the first
    ptrdiff_t phases;                       // vertical stride: rows that one tap meets lie together
    ptrdiff_t phase_rows;
    ptrdiff_t row_floats; // of one row of a copy
    ptrdiff_t copy;       // floats from one kernel column's copy to the next
    ptrdiff_t plane;      // floats from one channel to the next
} band;

// A kernel of one pixel that meets every pixel needs no copy.
static int reads_image(const nk_window *w) {
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 &&
           w->pad_h == 0 && w->pad_w == 0;
}

static band band_of(const nk_window *w, ptrdiff_t channels, ptrdiff_t rows) {
    band b = {.channels = channels, .rows = rows, .row_floats = w->out_w};
    b.phases = w->dilation_h == 1 ? smaller(w->stride_h, w->kernel_h) : w->stride_h;
    b.phase_rows = rows + (w->kernel_h - 1) * w->dilation_h / w->stride_h;
    b.copy = b.phases * b.phase_rows * w->out_w;
    b.plane = b.copy * w->kernel_w;
    if (reads_image(w)) b.plane = w->height * w->width;
    return b;
}

// Chooses blocks of channels and rows that stay in the second-level cache while all output channels
// use them: as deep as needed to hide loading and storing of the sums, then as many rows as fit.
static band choose_band(const nk_window *w, ptrdiff_t room) {
    ptrdiff_t taps = w->kernel_h * w->kernel_w;
    if (reads_image(w)) {
        ptrdiff_t blocks = (w->channels + 2 * good_depth - 1) / (2 * good_depth);
        return band_of(w, (w->channels + blocks - 1) / blocks, w->out_h);
    }
    band whole = band_of(w, w->channels, w->out_h);
    if (whole.plane * w->channels <= room) return whole;
    ptrdiff_t channels = smaller(w->channels, (good_depth + taps - 1) / taps);
    if (band_of(w, channels, w->out_h).plane * channels <= room) {
        channels = room / whole.plane;
        ptrdiff_t blocks = (w->channels + channels - 1) / channels;
        return band_of(w, (w->channels + blocks - 1) / blocks, w->out_h);
    }
    ptrdiff_t blocks = (w->channels + channels - 1) / channels;
    channels = (w->channels + blocks - 1) / blocks;
    ptrdiff_t rows = w->out_h;
    while (rows > 1 && band_of(w, channels, rows).plane * channels > room) rows -= 1;
    blocks = (w->out_h + rows - 1) / rows;
    return band_of(w, channels, (w->out_h + blocks - 1) / blocks);
}

// Where each tap of the block starts in the copies.
static void list_taps(ptrdiff_t *taps, const nk_window *w, const band *b) {
    for (ptrdiff_t c = 0; c < b->channels; c++) {
        for (ptrdiff_t ky = 0; ky < w->kernel_h; ky++) {
            ptrdiff_t down = ky * w->dilation_h;
            ptrdiff_t row = down % w->stride_h * b->phase_rows + down / w->stride_h;
            for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++) {
                *taps++ = c * b->plane + kx * b->copy + row * w->out_w;
            }
        }
    }
}

// The outputs [*first, *last) of a row whose input column ox * stride + offset lies in the image.
static void inside(ptrdiff_t *first, ptrdiff_t *last, ptrdiff_t offset, const nk_window *w) {
    ptrdiff_t low = offset >= 0 ? 0 : (-offset + w->stride_w - 1) / w->stride_w;
    ptrdiff_t high = offset >= w->width ? 0 : (w->width - offset + w->stride_w - 1) / w->stride_w;
    *first = smaller(low, w->out_w);
    *last = high < *first ? *first : smaller(high, w->out_w);
}

NK_CLONES static void copy_row(float *y, const float *x, ptrdiff_t first, ptrdiff_t last,
                               ptrdiff_t width, ptrdiff_t stride) {
    for (ptrdiff_t i = 0; i < first; i++) y[i] = 0;
    if (stride == 1) {
        for (ptrdiff_t i = first; i < last; i++) y[i] = x[i];
    } else {
        for (ptrdiff_t i = first; i < last; i++) y[i] = x[i * stride];
    }
    for (ptrdiff_t i = last; i < width; i++) y[i] = 0;
}

static void copy_band(float *copies, const float *x, const nk_window *w, const band *b) {
    for (ptrdiff_t c = 0; c < b->channels; c++) {
        const float *plane = x + (b->channel + c) * w->height * w->width;
        for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++) {
            ptrdiff_t offset = kx * w->dilation_w - w->pad_w, first, last;
            inside(&first, &last, offset, w);
            float *y = copies + c * b->plane + kx * b->copy;
            for (ptrdiff_t phase = 0; phase < b->phases; phase++) {
                ptrdiff_t iy = b->row * w->stride_h + phase - w->pad_h;
                for (ptrdiff_t row = 0; row < b->phase_rows; row++, iy += w->stride_h) {
                    if (iy < 0 || iy >= w->height) {
                        copy_row(y, plane, w->out_w, w->out_w, w->out_w, 1);
                    } else {
                        copy_row(y, plane + iy * w->width + offset, first, last, w->out_w,
                                 w->stride_w);
                    }
                    y += w->out_w;
                }
            }
        }
    }
}

nk_conv2d nk_conv2d_plan(const nk_window *window, ptrdiff_t outputs) {
    return (nk_conv2d){.window = *window, .outputs = outputs};
}

static ptrdiff_t depth_of(const nk_conv2d *plan) {
    return plan->window.channels * plan->window.kernel_h * plan->window.kernel_w;
}

size_t nk_conv2d_packed_size(const nk_conv2d *plan) {
    return (size_t)(plan->outputs * depth_of(plan));
}

void nk_conv2d_pack(float *packed, const float *w, const nk_conv2d *plan) {
    ptrdiff_t depth = depth_of(plan);
    for (ptrdiff_t m = 0; m < plan->outputs; m += tile_rows) {
        ptrdiff_t rows = smaller(plan->outputs - m, tile_rows);
        for (ptrdiff_t k = 0; k < depth; k++) {
            for (ptrdiff_t r = 0; r < rows; r++) *packed++ = w[(m + r) * depth + k];
        }
    }
}

static ptrdiff_t block_taps(const nk_window *w, const band *b) {
    return b->channels * w->kernel_h * w->kernel_w;
}

static size_t copy_floats(const nk_window *w, const band *b, ptrdiff_t samples) {
    return reads_image(w) ? 0 : (size_t)(samples * b->channels * b->plane) + slack;
}

// Both passes keep two tables, one of taps and one of output channels, and the copies of a block.
static size_t scratch_floats(const nk_conv2d *plan, const band *b) {
    return table_floats(block_taps(&plan->window, b) + plan->outputs) +
           copy_floats(&plan->window, b, 1);
}

size_t nk_conv2d_scratch(const nk_conv2d *plan) {
    band b = choose_band(&plan->window, band_floats);
    return scratch_floats(plan, &b);
}

void nk_conv2d_forward(float *y, const float *x, const float *packed, const float *bias,
                       float negative_slope, const nk_conv2d *plan, float *scratch) {
    const nk_window *w = &plan->window;
    band b = choose_band(w, band_floats);
    const product_function multiply = nk_product();
    const ptrdiff_t block = b.channels, rows = b.rows;
    ptrdiff_t *taps = (ptrdiff_t *)scratch, *outputs = taps + block_taps(w, &b);
    float *copies = scratch + table_floats(block_taps(w, &b) + plan->outputs);
    list_taps(taps, w, &b);
    list_multiples(outputs, plan->outputs, w->out_h * w->out_w);
    tile_job job = {.taps = taps, .rows = outputs, .negative_slope = negative_slope};
    job.depth_stride = depth_of(plan);
    for (b.row = 0; b.row < w->out_h; b.row += rows) {
        ptrdiff_t count = smaller(rows, w->out_h - b.row) * w->out_w;
        for (b.channel = 0; b.channel < w->channels; b.channel += block) {
            b.channels = smaller(block, w->channels - b.channel);
            job.depth = block_taps(w, &b);
            job.depth_start = b.channel * w->kernel_h * w->kernel_w;
            job.first = b.channel == 0;
            job.last = b.channel + block >= w->channels;
            const float *from = copies;
            if (reads_image(w)) {
                from = x + b.channel * b.plane;
            } else {
                copy_band(copies, x, w, &b);
            }
            multiply(&job, y + b.row * w->out_w, from, packed, bias, plan->outputs, count);
        }
    }
}

void nk_conv2d_forward_reference(float *y, const float *x, const float *w, const float *bias,
                                 float negative_slope, const nk_conv2d *plan) {
    const nk_window *s = &plan->window;
    for (ptrdiff_t m = 0; m < plan->outputs; m++) {
        for (ptrdiff_t oy = 0; oy < s->out_h; oy++) {
            for (ptrdiff_t ox = 0; ox < s->out_w; ox++) {
                float sum = bias ? bias[m] : 0;
                const float *weight = w + m * depth_of(plan);
                for (ptrdiff_t c = 0; c < s->channels; c++) {
                    for (ptrdiff_t ky = 0; ky < s->kernel_h; ky++) {
                        for (ptrdiff_t kx = 0; kx < s->kernel_w; kx++, weight++) {
                            ptrdiff_t iy = oy * s->stride_h + ky * s->dilation_h - s->pad_h;
                            ptrdiff_t ix = ox * s->stride_w + kx * s->dilation_w - s->pad_w;
                            if (iy < 0 || iy >= s->height || ix < 0 || ix >= s->width) continue;
                            sum += *weight * x[(c * s->height + iy) * s->width + ix];
                        }
                    }
                }
                *y++ = sum < 0 ? negative_slope * sum + 0.0f : sum;
            }
        }
    }
}

// The data gradient runs the same way backwards: transposed weights times dy gives the gradient of
// every copy's pixels, added up where the taps overlap, and the copies are added to the image.
// Rows of one kernel row follow each other, so that neighbours seldom add to the same place.
static void list_backward_rows(ptrdiff_t *rows, const nk_window *w, const band *b) {
    ptrdiff_t taps = w->kernel_h * w->kernel_w;
    for (ptrdiff_t i = 0; i < b->channels * taps; i++) {
        ptrdiff_t kx = i % w->kernel_w, c = i / w->kernel_w % b->channels;
        ptrdiff_t down = i / (w->kernel_w * b->channels) * w->dilation_h;
        ptrdiff_t row = down % w->stride_h * b->phase_rows + down / w->stride_h;
        rows[i] = c * b->plane + kx * b->copy + row * w->out_w;
    }
}

void nk_conv2d_pack_backward(float *packed, const float *w, const nk_conv2d *plan) {
    const nk_window *s = &plan->window;
    band b = choose_band(s, band_floats);
    const ptrdiff_t block = b.channels, depth = depth_of(plan);
    for (b.channel = 0; b.channel < s->channels; b.channel += block) {
        b.channels = smaller(block, s->channels - b.channel);
        ptrdiff_t count = block_taps(s, &b);
        for (ptrdiff_t start = 0; start < count; start += tile_rows) {
            ptrdiff_t rows = smaller(count - start, tile_rows), from[tile_rows];
            for (ptrdiff_t r = 0; r < rows; r++) {
                ptrdiff_t kx = (start + r) % s->kernel_w, c = (start + r) / s->kernel_w;
                ptrdiff_t ky = c / b.channels;
                c = c % b.channels + b.channel;
                from[r] = (c * s->kernel_h + ky) * s->kernel_w + kx;
            }
            for (ptrdiff_t m = 0; m < plan->outputs; m++) {
                for (ptrdiff_t r = 0; r < rows; r++) *packed++ = w[m * depth + from[r]];
            }
        }
    }
}

NK_CLONES static void add_row(float *x, const float *y, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t stride) {
    if (stride == 1) {
        NK_LANES
        for (ptrdiff_t i = first; i < last; i++) x[i] += y[i];
    } else {
        for (ptrdiff_t i = first; i < last; i++) x[i * stride] += y[i];
    }
}

static void add_band(float *dx, const float *copies, const nk_window *w, const band *b) {
    for (ptrdiff_t c = 0; c < b->channels; c++) {
        float *plane = dx + (b->channel + c) * w->height * w->width;
        for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++) {
            ptrdiff_t offset = kx * w->dilation_w - w->pad_w, first, last;
            inside(&first, &last, offset, w);
            const float *y = copies + c * b->plane + kx * b->copy;
            for (ptrdiff_t phase = 0; phase < b->phases; phase++) {
                ptrdiff_t iy = b->row * w->stride_h + phase - w->pad_h;
                for (ptrdiff_t row = 0; row < b->phase_rows; row++, iy += w->stride_h) {
                    if (iy >= 0 && iy < w->height) {
                        add_row(plane + iy * w->width + offset, y, first, last, w->stride_w);
                    }
                    y += w->out_w;
                }
            }
        }
    }
}

size_t nk_conv2d_data_gradient_scratch(const nk_conv2d *plan) {
    band b = choose_band(&plan->window, band_floats);
    return scratch_floats(plan, &b);
}

void nk_conv2d_data_gradient(float *dx, const float *dy, const float *packed, const nk_conv2d *plan,
                             float *scratch) {
    const nk_window *w = &plan->window;
    band b = choose_band(w, band_floats);
    const product_function multiply = nk_product();
    const ptrdiff_t block = b.channels, rows = b.rows, positions = w->out_h * w->out_w;
    ptrdiff_t *taps = (ptrdiff_t *)scratch, *outputs = taps + block_taps(w, &b);
    float *copies = scratch + table_floats(block_taps(w, &b) + plan->outputs);
    list_multiples(outputs, plan->outputs, positions);
    tile_job job = {.taps = outputs, .rows = taps, .depth = plan->outputs};
    job.depth_stride = plan->outputs;
    job.negative_slope = 1;
    job.first = reads_image(w);
    if (!reads_image(w)) memset(dx, 0, (size_t)(w->channels * w->height * w->width) * sizeof *dx);
    for (b.row = 0; b.row < w->out_h; b.row += rows) {
        ptrdiff_t count = smaller(rows, w->out_h - b.row) * w->out_w;
        const float *weights = packed;
        for (b.channel = 0; b.channel < w->channels; b.channel += block) {
            b.channels = smaller(block, w->channels - b.channel);
            list_backward_rows(taps, w, &b);
            const float *from = dy + b.row * w->out_w;
            if (reads_image(w)) {
                multiply(&job, dx + b.channel * b.plane, from, weights, NULL, b.channels, count);
            } else {
                memset(copies, 0, (size_t)(b.channels * b.plane) * sizeof *copies);
                multiply(&job, copies, from, weights, NULL, block_taps(w, &b), count);
                add_band(dx, copies, w, &b);
            }
            weights += block_taps(w, &b) * plan->outputs;
        }
    }
}

void nk_conv2d_data_gradient_reference(float *dx, const float *dy, const float *w,
                                       const nk_conv2d *plan) {
    const nk_window *s = &plan->window;
    memset(dx, 0, (size_t)(s->channels * s->height * s->width) * sizeof *dx);
    for (ptrdiff_t m = 0; m < plan->outputs; m++) {
        for (ptrdiff_t c = 0; c < s->channels; c++) {
            for (ptrdiff_t ky = 0; ky < s->kernel_h; ky++) {
                for (ptrdiff_t kx = 0; kx < s->kernel_w; kx++, w++) {
                    for (ptrdiff_t p = 0; p < s->out_h * s->out_w; p++) {
                        ptrdiff_t iy = p / s->out_w * s->stride_h + ky * s->dilation_h - s->pad_h;
                        ptrdiff_t ix = p % s->out_w * s->stride_w + kx * s->dilation_w - s->pad_w;
                        if (iy < 0 || iy >= s->height || ix < 0 || ix >= s->width) continue;
                        dx[(c * s->height + iy) * s->width + ix] +=
                            *w * dy[m * s->out_h * s->out_w + p];
                    }
                }
            }
        }
    }
}

// Rows of a weight gradient's tile, as many as the registers hold times four taps.
ptrdiff_t nk_dot_rows(void) {
#if defined(__x86_64__)
    return nk_vector() == 16 ? tile_rows : 3;
#else
    return tile_rows;
#endif
}

// For the weight gradient the band holds several samples, so that sums stay in registers for long.
enum { dot_room = 48 * 1024 };

static ptrdiff_t samples_at_once(const nk_window *w, const band *b, ptrdiff_t samples) {
    if (reads_image(w)) return samples;
    ptrdiff_t fit = dot_room / (b->plane * b->channels);
    return fit < 1 ? 1 : smaller(fit, samples);
}

size_t nk_conv2d_weight_gradient_scratch(const nk_conv2d *plan, ptrdiff_t samples) {
    const nk_window *w = &plan->window;
    band b = choose_band(w, dot_room);
    return table_floats(block_taps(w, &b)) + copy_floats(w, &b, samples_at_once(w, &b, samples));
}

void nk_conv2d_weight_gradient(float *dw, const float *dy, const float *x, const nk_conv2d *plan,
                               ptrdiff_t samples, ptrdiff_t dy_stride, ptrdiff_t x_stride,
                               float *scratch) {
    const nk_window *w = &plan->window;
    band b = choose_band(w, dot_room);
    const dot_function(*tiles)[dot_taps] = nk_dot_tiles();
    ptrdiff_t *taps = (ptrdiff_t *)scratch;
    float *copies = scratch + table_floats(block_taps(w, &b));
    const ptrdiff_t block = b.channels, rows = b.rows, group = samples_at_once(w, &b, samples);
    const ptrdiff_t kernel = w->kernel_h * w->kernel_w, tall = nk_dot_rows();
    list_taps(taps, w, &b);
    dot_job job = {.dy_stride = dy_stride, .positions = w->out_h * w->out_w};
    job.depth = depth_of(plan);
    job.x_stride = reads_image(w) ? x_stride : block * b.plane;
    for (ptrdiff_t s = 0; s < samples; s += group) {
        job.samples = smaller(group, samples - s);
        for (b.row = 0; b.row < w->out_h; b.row += rows) {
            job.count = smaller(rows, w->out_h - b.row) * w->out_w;
            for (b.channel = 0; b.channel < w->channels; b.channel += block) {
                b.channels = smaller(block, w->channels - b.channel);
                const float *from = copies;
                if (reads_image(w)) {
                    from = x + s * x_stride + b.channel * b.plane;
                } else {
                    for (ptrdiff_t i = 0; i < job.samples; i++) {
                        copy_band(copies + i * job.x_stride, x + (s + i) * x_stride, w, &b);
                    }
                }
                for (ptrdiff_t k = 0; k < b.channels * kernel; k += dot_taps) {
                    ptrdiff_t kb = smaller(dot_taps, b.channels * kernel - k);
                    for (ptrdiff_t m = 0; m < plan->outputs; m += tall) {
                        ptrdiff_t mb = smaller(tall, plan->outputs - m);
                        tiles[mb - 1][kb - 1](&job, dw + m * job.depth + b.channel * kernel + k,
                                              dy + s * dy_stride + m * job.positions +
                                                  b.row * w->out_w,
                                              from, taps + k);
                    }
                }
            }
        }
    }
}

void nk_conv2d_weight_gradient_reference(float *dw, const float *dy, const float *x,
                                         const nk_conv2d *plan, ptrdiff_t samples,
                                         ptrdiff_t dy_stride, ptrdiff_t x_stride) {
    const nk_window *w = &plan->window;
    ptrdiff_t positions = w->out_h * w->out_w, k = 0;
    for (ptrdiff_t c = 0; c < w->channels; c++) {
        for (ptrdiff_t ky = 0; ky < w->kernel_h; ky++) {
            for (ptrdiff_t kx = 0; kx < w->kernel_w; kx++, k++) {
                for (ptrdiff_t m = 0; m < plan->outputs; m++) {
                    float sum = 0;
                    for (ptrdiff_t i = 0; i < samples * positions; i++) {
                        ptrdiff_t s = i / positions, p = i % positions;
                        ptrdiff_t iy = p / w->out_w * w->stride_h + ky * w->dilation_h - w->pad_h;
                        ptrdiff_t ix = p % w->out_w * w->stride_w + kx * w->dilation_w - w->pad_w;
                        if (iy < 0 || iy >= w->height || ix < 0 || ix >= w->width) continue;
                        sum += dy[s * dy_stride + m * positions + p] *
                               x[s * x_stride + (c * w->height + iy) * w->width + ix];
                    }
                    dw[m * depth_of(plan) + k] += sum;
                }
            }
        }
    }
}
