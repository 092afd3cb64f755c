/// The inner loops of netrun.
///
/// Every function is single-threaded, allocates nothing and keeps nothing between calls, so that a
/// caller may run it on any range from any thread and get the same bits. Arrays are contiguous
/// float32 unless said otherwise; outputs come first, gradients start with `d`. Where a function
/// needs scratch memory, another tells how many floats.
///
/// `nk_x_reference` is the plain loop that specifies `nk_x`; tests compare the two. A function without
/// one is a plain loop itself. "In place" says that an output may be the very same array as an input;
/// arrays must never overlap in part. NaN and infinity go where Caffe lets them go.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// MARK: The machine (cpu.c)

/// How many CPUs the process may use.
int32_t nk_available_cpus(void);

// MARK: Elementwise (elementwise.c). All may run in place.

/// y[i] = value
void nk_fill(float *y, float value, size_t n);
/// y[i] = x[i]
void nk_copy(float *y, const float *x, size_t n);
/// y[i] = a x[i]
void nk_scale(float *y, float a, const float *x, size_t n);
/// y[i] = x[i] + a
void nk_shift(float *y, float a, const float *x, size_t n);
/// y[i] = a x[i] + y[i]
void nk_axpy(float *y, float a, const float *x, size_t n);
/// y[i] = a[i] + b[i]
void nk_add(float *y, const float *a, const float *b, size_t n);
/// y[i] = a[i] - b[i]
void nk_subtract(float *y, const float *a, const float *b, size_t n);
/// y[i] = a (x[i] - z[i])
void nk_scaled_difference(float *y, float a, const float *x, const float *z, size_t n);
/// y[i] = a[i] b[i]
void nk_multiply(float *y, const float *a, const float *b, size_t n);
/// y[i] = a[i] / b[i]
void nk_divide(float *y, const float *a, const float *b, size_t n);
/// y[i] = a[i] b[i] + y[i]
void nk_multiply_add(float *y, const float *a, const float *b, size_t n);
/// Eltwise MAX of the first two bottoms: mask[i] = 0 where a[i] > b[i], else 1 (the second wins ties).
void nk_maximum_first(float *y, int32_t *mask, const float *a, const float *b, size_t n);
/// Eltwise MAX with a later bottom: takes x[i] and mask[i] = index where x[i] > y[i].
void nk_maximum_next(float *y, int32_t *mask, const float *x, int32_t index, size_t n);
/// dx[i] = dy[i] where mask[i] == index, else 0
void nk_maximum_backward(float *dx, const float *dy, const int32_t *mask, int32_t index, size_t n);
/// y[c, i] = scale[c] x[c, i] + shift[c] for x of (channels, inner). Without scale 1, without shift 0.
void nk_channel_affine(float *y, const float *x, const float *_Nullable scale,
                       const float *_Nullable shift, size_t channels, size_t inner);

// MARK: Transposition (transpose.c)

/// y[c · y_stride + r] = x[r · x_stride + c]
void nk_transpose(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                  size_t columns);
void nk_transpose_reference(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                            size_t columns);

// MARK: Matrix products (product.c)

/// A part of a matrix that will be needed soon: rows `stride` floats apart.
typedef struct nk_region {
    const float *at;
    size_t stride, rows, columns;
} nk_region;

/// How many columns a panel has: as many as a tile of sums in registers is wide.
size_t nk_panel_width(void);
/// Lays b (depth, columns), or its transpose (columns, depth), in panels `panel_stride` floats apart: each
/// holds nk_panel_width() columns as (depth, width), the last filled up with zeros.
void nk_pack_panels(float *panels, size_t panel_stride, const float *b, size_t ldb, int transposed,
                    size_t depth, size_t columns);
/// c = start + a b, b in panels. a is (rows, depth) with lda floats from row to row, or if transposed
/// (depth, rows). start may be c, a row that all share (start_stride 0), or absent: zeros. Fetches `next`
/// on the way.
///
/// Each sum goes through the depth in order, whatever rows and columns are computed with it.
void nk_panel_product(float *c, size_t ldc, const float *_Nullable start, size_t start_stride,
                      const float *a, size_t lda, int transposed, const float *panels,
                      size_t panel_stride, size_t rows, size_t columns, size_t depth,
                      const nk_region *_Nullable next);
/// The same of a b that is not in panels.
void nk_panel_product_reference(float *c, size_t ldc, const float *_Nullable start,
                                size_t start_stride, const float *a, size_t lda, int transposed,
                                const float *b, size_t ldb, size_t rows, size_t columns,
                                size_t depth);
/// Asks for a region to be brought into the second-level cache.
void nk_fetch(const nk_region *region);

// MARK: Dots (dots.c)

/// y[m, n] = bias[n] + Σ x[m, k] w[n, k]: for few items, each row of w is read once.
void nk_dot_product(float *y, size_t ldy, const float *x, size_t ldx, const float *w, size_t ldw,
                    const float *_Nullable bias, size_t items, size_t outputs, size_t width);
void nk_dot_product_reference(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                              size_t ldw, const float *_Nullable bias, size_t items, size_t outputs,
                              size_t width);

// MARK: Sums (reduce.c). Added in a fixed order: lanes of floats in short blocks, blocks in double.

/// Whether no x[i] is NaN or infinite.
int nk_all_finite(const float *x, size_t n);
/// Σ x[i]
double nk_sum(const float *x, size_t n);
double nk_sum_reference(const float *x, size_t n);
/// Σ x[i] y[i]
double nk_dot(const float *x, const float *y, size_t n);
double nk_dot_reference(const float *x, const float *y, size_t n);
/// Σ x[i]²
double nk_sum_of_squares(const float *x, size_t n);
double nk_sum_of_squares_reference(const float *x, size_t n);
/// Σ |x[i]|
double nk_sum_of_magnitudes(const float *x, size_t n);
double nk_sum_of_magnitudes_reference(const float *x, size_t n);
/// Σ (x[i] - y[i])²
double nk_sum_of_squared_differences(const float *x, const float *y, size_t n);
double nk_sum_of_squared_differences_reference(const float *x, const float *y, size_t n);
/// Σ (x[i] - mean)²
double nk_sum_of_squares_about(const float *x, float mean, size_t n);
double nk_sum_of_squares_about_reference(const float *x, float mean, size_t n);
/// sum[c] += Σ_i x[c, i] for x of (channels, inner), as in a bias gradient
void nk_channel_sum(float *sum, const float *x, size_t channels, size_t inner);
/// sum[c] += Σ_i x[c, i] y[c, i] for x and y of (channels, inner), as in a scale gradient
void nk_channel_dot(float *sum, const float *x, const float *y, size_t channels, size_t inner);

// MARK: Activations (activation.c). All may run in place.

/// y = max(x, 0) + negative_slope min(x, 0)
void nk_relu_forward(float *y, const float *x, float negative_slope, size_t n);
/// y = f(x + bias), f(v) = v < 0 ? negative_slope v : v.
void nk_bias_relu(float *y, const float *x, float bias, float negative_slope, size_t n);
void nk_bias_relu_reference(float *y, const float *x, float bias, float negative_slope, size_t n);
/// dx = dy where x > 0, negative_slope dy where x ≤ 0. x may be the output if negative_slope ≥ 0.
void nk_relu_backward(float *dx, const float *dy, const float *x, float negative_slope, size_t n);
/// y = tanh(x / 2) / 2 + 1/2, as Caffe writes the logistic function
void nk_sigmoid_forward(float *y, const float *x, size_t n);
void nk_sigmoid_forward_reference(float *y, const float *x, size_t n);
/// dx = dy y (1 - y)
void nk_sigmoid_backward(float *dx, const float *dy, const float *y, size_t n);
/// y = tanh x
void nk_tanh_forward(float *y, const float *x, size_t n);
void nk_tanh_forward_reference(float *y, const float *x, size_t n);
/// dx = dy (1 - y²)
void nk_tanh_backward(float *dx, const float *dy, const float *y, size_t n);
/// y = e^x
void nk_exp(float *y, const float *x, size_t n);
void nk_exp_reference(float *y, const float *x, size_t n);
/// y = ln x
void nk_log(float *y, const float *x, size_t n);
void nk_log_reference(float *y, const float *x, size_t n);
/// y = x / (1 - ratio) or, with probability ratio, x · 0.
///
/// Each element's draw depends on seed, counter (the step, say) and its index first + i only, so the
/// backward pass calls this again with dy, and ranges of a batch may be done apart.
void nk_dropout(float *y, const float *x, float ratio, uint64_t seed, uint64_t counter,
                uint64_t first, size_t n);

// MARK: Activations with constants (pointwise.c). All may run in place; what backward passes read
// as x must then be a copy.

/// y = max(x, 0) + slope[c] min(x, 0) for one item x of (channels, inner)
void nk_prelu_forward(float *y, const float *x, const float *slope, size_t channels, size_t inner);
/// dx = dy where x > 0, slope[c] dy where x ≤ 0
void nk_prelu_backward(float *dx, const float *dy, const float *x, const float *slope,
                       size_t channels, size_t inner);
/// dslope[c] += Σ_i dy[c, i] x[c, i] over x ≤ 0
void nk_prelu_slope_gradient(float *dslope, const float *dy, const float *x, size_t channels,
                             size_t inner);
void nk_prelu_slope_gradient_reference(float *dslope, const float *dy, const float *x,
                                       size_t channels, size_t inner);
/// y = max(x, 0) + alpha (e^min(x, 0) - 1)
void nk_elu_forward(float *y, const float *x, float alpha, size_t n);
void nk_elu_forward_reference(float *y, const float *x, float alpha, size_t n);
/// dx = dy where x > 0, (alpha + y) dy where x ≤ 0. x may be the output if alpha ≥ 0.
void nk_elu_backward(float *dx, const float *dy, const float *y, const float *x, float alpha,
                     size_t n);
/// y = |x|
void nk_absolute(float *y, const float *x, size_t n);
/// dx = dy sign(x), with sign(0) = 0
void nk_absolute_backward(float *dx, const float *dy, const float *x, size_t n);
/// y = a sign(x), with sign(0) = 0
void nk_scaled_sign(float *y, float a, const float *x, size_t n);
/// y = 1 where x > threshold, else 0
void nk_threshold(float *y, const float *x, float threshold, size_t n);
/// y = max(low, min(x, high)); low for NaN, as in Caffe
void nk_clip(float *y, const float *x, float low, float high, size_t n);
/// dx = dy where low ≤ x ≤ high, else 0
void nk_clip_backward(float *dx, const float *dy, const float *x, float low, float high, size_t n);
/// y = ln(1 + e^x)
void nk_bnll_forward(float *y, const float *x, size_t n);
void nk_bnll_forward_reference(float *y, const float *x, size_t n);
/// dx = dy e / (e + 1) with e = e^min(x, 50)
void nk_bnll_backward(float *dx, const float *dy, const float *x, size_t n);
/// sigmoid = 1 / (1 + e^(-beta x)), y = x sigmoid
void nk_swish_forward(float *y, float *sigmoid, const float *x, float beta, size_t n);
/// dx = dy (beta y + sigmoid (1 - beta y))
void nk_swish_backward(float *dx, const float *dy, const float *y, const float *sigmoid, float beta,
                       size_t n);
/// y = (scale x + shift)^power
void nk_power_forward(float *y, const float *x, float power, float scale, float shift, size_t n);
void nk_power_forward_reference(float *y, const float *x, float power, float scale, float shift,
                                size_t n);
/// dx = dy power scale (scale x + shift)^(power - 1)
void nk_power_backward(float *dx, const float *dy, const float *x, float power, float scale,
                       float shift, size_t n);
void nk_power_backward_reference(float *dx, const float *dy, const float *x, float power,
                                 float scale, float shift, size_t n);
/// y = outer e^(inner x)
void nk_scaled_exp(float *y, float outer, float inner, const float *x, size_t n);
/// y = a u v
void nk_scaled_product(float *y, float a, const float *u, const float *v, size_t n);
/// y = outer ln(scale x + shift)
void nk_scaled_log(float *y, float outer, float scale, float shift, const float *x, size_t n);
/// dx = dy factor / (scale x + shift)
void nk_scaled_log_backward(float *dx, const float *dy, float factor, float scale, float shift,
                            const float *x, size_t n);

/// y = min(x, 6) for x > 0, negative_slope x elsewhere
void nk_relu6_forward(float *y, const float *x, float negative_slope, size_t n);
/// dx = dy where 0 < x < 6, 0 where x ≥ 6, negative_slope dy where x ≤ 0. x may be the output if
/// negative_slope ≥ 0.
void nk_relu6_backward(float *dx, const float *dy, const float *x, float negative_slope, size_t n);

// MARK: Softmax (softmax.c) over the middle axis of (outer, channels, inner). All may run in place.

/// y[o, c, i] = e^(x[o, c, i] - max_c) / Σ_c
void nk_softmax_forward(float *y, const float *x, size_t outer, size_t channels, size_t inner);
void nk_softmax_forward_reference(float *y, const float *x, size_t outer, size_t channels,
                                  size_t inner);
/// dx = (dy - Σ_c dy y) y
void nk_softmax_backward(float *dx, const float *dy, const float *y, size_t outer, size_t channels,
                         size_t inner);
void nk_softmax_backward_reference(float *dx, const float *dy, const float *y, size_t outer,
                                   size_t channels, size_t inner);
/// Returns Σ -ln max(p, FLT_MIN) over the probabilities y of the labels, not normalised.
///
/// Labels are (outer, inner), cut to integers; those equal to *ignored do not count. *counted gets how
/// many did, *bad_label the index of the first label that names no class, or -1.
double nk_softmax_loss_forward(const float *y, const float *labels,
                               const int32_t *_Nullable ignored, size_t outer, size_t channels,
                               size_t inner, size_t *counted, ptrdiff_t *bad_label);
/// dx = scale (y - [c = label]), and 0 where the label is ignored
void nk_softmax_loss_backward(float *dx, const float *y, const float *labels,
                              const int32_t *_Nullable ignored, float scale, size_t outer,
                              size_t channels, size_t inner);
/// The loss as above from scores x of (rows, channels): of the probabilities only what makes them again
/// is kept, e^(x - tops[r]) scales[r], so that the scores are read once and nothing large is written.
double nk_softmax_scores_forward(float *tops, float *scales, const float *x, const float *labels,
                                 const int32_t *_Nullable ignored, size_t rows, size_t channels,
                                 size_t *counted, ptrdiff_t *bad_label);
/// dx = factor (p - [c = label]), 0 where the label is ignored. dx may be x.
void nk_softmax_scores_backward(float *dx, const float *x, const float *tops, const float *scales,
                                const float *labels, const int32_t *_Nullable ignored, float factor,
                                size_t rows, size_t channels);

/// What changes the loss of a label: a weight for each class, the part of the target that all classes share,
/// and the exponent of the focal loss (which leaves the share out).
typedef struct nk_softmax_terms {
    const float *_Nullable weights;
    float smoothing, gamma;
} nk_softmax_terms;

/// As nk_softmax_loss_forward, but Σ weight[label] · ((1 - smoothing) · -ln p + smoothing · mean(-ln p_c)),
/// or with gamma above 0 Σ weight[label] · (1 - p)^gamma · -ln p.
double nk_softmax_terms_forward(const float *y, const float *labels,
                                const int32_t *_Nullable ignored, const nk_softmax_terms *terms,
                                size_t outer, size_t channels, size_t inner, size_t *counted,
                                ptrdiff_t *bad_label);
/// The gradient of it by the scores that y is the softmax of.
void nk_softmax_terms_backward(float *dx, const float *y, const float *labels,
                               const int32_t *_Nullable ignored, const nk_softmax_terms *terms,
                               float scale, size_t outer, size_t channels, size_t inner);

// MARK: Losses (loss.c), not normalised. Labels are cut to integers; *bad_label is the index of the first
// that names no class, or -1. Labels and targets equal to *ignored do not count, *counted tells how many do.

/// Returns Σ ln(1 + e^x) - x target, which is the cross-entropy of the logistic function of x.
double nk_sigmoid_loss_forward(const float *x, const float *targets,
                               const int32_t *_Nullable ignored, size_t n, size_t *counted);
double nk_sigmoid_loss_forward_reference(const float *x, const float *targets,
                                         const int32_t *_Nullable ignored, size_t n,
                                         size_t *counted);
/// dx = scale (logistic x - target), and 0 where the target is ignored
void nk_sigmoid_loss_backward(float *dx, const float *x, const float *targets,
                              const int32_t *_Nullable ignored, float scale, size_t n);
void nk_sigmoid_loss_backward_reference(float *dx, const float *x, const float *targets,
                                        const int32_t *_Nullable ignored, float scale, size_t n);
/// Returns Σ max(0, 1 - x) for the right classes and max(0, 1 + x) for the others, or of the squares.
double nk_hinge_loss_forward(const float *x, const float *labels, int squared, size_t items,
                             size_t classes, ptrdiff_t *bad_label);
double nk_hinge_loss_forward_reference(const float *x, const float *labels, int squared,
                                       size_t items, size_t classes, ptrdiff_t *bad_label);
/// dx = ∓scale, or ∓2 scale times the margin, where the margin is above 0
void nk_hinge_loss_backward(float *dx, const float *x, const float *labels, int squared,
                            float scale, size_t items, size_t classes);
/// Returns Σ -ln max(y, 1e-20) over the probabilities y of the labels.
double nk_multinomial_loss_forward(const float *y, const float *labels, size_t items,
                                   size_t classes, ptrdiff_t *bad_label);
/// dy = -scale / max(y, 1e-20) at the labels, 0 elsewhere
void nk_multinomial_loss_backward(float *dy, const float *y, const float *labels, float scale,
                                  size_t items, size_t classes);
/// Returns Σ -h[label, c] ln max(y[c], 1e-20) over all classes c of y (outer, classes, inner).
double nk_infogain_loss_forward(const float *y, const float *labels, const float *h,
                                const int32_t *_Nullable ignored, size_t outer, size_t classes,
                                size_t inner, size_t *counted, ptrdiff_t *bad_label);
double nk_infogain_loss_forward_reference(const float *y, const float *labels, const float *h,
                                          const int32_t *_Nullable ignored, size_t outer,
                                          size_t classes, size_t inner, size_t *counted,
                                          ptrdiff_t *bad_label);
/// dx[c] = scale (y[c] Σ h[label] - h[label, c]) for scores x with y = softmax x; every label is a class.
void nk_infogain_loss_backward(float *dx, const float *y, const float *labels, const float *h,
                               const float *row_sums, const int32_t *_Nullable ignored, float scale,
                               size_t outer, size_t classes, size_t inner);

/// Returns Σ ln(1 + e^x) - x target over the targets within 0 and 1, which *counted counts.
double nk_multilabel_loss_forward(const float *x, const float *targets, size_t n, size_t *counted);
/// dx = scale (logistic x - target), 0 for other targets
void nk_multilabel_loss_backward(float *dx, const float *x, const float *targets, float scale,
                                 size_t n);

// MARK: Normalisation (normalize.c)

/// Some channels of a batch: (samples, channels, inner), samples `stride` floats apart.
typedef struct nk_batch {
    size_t samples, stride, channels, inner;
} nk_batch;

/// sum[c] = Σ x[s, c, i]
void nk_batch_sum(double *sum, const float *x, const nk_batch *batch);
void nk_batch_sum_reference(double *sum, const float *x, const nk_batch *batch);
/// sum[c] = Σ (x[s, c, i] - mean[c])²
void nk_batch_sum_of_squares_about(double *sum, const float *x, const float *mean,
                                   const nk_batch *batch);
void nk_batch_sum_of_squares_about_reference(double *sum, const float *x, const float *mean,
                                             const nk_batch *batch);
/// sum[c] = Σ y[s, c, i] (x[s, c, i] - mean[c])
void nk_batch_dot_about(double *sum, const float *y, const float *x, const float *mean,
                        const nk_batch *batch);
void nk_batch_dot_about_reference(double *sum, const float *y, const float *x, const float *mean,
                                  const nk_batch *batch);
/// y = f((x - mean[c]) factor[c] + bias[c]), f(v) = v < 0 ? negative_slope v : v. May run in place.
void nk_batch_normalize(float *y, const float *x, const float *mean, const float *factor,
                        const float *_Nullable bias, float negative_slope, const nk_batch *batch);
/// dx = (dy - shift[c] - (x - mean[c]) slope[c]) factor[c]. May run in place.
void nk_batch_normalize_backward(float *dx, const float *dy, const float *x, const float *mean,
                                 const float *factor, const float *shift, const float *slope,
                                 const nk_batch *batch);
/// y = (x - mean) / deviation for each row, deviation = √variance + eps; without it y = x - mean. May
/// run in place.
void nk_mvn_forward(float *y, float *_Nullable deviation, const float *x, float eps, size_t rows,
                    size_t size);
void nk_mvn_forward_reference(float *y, float *_Nullable deviation, const float *x, float eps,
                              size_t rows, size_t size);
/// dx = (dy - mean dy - y mean(dy y)) / deviation; without it dy - mean dy. May run in place.
void nk_mvn_backward(float *dx, const float *dy, const float *y, const float *_Nullable deviation,
                     size_t rows, size_t size);
void nk_mvn_backward_reference(float *dx, const float *dy, const float *y,
                               const float *_Nullable deviation, size_t rows, size_t size);

// MARK: Recurrence (recurrent.c)

/// One step of a long short-term memory of n cells, for one sequence: x and gates are (4, n), in the
/// order i, f, o, g; i, f, o = logistic x, g = tanh x, f is then multiplied by cont.
///
/// c = f c_before + i g, h = o tanh c. gates may be x, and c may be c_before.
void nk_lstm_step_forward(float *c, float *h, float *gates, const float *x, const float *c_before,
                          float cont, size_t n);
void nk_lstm_step_forward_reference(float *c, float *h, float *gates, const float *x,
                                    const float *c_before, float cont, size_t n);
/// The gradients by c_before and x of those by c and h. dc_before may be dc.
void nk_lstm_step_backward(float *dc_before, float *dx, const float *dc, const float *dh,
                           const float *c, const float *c_before, const float *gates, size_t n);
void nk_lstm_step_backward_reference(float *dc_before, float *dx, const float *dc, const float *dh,
                                     const float *c, const float *c_before, const float *gates,
                                     size_t n);

// MARK: Pooling (pooling.c) of `planes` planes, one behind the other.

/// The shape of a pooling: input and output size, kernel, stride and padding.
typedef struct nk_pool {
    ptrdiff_t height, width;
    ptrdiff_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
    ptrdiff_t out_h, out_w;
} nk_pool;

/// y = the largest value of each window, cut to the image; mask = its index in the plane.
///
/// Starts at -FLT_MAX and takes what is strictly larger, so the first maximum wins, and a window where
/// nothing is larger (all NaN, say) gives -FLT_MAX and mask -1.
void nk_max_pool_forward(float *y, int32_t *_Nullable mask, const float *x, const nk_pool *pool,
                         size_t planes);
void nk_max_pool_forward_reference(float *y, int32_t *_Nullable mask, const float *x,
                                   const nk_pool *pool, size_t planes);
/// dx = 0, then dx[mask[o]] += dy[o] where mask[o] ≥ 0
void nk_max_pool_backward(float *dx, const float *dy, const int32_t *mask, const nk_pool *pool,
                          size_t planes);
void nk_max_pool_backward_reference(float *dx, const float *dy, const int32_t *mask,
                                    const nk_pool *pool, size_t planes);
/// y = sum of each window cut to the image, divided by its area cut to the padded image
void nk_average_pool_forward(float *y, const float *x, const nk_pool *pool, size_t planes);
void nk_average_pool_forward_reference(float *y, const float *x, const nk_pool *pool,
                                       size_t planes);
/// dx = sum over the windows that saw the pixel of dy / area
void nk_average_pool_backward(float *dx, const float *dy, const nk_pool *pool, size_t planes);
void nk_average_pool_backward_reference(float *dx, const float *dy, const nk_pool *pool,
                                        size_t planes);

/// Stochastic pooling (Zeiler and Fergus 2013) in training: y = one value of each window, drawn with
/// probability value / sum; mask = its index in the plane.
///
/// Output o of the first plane is draw number `first` + o of a pass: each depends on seed, counter (the
/// pass, say) and its number only, so planes may be done apart. nk_max_pool_backward goes with it.
void nk_stochastic_pool_draw(float *y, int32_t *mask, const float *x, const nk_pool *pool,
                             size_t planes, uint64_t seed, uint64_t counter, uint64_t first);
/// Stochastic pooling in use: y = Σ x² / Σ x, the mean of the draws; 0 where Σ x is not above 0.
void nk_stochastic_pool_mean(float *y, const float *x, const nk_pool *pool, size_t planes);
/// dx = Σ over the windows that saw the pixel of dy (2 x - y) / Σ x
void nk_stochastic_pool_mean_backward(float *dx, const float *dy, const float *y, const float *x,
                                      const nk_pool *pool, size_t planes);

// MARK: Local response normalisation (lrn.c). None may run in place.

/// Constants of a normalisation and the size of one sample (channels, spatial). `size` is odd.
typedef struct nk_lrn {
    size_t channels, spatial, size;
    float alpha, beta, k;
} nk_lrn;

/// Floats of scratch that nk_lrn_across_backward needs.
size_t nk_lrn_scratch(size_t channels);
/// Across the channels of one sample: scale = k + alpha / size Σ_window x², y = x scale^-beta
void nk_lrn_across_forward(float *y, float *scale, const float *x, const nk_lrn *lrn);
void nk_lrn_across_forward_reference(float *y, float *scale, const float *x, const nk_lrn *lrn);
/// dx = dy scale^-beta - 2 alpha beta / size x Σ_window dy y / scale. dx may be dy.
void nk_lrn_across_backward(float *dx, const float *dy, const float *y, const float *scale,
                            const float *x, const nk_lrn *lrn, float *scratch);
void nk_lrn_across_backward_reference(float *dx, const float *dy, const float *y,
                                      const float *scale, const float *x, const nk_lrn *lrn);
/// Within one plane: scale = 1 + alpha / size² Σ_square x², y = x scale^-beta (k and channels unused).
/// Scratch: height · width floats.
void nk_lrn_within_forward(float *y, float *scale, const float *x, const nk_lrn *lrn, size_t height,
                           size_t width, float *scratch);
/// dx = dy scale^-beta - 2 alpha beta / size² x Σ_square dy y / scale. Scratch: 3 · height · width.
void nk_lrn_within_backward(float *dx, const float *dy, const float *y, const float *scale,
                            const float *x, const nk_lrn *lrn, size_t height, size_t width,
                            float *scratch);

// MARK: Solver updates (solver.c). g is the regularised gradient:
// gradient_scale · gradient + l2 · w + l1 · sign(w).

/// Constants of one parameter's update.
typedef struct nk_update {
    float gradient_scale, l2, l1;
    float rate;      ///< base rate · lr_mult
    float momentum;  ///< β1 of Adam, the decay of AdaDelta
    float momentum2; ///< β2 of Adam
    float delta;     ///< added to denominators
    float rms_decay;
    float correction; ///< of Adam: √(1 - β2^t) / (1 - β1^t)
} nk_update;

/// h = momentum h + rate g; w -= h
void nk_sgd_update(float *w, float *h, const float *gradient, const nk_update *update, size_t n);
/// h' = momentum h + rate g; w -= (1 + momentum) h' - momentum h
void nk_nesterov_update(float *w, float *h, const float *gradient, const nk_update *update,
                        size_t n);
/// h += g²; w -= rate g / (√h + delta)
void nk_adagrad_update(float *w, float *h, const float *gradient, const nk_update *update,
                       size_t n);
/// h = rms_decay h + (1 - rms_decay) g²; w -= rate g / (√h + delta)
void nk_rmsprop_update(float *w, float *h, const float *gradient, const nk_update *update,
                       size_t n);
/// h1 = m h1 + (1 - m) g²; u = g √((h2 + delta) / (h1 + delta)); h2 = m h2 + (1 - m) u²; w -= rate u
void nk_adadelta_update(float *w, float *h1, float *h2, const float *gradient,
                        const nk_update *update, size_t n);
/// m = β1 m + (1 - β1) g; v = β2 v + (1 - β2) g²; w -= rate correction m / (√v + delta)
void nk_adam_update(float *w, float *m, float *v, const float *gradient, const nk_update *update,
                    size_t n);
/// d = gradient_scale gradient; m = β1 m + (1 - β1) d; v = β2 v + (1 - β2) d²;
/// w -= rate (correction m / (√v + delta) + l2 w + l1 sign(w))
void nk_adamw_update(float *w, float *m, float *v, const float *gradient, const nk_update *update,
                     size_t n);

// MARK: Data (transform.c)

/// How one image (channels, height, width) becomes an input (channels, crop_height, crop_width).
typedef struct nk_transform {
    size_t channels, height, width;
    size_t crop_y, crop_x, crop_height, crop_width;
    float scale;
    int32_t mirror;
    size_t mean_count; ///< values in mean_values: 0, 1 or channels
    const float *_Nullable mean_values;
    const float *_Nullable mean_image; ///< (channels, height, width); goes before mean_values
} nk_transform;

/// y = (x - mean) · scale, cut out and mirrored
void nk_transform_bytes(float *y, const uint8_t *x, const nk_transform *transform);
void nk_transform_bytes_reference(float *y, const uint8_t *x, const nk_transform *transform);
/// The same for images stored as floats.
void nk_transform_floats(float *y, const float *x, const nk_transform *transform);

// MARK: Values moved or chosen (layout.c). None may run in place.

/// y[o, t, i] = x[o, i] for each of the tiles
void nk_tile(float *y, const float *x, size_t outer, size_t inner, size_t tiles);
/// dx[o, i] = Σ_t dy[o, t, i], the first tile first
void nk_tile_backward(float *dx, const float *dy, size_t outer, size_t inner, size_t tiles);

/// A box of `inner` sizes at `offset` within one of `outer` sizes; each array has `axes` entries,
/// one at least.
typedef struct nk_box {
    ptrdiff_t axes;
    const ptrdiff_t *outer, *inner, *offset;
} nk_box;

/// y = the inner box of x
void nk_cut(float *y, const float *x, const nk_box *box);
/// dx = dy in the inner box, 0 around
void nk_put_back(float *dx, const float *dy, const nk_box *box);

/// The k ≤ n largest of x[0], x[stride], …, x[(n - 1) stride], largest first, and their places.
///
/// Of equal values the later goes first, as in Caffe; NaN goes last.
void nk_largest(float *value, int32_t *index, size_t k, const float *x, size_t stride, size_t n);

/// Planes of bytes that are made larger or smaller (resize.c).
typedef struct nk_resize {
    size_t channels, height, width; ///< of the result, whose rows and planes are dense
    size_t source_height, source_width;
    size_t source_row, source_plane; ///< bytes from a row, or a plane, to the next
} nk_resize;

/// Bilinear between pixel centres without antialiasing, in OpenCV's fixed point: the same bytes.
void nk_resize_bytes(uint8_t *y, const uint8_t *x, const nk_resize *resize, int32_t *scratch);
void nk_resize_bytes_reference(uint8_t *y, const uint8_t *x, const nk_resize *resize);
/// Numbers of scratch that a call needs.
size_t nk_resize_scratch(const nk_resize *resize);

// MARK: Patches (im2col.c)

/// A window sliding over an image (channels, height, width).
typedef struct nk_window {
    ptrdiff_t channels, height, width;
    ptrdiff_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    ptrdiff_t out_h, out_w;
} nk_window;

/// col[(c, ky, kx), p - p0] = the pixel under tap (c, ky, kx) at output position p, 0 in the padding.
///
/// For the positions [p0, p1) of the out_h · out_w ones; rows of col start stride_col floats apart.
void nk_im2col(float *col, size_t stride_col, const float *x, const nk_window *window, ptrdiff_t p0,
               ptrdiff_t p1);
void nk_im2col_reference(float *col, size_t stride_col, const float *x, const nk_window *window,
                         ptrdiff_t p0, ptrdiff_t p1);
/// dx[pixel under the tap] += col[(c, ky, kx), p - p0]: the transpose of nk_im2col.
void nk_col2im_add(float *dx, const float *col, size_t stride_col, const nk_window *window,
                   ptrdiff_t p0, ptrdiff_t p1);
void nk_col2im_add_reference(float *dx, const float *col, size_t stride_col,
                             const nk_window *window, ptrdiff_t p0, ptrdiff_t p1);

/// A window over an image with any number of axes (channels, shape...); each array has `axes` entries.
typedef struct nk_window_nd {
    ptrdiff_t channels, axes;
    const ptrdiff_t *shape, *kernel, *stride, *pad, *dilation, *out;
} nk_window_nd;

/// col[(c, tap...), p...] of the whole image
void nk_im2col_nd(float *col, const float *x, const nk_window_nd *window);
/// dx += the transpose of nk_im2col_nd
void nk_col2im_nd_add(float *dx, const float *col, const nk_window_nd *window);

// MARK: Two-dimensional convolution (conv2d.c) of one group of channels.

/// A convolution: the window over its input channels, and its output channels.
typedef struct nk_conv2d {
    nk_window window;
    ptrdiff_t outputs;
} nk_conv2d;

/// The plan of y(outputs, out_h, out_w) from x(channels, height, width).
nk_conv2d nk_conv2d_plan(const nk_window *window, ptrdiff_t outputs);
/// Floats of a plan's packed weights.
size_t nk_conv2d_packed_size(const nk_conv2d *plan);
/// Puts weights w(outputs, channels, kernel_h, kernel_w) in the order that the forward loops read.
void nk_conv2d_pack(float *packed, const float *w, const nk_conv2d *plan);
/// Floats of scratch for nk_conv2d_forward.
size_t nk_conv2d_scratch(const nk_conv2d *plan);
/// y[m, p] = f(bias[m] + Σ_k w[m, k] x[tap k at p]) of one sample, with f(v) = v < 0 ? slope v : v.
///
/// negative_slope 1 leaves the sum alone, 0 is a fused ReLU.
void nk_conv2d_forward(float *y, const float *x, const float *packed, const float *_Nullable bias,
                       float negative_slope, const nk_conv2d *plan, float *scratch);
/// Takes weights that are not packed.
void nk_conv2d_forward_reference(float *y, const float *x, const float *w,
                                 const float *_Nullable bias, float negative_slope,
                                 const nk_conv2d *plan);
/// Puts the weights in the order that nk_conv2d_data_gradient reads; as many floats.
void nk_conv2d_pack_backward(float *packed, const float *w, const nk_conv2d *plan);
/// Floats of scratch for nk_conv2d_data_gradient.
size_t nk_conv2d_data_gradient_scratch(const nk_conv2d *plan);
/// dx[pixel] = Σ over the (m, k, p) whose tap k at p is the pixel of w[m, k] dy[m, p], one sample.
void nk_conv2d_data_gradient(float *dx, const float *dy, const float *packed, const nk_conv2d *plan,
                             float *scratch);
/// Takes weights that are not packed.
void nk_conv2d_data_gradient_reference(float *dx, const float *dy, const float *w,
                                       const nk_conv2d *plan);
/// Floats of scratch for nk_conv2d_weight_gradient over that many samples.
size_t nk_conv2d_weight_gradient_scratch(const nk_conv2d *plan, ptrdiff_t samples);
/// dw[m, k] += Σ_samples Σ_p dy[m, p] x[tap k at p]; strides are floats from sample to sample.
void nk_conv2d_weight_gradient(float *dw, const float *dy, const float *x, const nk_conv2d *plan,
                               ptrdiff_t samples, ptrdiff_t dy_stride, ptrdiff_t x_stride,
                               float *scratch);
void nk_conv2d_weight_gradient_reference(float *dw, const float *dy, const float *x,
                                         const nk_conv2d *plan, ptrdiff_t samples,
                                         ptrdiff_t dy_stride, ptrdiff_t x_stride);

// MARK: Convolution of 3 x 3 or 5 x 5 taps with fewer products (winograd.c), of one group of channels.
//
// Sums are rounded otherwise than nk_conv2d's, and an infinite value makes its whole tile NaN.

/// Whether the window is one that these functions take: 3 x 3 or 5 x 5 taps, stride and dilation 1.
int nk_winograd_fits(const nk_window *window);
/// Floats of the weights as nk_winograd_forward and nk_winograd_backward read them.
size_t nk_winograd_packed_size(const nk_conv2d *plan);
/// Transforms weights w(outputs, channels, kernel_h, kernel_w) for nk_winograd_forward.
void nk_winograd_pack(float *packed, const float *w, const nk_conv2d *plan);
/// Transforms weights for nk_winograd_backward; as many floats.
void nk_winograd_pack_backward(float *packed, const float *w, const nk_conv2d *plan);
/// Floats of scratch that a pass over up to that many samples needs.
size_t nk_winograd_scratch(const nk_conv2d *plan, ptrdiff_t samples);
/// As nk_conv2d_forward for several samples; strides are floats from sample to sample.
void nk_winograd_forward(float *y, const float *x, const float *packed, const float *_Nullable bias,
                         float negative_slope, const nk_conv2d *plan, ptrdiff_t samples,
                         ptrdiff_t y_stride, ptrdiff_t x_stride, float *scratch);
/// Into how many bands of rows one sample is cut when threads share it.
ptrdiff_t nk_winograd_bands(const nk_conv2d *plan);
/// nk_winograd_forward of one band of one sample, with scratch for one sample.
void nk_winograd_forward_band(float *y, const float *x, const float *packed,
                              const float *_Nullable bias, float negative_slope,
                              const nk_conv2d *plan, ptrdiff_t band, float *scratch);
/// dx as nk_conv2d_data_gradient and dw += as nk_conv2d_weight_gradient; either may be absent.
///
/// x is read for dw only, the packed weights for dx only.
void nk_winograd_backward(float *_Nullable dx, float *_Nullable dw, const float *dy,
                          const float *_Nullable x, const float *_Nullable packed,
                          const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t dy_stride,
                          ptrdiff_t x_stride, float *scratch);

/// A block of tiles of several samples, or of some rows of tiles of one.
typedef struct nk_winograd_block {
    ptrdiff_t sample, samples, row, rows;
    ptrdiff_t count, padded; ///< tiles, and rounded up to whole vectors
} nk_winograd_block;

/// How many blocks of at most `most` tiles (or of one row of tiles) so many samples make.
ptrdiff_t nk_winograd_block_count(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most);
/// One of these blocks.
nk_winograd_block nk_winograd_block_at(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most,
                                       ptrdiff_t index);
/// Floats of lines that each of the following needs for such a block.
size_t nk_winograd_lines(const nk_conv2d *plan, ptrdiff_t samples, ptrdiff_t most);
/// u[point][output][channel], points `step` floats apart, of the filters of outputs [first, last).
void nk_winograd_weights(float *u, ptrdiff_t step, const float *w, const nk_conv2d *plan,
                         ptrdiff_t first, ptrdiff_t last);
/// v[point][channel][tile] of the channels [first, last); a channel's tiles take `padded` floats.
void nk_winograd_inputs(float *v, ptrdiff_t step, const float *x, ptrdiff_t x_stride,
                        const nk_conv2d *plan, const nk_winograd_block *block, ptrdiff_t first,
                        ptrdiff_t last, float *lines);
/// y = f(what the products p[point][output][tile] = u · v stand for + bias), outputs [first, last).
void nk_winograd_outputs(float *y, ptrdiff_t y_stride, const float *p, ptrdiff_t step,
                         const float *_Nullable bias, float negative_slope, const nk_conv2d *plan,
                         const nk_winograd_block *block, ptrdiff_t first, ptrdiff_t last,
                         float *lines);
/// p[point][output][tile], the gradient of the products, from dy, outputs [first, last).
void nk_winograd_output_gradients(float *p, ptrdiff_t step, const float *dy, ptrdiff_t dy_stride,
                                  const nk_conv2d *plan, const nk_winograd_block *block,
                                  ptrdiff_t first, ptrdiff_t last, float *lines);
/// dx += what the gradient v[point][channel][tile] = uᵀ · p stands for, channels [first, last).
void nk_winograd_input_gradients(float *dx, ptrdiff_t x_stride, const float *v, ptrdiff_t step,
                                 const nk_conv2d *plan, const nk_winograd_block *block,
                                 ptrdiff_t first, ptrdiff_t last, float *lines);
/// dw += what du[point][output][channel] = Σ p · vᵀ stands for, outputs [first, last).
void nk_winograd_weight_gradients(float *dw, const float *du, ptrdiff_t step, const nk_conv2d *plan,
                                  ptrdiff_t first, ptrdiff_t last);

// MARK: Values moved between places and sizes (resample.c). None may run in place.

/// y = x with its axes in another order: sizes are those of y, strides[i] is how far apart in x are
/// neighbours along axis i of y. Up to 32 axes.
void nk_permute(float *y, const float *x, const ptrdiff_t *sizes, const ptrdiff_t *strides,
                ptrdiff_t axes);
/// y = 0, then y[mask[i]] = x[i] within each plane; a later i wins.
///
/// Returns the first i over all planes whose mask is no place in a plane of out_size, or -1.
ptrdiff_t nk_unpool_forward(float *y, const float *x, const float *mask, size_t size,
                            size_t out_size, size_t planes);
/// dx[i] = dy[mask[i]], 0 where the mask is no place.
void nk_unpool_backward(float *dx, const float *dy, const float *mask, size_t size, size_t out_size,
                        size_t planes);
/// Each value of rows of x becomes a block of times_h by times_w in y.
void nk_repeat_forward(float *y, const float *x, size_t rows, size_t width, size_t times_h,
                       size_t times_w);
/// dx = the sum of dy over the block
void nk_repeat_backward(float *dx, const float *dy, size_t rows, size_t width, size_t times_h,
                        size_t times_w);

/// A resizing: the planes of x, the part of them that is taken (cut_h by cut_w from row and column
/// `begin` on), and the size of y.
typedef struct nk_interp {
    ptrdiff_t height, width, begin, cut_h, cut_w, out_h, out_w;
} nk_interp;

/// y = x between its values, by the distance along both axes; the corners of both lie on each other.
void nk_interp_forward(float *y, const float *x, const nk_interp *interp, size_t planes);
/// dx = the transpose of it, applied to dy
void nk_interp_backward(float *dx, const float *dy, const nk_interp *interp, size_t planes);
/// One sample of Darknet's reorganisation. With M = (channels, height, width), k = offset · F + c, F =
/// channels / stride², and L = (F, height · stride, width · stride):
/// M[k, j, i] ↔ L[c, j · stride + offset / stride, i · stride + offset % stride]; y is M, x is L, or with
/// `reverse` y is L and x is M.
void nk_reorg(float *y, const float *x, ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width,
              ptrdiff_t stride, int reverse);

// MARK: Losses of magnitudes (distance.c), not normalised.

/// Returns Σ outside f(inside (x - target)), f(d) = square d² / 2 where |d| < 1 / square, else
/// |d| - 1 / (2 square).
double nk_smooth_l1_forward(const float *x, const float *target, const float *_Nullable inside,
                            const float *_Nullable outside, float square, size_t n);
/// dx = scale outside inside f'
void nk_smooth_l1_backward(float *dx, const float *x, const float *target,
                           const float *_Nullable inside, const float *_Nullable outside,
                           float square, float scale, size_t n);
/// Returns Σ |d| over d = x - target (or x) with |d| ≥ plateau; *counted is how many d are not NaN.
double nk_l1_loss_forward(const float *x, const float *_Nullable target, float plateau, size_t n,
                          size_t *counted);
/// dx = scale sign(d), 0 below the plateau and for NaN
void nk_l1_loss_backward(float *dx, const float *x, const float *_Nullable target, float plateau,
                         float scale, size_t n);
/// Returns Σ_i √(s + epsilon) over s = factor Σ_c d[c, i]², 0 below plateau²; NaN counts as 0.
double nk_l2_loss_forward(const float *x, const float *_Nullable target, float factor,
                          float epsilon, float plateau, size_t channels, size_t inner,
                          size_t *counted);
/// dx = scale factor d / √(s + epsilon), 0 below the plateau and for NaN
void nk_l2_loss_backward(float *dx, const float *x, const float *_Nullable target, float factor,
                         float epsilon, float plateau, float scale, size_t channels, size_t inner);

// MARK: Regions (regions.c): parts of an image, as (left, top, right, bottom) in pixels of another scale.

/// The image (channels, height, width), the cells of a region, and places of the image for a pixel.
typedef struct nk_regions {
    ptrdiff_t channels, height, width, pooled_h, pooled_w;
    float scale;
} nk_regions;

/// y[c, cell] = the largest value of the cell, mask its place in the plane; 0 and -1 for an empty cell.
void nk_roi_pool_forward(float *y, int32_t *mask, const float *x, const float *roi,
                         const nk_regions *regions);
/// dx[mask[i]] += dy[i] where mask[i] ≥ 0
void nk_scatter_add(float *dx, const float *dy, const int32_t *mask, size_t n);
/// y[c] = the mean of plane c over cell c mod (pooled_h · pooled_w); 0 if that is empty.
void nk_psroi_pool_forward(float *y, const float *x, const float *roi, const nk_regions *regions);
/// Adds what dy[channel] gives to the plane dx of that channel.
void nk_psroi_pool_backward(float *dx, const float *dy, const float *roi, ptrdiff_t channel,
                            const nk_regions *regions);

// MARK: Boxes (boxes.c), (left, top, right, bottom) each.

/// How four numbers tell a box about a prior one; the numbers are those of SSD's schema.
typedef enum nk_box_code {
    nk_box_corner = 1,
    nk_box_center_size = 2,
    nk_box_corner_size = 3,
} nk_box_code;

/// The boxes that codes, `stride` floats apart, tell about priors; codes are multiplied by the variances
/// first, if there are any.
void nk_decode_boxes(float *box, const float *code, size_t stride, const float *prior,
                     const float *_Nullable variance, nk_box_code kind, size_t n);
/// The places whose score is above the threshold, the best first, equal ones as they lie; how many.
size_t nk_rank(int32_t *order, const float *scores, size_t stride, float threshold, size_t n);
/// Keeps of the boxes in `order` those that overlap none kept before by more than the threshold (common
/// area over united area), `most` at the most; how many. Sides count `extra` more than their ends differ.
///
/// The threshold is multiplied by eta after each box while it is above 1/2. kept may be order.
size_t nk_suppress(int32_t *kept, const int32_t *order, size_t n, const float *boxes,
                   float threshold, float eta, float extra, size_t most);

/// Places of a map and anchors at each; pixels from place to place; the image; the shortest side.
typedef struct nk_proposals {
    ptrdiff_t anchors, height, width;
    float stride, image_height, image_width, smallest;
} nk_proposals;

/// The anchors moved and resized by their deltas (4 · anchors, height, width), cut at the image's border,
/// without those that are too small; their scores from objectness (anchors, height, width); how many.
size_t nk_propose(float *boxes, float *scores, const float *objectness, const float *deltas,
                  const float *anchors, const nk_proposals *proposals);

#pragma clang assume_nonnull end
