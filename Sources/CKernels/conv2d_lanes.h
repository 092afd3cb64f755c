// The convolution loops for one vector width; conv2d.c includes this once for each.
//
// Before: LANES (floats in a vector), TARGET (function attribute), NAME(x) (suffixed name), and the
// four functions on tails, TAIL being what marks the live lanes of a row's last vector.

typedef float NAME(vec) __attribute__((ext_vector_type(LANES)));
typedef float NAME(loose) __attribute__((ext_vector_type(LANES), aligned(4)));

#define VEC NAME(vec)
#define INLINE_TARGET static inline TARGET __attribute__((always_inline))

INLINE_TARGET VEC NAME(load)(const float *p) { return *(const NAME(loose) *)p; }
INLINE_TARGET void NAME(store)(float *p, VEC v) { *(NAME(loose) *)p = v; }

// One tile: rows [0, mb) times nb vectors, the last one cut by `tail`.
INLINE_TARGET void NAME(tile)(int mb, int nb, const tile_job *job, float *y, const float *x,
                              const float *w, const float *bias, TAIL tail) {
    NK_FUSED
    VEC sum[tile_rows][4];
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) sum[m][n] = bias ? bias[m] : 0.0f;
    }
    const ptrdiff_t *taps = job->taps;
    for (ptrdiff_t k = 0; k < job->depth; k++, w += mb) {
        const float *from = x + taps[k];
        VEC pixels[4];
        NK_UNROLL
        for (int n = 0; n + 1 < nb; n++) pixels[n] = NAME(load)(from + n * LANES);
        pixels[nb - 1] = NAME(load_tail)(from + (nb - 1) * LANES, tail);
        NK_UNROLL
        for (int m = 0; m < mb; m++) {
            VEC weight = w[m];
            NK_UNROLL
            for (int n = 0; n < nb; n++) sum[m][n] += weight * pixels[n];
        }
    }
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) {
            VEC v = sum[m][n];
            float *at = y + job->rows[m] + n * LANES;
            // Only now, since rows of the product may overlap in the data gradient.
            if (!job->first) v += n + 1 < nb ? NAME(load)(at) : NAME(load_tail)(at, tail);
            if (job->last) {
                VEC low = v * job->negative_slope + 0.0f;
                v = v < 0.0f ? low : v;
            }
            if (n + 1 < nb) {
                NAME(store)(at, v);
            } else {
                NAME(store_tail)(at, v, tail);
            }
        }
    }
}

#define TILE(mb, nb) \
    static TARGET void NAME(tile_##mb##_##nb)(const tile_job *job, float *y, const float *x, \
                                              const float *w, const float *bias, TAIL tail) { \
        NAME(tile)(mb, nb, job, y, x, w, bias, tail); \
    }
#define TILES(mb) TILE(mb, 1) TILE(mb, 2) TILE(mb, 3) TILE(mb, 4)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#undef TILES
#undef TILE

typedef void (*NAME(tile_function))(const tile_job *, float *, const float *, const float *,
                                    const float *, TAIL);

#define TILES(mb) \
    { NAME(tile_##mb##_1), NAME(tile_##mb##_2), NAME(tile_##mb##_3), NAME(tile_##mb##_4) }
static const NAME(tile_function)
    NAME(tiles)[tile_rows][4] = {TILES(1), TILES(2), TILES(3), TILES(4), TILES(5), TILES(6)};
#undef TILES

// Rows [0, rows) times positions [0, count), all blocks of rows over one block of taps.
static TARGET void NAME(product)(const tile_job *job, float *y, const float *x, const float *w,
                                 const float *bias, ptrdiff_t rows, ptrdiff_t count) {
    tile_job block = *job;
    for (ptrdiff_t m = 0; m < rows; m += tile_rows) {
        int mb = (int)(rows - m < tile_rows ? rows - m : tile_rows);
        const float *weights = w + m * job->depth_stride + mb * job->depth_start;
        block.rows = job->rows + m;
        for (ptrdiff_t p = 0; p < count; p += VECTORS * LANES) {
            ptrdiff_t left = count - p < VECTORS * LANES ? count - p : VECTORS * LANES;
            int nb = (int)((left + LANES - 1) / LANES);
            TAIL tail = NAME(tail)((int)(left - (nb - 1) * LANES));
            NAME(tiles)
            [mb - 1][nb - 1](&block, y + p, x + p, weights, bias && job->first ? bias + m : NULL,
                             tail);
        }
    }
}

// One tile of the weight gradient: dw[m][k] += sum over positions of dy[m] and the pixels under tap k.
INLINE_TARGET void NAME(dots)(int mb, int kb, const dot_job *job, float *dw, const float *dy,
                              const float *x, const ptrdiff_t *taps) {
    NK_FUSED
    VEC sum[tile_rows][dot_taps];
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int k = 0; k < dot_taps; k++) sum[m][k] = 0.0f;
    }
    const ptrdiff_t whole = job->count / LANES * LANES;
    const TAIL tail = NAME(tail)((int)(job->count - whole));
    for (ptrdiff_t s = 0; s < job->samples; s++) {
        const float *xs = x + s * job->x_stride, *dys = dy + s * job->dy_stride;
        for (ptrdiff_t p = 0; p < whole; p += LANES) {
            VEC pixels[dot_taps];
            NK_UNROLL
            for (int k = 0; k < kb; k++) pixels[k] = NAME(load)(xs + taps[k] + p);
            NK_UNROLL
            for (int m = 0; m < mb; m++) {
                VEC g = NAME(load)(dys + m * job->positions + p);
                NK_UNROLL
                for (int k = 0; k < kb; k++) sum[m][k] += g * pixels[k];
            }
        }
        if (whole == job->count) continue;
        VEC pixels[dot_taps];
        NK_UNROLL
        for (int k = 0; k < kb; k++) pixels[k] = NAME(load_tail)(xs + taps[k] + whole, tail);
        NK_UNROLL
        for (int m = 0; m < mb; m++) {
            VEC g = NAME(load_tail)(dys + m * job->positions + whole, tail);
            NK_UNROLL
            for (int k = 0; k < kb; k++) sum[m][k] += g * pixels[k];
        }
    }
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        quad total = NAME(fold)(sum[m][0], sum[m][1], sum[m][2], sum[m][3]);
        NK_UNROLL
        for (int k = 0; k < kb; k++) dw[m * job->depth + k] += total[k];
    }
}

#define DOTS(mb, kb) \
    static TARGET void NAME(dots_##mb##_##kb)(const dot_job *job, float *dw, const float *dy, \
                                              const float *x, const ptrdiff_t *taps) { \
        NAME(dots)(mb, kb, job, dw, dy, x, taps); \
    }
#define ROW(mb) DOTS(mb, 1) DOTS(mb, 2) DOTS(mb, 3) DOTS(mb, 4)
ROW(1)
ROW(2)
ROW(3)
ROW(4)
ROW(5)
ROW(6)
#undef ROW
#undef DOTS

#define ROW(mb) \
    { NAME(dots_##mb##_1), NAME(dots_##mb##_2), NAME(dots_##mb##_3), NAME(dots_##mb##_4) }
static const dot_function NAME(dot_tiles)[tile_rows][dot_taps] = {ROW(1), ROW(2), ROW(3),
                                                                  ROW(4), ROW(5), ROW(6)};
#undef ROW

#undef VEC
#undef INLINE_TARGET
