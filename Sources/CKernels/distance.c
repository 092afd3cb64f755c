// Losses of differences that grow like their magnitude.
#include "internal.h"

NK_CLONES double nk_smooth_l1_forward(const float *x, const float *target, const float *inside,
                                      const float *outside, float square, size_t n) {
    NK_FUSED
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        float d = (x[i] - target[i]) * (inside ? inside[i] : 1.0f);
        float a = fabsf(d);
        float value = a < 1.0f / square ? 0.5f * square * d * d : a - 0.5f / square;
        loss += value * (outside ? outside[i] : 1.0f);
    }
    return loss;
}

NK_CLONES void nk_smooth_l1_backward(float *dx, const float *x, const float *target,
                                     const float *inside, const float *outside, float square,
                                     float scale, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float in = inside ? inside[i] : 1.0f;
        float d = (x[i] - target[i]) * in;
        float slope = fabsf(d) < 1.0f / square ? square * d : (float)((d > 0) - (d < 0));
        dx[i] = scale * slope * in * (outside ? outside[i] : 1.0f);
    }
}

NK_INLINE float difference(const float *x, const float *target, size_t i) {
    return target ? x[i] - target[i] : x[i];
}

double nk_l1_loss_forward(const float *x, const float *target, float plateau, size_t n,
                          size_t *counted) {
    double loss = 0;
    size_t valid = 0;
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(difference(x, target, i));
        valid += a == a;
        loss += a >= plateau ? a : 0; // Not so for NaN.
    }
    *counted = valid;
    return loss;
}

void nk_l1_loss_backward(float *dx, const float *x, const float *target, float plateau, float scale,
                         size_t n) {
    for (size_t i = 0; i < n; i++) {
        float d = difference(x, target, i);
        dx[i] = fabsf(d) >= plateau ? scale * (float)((d > 0) - (d < 0)) : 0;
    }
}

// The mean or sum of squares over the channels at one place; NaN counts as 0.
static float squares(const float *x, const float *target, float factor, size_t channels,
                     size_t inner) {
    float sum = 0;
    for (size_t c = 0; c < channels; c++) {
        float d = difference(x, target, c * inner);
        sum += d == d ? d * d : 0;
    }
    return sum * factor;
}

double nk_l2_loss_forward(const float *x, const float *target, float factor, float epsilon,
                          float plateau, size_t channels, size_t inner, size_t *counted) {
    double loss = 0;
    size_t valid = 0;
    for (size_t i = 0; i < inner; i++) {
        float sum = squares(x + i, target ? target + i : NULL, factor, channels, inner);
        loss += sqrtf((sum < plateau * plateau ? 0 : sum) + epsilon);
    }
    for (size_t i = 0; i < channels * inner; i++) {
        float d = difference(x, target, i);
        valid += d == d;
    }
    *counted = valid;
    return loss;
}

void nk_l2_loss_backward(float *dx, const float *x, const float *target, float factor,
                         float epsilon, float plateau, float scale, size_t channels, size_t inner) {
    for (size_t i = 0; i < inner; i++) {
        float sum = squares(x + i, target ? target + i : NULL, factor, channels, inner);
        float slope = sum < plateau * plateau ? 0 : scale * factor / sqrtf(sum + epsilon);
        for (size_t c = 0; c < channels; c++) {
            float d = difference(x, target, c * inner + i);
            dx[c * inner + i] = d == d ? slope * d : 0;
        }
    }
}
