// The transforms of minimal filtering, sixteen tiles at a time; winograd.c includes this once.
//
// One axis: m outputs of an r-tap filter need m + r - 1 = 6 products, since filtering is the transpose
// of multiplying polynomials, and a product of degree 5 is known from its values at 6 points (Winograd,
// Arithmetic Complexity of Computations, 1980). So y = Aᵀ [(G g) ⊙ (Bᵀ d)], where A has the powers of the
// points for m outputs, G those for r taps divided by the points' distances, and Bᵀ the coefficients of
// the polynomials that vanish at all other points. Two axes nest: Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A (Lavin
// and Gray, Fast Algorithms for Convolutional Neural Networks, 2015).
//
// The points are 0, ±3/4, ±3/2 and infinity: as cheap as the usual 0, ±1, ±2, since all constants but
// those of G are exact, and with a third of the error, measured for 2 x 2 outputs as for 4 x 4.
#pragma once

#include "conv2d.h"

#define NK_UNROLL _Pragma("clang loop unroll(full)")

enum { points = 6, all_points = 36, lane_count = 16 };

typedef float lanes __attribute__((ext_vector_type(16)));
typedef float loose_lanes __attribute__((ext_vector_type(16), aligned(4)));
typedef float loose_half __attribute__((ext_vector_type(8), aligned(4)));
typedef float loose_quarter __attribute__((ext_vector_type(4), aligned(4)));

static const float a1 = 0.75f, a2 = 0.5625f, a3 = 0.421875f, a4 = 0.31640625f;
static const float b1 = 1.5f, b2 = 2.25f, b3 = 3.375f, b4 = 5.0625f;
// Minus the sum and the product of a2 and b2.
static const float both = 2.8125f, product_ab = 1.265625f;
// One over the products of a point's distances to the others.
static const float g0 = 64.0f / 81, ga = -128.0f / 243, gb = 32.0f / 243;

// v = Bᵀ d; both with a step from element to element, as below.
NK_INLINE void input_axis(lanes *v, int to, const lanes *d, int from) {
    NK_FUSED
    lanes d0 = d[0], d1 = d[from], d2 = d[2 * from], d3 = d[3 * from], d4 = d[4 * from];
    lanes even_a = d4 - b2 * d2, odd_a = d3 - b2 * d1;
    lanes even_b = d4 - a2 * d2, odd_b = d3 - a2 * d1;
    v[0] = d4 - both * d2 + product_ab * d0;
    v[to] = even_a + a1 * odd_a;
    v[2 * to] = even_a - a1 * odd_a;
    v[3 * to] = even_b + b1 * odd_b;
    v[4 * to] = even_b - b1 * odd_b;
    v[5 * to] = d[5 * from] - both * d3 + product_ab * d1;
}

// d = B v.
NK_INLINE void input_gradient_axis(lanes *d, int to, const lanes *v, int from) {
    NK_FUSED
    lanes v0 = v[0], v5 = v[5 * from];
    lanes sum_a = v[from] + v[2 * from], odd_a = v[from] - v[2 * from];
    lanes sum_b = v[3 * from] + v[4 * from], odd_b = v[3 * from] - v[4 * from];
    d[0] = product_ab * v0;
    d[to] = product_ab * v5 - (b2 * a1) * odd_a - (a2 * b1) * odd_b;
    d[2 * to] = -b2 * sum_a - a2 * sum_b - both * v0;
    d[3 * to] = a1 * odd_a + b1 * odd_b - both * v5;
    d[4 * to] = v0 + sum_a + sum_b;
    d[5 * to] = v5;
}

// y = Aᵀ p, m = 2 or 4 outputs.
NK_INLINE void output_axis(int m, lanes *y, int to, const lanes *p, int from) {
    NK_FUSED
    lanes sum_a = p[from] + p[2 * from], odd_a = p[from] - p[2 * from];
    lanes sum_b = p[3 * from] + p[4 * from], odd_b = p[3 * from] - p[4 * from];
    lanes last = p[5 * from];
    y[0] = p[0] + sum_a + sum_b;
    if (m == 2) {
        y[to] = a1 * odd_a + b1 * odd_b + last;
    } else {
        y[to] = a1 * odd_a + b1 * odd_b;
        y[2 * to] = a2 * sum_a + b2 * sum_b;
        y[3 * to] = a3 * odd_a + b3 * odd_b + last;
    }
}

// p = A y.
NK_INLINE void output_gradient_axis(int m, lanes *p, int to, const lanes *y, int from) {
    NK_FUSED
    lanes even_a = y[0], even_b = y[0], odd_a = a1 * y[from], odd_b = b1 * y[from];
    if (m == 4) {
        even_a += a2 * y[2 * from];
        even_b += b2 * y[2 * from];
        odd_a += a3 * y[3 * from];
        odd_b += b3 * y[3 * from];
    }
    p[0] = y[0];
    p[to] = even_a + odd_a;
    p[2 * to] = even_a - odd_a;
    p[3 * to] = even_b + odd_b;
    p[4 * to] = even_b - odd_b;
    p[5 * to] = y[(m - 1) * from];
}

// u = G g, r = 3 or 5 taps.
NK_INLINE void weight_axis(int r, lanes *u, int to, const lanes *g, int from) {
    NK_FUSED
    lanes even_a = g[0] + a2 * g[2 * from], odd_a = a1 * g[from];
    lanes even_b = g[0] + b2 * g[2 * from], odd_b = b1 * g[from];
    if (r == 5) {
        even_a += a4 * g[4 * from];
        even_b += b4 * g[4 * from];
        odd_a += a3 * g[3 * from];
        odd_b += b3 * g[3 * from];
    }
    u[0] = g0 * g[0];
    u[to] = ga * (even_a + odd_a);
    u[2 * to] = ga * (even_a - odd_a);
    u[3 * to] = gb * (even_b + odd_b);
    u[4 * to] = gb * (even_b - odd_b);
    u[5 * to] = g[(r - 1) * from];
}

// g = Gᵀ u.
NK_INLINE void weight_gradient_axis(int r, lanes *g, int to, const lanes *u, int from) {
    NK_FUSED
    lanes sum_a = ga * (u[from] + u[2 * from]), odd_a = ga * (u[from] - u[2 * from]);
    lanes sum_b = gb * (u[3 * from] + u[4 * from]), odd_b = gb * (u[3 * from] - u[4 * from]);
    lanes last = u[5 * from];
    g[0] = g0 * u[0] + sum_a + sum_b;
    g[to] = a1 * odd_a + b1 * odd_b;
    if (r == 3) {
        g[2 * to] = a2 * sum_a + b2 * sum_b + last;
    } else {
        g[2 * to] = a2 * sum_a + b2 * sum_b;
        g[3 * to] = a3 * odd_a + b3 * odd_b;
        g[4 * to] = a4 * sum_a + b4 * sum_b + last;
    }
}

NK_INLINE void load_lanes(lanes *v, const float *p) { *v = *(const loose_lanes *)p; }
NK_INLINE void store_lanes(float *p, const lanes *v) { *(loose_lanes *)p = *v; }

#define EVENS(a, b) \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) \
    __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define LOWS(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGHS(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// d[e] = pixels e, e + m, e + 2m ... of a line.
NK_INLINE void split(int m, lanes *d, const float *line) {
    lanes p[4];
    NK_UNROLL
    for (int i = 0; i < m; i++) load_lanes(&p[i], line + i * lane_count);
    if (m == 2) {
        d[0] = EVENS(p[0], p[1]);
        d[1] = ODDS(p[0], p[1]);
    } else {
        lanes even = EVENS(p[0], p[1]), even2 = EVENS(p[2], p[3]);
        lanes odd = ODDS(p[0], p[1]), odd2 = ODDS(p[2], p[3]);
        d[0] = EVENS(even, even2);
        d[1] = EVENS(odd, odd2);
        d[2] = ODDS(even, even2);
        d[3] = ODDS(odd, odd2);
    }
}

// The other way: p = the m vectors of a line.
NK_INLINE void join(int m, lanes *p, const lanes *d) {
    if (m == 2) {
        p[0] = LOWS(d[0], d[1]);
        p[1] = HIGHS(d[0], d[1]);
    } else {
        lanes even = LOWS(d[0], d[2]), even2 = HIGHS(d[0], d[2]);
        lanes odd = LOWS(d[1], d[3]), odd2 = HIGHS(d[1], d[3]);
        p[0] = LOWS(even, odd);
        p[1] = HIGHS(even, odd);
        p[2] = LOWS(even2, odd2);
        p[3] = HIGHS(even2, odd2);
    }
}
