// Values moved as they are, or chosen: repeats, cuts, the largest of a row.
#include "internal.h"

// MARK: Repeats

void nk_tile(float *y, const float *x, size_t outer, size_t inner, size_t tiles) {
    for (size_t o = 0; o < outer; o++, x += inner) {
        if (inner == 1) {
            nk_fill(y, *x, tiles);
            y += tiles;
            continue;
        }
        for (size_t t = 0; t < tiles; t++, y += inner) nk_copy(y, x, inner);
    }
}

void nk_tile_backward(float *dx, const float *dy, size_t outer, size_t inner, size_t tiles) {
    for (size_t o = 0; o < outer; o++, dx += inner) {
        if (inner == 1) {
            *dx = (float)nk_sum(dy, tiles);
            dy += tiles;
            continue;
        }
        nk_copy(dx, dy, inner);
        dy += inner;
        for (size_t t = 1; t < tiles; t++, dy += inner) nk_add(dx, dx, dy, inner);
    }
}

// MARK: Cuts

// Walks the rows of the inner box and where they lie in the outer one.
static void walk_box(float *small, float *large, const nk_box *box, int puts_back) {
    size_t rows = 1, row = (size_t)box->inner[box->axes - 1];
    for (ptrdiff_t a = 0; a < box->axes - 1; a++) rows *= (size_t)box->inner[a];
    for (size_t r = 0; r < rows; r++, small += row) {
        size_t left = r, step = (size_t)box->outer[box->axes - 1];
        size_t at = (size_t)box->offset[box->axes - 1];
        for (ptrdiff_t a = box->axes - 1; a-- > 0;) {
            at += (left % (size_t)box->inner[a] + (size_t)box->offset[a]) * step;
            left /= (size_t)box->inner[a];
            step *= (size_t)box->outer[a];
        }
        if (puts_back) {
            nk_copy(large + at, small, row);
        } else {
            nk_copy(small, large + at, row);
        }
    }
}

void nk_cut(float *y, const float *x, const nk_box *box) { walk_box(y, (float *)x, box, 0); }

void nk_put_back(float *dx, const float *dy, const nk_box *box) {
    size_t count = 1;
    for (ptrdiff_t a = 0; a < box->axes; a++) count *= (size_t)box->outer[a];
    nk_fill(dx, 0, count);
    walk_box((float *)dy, dx, box, 1);
}

// MARK: The largest

// Whether value a at index i goes before value b at index j: larger first, then the later one; NaN
// last.
NK_INLINE int precedes(float a, int32_t i, float b, int32_t j) {
    int a_is_nan = a != a, b_is_nan = b != b;
    if (a_is_nan || b_is_nan) return a_is_nan == b_is_nan ? i > j : b_is_nan;
    return a > b || (a == b && i > j);
}

// Restores a heap whose top is the last in order, below `at`.
static void sift_down(float *value, int32_t *index, size_t at, size_t count) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) return;
        if (child + 1 < count &&
            precedes(value[child], index[child], value[child + 1], index[child + 1])) {
            child++;
        }
        if (!precedes(value[at], index[at], value[child], index[child])) return;
        float v = value[at];
        int32_t i = index[at];
        value[at] = value[child], index[at] = index[child];
        value[child] = v, index[child] = i;
        at = child;
    }
}

void nk_largest(float *value, int32_t *index, size_t k, const float *x, size_t stride, size_t n) {
    if (k == 0) return;
    for (size_t i = 0; i < k; i++) value[i] = x[i * stride], index[i] = (int32_t)i;
    for (size_t at = k / 2; at-- > 0;) sift_down(value, index, at, k);
    for (size_t i = k; i < n; i++) {
        float v = x[i * stride];
        if (!precedes(v, (int32_t)i, value[0], index[0])) continue;
        value[0] = v, index[0] = (int32_t)i;
        sift_down(value, index, 0, k);
    }
    // The last in order goes behind, one after the other.
    for (size_t left = k; left-- > 1;) {
        float v = value[0];
        int32_t i = index[0];
        value[0] = value[left], index[0] = index[left];
        value[left] = v, index[left] = i;
        sift_down(value, index, 0, left);
    }
}
