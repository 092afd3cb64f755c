// The dots of rows with rows for one vector width; dots.c includes this once for each.
//
// Before: LANES (floats in a vector), TARGET (function attribute) and NAME(x) (suffixed name).

typedef float NAME(vec) __attribute__((ext_vector_type(LANES)));
typedef float NAME(loose) __attribute__((ext_vector_type(LANES), aligned(4)));

#define VEC NAME(vec)
#define INLINE_TARGET static inline TARGET __attribute__((always_inline))

// Passing vectors by value also tells the compiler that vectors as wide as these are wanted.
INLINE_TARGET VEC NAME(load)(const float *p) { return *(const NAME(loose) *)p; }

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
#undef INLINE_TARGET
