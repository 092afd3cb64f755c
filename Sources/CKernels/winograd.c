// Two-dimensional convolution by minimal filtering: 5 x 5 taps with 36 products for 4 outputs instead
// of 100, 3 x 3 taps with 36 for 16 instead of 144. winograd_tiles.h has the mathematics.
//
// Tiles of 6 x 6 pixels overlap by taps - 1. A block of tiles, of several samples or of some rows of one,
// is transformed channel by channel into v[point][channel][tile]; at each of the 36 points a matrix
// product with the transformed weights u[point][output][channel] follows, and the products' tiles are
// transformed back. The data gradient is the exact transpose, step by step backwards; the weight gradient
// multiplies the transformed dy and x at each point and sums over tiles.
//
// Tile t = (row of tiles, sample, column of tiles). The rows of pixels are first laid end to end in
// lines, one copy for each m columns of a tile, row phase by row phase; in them any element (i, j) of
// successive tiles has a constant step, across rows and samples.
#include "winograd_tiles.h"

enum {
    room = 1536 * 1024,       // floats of the transformed tiles
    product_room = 64 * 1024, // of the products that wait for their way back
    sum_depth = 64,           // terms added in a row, before such sums are: rounding grows with it
    least_tiles = 64,
    band_tiles = 32, // of a thread's part of an image, at least
    most_tiles = 256,
};

// How the image is cut.
typedef struct {
    int m, taps;                // outputs and taps of a tile along an axis
    ptrdiff_t tiles_h, tiles_w; // of a sample
    ptrdiff_t channels, outputs;
    ptrdiff_t samples, rows; // of a block at most
    ptrdiff_t output_block;  // outputs whose products are kept at once
} tiling;

// One block of tiles.
typedef struct {
    ptrdiff_t sample, samples, row, rows;
    ptrdiff_t count, padded; // tiles, and rounded up to whole vectors
} tile_block;

// The lines of one channel of a block.
typedef struct {
    ptrdiff_t width; // floats of a row of tiles, all samples
    ptrdiff_t phase; // from a row of pixels to the next one
    ptrdiff_t copy;  // from one copy to the next, which begins m columns further right
} line_layout;

static ptrdiff_t up(ptrdiff_t value, ptrdiff_t step) { return (value + step - 1) / step; }

static tiling tiling_of(const nk_conv2d *plan, ptrdiff_t samples) {
    const nk_window *w = &plan->window;
    tiling t = {.taps = (int)w->kernel_h, .channels = w->channels, .outputs = plan->outputs};
    t.m = points + 1 - t.taps;
    t.tiles_h = up(w->out_h, t.m);
    t.tiles_w = up(w->out_w, t.m);
    ptrdiff_t most = room / (all_points * (t.channels + t.outputs));
    most = most < least_tiles ? least_tiles : smaller(most, most_tiles);
    ptrdiff_t all = t.tiles_h * t.tiles_w;
    t.samples = 1;
    t.rows = t.tiles_h;
    if (all <= most) {
        ptrdiff_t blocks = up(samples < 1 ? 1 : samples, most / all);
        t.samples = up(samples < 1 ? 1 : samples, blocks);
    } else {
        t.rows = most / t.tiles_w < 1 ? 1 : most / t.tiles_w;
        t.rows = up(t.tiles_h, up(t.tiles_h, t.rows));
    }
    return t;
}

static tile_block block_of(const tiling *t, ptrdiff_t sample, ptrdiff_t samples, ptrdiff_t row) {
    tile_block b = {.sample = sample, .samples = smaller(t->samples, samples - sample), .row = row};
    b.rows = smaller(t->rows, t->tiles_h - row);
    b.count = b.samples * b.rows * t->tiles_w;
    b.padded = up(b.count, lane_count) * lane_count;
    return b;
}

// From point to point: not a multiple of a cache's way, so that 36 streams do not evict each other.
static ptrdiff_t point_step(ptrdiff_t rows, ptrdiff_t padded) { return rows * padded + lane_count; }

static line_layout lines_of(const tiling *t, const tile_block *b, int halo) {
    line_layout l = {.width = b->samples * t->tiles_w * t->m};
    l.phase = (b->rows + (halo ? (points - 1) / t->m : 0)) * l.width;
    l.copy = t->m * l.phase + lane_count * t->m;
    return l;
}

// MARK: Lines

NK_INLINE void copy_floats(float *y, const float *x, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + 8 <= count; i += 8) *(loose_half *)(y + i) = *(const loose_half *)(x + i);
    if (i + 4 <= count) {
        *(loose_quarter *)(y + i) = *(const loose_quarter *)(x + i);
        i += 4;
    }
    for (; i < count; i++) y[i] = x[i];
}

NK_INLINE void clear_floats(float *y, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + 8 <= count; i += 8) *(loose_half *)(y + i) = 0;
    for (; i < count; i++) y[i] = 0;
}

NK_INLINE void add_floats(float *y, const float *x, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + 8 <= count; i += 8) *(loose_half *)(y + i) += *(const loose_half *)(x + i);
    if (i + 4 <= count) {
        *(loose_quarter *)(y + i) += *(const loose_quarter *)(x + i);
        i += 4;
    }
    for (; i < count; i++) y[i] += x[i];
}

// An image as lines see it: rows and columns outside are zero.
typedef struct {
    ptrdiff_t height, width, stride; // floats from sample to sample
    ptrdiff_t top, left;             // the pixel where the first tile of the block begins
} image;

// The columns [*first, *last) of a line that copy number `copy` takes from the image.
static void inside(ptrdiff_t *first, ptrdiff_t *last, const image *im, ptrdiff_t left,
                   ptrdiff_t width) {
    *first = smaller(left < 0 ? -left : 0, width);
    *last = smaller(im->width - left, width);
    if (*last < *first) *last = *first;
}

NK_CLONES static void fill_lines(float *lines, const float *x, const image *im, const tiling *t,
                                 const tile_block *b, const line_layout *l, int rows, int copies) {
    const ptrdiff_t width = t->tiles_w * t->m;
    for (int copy = 0; copy < copies; copy++) {
        ptrdiff_t first, last, left = im->left + copy * t->m;
        inside(&first, &last, im, left, width);
        for (ptrdiff_t q = 0; q < rows; q++) {
            ptrdiff_t row = im->top + q;
            float *y = lines + copy * l->copy + q % t->m * l->phase + q / t->m * l->width;
            if (row < 0 || row >= im->height || first == last) {
                clear_floats(y, l->width);
                continue;
            }
            const float *from = x + row * im->width + left;
            for (ptrdiff_t s = 0; s < b->samples; s++, y += width, from += im->stride) {
                for (ptrdiff_t i = 0; i < first; i++) y[i] = 0;
                copy_floats(y + first, from + first, last - first);
                for (ptrdiff_t i = last; i < width; i++) y[i] = 0;
            }
        }
    }
}

NK_CLONES static void add_lines(float *x, const float *lines, const image *im, const tiling *t,
                                const tile_block *b, const line_layout *l, int rows, int copies) {
    const ptrdiff_t width = t->tiles_w * t->m;
    for (int copy = 0; copy < copies; copy++) {
        ptrdiff_t first, last, left = im->left + copy * t->m;
        inside(&first, &last, im, left, width);
        for (ptrdiff_t q = 0; q < rows && first < last; q++) {
            ptrdiff_t row = im->top + q;
            if (row < 0 || row >= im->height) continue;
            const float *y = lines + copy * l->copy + q % t->m * l->phase + q / t->m * l->width;
            float *to = x + row * im->width + left;
            for (ptrdiff_t s = 0; s < b->samples; s++, y += width, to += im->stride) {
                add_floats(to + first, y + first, last - first);
            }
        }
    }
}

// MARK: Transforms of a block

NK_INLINE void input_tiles(int m, float *v, ptrdiff_t step, const float *lines,
                           const line_layout *l, ptrdiff_t padded) {
    for (ptrdiff_t t = 0; t < padded; t += lane_count) {
        lanes half[all_points];
        NK_UNROLL
        for (int i = 0; i < points; i++) {
            lanes d[8];
            const float *from = lines + i % m * l->phase + i / m * l->width + t * m;
            NK_UNROLL
            for (int j = 0; j < points; j += m) split(m, d + j, from + j / m * l->copy);
            input_axis(half + i * points, 1, d, 1);
        }
        NK_UNROLL
        for (int j = 0; j < points; j++) {
            lanes out[points];
            input_axis(out, 1, half + j, points);
            NK_UNROLL
            for (int i = 0; i < points; i++) store_lanes(v + (i * points + j) * step + t, &out[i]);
        }
    }
}

NK_CLONES static void input_tiles_of(int m, float *v, ptrdiff_t step, const float *lines,
                                     const line_layout *l, ptrdiff_t padded) {
    if (m == 2) {
        input_tiles(2, v, step, lines, l, padded);
    } else {
        input_tiles(4, v, step, lines, l, padded);
    }
}

// Lanes past the last tile count as 0.
NK_INLINE void cut_lanes(lanes *v, ptrdiff_t live) {
    for (int i = 0; i < lane_count; i++) {
        if (i >= live) (*v)[i] = 0;
    }
}

NK_INLINE void input_gradient_tiles(int m, float *lines, const float *v, ptrdiff_t step,
                                    const line_layout *l, ptrdiff_t count) {
    for (ptrdiff_t t = 0; t < count; t += lane_count) {
        lanes half[all_points];
        NK_UNROLL
        for (int j = 0; j < points; j++) {
            lanes in[points];
            NK_UNROLL
            for (int i = 0; i < points; i++) load_lanes(&in[i], v + (i * points + j) * step + t);
            input_gradient_axis(half + j, points, in, 1);
        }
        if (count - t < lane_count) {
            for (int i = 0; i < all_points; i++) cut_lanes(&half[i], count - t);
        }
        NK_UNROLL
        for (int i = 0; i < points; i++) {
            lanes d[8];
            input_gradient_axis(d, 1, half + i * points, 1);
            d[6] = d[7] = 0;
            float *to = lines + i % m * l->phase + i / m * l->width + t * m;
            NK_UNROLL
            for (int j = 0; j < points; j += m) {
                lanes p[4], old;
                join(m, p, d + j);
                NK_UNROLL
                for (int k = 0; k < m; k++) {
                    float *at = to + j / m * l->copy + k * lane_count;
                    load_lanes(&old, at);
                    old += p[k];
                    store_lanes(at, &old);
                }
            }
        }
    }
}

NK_CLONES static void input_gradient_tiles_of(int m, float *lines, const float *v, ptrdiff_t step,
                                              const line_layout *l, ptrdiff_t count) {
    if (m == 2) {
        input_gradient_tiles(2, lines, v, step, l, count);
    } else {
        input_gradient_tiles(4, lines, v, step, l, count);
    }
}

NK_INLINE void output_tiles(int m, float *lines, ptrdiff_t phase, const float *p, ptrdiff_t step,
                            ptrdiff_t padded, float bias, float slope) {
    NK_FUSED
    for (ptrdiff_t t = 0; t < padded; t += lane_count) {
        lanes half[4 * points];
        NK_UNROLL
        for (int j = 0; j < points; j++) {
            lanes in[points];
            NK_UNROLL
            for (int i = 0; i < points; i++) load_lanes(&in[i], p + (i * points + j) * step + t);
            output_axis(m, half + j, points, in, 1);
        }
        NK_UNROLL
        for (int i = 0; i < m; i++) {
            lanes y[4], line[4];
            output_axis(m, y, 1, half + i * points, 1);
            NK_UNROLL
            for (int j = 0; j < m; j++) {
                lanes v = y[j] + bias, low = v * slope + 0.0f;
                y[j] = v < 0.0f ? low : v;
            }
            join(m, line, y);
            NK_UNROLL
            for (int j = 0; j < m; j++) {
                store_lanes(lines + i * phase + t * m + j * lane_count, &line[j]);
            }
        }
    }
}

NK_CLONES static void output_tiles_of(int m, float *lines, ptrdiff_t phase, const float *p,
                                      ptrdiff_t step, ptrdiff_t padded, float bias, float slope) {
    if (m == 2) {
        output_tiles(2, lines, phase, p, step, padded, bias, slope);
    } else {
        output_tiles(4, lines, phase, p, step, padded, bias, slope);
    }
}

NK_INLINE void output_gradient_tiles(int m, float *p, ptrdiff_t step, const float *lines,
                                     const line_layout *l, ptrdiff_t padded) {
    for (ptrdiff_t t = 0; t < padded; t += lane_count) {
        lanes half[4 * points];
        NK_UNROLL
        for (int i = 0; i < m; i++) {
            lanes d[4];
            split(m, d, lines + i * l->phase + t * m);
            output_gradient_axis(m, half + i * points, 1, d, 1);
        }
        NK_UNROLL
        for (int j = 0; j < points; j++) {
            lanes out[points];
            output_gradient_axis(m, out, 1, half + j, points);
            NK_UNROLL
            for (int i = 0; i < points; i++) store_lanes(p + (i * points + j) * step + t, &out[i]);
        }
    }
}

NK_CLONES static void output_gradient_tiles_of(int m, float *p, ptrdiff_t step, const float *lines,
                                               const line_layout *l, ptrdiff_t padded) {
    if (m == 2) {
        output_gradient_tiles(2, p, step, lines, l, padded);
    } else {
        output_gradient_tiles(4, p, step, lines, l, padded);
    }
}

// MARK: Weights

// Sixteen filters, `at` floats from w, to the same place of all points.
NK_INLINE void transform_weights(int r, float *u, ptrdiff_t step, const float *w,
                                 const ptrdiff_t *at, int live) {
    lanes g[25], half[5 * points], out[all_points];
    float taps[25][lane_count] = {0};
    for (int i = 0; i < live; i++) {
        const float *from = w + at[i];
        for (int k = 0; k < r * r; k++) taps[k][i] = from[k];
    }
    for (int k = 0; k < r * r; k++) load_lanes(&g[k], taps[k]);
    NK_UNROLL
    for (int i = 0; i < r; i++) weight_axis(r, half + i * points, 1, g + i * r, 1);
    NK_UNROLL
    for (int j = 0; j < points; j++) weight_axis(r, out + j, points, half + j, points);
    for (int p = 0; p < all_points; p++) {
        if (live == lane_count) {
            store_lanes(u + p * step, &out[p]);
        } else {
            for (int i = 0; i < live; i++) u[p * step + i] = out[p][i];
        }
    }
}

// Rows of the product in tiles, depth-wise within a tile: the order that the product reads.
NK_CLONES static void pack(float *u, const float *w, int r, ptrdiff_t rows, ptrdiff_t row_step,
                           ptrdiff_t depth, ptrdiff_t depth_step) {
    ptrdiff_t at[lane_count], to = 0, row = 0, k = 0, first = 0;
    while (to < rows * depth) {
        int live = 0;
        for (; live < lane_count && to + live < rows * depth; live++) {
            at[live] = (first + row) * row_step + k * depth_step;
            row += 1;
            if (row < smaller(tile_rows, rows - first)) continue;
            row = 0;
            k += 1;
            if (k < depth) continue;
            k = 0;
            first += tile_rows;
        }
        if (r == 5) {
            transform_weights(5, u + to, rows * depth, w, at, live);
        } else {
            transform_weights(3, u + to, rows * depth, w, at, live);
        }
        to += live;
    }
}

// dw += Gᵀ du G of `count` filters that follow each other.
NK_INLINE void weight_gradients(int r, float *dw, const float *du, ptrdiff_t step,
                                ptrdiff_t count) {
    for (ptrdiff_t f = 0; f < count; f += lane_count) {
        lanes half[all_points], g[25];
        NK_UNROLL
        for (int j = 0; j < points; j++) {
            lanes in[points];
            NK_UNROLL
            for (int i = 0; i < points; i++) load_lanes(&in[i], du + (i * points + j) * step + f);
            weight_gradient_axis(r, half + j, points, in, 1);
        }
        NK_UNROLL
        for (int i = 0; i < r; i++) weight_gradient_axis(r, g + i * r, 1, half + i * points, 1);
        float taps[25][lane_count];
        NK_UNROLL
        for (int k = 0; k < r * r; k++) store_lanes(taps[k], &g[k]);
        ptrdiff_t live = smaller(count - f, lane_count);
        for (ptrdiff_t i = 0; i < live; i++) {
            float *to = dw + (f + i) * r * r;
            for (int k = 0; k < r * r; k++) to[k] += taps[k][i];
        }
    }
}

NK_CLONES static void weight_gradients_of(int r, float *dw, const float *du, ptrdiff_t step,
                                          ptrdiff_t count) {
    if (r == 5) {
        weight_gradients(5, dw, du, step, count);
    } else {
        weight_gradients(3, dw, du, step, count);
    }
}

// MARK: Passes

int nk_winograd_fits(const nk_window *w) {
    return w->kernel_h == w->kernel_w && (w->kernel_h == 3 || w->kernel_h == 5) &&
           w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1 && w->dilation_w == 1;
}

size_t nk_winograd_packed_size(const nk_conv2d *plan) {
    return (size_t)(all_points * plan->outputs * plan->window.channels);
}

void nk_winograd_pack(float *packed, const float *w, const nk_conv2d *plan) {
    ptrdiff_t r = plan->window.kernel_h, filter = r * r, c = plan->window.channels;
    pack(packed, w, (int)r, plan->outputs, c * filter, c, filter);
}

void nk_winograd_pack_backward(float *packed, const float *w, const nk_conv2d *plan) {
    ptrdiff_t r = plan->window.kernel_h, filter = r * r, c = plan->window.channels;
    pack(packed, w, (int)r, c, filter, plan->outputs, c * filter);
}

// Outputs in multiples of a product's rows, so that their 36 products stay in the cache.
static ptrdiff_t block_of_outputs(ptrdiff_t outputs, ptrdiff_t each) {
    ptrdiff_t fit = product_room / (all_points * each) / tile_rows * tile_rows;
    return smaller(outputs, fit < 2 * tile_rows ? 2 * tile_rows : fit);
}

// The parts of the scratch memory.
typedef struct {
    ptrdiff_t *taps;                 // multiples of a block's padded tiles
    float *lines, *inputs, *outputs; // transformed x or dx, and products, or transformed dy
    float *filters;                  // products of the weight gradient
    size_t total;
} layout;

static layout lay(float *scratch, const tiling *t) {
    tile_block b = block_of(t, 0, t->samples, 0);
    line_layout l = lines_of(t, &b, 1);
    ptrdiff_t there = up(points, t->m) * l.copy, back = t->m * t->m * b.padded;
    ptrdiff_t block = block_of_outputs(t->outputs, t->channels);
    size_t lines = table_floats(t->channels < t->outputs ? t->outputs : t->channels);
    size_t inputs = lines + (size_t)(up(there > back ? there : back, lane_count) * lane_count);
    size_t outputs = inputs + (size_t)(all_points * point_step(t->channels, b.padded));
    size_t filters = outputs + (size_t)(all_points * point_step(t->outputs, b.padded));
    layout parts = {.total = filters + (size_t)(all_points * (block * t->channels + lane_count))};
    if (!scratch) return parts;
    parts.taps = (ptrdiff_t *)scratch;
    parts.lines = scratch + lines;
    parts.inputs = scratch + inputs;
    parts.outputs = scratch + outputs;
    parts.filters = scratch + filters;
    return parts;
}

size_t nk_winograd_scratch(const nk_conv2d *plan, ptrdiff_t samples) {
    size_t most = 0;
    for (ptrdiff_t count = 1; count <= samples; count++) {
        tiling t = tiling_of(plan, count);
        size_t total = lay(NULL, &t).total;
        most = total > most ? total : most;
        if (t.samples < count) break;
    }
    return most;
}

// v = Bᵀ x B for the channels [first, last) of a block; channel c goes to v + c * padded.
static void transform_inputs(float *v, ptrdiff_t step, float *lines, const float *x,
                             ptrdiff_t x_stride, const nk_window *w, const tiling *t,
                             const tile_block *b, ptrdiff_t first, ptrdiff_t last) {
    line_layout l = lines_of(t, b, 1);
    image im = {w->height, w->width, x_stride, b->row * t->m - w->pad_h, -w->pad_w};
    int rows = (int)(b->rows * t->m + points - t->m);
    for (ptrdiff_t c = first; c < last; c++) {
        const float *plane = x + b->sample * x_stride + c * w->height * w->width;
        fill_lines(lines, plane, &im, t, b, &l, rows, (int)up(points, t->m));
        input_tiles_of(t->m, v + c * b->padded, step, lines, &l, b->padded);
    }
}

// A dy Aᵀ for the outputs [first, last) of a block.
static void transform_output_gradients(float *p, ptrdiff_t step, float *lines, const float *dy,
                                       ptrdiff_t dy_stride, const nk_window *w, const tiling *t,
                                       const tile_block *b, ptrdiff_t first, ptrdiff_t last) {
    line_layout l = lines_of(t, b, 0);
    image im = {w->out_h, w->out_w, dy_stride, b->row * t->m, 0};
    for (ptrdiff_t m = first; m < last; m++) {
        const float *plane = dy + b->sample * dy_stride + m * w->out_h * w->out_w;
        fill_lines(lines, plane, &im, t, b, &l, (int)b->rows * t->m, 1);
        output_gradient_tiles_of(t->m, p + m * b->padded, step, lines, &l, b->padded);
    }
}

NK_CLONES static void store_outputs(float *y, ptrdiff_t y_stride, const float *lines,
                                    ptrdiff_t phase, const nk_window *w, const tiling *t,
                                    const tile_block *b) {
    const ptrdiff_t width = t->tiles_w * t->m;
    for (ptrdiff_t q = 0; q < smaller(b->rows * t->m, w->out_h - b->row * t->m); q++) {
        const float *from = lines + q % t->m * phase + q / t->m * b->samples * width;
        float *to = y + b->sample * y_stride + (b->row * t->m + q) * w->out_w;
        for (ptrdiff_t s = 0; s < b->samples; s++, from += width, to += y_stride) {
            copy_floats(to, from, w->out_w);
        }
    }
}

// At each point: y(rows, tiles) = u · v, with `depth` terms in a sum.
static void multiply_points(const layout *parts, float *y, ptrdiff_t y_step, const float *v,
                            ptrdiff_t v_step, const float *u, ptrdiff_t u_step, ptrdiff_t rows,
                            ptrdiff_t depth, const tile_block *b) {
    const product_function multiply = nk_product();
    const ptrdiff_t block = up(depth, up(depth, sum_depth));
    tile_job job = {.taps = parts->taps, .rows = parts->taps, .depth_stride = depth};
    job.negative_slope = 1;
    for (ptrdiff_t p = 0; p < all_points; p++) {
        for (ptrdiff_t k = 0; k < depth; k += block) {
            job.depth = smaller(block, depth - k);
            job.depth_start = k;
            job.first = k == 0;
            multiply(&job, y + p * y_step, v + p * v_step + k * b->padded, u + p * u_step, NULL,
                     rows, b->count);
        }
    }
}

static void forward_block(const layout *parts, const tiling *t, const tile_block *b, float *y,
                          ptrdiff_t y_stride, const float *x, ptrdiff_t x_stride,
                          const float *packed, const float *bias, float negative_slope,
                          const nk_window *w) {
    const ptrdiff_t positions = w->out_h * w->out_w, point = t->outputs * t->channels;
    const ptrdiff_t block = block_of_outputs(t->outputs, b->padded);
    const ptrdiff_t step = point_step(block, b->padded), in = point_step(t->channels, b->padded);
    transform_inputs(parts->inputs, in, parts->lines, x, x_stride, w, t, b, 0, t->channels);
    list_multiples(parts->taps, t->channels < t->outputs ? t->outputs : t->channels, b->padded);
    for (ptrdiff_t m = 0; m < t->outputs; m += block) {
        ptrdiff_t rows = smaller(block, t->outputs - m);
        multiply_points(parts, parts->outputs, step, parts->inputs, in, packed + m * t->channels,
                        point, rows, t->channels, b);
        for (ptrdiff_t r = 0; r < rows; r++) {
            output_tiles_of(t->m, parts->lines, b->padded * t->m, parts->outputs + r * b->padded,
                            step, b->padded, bias ? bias[m + r] : 0, negative_slope);
            store_outputs(y + (m + r) * positions, y_stride, parts->lines, b->padded * t->m, w, t,
                          b);
        }
    }
}

void nk_winograd_forward(float *y, const float *x, const float *packed, const float *bias,
                         float negative_slope, const nk_conv2d *plan, ptrdiff_t samples,
                         ptrdiff_t y_stride, ptrdiff_t x_stride, float *scratch) {
    const nk_window *w = &plan->window;
    const tiling t = tiling_of(plan, samples);
    const layout parts = lay(scratch, &t);
    for (ptrdiff_t s = 0; s < samples; s += t.samples) {
        for (ptrdiff_t row = 0; row < t.tiles_h; row += t.rows) {
            tile_block b = block_of(&t, s, samples, row);
            forward_block(&parts, &t, &b, y, y_stride, x, x_stride, packed, bias, negative_slope,
                          w);
        }
    }
}

ptrdiff_t nk_winograd_bands(const nk_conv2d *plan) {
    tiling t = tiling_of(plan, 1);
    ptrdiff_t fewest = up(t.tiles_h, t.rows), most = t.tiles_h * t.tiles_w / band_tiles;
    ptrdiff_t bands = most < 4 ? most : 4;
    return fewest > bands ? fewest : bands < 1 ? 1 : bands;
}

void nk_winograd_forward_band(float *y, const float *x, const float *packed, const float *bias,
                              float negative_slope, const nk_conv2d *plan, ptrdiff_t band,
                              float *scratch) {
    tiling t = tiling_of(plan, 1);
    t.rows = up(t.tiles_h, nk_winograd_bands(plan));
    if (band * t.rows >= t.tiles_h) return;
    const layout parts = lay(scratch, &t);
    tile_block b = block_of(&t, 0, 1, band * t.rows);
    forward_block(&parts, &t, &b, y, 0, x, 0, packed, bias, negative_slope, &plan->window);
}

// dw += Gᵀ [Σ_tiles (A dy Aᵀ) ⊙ (Bᵀ x B)] G.
static void add_weight_gradient(float *dw, const layout *parts, const tiling *t,
                                const tile_block *b) {
    const dot_function(*tiles)[dot_taps] = nk_dot_tiles();
    const ptrdiff_t tall = nk_dot_rows(), block = block_of_outputs(t->outputs, t->channels);
    const ptrdiff_t in = point_step(t->channels, b->padded),
                    out = point_step(t->outputs, b->padded);
    const ptrdiff_t step = block * t->channels + lane_count;
    dot_job job = {.samples = 1, .positions = b->padded, .count = b->count, .depth = t->channels};
    for (ptrdiff_t m0 = 0; m0 < t->outputs; m0 += block) {
        ptrdiff_t rows = smaller(block, t->outputs - m0);
        memset(parts->filters, 0, (size_t)(all_points * step) * sizeof(float));
        for (ptrdiff_t p = 0; p < all_points; p++) {
            const float *x = parts->inputs + p * in,
                        *dy = parts->outputs + p * out + m0 * b->padded;
            float *to = parts->filters + p * step;
            for (ptrdiff_t c = 0; c < t->channels; c += dot_taps) {
                ptrdiff_t cb = smaller(dot_taps, t->channels - c);
                for (ptrdiff_t m = 0; m < rows; m += tall) {
                    ptrdiff_t mb = smaller(tall, rows - m);
                    tiles[mb - 1][cb - 1](&job, to + m * t->channels + c, dy + m * b->padded, x,
                                          parts->taps + c);
                }
            }
        }
        weight_gradients_of(t->taps, dw + m0 * t->channels * t->taps * t->taps, parts->filters,
                            step, rows * t->channels);
    }
}

// dx += B [Uᵀ (A dy Aᵀ)] Bᵀ, tile by tile.
static void add_data_gradient(float *dx, ptrdiff_t x_stride, const float *packed,
                              const layout *parts, const nk_window *w, const tiling *t,
                              const tile_block *b) {
    const line_layout l = lines_of(t, b, 1);
    const int copies = (int)up(points, t->m), height = (int)(b->rows * t->m + points - t->m);
    const image im = {w->height, w->width, x_stride, b->row * t->m - w->pad_h, -w->pad_w};
    const ptrdiff_t block = block_of_outputs(t->channels, b->padded);
    const ptrdiff_t step = point_step(block, b->padded), out = point_step(t->outputs, b->padded);
    for (ptrdiff_t c = 0; c < t->channels; c += block) {
        ptrdiff_t rows = smaller(block, t->channels - c);
        multiply_points(parts, parts->inputs, step, parts->outputs, out, packed + c * t->outputs,
                        t->channels * t->outputs, rows, t->outputs, b);
        for (ptrdiff_t r = 0; r < rows; r++) {
            memset(parts->lines, 0, (size_t)(copies * l.copy) * sizeof(float));
            input_gradient_tiles_of(t->m, parts->lines, parts->inputs + r * b->padded, step, &l,
                                    b->count);
            add_lines(dx + b->sample * x_stride + (c + r) * w->height * w->width, parts->lines, &im,
                      t, b, &l, height, copies);
        }
    }
}

void nk_winograd_backward(float *dx, float *dw, const float *dy, const float *x,
                          const float *packed, const nk_conv2d *plan, ptrdiff_t samples,
                          ptrdiff_t dy_stride, ptrdiff_t x_stride, float *scratch) {
    const nk_window *w = &plan->window;
    const tiling t = tiling_of(plan, samples);
    const layout parts = lay(scratch, &t);
    const size_t plane = (size_t)(t.channels * w->height * w->width);
    for (ptrdiff_t s = 0; dx && s < samples; s++) memset(dx + s * x_stride, 0, plane * sizeof *dx);
    for (ptrdiff_t s = 0; s < samples; s += t.samples) {
        for (ptrdiff_t row = 0; row < t.tiles_h; row += t.rows) {
            tile_block b = block_of(&t, s, samples, row);
            list_multiples(parts.taps, t.channels < t.outputs ? t.outputs : t.channels, b.padded);
            transform_output_gradients(parts.outputs, point_step(t.outputs, b.padded), parts.lines,
                                       dy, dy_stride, w, &t, &b, 0, t.outputs);
            if (dw) {
                transform_inputs(parts.inputs, point_step(t.channels, b.padded), parts.lines, x,
                                 x_stride, w, &t, &b, 0, t.channels);
                add_weight_gradient(dw, &parts, &t, &b);
            }
            if (dx) add_data_gradient(dx, x_stride, packed, &parts, w, &t, &b);
        }
    }
}

// MARK: Passes in parts: threads share a block of many samples' tiles, and other code multiplies

static tiling batch_tiling(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most) {
    tiling t = tiling_of(plan, 1);
    ptrdiff_t all = t.tiles_h * t.tiles_w;
    t.samples = 1;
    t.rows = t.tiles_h;
    if (all <= most) {
        t.samples = up(samples, up(samples, most / all));
    } else {
        t.rows = up(t.tiles_h, up(t.tiles_h, most / t.tiles_w < 1 ? 1 : most / t.tiles_w));
    }
    return t;
}

ptrdiff_t nk_winograd_block_count(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most) {
    tiling t = batch_tiling(plan, samples, most);
    return up(samples, t.samples) * up(t.tiles_h, t.rows);
}

nk_winograd_block nk_winograd_block_at(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most,
                                       ptrdiff_t index) {
    tiling t = batch_tiling(plan, samples, most);
    ptrdiff_t bands = up(t.tiles_h, t.rows);
    tile_block b = block_of(&t, index / bands * t.samples, samples, index % bands * t.rows);
    return (nk_winograd_block){b.sample, b.samples, b.row, b.rows, b.count, b.padded};
}

static tile_block block_from(const nk_winograd_block *b) {
    return (tile_block){b->sample, b->samples, b->row, b->rows, b->count, b->padded};
}

size_t nk_winograd_lines(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most) {
    tiling t = batch_tiling(plan, samples, most);
    tile_block b = block_of(&t, 0, t.samples, 0);
    line_layout l = lines_of(&t, &b, 1);
    ptrdiff_t there = up(points, t.m) * l.copy, back = t.m * t.m * b.padded;
    return (size_t)(there > back ? there : back);
}

void nk_winograd_inputs(float *v, ptrdiff_t step, const float *x, ptrdiff_t x_stride,
                        const nk_conv2d *plan, const nk_winograd_block *block, ptrdiff_t first,
                        ptrdiff_t last, float *lines) {
    const tiling t = tiling_of(plan, 1);
    const tile_block b = block_from(block);
    transform_inputs(v, step, lines, x, x_stride, &plan->window, &t, &b, first, last);
}

void nk_winograd_output_gradients(float *p, ptrdiff_t step, const float *dy, ptrdiff_t dy_stride,
                                  const nk_conv2d *plan, const nk_winograd_block *block,
                                  ptrdiff_t first, ptrdiff_t last, float *lines) {
    const tiling t = tiling_of(plan, 1);
    const tile_block b = block_from(block);
    transform_output_gradients(p, step, lines, dy, dy_stride, &plan->window, &t, &b, first, last);
}

void nk_winograd_outputs(float *y, ptrdiff_t y_stride, const float *p, ptrdiff_t step,
                         const float *bias, float negative_slope, const nk_conv2d *plan,
                         const nk_winograd_block *block, ptrdiff_t first, ptrdiff_t last,
                         float *lines) {
    const tiling t = tiling_of(plan, 1);
    const tile_block b = block_from(block);
    const nk_window *w = &plan->window;
    for (ptrdiff_t m = first; m < last; m++) {
        output_tiles_of(t.m, lines, b.padded * t.m, p + m * b.padded, step, b.padded,
                        bias ? bias[m] : 0, negative_slope);
        store_outputs(y + m * w->out_h * w->out_w, y_stride, lines, b.padded * t.m, w, &t, &b);
    }
}

void nk_winograd_input_gradients(float *dx, ptrdiff_t x_stride, const float *v, ptrdiff_t step,
                                 const nk_conv2d *plan, const nk_winograd_block *block,
                                 ptrdiff_t first, ptrdiff_t last, float *lines) {
    const tiling t = tiling_of(plan, 1);
    const tile_block b = block_from(block);
    const nk_window *w = &plan->window;
    const line_layout l = lines_of(&t, &b, 1);
    const int copies = (int)up(points, t.m), height = (int)(b.rows * t.m + points - t.m);
    const image im = {w->height, w->width, x_stride, b.row * t.m - w->pad_h, -w->pad_w};
    for (ptrdiff_t c = first; c < last; c++) {
        memset(lines, 0, (size_t)(copies * l.copy) * sizeof(float));
        input_gradient_tiles_of(t.m, lines, v + c * b.padded, step, &l, b.count);
        add_lines(dx + b.sample * x_stride + c * w->height * w->width, lines, &im, &t, &b, &l,
                  height, copies);
    }
}

NK_CLONES static void transform_rows(float *u, ptrdiff_t step, const float *w, int r,
                                     ptrdiff_t count) {
    ptrdiff_t at[lane_count];
    for (ptrdiff_t f = 0; f < count; f += lane_count) {
        int live = (int)smaller(lane_count, count - f);
        for (int i = 0; i < live; i++) at[i] = (f + i) * r * r;
        if (r == 5) {
            transform_weights(5, u + f, step, w, at, live);
        } else {
            transform_weights(3, u + f, step, w, at, live);
        }
    }
}

void nk_winograd_weights(float *u, ptrdiff_t step, const float *w, const nk_conv2d *plan,
                         ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t r = plan->window.kernel_h, c = plan->window.channels;
    transform_rows(u + first * c, step, w + first * c * r * r, (int)r, (last - first) * c);
}

void nk_winograd_weight_gradients(float *dw, const float *du, ptrdiff_t step, const nk_conv2d *plan,
                                  ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t r = plan->window.kernel_h, c = plan->window.channels;
    weight_gradients_of((int)r, dw + first * c * r * r, du + first * c, step, (last - first) * c);
}
