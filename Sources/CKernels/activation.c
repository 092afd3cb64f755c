// Activations: values and gradients. The transcendental ones have libm's as their reference.
#include "internal.h"

NK_CLONES void nk_relu_forward(float *y, const float *x, float negative_slope, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        y[i] = (v < 0.0f ? 0.0f : v) + negative_slope * (0.0f < v ? 0.0f : v);
    }
}

NK_CLONES void nk_relu_backward(float *dx, const float *dy, const float *x, float negative_slope,
                                size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        float slope = v <= 0.0f ? negative_slope : 0.0f;
        dx[i] = dy[i] * (v > 0.0f ? 1.0f : slope);
    }
}

NK_CLONES void nk_sigmoid_forward(float *y, const float *x, size_t n) {
    NK_FUSED
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = 0.5f * nk_tanhf(0.5f * x[i]) + 0.5f;
}

void nk_sigmoid_forward_reference(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = 0.5f * tanhf(0.5f * x[i]) + 0.5f;
}

NK_CLONES void nk_sigmoid_backward(float *dx, const float *dy, const float *y, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * y[i] * (1.0f - y[i]);
}

NK_CLONES void nk_tanh_forward(float *y, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = nk_tanhf(x[i]);
}

void nk_tanh_forward_reference(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = tanhf(x[i]);
}

NK_CLONES void nk_tanh_backward(float *dx, const float *dy, const float *y, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * (1.0f - y[i] * y[i]);
}

NK_CLONES void nk_exp(float *y, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = nk_expf(x[i]);
}

void nk_exp_reference(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = expf(x[i]);
}

NK_CLONES void nk_log(float *y, const float *x, size_t n) {
    NK_LANES
    for (size_t i = 0; i < n; i++) y[i] = nk_logf(x[i]);
}

void nk_log_reference(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = logf(x[i]);
}

// The generator: a counter hashed with two rounds of a full-avalanche 32-bit mixer (multipliers by
// C. Wellons' search), keyed between the rounds, so that every element can be drawn on its own.
NK_INLINE uint32_t mix(uint32_t h) {
    h ^= h >> 16;
    h *= 0x21F0AAADu;
    h ^= h >> 15;
    h *= 0x735A2D97u;
    return h ^ (h >> 15);
}

NK_CLONES static void dropout_block(float *y, const float *x, uint32_t threshold, float scale,
                                    uint64_t key, uint32_t first, size_t n) {
    uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        uint32_t random = mix(mix((first + (uint32_t)i) ^ low) + high);
        y[i] = x[i] * (random >= threshold ? scale : 0.0f);
    }
}

void nk_dropout(float *y, const float *x, float ratio, uint64_t seed, uint64_t counter,
                uint64_t first, size_t n) {
    double scaled = (double)ratio * 4294967296.0;
    uint32_t threshold = scaled >= 4294967295.0 ? UINT32_MAX : (uint32_t)scaled;
    float scale = 1.0f / (1.0f - ratio);
    while (n > 0) {
        // The upper half of the element's index goes into the key.
        uint64_t left = (1ull << 32) - (first & 0xFFFFFFFFu);
        size_t count = n < left ? n : (size_t)left;
        uint64_t key = nk_mix64(nk_mix64(nk_mix64(seed) ^ counter) ^ (first >> 32));
        dropout_block(y, x, threshold, scale, key, (uint32_t)first, count);
        y += count, x += count, first += count, n -= count;
    }
}

NK_CLONES void nk_bias_relu(float *y, const float *x, float bias, float negative_slope, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float v = x[i] + bias, low = v * negative_slope + 0.0f;
        y[i] = v < 0 ? low : v;
    }
}

void nk_bias_relu_reference(float *y, const float *x, float bias, float negative_slope, size_t n) {
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] + bias < 0 ? negative_slope * (x[i] + bias) : x[i] + bias;
    }
}
