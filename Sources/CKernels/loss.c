// Losses beside that of softmax.c: sums over labels or targets, not normalised, and gradients.
#include "internal.h"
#include "labels.h"

enum { block = 1024 };

NK_CLONES double nk_sigmoid_loss_forward(const float *x, const float *targets,
                                         const int32_t *ignored, size_t n, size_t *counted) {
    int ignores = ignored != NULL;
    int32_t without = ignored ? *ignored : 0;
    double loss = 0;
    size_t skipped = 0;
    for (size_t start = 0; start < n; start += block) {
        NK_RELAXED
        size_t end = n - start < block ? n : start + block;
        float sum = 0;
        int32_t skips = 0;
        for (size_t i = start; i < end; i++) {
            float v = x[i], t = targets[i];
            float positive = v >= 0.0f ? 1.0f : 0.0f;
            float term = nk_logf(1.0f + nk_expf(v - 2.0f * v * positive)) - v * (t - positive);
            int skip = ignores & (cut_label(t) == without);
            sum += skip ? 0.0f : term;
            skips += skip;
        }
        loss += sum;
        skipped += (size_t)skips;
    }
    *counted = n - skipped;
    return loss;
}

double nk_sigmoid_loss_forward_reference(const float *x, const float *targets,
                                         const int32_t *ignored, size_t n, size_t *counted) {
    double loss = 0;
    *counted = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_ignored(targets[i], ignored)) continue;
        double v = x[i];
        loss += log1p(exp(-fabs(v))) - v * (targets[i] - (v >= 0 ? 1 : 0));
        *counted += 1;
    }
    return loss;
}

NK_CLONES void nk_sigmoid_loss_backward(float *dx, const float *x, const float *targets,
                                        const int32_t *ignored, float scale, size_t n) {
    int ignores = ignored != NULL;
    int32_t without = ignored ? *ignored : 0;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float t = targets[i];
        float slope = 0.5f * nk_tanhf(0.5f * x[i]) + 0.5f - t;
        dx[i] = (ignores & (cut_label(t) == without)) ? 0.0f : scale * slope;
    }
}

void nk_sigmoid_loss_backward_reference(float *dx, const float *x, const float *targets,
                                        const int32_t *ignored, float scale, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double slope = 1 / (1 + exp(-(double)x[i])) - targets[i];
        dx[i] = is_ignored(targets[i], ignored) ? 0.0f : (float)(scale * slope);
    }
}

// Σ max(0, 1 + sign x), or of its squares. NaN counts as 0, as in Caffe's std::max.
NK_INLINE double hinge_sum(const float *x, float sign, int squared, size_t n) {
    double total = 0;
    for (size_t start = 0; start < n; start += block) {
        NK_RELAXED
        size_t end = n - start < block ? n : start + block;
        float sum = 0;
        for (size_t i = start; i < end; i++) {
            float margin = 1.0f + sign * x[i];
            margin = margin > 0.0f ? margin : 0.0f;
            sum += squared ? margin * margin : margin;
        }
        total += sum;
    }
    return total;
}

NK_CLONES double nk_hinge_loss_forward(const float *x, const float *labels, int squared,
                                       size_t items, size_t classes, ptrdiff_t *bad_label) {
    double loss = 0;
    *bad_label = -1;
    for (size_t n = 0; n < items; n++, x += classes) {
        ptrdiff_t label = class_of(labels[n], classes);
        if (label < 0) {
            *bad_label = *bad_label < 0 ? (ptrdiff_t)n : *bad_label;
            continue;
        }
        size_t right = (size_t)label;
        loss += hinge_sum(x, 1, squared, right);
        loss += hinge_sum(x + right, -1, squared, 1);
        loss += hinge_sum(x + right + 1, 1, squared, classes - right - 1);
    }
    return loss;
}

double nk_hinge_loss_forward_reference(const float *x, const float *labels, int squared,
                                       size_t items, size_t classes, ptrdiff_t *bad_label) {
    double loss = 0;
    *bad_label = -1;
    for (size_t n = 0; n < items; n++) {
        ptrdiff_t label = class_of(labels[n], classes);
        if (label < 0 && *bad_label < 0) *bad_label = (ptrdiff_t)n;
        for (size_t c = 0; label >= 0 && c < classes; c++) {
            float value = x[n * classes + c];
            float margin = fmaxf(0, 1 + ((ptrdiff_t)c == label ? -value : value));
            loss += squared ? margin * margin : margin;
        }
    }
    return loss;
}

NK_CLONES void nk_hinge_loss_backward(float *dx, const float *x, const float *labels, int squared,
                                      float scale, size_t items, size_t classes) {
    for (size_t n = 0; n < items; n++, x += classes, dx += classes) {
        ptrdiff_t label = class_of(labels[n], classes);
        NK_LANES
        for (size_t c = 0; c < classes; c++) {
            float sign = (ptrdiff_t)c == label ? -1.0f : 1.0f;
            float margin = 1.0f + sign * x[c];
            float slope = squared ? 2.0f * margin : 1.0f;
            dx[c] = margin > 0.0f ? sign * scale * slope : 0.0f;
        }
    }
}

static const float least_probability = 1e-20f;

double nk_multinomial_loss_forward(const float *y, const float *labels, size_t items,
                                   size_t classes, ptrdiff_t *bad_label) {
    double loss = 0;
    *bad_label = -1;
    for (size_t n = 0; n < items; n++) {
        ptrdiff_t label = class_of(labels[n], classes);
        if (label < 0) {
            if (*bad_label < 0) *bad_label = (ptrdiff_t)n;
            continue;
        }
        float p = y[n * classes + (size_t)label];
        loss -= logf(p < least_probability ? least_probability : p);
    }
    return loss;
}

void nk_multinomial_loss_backward(float *dy, const float *y, const float *labels, float scale,
                                  size_t items, size_t classes) {
    nk_fill(dy, 0, items * classes);
    for (size_t n = 0; n < items; n++) {
        ptrdiff_t label = class_of(labels[n], classes);
        if (label < 0) continue;
        float p = y[n * classes + (size_t)label];
        dy[n * classes + (size_t)label] = -scale / (p < least_probability ? least_probability : p);
    }
}

// The loss of one outer item whose labels have been checked.
NK_INLINE double infogain_item(const float *y, const float *labels, const float *h,
                               const int32_t *ignored, size_t classes, size_t inner) {
    int ignores = ignored != NULL;
    int32_t without = ignored ? *ignored : 0;
    double loss = 0;
    for (size_t c = 0; c < classes; c++, y += inner) {
        for (size_t start = 0; start < inner; start += block) {
            NK_RELAXED
            size_t end = inner - start < block ? inner : start + block;
            float sum = 0;
            for (size_t i = start; i < end; i++) {
                int32_t label = cut_label(labels[i]);
                int skip = ignores & (label == without);
                size_t row = skip ? 0 : (size_t)label;
                float p = y[i] < least_probability ? least_probability : y[i];
                sum += skip ? 0.0f : h[row * classes + c] * nk_logf(p);
            }
            loss -= sum;
        }
    }
    return loss;
}

NK_CLONES double nk_infogain_loss_forward(const float *y, const float *labels, const float *h,
                                          const int32_t *ignored, size_t outer, size_t classes,
                                          size_t inner, size_t *counted, ptrdiff_t *bad_label) {
    *bad_label = -1;
    *counted = 0;
    for (size_t i = 0; i < outer * inner; i++) {
        if (is_ignored(labels[i], ignored)) continue;
        *counted += 1;
        if (class_of(labels[i], classes) < 0) {
            *bad_label = (ptrdiff_t)i;
            return 0;
        }
    }
    double loss = 0;
    for (size_t o = 0; o < outer; o++) {
        size_t base = o * inner;
        loss += infogain_item(y + base * classes, labels + base, h, ignored, classes, inner);
    }
    return loss;
}

double nk_infogain_loss_forward_reference(const float *y, const float *labels, const float *h,
                                          const int32_t *ignored, size_t outer, size_t classes,
                                          size_t inner, size_t *counted, ptrdiff_t *bad_label) {
    double loss = 0;
    *bad_label = -1;
    *counted = 0;
    for (size_t i = 0; i < outer * inner; i++) {
        if (is_ignored(labels[i], ignored)) continue;
        *counted += 1;
        ptrdiff_t row = class_of(labels[i], classes);
        if (row < 0) {
            *bad_label = (ptrdiff_t)i;
            return 0;
        }
        for (size_t c = 0; c < classes; c++) {
            float p = y[(i / inner * classes + c) * inner + i % inner];
            loss -= (double)h[(size_t)row * classes + c] * log(fmax(p, least_probability));
        }
    }
    return loss;
}

NK_CLONES void nk_infogain_loss_backward(float *dx, const float *y, const float *labels,
                                         const float *h, const float *row_sums,
                                         const int32_t *ignored, float scale, size_t outer,
                                         size_t classes, size_t inner) {
    int ignores = ignored != NULL;
    int32_t without = ignored ? *ignored : 0;
    for (size_t o = 0; o < outer; o++, labels += inner) {
        for (size_t c = 0; c < classes; c++, dx += inner, y += inner) {
            NK_LANES
            for (size_t i = 0; i < inner; i++) {
                int32_t label = cut_label(labels[i]);
                int skip = ignores & (label == without);
                size_t row = skip ? 0 : (size_t)label;
                float slope = y[i] * row_sums[row] - h[row * classes + c];
                dx[i] = skip ? 0.0f : scale * slope;
            }
        }
    }
}

static int is_told(float target) { return target >= 0 && target <= 1; }

double nk_multilabel_loss_forward(const float *x, const float *targets, size_t n, size_t *counted) {
    double loss = 0;
    size_t valid = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_told(targets[i])) continue;
        loss += fmaxf(x[i], 0) - x[i] * targets[i] + log1pf(expf(-fabsf(x[i])));
        valid += 1;
    }
    *counted = valid;
    return loss;
}

void nk_multilabel_loss_backward(float *dx, const float *x, const float *targets, float scale,
                                 size_t n) {
    for (size_t i = 0; i < n; i++)
        dx[i] = is_told(targets[i]) ? scale * (1 / (1 + expf(-x[i])) - targets[i]) : 0;
}
