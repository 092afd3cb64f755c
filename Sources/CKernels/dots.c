// Dots of few rows with many: vectors run along the rows, and each of the many is read once.
#include "internal.h"

enum { dot_rows = 4 };

#define NK_UNROLL _Pragma("clang loop unroll(full)")

#if defined(__x86_64__)
#define LANES 16
#define TARGET __attribute__((target("arch=x86-64-v4")))
#define NAME(x) x##_512
#include "dots_lanes.h"
#undef LANES
#undef TARGET
#undef NAME

#define LANES 8
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAME(x) x##_256
#include "dots_lanes.h"
#undef LANES
#undef TARGET
#undef NAME
#endif

#define LANES 4
#define TARGET
#define NAME(x) x##_128
#include "dots_lanes.h"

void nk_dot_product(float *y, size_t ldy, const float *x, size_t ldx, const float *w, size_t ldw,
                    const float *bias, size_t items, size_t outputs, size_t width) {
#if defined(__x86_64__)
    if (nk_vector() == 16) {
        dots_512(y, ldy, x, ldx, w, ldw, bias, items, outputs, width);
        return;
    }
    if (nk_vector() == 8) {
        dots_256(y, ldy, x, ldx, w, ldw, bias, items, outputs, width);
        return;
    }
#endif
    dots_128(y, ldy, x, ldx, w, ldw, bias, items, outputs, width);
}

void nk_dot_product_reference(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                              size_t ldw, const float *bias, size_t items, size_t outputs,
                              size_t width) {
    for (size_t m = 0; m < items; m++) {
        for (size_t n = 0; n < outputs; n++) {
            float sum = 0;
            for (size_t k = 0; k < width; k++) sum += x[m * ldx + k] * w[n * ldw + k];
            y[m * ldy + n] = (bias ? bias[n] : 0) + sum;
        }
    }
}
