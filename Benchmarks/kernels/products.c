// Times the products of inner products against OpenBLAS, in one process and on one core, by the time that the
// thread itself has used. GFLOP/s count multiplications and additions; GB/s the passes over the weights that
// each must make: 1, and 4 with the update (weights and momentum, read and written).
//
//     clang -O2 -I../../Sources/CKernels/include ../../Sources/CKernels/*.c products.c \
//         -lopenblas -lm -o /tmp/products && env -u OPENBLAS_CORETYPE /tmp/products
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "CKernels.h"

enum { depth = 1024, row_grain = 96, block_rows = 64, block_columns = 512, few = 11 };

typedef struct {
    const char *name;
    int items, outputs, width;
} shape;

static const shape shapes[] = {
    {"fcn5 out", 64, 26752, 2048},   {"fcn5 ip1", 64, 2048, 26752},
    {"fcn5 ip2", 64, 2048, 2048},    {"alexnet fc6", 64, 4096, 9216},
    {"alexnet fc6", 16, 4096, 9216}, {"alexnet fc6", 1, 4096, 9216},
    {"vgg16 fc6", 4, 4096, 25088},   {"lenet ip1", 64, 500, 800},
    {"lstm gates", 128, 1024, 256},  {"lstm gates", 256, 1024, 256},
};

static int M, N, K;
static float *x, *w, *y, *dy, *dx, *dw, *h, *panels, *scratch;
static float *want_y, *want_dx, *want_dw;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static float *floats(size_t n) {
    size_t page = 2 << 20, bytes = (n * sizeof(float) + page - 1) / page * page;
    float *p = aligned_alloc(page, bytes);
    madvise(p, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < n; i++) p[i] = (float)((i * 2654435761u >> 8) % 1000) / 1000 - 0.5f;
    return p;
}

static double worst(const float *a, const float *b, size_t n) {
    double difference = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        difference = fmax(difference, fabs((double)a[i] - b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    return difference / largest;
}

static int least(int a, int b) { return a < b ? a : b; }

static void forward(void) {
    size_t width = nk_panel_width(), stride = (size_t)K * width;
    if (M > few) {
        for (int k = 0; k < K; k += depth) {
            nk_pack_panels(panels + (size_t)k * width, stride, x + k, (size_t)K, 1,
                           (size_t)least(depth, K - k), (size_t)M);
        }
    }
    for (int n = 0; n < N; n += row_grain) {
        size_t rows = (size_t)least(row_grain, N - n);
        const float *from = w + (size_t)n * (size_t)K;
        if (M <= few) {
            nk_dot_product(y + n, (size_t)N, x, (size_t)K, from, (size_t)K, NULL, (size_t)M, rows,
                           (size_t)K);
            continue;
        }
        for (int k = 0; k < K; k += depth) {
            nk_panel_product(scratch, (size_t)M, k > 0 ? scratch : NULL, (size_t)M, from + k,
                             (size_t)K, 0, panels + (size_t)k * width, stride, rows, (size_t)M,
                             (size_t)least(depth, K - k), NULL);
        }
        nk_transpose(y + n, (size_t)N, scratch, (size_t)M, rows, (size_t)M);
    }
}

// What a block of the weights does backward: its share of dx, its gradient, the update.
static void block(int n, int k, int propagates, int learns, int follows) {
    size_t rows = (size_t)least(block_rows, N - n), columns = (size_t)least(block_columns, K - k);
    size_t width = nk_panel_width(), at = (size_t)n * (size_t)K + (size_t)k;
    float *packed = scratch + block_columns * M, *slopes = packed + block_columns * block_rows;
    float *gradient = slopes + block_rows * M;
    size_t rest = (size_t)least(block_rows, N - n - (int)rows);
    nk_region next = {w + at + rows * (size_t)K, (size_t)K, rest, columns};
    nk_region beside = {h + at, (size_t)K, rows, columns};
    int early = M < 48;
    if (propagates) {
        if (early) nk_fetch(follows ? &beside : &next);
        nk_pack_panels(packed, rows * width, w + at, (size_t)K, 0, rows, columns);
        nk_panel_product(dx + k, (size_t)K, n > 0 ? dx + k : NULL, (size_t)K, dy + n, (size_t)N, 0,
                         packed, rows * width, (size_t)M, columns, rows,
                         early     ? NULL
                         : follows ? &beside
                                   : &next);
    }
    if (!learns) return;
    nk_transpose(slopes, (size_t)M, dy + n, (size_t)N, (size_t)M, rows);
    if (!follows) {
        nk_panel_product(dw + at, (size_t)K, NULL, 0, slopes, (size_t)M, 0, scratch,
                         (size_t)M * width, rows, columns, (size_t)M, NULL);
        return;
    }
    if (early) nk_fetch(&next);
    nk_panel_product(gradient, columns, NULL, 0, slopes, (size_t)M, 0, scratch, (size_t)M * width,
                     rows, columns, (size_t)M, early ? NULL : &next);
    nk_update step = {.gradient_scale = 1, .rate = 1e-9f, .momentum = 0.9f, .l2 = 5e-4f};
    for (size_t r = 0; r < rows; r++) {
        size_t row = at + r * (size_t)K;
        nk_sgd_update(w + row, h + row, gradient + r * columns, &step, columns);
    }
}

static void backward(int propagates, int learns, int follows) {
    for (int k = 0; k < K; k += block_columns) {
        nk_pack_panels(scratch, (size_t)M * nk_panel_width(), x + k, (size_t)K, 0, (size_t)M,
                       (size_t)least(block_columns, K - k));
        for (int n = 0; n < N; n += block_rows) block(n, k, propagates, learns, follows);
    }
}

static void propagate(void) { backward(1, 0, 0); }
static void learn(void) { backward(0, 1, 0); }
static void follow(void) { backward(1, 1, 1); }

static void blas_forward(void) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, M, N, K, 1, x, K, w, K, 0, want_y, N);
}
static void blas_propagate(void) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, K, N, 1, dy, N, w, K, 0, want_dx, K);
}
static void blas_learn(void) {
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, N, K, M, 1, dy, N, x, K, 0, want_dw, K);
}
// Gradient apart, then the update.
static void blas_follow(void) {
    blas_propagate();
    blas_learn();
    nk_update step = {.gradient_scale = 1, .rate = 1e-9f, .momentum = 0.9f, .l2 = 5e-4f};
    nk_sgd_update(w, h, want_dw, &step, (size_t)N * (size_t)K);
}

static double best(void (*work)(void)) {
    double least = 1e9;
    for (int i = 0; i < 3; i++) {
        double start = now();
        work();
        least = fmin(least, now() - start);
    }
    return least;
}

static void row(const char *name, void (*ours)(void), void (*blas)(void), int products,
                int passes) {
    double size = (double)N * K, a = best(ours), b = best(blas);
    printf("  %-22s %8.2f ms %5.0f GFLOP/s %5.1f GB/s   OpenBLAS %8.2f ms   %.2f times\n", name, a,
           2e-6 * M * size * products / a, 4e-6 * size * passes / a, b, b / a);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    openblas_set_num_threads(1);
    size_t most = (size_t)4096 * 25088, values = 64 * 26752;
    w = floats(most), h = floats(most), dw = floats(most), want_dw = floats(most);
    x = floats(values), y = floats(values), dy = floats(values), dx = floats(values);
    want_y = floats(values), want_dx = floats(values), panels = floats(values + 1024);
    scratch = floats(1 << 20);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        M = shapes[i].items, N = shapes[i].outputs, K = shapes[i].width;
        printf("%s: %d items, %d x %d\n", shapes[i].name, M, N, K);
        row("forward", forward, blas_forward, 1, 1);
        row("dx", propagate, blas_propagate, 1, 1);
        row("dW", learn, blas_learn, 1, 1);
        printf("  differ by %.1e %.1e %.1e\n", worst(y, want_y, (size_t)M * (size_t)N),
               worst(dx, want_dx, (size_t)M * (size_t)K),
               worst(dw, want_dw, (size_t)N * (size_t)K));
        row("dx, dW, update", follow, blas_follow, 2, 4);
    }
}
