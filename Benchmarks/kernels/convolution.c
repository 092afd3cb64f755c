// Times the direct convolution against patches and OpenBLAS, and minimal filtering against both, in
// one process and on one core. GFLOP/s count the products of the direct sums, whatever computes them.
//
//     clang -O2 -I../../Sources/CKernels/include ../../Sources/CKernels/*.c convolution.c \
//         -lopenblas -lm -o /tmp/convolution && env -u OPENBLAS_CORETYPE /tmp/convolution
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

typedef struct {
    const char *name;
    int samples, channels, size, outputs, kernel, stride, pad;
} shape;

static const shape shapes[] = {
    {"lenet conv1", 64, 1, 28, 20, 5, 1, 0},     {"lenet conv2", 64, 20, 12, 50, 5, 1, 0},
    {"mnist-cnn conv1", 50, 1, 28, 32, 5, 1, 2}, {"mnist-cnn conv2", 50, 32, 14, 64, 5, 1, 2},
    {"alexnet conv1", 4, 3, 227, 96, 11, 4, 0},  {"alexnet conv2", 4, 48, 27, 128, 5, 1, 2},
    {"alexnet conv3", 4, 256, 13, 384, 3, 1, 1}, {"vgg conv1_1", 1, 3, 224, 64, 3, 1, 1},
    {"vgg conv1_2", 1, 64, 224, 64, 3, 1, 1},    {"vgg conv3_2", 1, 256, 56, 256, 3, 1, 1},
    {"vgg conv5_2", 1, 512, 14, 512, 3, 1, 1},   {"resnet conv1", 2, 3, 224, 64, 7, 2, 3},
    {"resnet 3x3 56", 2, 64, 56, 64, 3, 1, 1},   {"resnet 3x3 7", 8, 512, 7, 512, 3, 1, 1},
    {"resnet 1x1 56", 2, 64, 56, 256, 1, 1, 0},  {"resnet 1x1 14", 4, 1024, 14, 256, 1, 1, 0},
    {"resnet 1x1 s2", 2, 256, 56, 128, 1, 2, 0}, {"resnet 1x1 7", 8, 2048, 7, 512, 1, 1, 0},
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static float *floats(size_t n) {
    float *p = aligned_alloc(64, (n * sizeof(float) + 4096) / 64 * 64);
    for (size_t i = 0; i < n; i++) p[i] = (float)rand() / (float)RAND_MAX - 0.5f;
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

// Where minimal filtering can be used: its rates beside the direct ones' times, both gradients apart and
// in one call, and its largest errors as measured against patches and sgemm.
static void measure_filtering(const shape *s, const nk_conv2d *plan, const float *x,
                              const float *dy, const float *weights, const float *bias,
                              const float *want[3], const double direct[3]);

// The best of several runs, in milliseconds.
#define TIME(result, code) \
    do { \
        result = 1e9; \
        double begin = now(); \
        for (int run = 0; run < 400 && (run < 5 || now() - begin < 250); run++) { \
            double start = now(); \
            code; \
            result = fmin(result, now() - start); \
        } \
    } while (0)

static void measure(const shape *s) {
    int out = (s->size + 2 * s->pad - s->kernel) / s->stride + 1;
    nk_window w = {s->channels, s->size, s->size, s->kernel, s->kernel, s->stride, s->stride,
                   s->pad,      s->pad,  1,       1,         out,       out};
    nk_conv2d plan = nk_conv2d_plan(&w, s->outputs);
    int m = s->outputs, k = s->channels * s->kernel * s->kernel, p = out * out;
    size_t in = (size_t)s->channels * s->size * s->size, to = (size_t)m * p, n = s->samples;
    float *x = floats(n * in), *y = floats(n * to), *y2 = floats(n * to), *dy = floats(n * to);
    float *dx = floats(n * in), *dx2 = floats(n * in), *weights = floats((size_t)m * k);
    float *dw = floats((size_t)m * k), *dw2 = floats((size_t)m * k), *bias = floats(m);
    float *packed = floats((size_t)m * k), *flipped = floats((size_t)m * k);
    float *col = floats((size_t)k * p);
    size_t need = nk_conv2d_scratch(&plan), more = nk_conv2d_weight_gradient_scratch(&plan, n);
    size_t need_back = nk_conv2d_data_gradient_scratch(&plan);
    need = need > more ? need : more;
    float *scratch = floats(need > need_back ? need : need_back);
    double flops = 2.0 * m * k * p * n * 1e-6, t[6], gather;

    double pack;
    TIME(pack, nk_conv2d_pack(packed, weights, &plan));
    TIME(t[0], for (size_t i = 0; i < n; i++)
                   nk_conv2d_forward(y + i * to, x + i * in, packed, bias, 1, &plan, scratch));
    TIME(gather, for (size_t i = 0; i < n; i++) nk_im2col(col, p, x + i * in, &w, 0, p));
    TIME(
        t[1], for (size_t i = 0; i < n; i++) {
            for (int r = 0; r < m; r++) nk_fill(y2 + i * to + (size_t)r * p, bias[r], p);
            nk_im2col(col, p, x + i * in, &w, 0, p);
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, p, k, 1, weights, k, col, p,
                        1, y2 + i * to, p);
        });
    double error = worst(y, y2, n * to), error_x;
    TIME(
        t[3], for (size_t i = 0; i < n; i++) {
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, p, m, 1, weights, k,
                        dy + i * to, p, 0, col, p);
            nk_fill(dx2 + i * in, 0, in);
            nk_col2im_add(dx2 + i * in, col, p, &w, 0, p);
        });
    nk_conv2d_pack_backward(flipped, weights, &plan);
    TIME(t[2], for (size_t i = 0; i < n; i++)
                   nk_conv2d_data_gradient(dx + i * in, dy + i * to, flipped, &plan, scratch));
    error_x = worst(dx, dx2, n * in);
    TIME(t[4], memset(dw, 0, (size_t)m * k * 4);
         nk_conv2d_weight_gradient(dw, dy, x, &plan, n, to, in, scratch));
    TIME(
        t[5], memset(dw2, 0, (size_t)m * k * 4); for (size_t i = 0; i < n; i++) {
            nk_im2col(col, p, x + i * in, &w, 0, p);
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, p, 1, dy + i * to, p, col, p,
                        1, dw2, k);
        });
    printf("%-16s", s->name);
    for (int i = 0; i < 6; i += 2) {
        printf(" | %7.3f %4.0f : %7.3f %4.0f", t[i], t[i] > 0 ? flops / t[i] : 0, t[i + 1],
               flops / t[i + 1]);
    }
    printf(" | gather %.3f pack %.3f | %.0e %.0e %.0e\n", gather, pack, error, error_x,
           worst(dw, dw2, (size_t)m * k));
    const float *want[] = {y2, dx2, dw2};
    const double direct[] = {t[0], t[2], t[4]};
    if (nk_winograd_fits(&w)) measure_filtering(s, &plan, x, dy, weights, bias, want, direct);
    fflush(stdout);
    float *all[] = {x, y, y2, dy, dx, dx2, weights, dw, dw2, bias, packed, flipped, col, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void measure_filtering(const shape *s, const nk_conv2d *plan, const float *x,
                              const float *dy, const float *weights, const float *bias,
                              const float *want[3], const double direct[3]) {
    const nk_window *w = &plan->window;
    size_t n = s->samples, in = (size_t)w->channels * w->height * w->width;
    size_t to = (size_t)s->outputs * w->out_h * w->out_w;
    size_t count = (size_t)s->outputs * w->channels * w->kernel_h * w->kernel_w;
    size_t size = nk_winograd_packed_size(plan);
    float *y = floats(n * to), *dx = floats(n * in), *dw = floats(count), *packed = floats(size);
    float *flipped = floats(size), *scratch = floats(nk_winograd_scratch(plan, (ptrdiff_t)n));
    double flops = 2e-6 * (double)count * w->out_h * w->out_w * (double)n, pack, pack_back, t[4];
    TIME(pack, nk_winograd_pack(packed, weights, plan));
    TIME(pack_back, nk_winograd_pack_backward(flipped, weights, plan));
    TIME(t[0], nk_winograd_forward(y, x, packed, bias, 1, plan, n, to, in, scratch));
    TIME(t[1], nk_winograd_backward(dx, NULL, dy, NULL, flipped, plan, n, to, in, scratch));
    TIME(t[3], nk_winograd_backward(dx, dw, dy, x, flipped, plan, n, to, in, scratch));
    TIME(t[2], memset(dw, 0, count * sizeof *dw);
         nk_winograd_backward(NULL, dw, dy, x, NULL, plan, n, to, in, scratch));
    printf("%-16s", "  filtering");
    for (int i = 0; i < 3; i++) {
        printf(" | %7.3f %4.0f %5.2f times  ", t[i], flops / t[i], direct[i] / t[i]);
    }
    printf(" | gradients %.3f %.0f %.2f times, pack %.3f %.3f | %.0e %.0e %.0e\n", t[3],
           2 * flops / t[3], (direct[1] + direct[2]) / t[3], pack, pack_back,
           worst(y, want[0], n * to), worst(dx, want[1], n * in), worst(dw, want[2], count));
    float *all[] = {y, dx, dw, packed, flipped, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

int main(int count, char **names) {
    openblas_set_num_threads(1);
    printf("OpenBLAS %s; ms GFLOP/s direct : patches and sgemm\n", openblas_get_corename());
    printf("%-16s | forward | data gradient | weight gradient | | largest errors\n", "");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (count > 1 && !strstr(shapes[i].name, names[1])) continue;
        measure(&shapes[i]);
    }
}
