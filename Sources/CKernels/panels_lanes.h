// The product with panels for one vector width; panels.c includes this once for each.
//
// Before: LANES (floats in a vector), VECTORS (vectors in a panel's row), TARGET (function attribute)
// and NAME(x) (suffixed name).

typedef float NAME(vec) __attribute__((ext_vector_type(LANES)));
typedef float NAME(loose) __attribute__((ext_vector_type(LANES), aligned(4)));

#define VEC NAME(vec)
#define WIDTH (LANES * VECTORS)
#define INLINE_TARGET static inline TARGET __attribute__((always_inline))

// Passing vectors by value also tells the compiler that vectors as wide as these are wanted.
INLINE_TARGET VEC NAME(load)(const float *p) { return *(const NAME(loose) *)p; }
INLINE_TARGET void NAME(store)(float *p, VEC v) { *(NAME(loose) *)p = v; }

// C[mb rows][nb vectors] (+)= A[mb rows][depth] * panel[depth][WIDTH].
INLINE_TARGET void NAME(tile)(int mb, int nb, float *c, size_t ldc, const float *a, size_t lda,
                              const float *panel, size_t depth, int adds, const float *ahead,
                              size_t step) {
    NK_FUSED
    VEC sum[tile_rows][VECTORS];
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) sum[m][n] = 0.0f;
    }
    for (size_t d = 0; d < depth; d++, panel += WIDTH) {
        __builtin_prefetch(ahead + d * step, 1, 2);
        VEC b[VECTORS];
        NK_UNROLL
        for (int n = 0; n < nb; n++) b[n] = NAME(load)(panel + n * LANES);
        NK_UNROLL
        for (int m = 0; m < mb; m++) {
            VEC value = a[(size_t)m * lda + d];
            NK_UNROLL
            for (int n = 0; n < nb; n++) sum[m][n] += value * b[n];
        }
    }
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) {
            float *at = c + (size_t)m * ldc + n * LANES;
            // Adding 0 makes the first sum the same as one that is added to zeros, -0 too.
            NAME(store)(at, (adds ? NAME(load)(at) : (VEC)0.0f) + sum[m][n]);
        }
    }
}

#define CASE(mb, nb) NAME(tile)(mb, nb, c, ldc, a, lda, panel, depth, adds, ahead, step)
#define TILE(mb) \
    static TARGET void NAME(tile_##mb)(int nb, float *c, size_t ldc, const float *a, size_t lda, \
                                       const float *panel, size_t depth, int adds, \
                                       const float *ahead, size_t step) { \
        if (nb == VECTORS) \
            CASE(mb, VECTORS); \
        else if (nb == 1) \
            CASE(mb, 1); \
        else if (nb == 2) \
            CASE(mb, 2); \
        else if (VECTORS == 4) \
            CASE(mb, VECTORS - 1); \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#undef TILE
#undef CASE

typedef void (*NAME(tile_function))(int, float *, size_t, const float *, size_t, const float *,
                                    size_t, int, const float *, size_t);

static const NAME(tile_function) NAME(tiles)[tile_rows] = {
    NAME(tile_1), NAME(tile_2), NAME(tile_3), NAME(tile_4), NAME(tile_5), NAME(tile_6)};

static TARGET void NAME(product)(float *c, size_t ldc, const float *a, size_t lda,
                                 const float *panels, size_t panel_stride, size_t rows,
                                 size_t columns, size_t depth, int adds, const nk_region *next) {
    size_t call = 0, step = next && depth ? (next->columns + depth - 1) / depth : 0;
    for (size_t n = 0; n < columns; n += WIDTH, panels += panel_stride) {
        size_t left = columns - n < WIDTH ? columns - n : WIDTH;
        int nb = (int)((left + LANES - 1) / LANES);
        for (size_t m = 0; m < rows; m += tile_rows) {
            size_t mb = rows - m < tile_rows ? rows - m : tile_rows;
            float *at = c + m * ldc + n;
            const float *from = a + m * lda;
            int fetches = next && call < next->rows;
            const float *ahead = fetches ? next->at + call * next->stride : from;
            size_t pace = fetches ? step : 0;
            call++;
            if (left % LANES == 0) {
                NAME(tiles)[mb - 1](nb, at, ldc, from, lda, panels, depth, adds, ahead, pace);
                continue;
            }
            float edge[tile_rows * WIDTH];
            for (size_t r = 0; r < mb; r++) {
                for (size_t i = 0; i < left; i++) edge[r * WIDTH + i] = adds ? at[r * ldc + i] : 0;
            }
            NAME(tiles)[mb - 1](nb, edge, WIDTH, from, lda, panels, depth, adds, ahead, pace);
            for (size_t r = 0; r < mb; r++)
                memcpy(at + r * ldc, edge + r * WIDTH, left * sizeof *at);
        }
    }
}

// One tile of dots: nb rows of w by mb items, over the whole width.
INLINE_TARGET void NAME(dot)(int mb, int nb, float *y, size_t ldy, const float *x, size_t ldx,
                             const float *w, size_t ldw, const float *bias, size_t width) {
    NK_RELAXED
    VEC sum[dot_rows][dot_rows];
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) sum[m][n] = 0.0f;
    }
    size_t whole = width / LANES * LANES;
    for (size_t k = 0; k < whole; k += LANES) {
        VEC values[dot_rows];
        NK_UNROLL
        for (int m = 0; m < mb; m++) values[m] = NAME(load)(x + (size_t)m * ldx + k);
        NK_UNROLL
        for (int n = 0; n < nb; n++) {
            VEC weights = NAME(load)(w + (size_t)n * ldw + k);
            NK_UNROLL
            for (int m = 0; m < mb; m++) sum[m][n] += values[m] * weights;
        }
    }
    for (int m = 0; m < mb; m++) {
        for (int n = 0; n < nb; n++) {
            float total = 0;
            for (int i = 0; i < LANES; i++) total += sum[m][n][i];
            for (size_t k = whole; k < width; k++) {
                total += x[(size_t)m * ldx + k] * w[(size_t)n * ldw + k];
            }
            y[(size_t)m * ldy + n] = (bias ? bias[n] : 0.0f) + total;
        }
    }
}

#define CASE(mb, nb) NAME(dot)(mb, nb, to, ldy, from, ldx, rows, ldw, bias ? bias + n : NULL, width)
static TARGET void NAME(dots)(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                              size_t ldw, const float *bias, size_t items, size_t outputs,
                              size_t width) {
    size_t whole = outputs / dot_rows * dot_rows;
    for (size_t n = 0; n < outputs; n += n < whole ? dot_rows : 1) {
        const float *rows = w + n * ldw;
        for (size_t m = 0; m < items; m += dot_rows) {
            size_t left = items - m;
            float *to = y + m * ldy + n;
            const float *from = x + m * ldx;
            if (n >= whole) {
                for (size_t i = 0; i < left && i < dot_rows; i++, to += ldy, from += ldx)
                    CASE(1, 1);
            } else if (left == 1) {
                CASE(1, dot_rows);
            } else if (left == 2) {
                CASE(2, dot_rows);
            } else if (left == 3) {
                CASE(3, dot_rows);
            } else {
                CASE(dot_rows, dot_rows);
            }
        }
    }
}
#undef CASE

#undef VEC
#undef WIDTH
#undef INLINE_TARGET
