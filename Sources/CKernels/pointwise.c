// Activations with constants of their own, and powers, exponentials and logarithms of a s x + t.
#include "internal.h"

// What is rectified above and below 0, with NaN passing both ways as std::max and std::min let it.
NK_INLINE float above(float v) { return v < 0.0f ? 0.0f : v; }
NK_INLINE float below(float v) { return 0.0f < v ? 0.0f : v; }

// MARK: Rectifiers

NK_CLONES void nk_prelu_forward(float *y, const float *x, const float *slope, size_t channels,
                                size_t inner) {
    if (inner == 1) {
        NK_LANES
        for (size_t c = 0; c < channels; c++) y[c] = above(x[c]) + slope[c] * below(x[c]);
        return;
    }
    for (size_t c = 0; c < channels; c++, x += inner, y += inner) {
        float a = slope[c];
        NK_LANES
        for (size_t i = 0; i < inner; i++) y[i] = above(x[i]) + a * below(x[i]);
    }
}

// The factor of dy: 1 above 0, the slope at 0 and below, 0 for NaN.
NK_INLINE float prelu_factor(float v, float slope) {
    return v > 0.0f ? 1.0f : (v <= 0.0f ? slope : 0.0f);
}

NK_CLONES void nk_prelu_backward(float *dx, const float *dy, const float *x, const float *slope,
                                 size_t channels, size_t inner) {
    if (inner == 1) {
        NK_LANES
        for (size_t c = 0; c < channels; c++) dx[c] = dy[c] * prelu_factor(x[c], slope[c]);
        return;
    }
    for (size_t c = 0; c < channels; c++, x += inner, dx += inner, dy += inner) {
        float a = slope[c];
        NK_LANES
        for (size_t i = 0; i < inner; i++) dx[i] = dy[i] * prelu_factor(x[i], a);
    }
}

NK_CLONES static float negative_dot(const float *dy, const float *x, size_t n) {
    enum { block = 1024 };
    double total = 0;
    for (size_t start = 0; start < n; start += block) {
        NK_RELAXED
        size_t end = n - start < block ? n : start + block;
        float sum = 0;
        for (size_t i = start; i < end; i++) sum += x[i] <= 0.0f ? dy[i] * x[i] : 0.0f;
        total += sum;
    }
    return (float)total;
}

NK_CLONES void nk_prelu_slope_gradient(float *dslope, const float *dy, const float *x,
                                       size_t channels, size_t inner) {
    if (inner == 1) {
        NK_LANES
        for (size_t c = 0; c < channels; c++) dslope[c] += x[c] <= 0.0f ? dy[c] * x[c] : 0.0f;
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        dslope[c] += negative_dot(dy + c * inner, x + c * inner, inner);
    }
}

void nk_prelu_slope_gradient_reference(float *dslope, const float *dy, const float *x,
                                       size_t channels, size_t inner) {
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < inner; i++) {
            float v = x[c * inner + i];
            if (v <= 0.0f) sum += (double)dy[c * inner + i] * v;
        }
        dslope[c] += (float)sum;
    }
}

NK_CLONES void nk_elu_forward(float *y, const float *x, float alpha, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        y[i] = above(v) + alpha * (nk_expf(below(v)) - 1.0f);
    }
}

void nk_elu_forward_reference(float *y, const float *x, float alpha, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = above(x[i]) + alpha * (expf(below(x[i])) - 1.0f);
}

NK_CLONES void nk_elu_backward(float *dx, const float *dy, const float *y, const float *x,
                               float alpha, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * prelu_factor(x[i], alpha + y[i]);
}

// MARK: Other activations

NK_CLONES void nk_absolute(float *y, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = nk_float(nk_bits(x[i]) & 0x7FFFFFFFu);
}

NK_INLINE float sign(float v) { return (v > 0.0f ? 1.0f : 0.0f) - (v < 0.0f ? 1.0f : 0.0f); }

NK_CLONES void nk_absolute_backward(float *dx, const float *dy, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * sign(x[i]);
}

NK_CLONES void nk_scaled_sign(float *y, float a, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a * sign(x[i]);
}

NK_CLONES void nk_threshold(float *y, const float *x, float threshold, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = x[i] > threshold ? 1.0f : 0.0f;
}

NK_CLONES void nk_clip(float *y, const float *x, float low, float high, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = high < x[i] ? high : x[i];
        y[i] = low < v ? v : low;
    }
}

NK_CLONES void nk_clip_backward(float *dx, const float *dy, const float *x, float low, float high,
                                size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        dx[i] = v >= low && v <= high ? dy[i] : 0.0f;
    }
}

// ln(1 + e) for e from 0 to 1: what rounding takes from 1 + e, the quotient gives back.
NK_INLINE float log_of_one_more(float e) {
    float sum = 1.0f + e;
    float rounded = sum - 1.0f;
    return rounded > 0.0f ? nk_logf(sum) * (e / rounded) : e;
}

NK_CLONES void nk_bnll_forward(float *y, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        float magnitude = nk_float(nk_bits(v) & 0x7FFFFFFFu);
        y[i] = above(v) + log_of_one_more(nk_expf(-magnitude));
    }
}

void nk_bnll_forward_reference(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double v = x[i];
        y[i] = (float)(v > 0 ? v + log1p(exp(-v)) : log1p(exp(v)));
    }
}

NK_CLONES void nk_bnll_backward(float *dx, const float *dy, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float e = nk_expf(50.0f < x[i] ? 50.0f : x[i]);
        dx[i] = dy[i] * e / (e + 1.0f);
    }
}

NK_CLONES void nk_swish_forward(float *y, float *sigmoid, const float *x, float beta, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        float s = 0.5f * nk_tanhf(0.5f * (beta * v)) + 0.5f;
        sigmoid[i] = s;
        y[i] = v * s;
    }
}

NK_CLONES void nk_swish_backward(float *dx, const float *dy, const float *y, const float *sigmoid,
                                 float beta, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float scaled = beta * y[i];
        dx[i] = dy[i] * (scaled + sigmoid[i] * (1.0f - scaled));
    }
}

// MARK: Powers, exponentials, logarithms

// y = v^power in place; the frequent powers without libm.
NK_CLONES static void raise(float *y, float power, size_t n) {
    if (power == 1.0f) return;
    if (power == 0.0f) {
        for (size_t i = 0; i < n; i++) y[i] = 1.0f;
    } else if (power == 2.0f) {
        for (size_t i = 0; i < n; i++) y[i] *= y[i];
    } else if (power == 3.0f) {
        for (size_t i = 0; i < n; i++) y[i] *= y[i] * y[i];
    } else if (power == -1.0f) {
        for (size_t i = 0; i < n; i++) y[i] = 1.0f / y[i];
    } else if (power == -2.0f) {
        for (size_t i = 0; i < n; i++) y[i] = 1.0f / (y[i] * y[i]);
    } else if (power == 0.5f) {
        // Adding 0 makes -0 a 0; only the root of -infinity differs from libm's powf.
        for (size_t i = 0; i < n; i++) y[i] = nk_sqrtf(y[i] + 0.0f);
    } else {
        for (size_t i = 0; i < n; i++) y[i] = powf(y[i], power);
    }
}

NK_CLONES static void affine(float *y, float scale, float shift, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = scale * x[i] + shift;
}

void nk_power_forward(float *y, const float *x, float power, float scale, float shift, size_t n) {
    affine(y, scale, shift, x, n);
    raise(y, power, n);
}

void nk_power_forward_reference(float *y, const float *x, float power, float scale, float shift,
                                size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = powf(scale * x[i] + shift, power);
}

NK_CLONES static void multiply_scaled(float *dx, float a, const float *dy, const float *f,
                                      size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = a * f[i] * dy[i];
}

void nk_power_backward(float *dx, const float *dy, const float *x, float power, float scale,
                       float shift, size_t n) {
    enum { block = 512 };
    float slope[block];
    for (size_t start = 0; start < n; start += block) {
        size_t count = n - start < block ? n - start : block;
        affine(slope, scale, shift, x + start, count);
        raise(slope, power - 1.0f, count);
        multiply_scaled(dx + start, power * scale, dy + start, slope, count);
    }
}

void nk_power_backward_reference(float *dx, const float *dy, const float *x, float power,
                                 float scale, float shift, size_t n) {
    for (size_t i = 0; i < n; i++) {
        dx[i] = dy[i] * power * scale * powf(scale * x[i] + shift, power - 1.0f);
    }
}

NK_CLONES void nk_scaled_exp(float *y, float outer, float inner, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = outer * nk_expf(inner * x[i]);
}

NK_CLONES void nk_scaled_product(float *y, float a, const float *u, const float *v, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = a * (u[i] * v[i]);
}

NK_CLONES void nk_scaled_log(float *y, float outer, float scale, float shift, const float *x,
                             size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = outer * nk_logf(scale * x[i] + shift);
}

NK_CLONES void nk_scaled_log_backward(float *dx, const float *dy, float factor, float scale,
                                      float shift, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * (factor / (scale * x[i] + shift));
}

NK_CLONES void nk_relu6_forward(float *y, const float *x, float negative_slope, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        y[i] = v > 6.0f ? 6.0f : v > 0 ? v : negative_slope * v;
    }
}

NK_CLONES void nk_relu6_backward(float *dx, const float *dy, const float *x, float negative_slope,
                                 size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float slope = x[i] >= 6.0f ? 0.0f : x[i] > 0 ? 1.0f : negative_slope;
        dx[i] = slope * dy[i];
    }
}
