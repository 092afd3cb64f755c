// The tiles of a matrix product for one vector width; product.c includes this once for each.
//
// Before: LANES (floats in a vector), VECTORS (vectors in a panel's row), TARGET (function attribute)
// and NAME(x) (suffixed name).

typedef float NAME(vec) __attribute__((ext_vector_type(LANES)));
typedef float NAME(loose) __attribute__((ext_vector_type(LANES), aligned(4)));

#define VEC NAME(vec)
#define WIDTH (LANES * VECTORS)

// Functions of whole vectors: they keep the compiler from halving the widest ones.
static inline TARGET __attribute__((always_inline)) VEC NAME(load)(const float *p) {
    return *(const NAME(loose) *)p;
}
static inline TARGET __attribute__((always_inline)) void NAME(store)(float *p, VEC v) {
    *(NAME(loose) *)p = v;
}

// C[mb rows][nb vectors] = start + A[mb rows][depth] * panel[depth][WIDTH]; fetches `ahead` on the way.
static inline TARGET __attribute__((always_inline)) void
NAME(tile)(int mb, int nb, float *c, size_t ldc, const float *start, size_t start_stride,
           const float *a, size_t a_row, size_t a_depth, const float *panel, size_t depth,
           const float *ahead, size_t step) {
    NK_FUSED
    VEC sum[tile_rows][VECTORS];
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) {
            sum[m][n] = 0.0f;
            // By the time that the sums are there the lines they go to have come.
            if (n * LANES % 16 == 0) __builtin_prefetch(c + (size_t)m * ldc + n * LANES, 1);
        }
    }
    for (size_t d = 0; d < depth; d++, panel += WIDTH) {
        __builtin_prefetch(ahead + d * step, 1, 2);
        VEC b[VECTORS];
        NK_UNROLL
        for (int n = 0; n < nb; n++) b[n] = NAME(load)(panel + n * LANES);
        NK_UNROLL
        for (int m = 0; m < mb; m++) {
            VEC value = a[(size_t)m * a_row + d * a_depth];
            NK_UNROLL
            for (int n = 0; n < nb; n++) sum[m][n] += value * b[n];
        }
    }
    NK_UNROLL
    for (int m = 0; m < mb; m++) {
        NK_UNROLL
        for (int n = 0; n < nb; n++) {
            const float *from = start + (size_t)m * start_stride + n * LANES;
            // Adding 0 makes the first sum the same as one that is added to zeros, -0 too.
            VEC before = start ? NAME(load)(from) : (VEC)0.0f;
            NAME(store)(c + (size_t)m * ldc + n * LANES, before + sum[m][n]);
        }
    }
}

#define CASE(mb, nb, a_row, a_depth) \
    NAME(tile)(mb, nb, c, ldc, start, start_stride, a, a_row, a_depth, panel, depth, ahead, step)
#define WIDTHS(mb, a_row, a_depth) \
    if (nb == VECTORS) \
        CASE(mb, VECTORS, a_row, a_depth); \
    else if (nb == 1) \
        CASE(mb, 1, a_row, a_depth); \
    else if (nb == 2) \
        CASE(mb, 2, a_row, a_depth); \
    else if (VECTORS == 4) \
    CASE(mb, VECTORS - 1, a_row, a_depth)
#define TILE(mb) \
    static TARGET void NAME(tile_##mb)(TILE_ARGUMENTS) { \
        (void)a_depth; \
        WIDTHS(mb, a_row, 1); \
    } \
    static TARGET void NAME(across_##mb)(TILE_ARGUMENTS) { \
        (void)a_row; \
        WIDTHS(mb, 1, a_depth); \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#undef TILE
#undef WIDTHS
#undef CASE

static const tile_function NAME(tiles)[2][tile_rows] = {
    {NAME(tile_1), NAME(tile_2), NAME(tile_3), NAME(tile_4), NAME(tile_5), NAME(tile_6)},
    {NAME(across_1), NAME(across_2), NAME(across_3), NAME(across_4), NAME(across_5),
     NAME(across_6)},
};

#undef VEC
#undef WIDTH
