// Update rules: one pass over weights, gradients and history.
#include "internal.h"

// The gradient after the division by iter_size and with the regulariser's own.
NK_INLINE float regularised(float g, float w, const nk_update *u) {
    float sign = w > 0.0f ? 1.0f : (w < 0.0f ? -1.0f : 0.0f);
    return u->gradient_scale * g + u->l2 * w + u->l1 * sign;
}

NK_CLONES void nk_sgd_update(float *w, float *h, const float *g, const nk_update *update,
                             size_t n) {
    NK_FUSED
    const nk_update u = *update;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float step = u.momentum * h[i] + u.rate * regularised(g[i], w[i], &u);
        h[i] = step;
        w[i] -= step;
    }
}

NK_CLONES void nk_nesterov_update(float *w, float *h, const float *g, const nk_update *update,
                                  size_t n) {
    NK_FUSED
    const nk_update u = *update;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float old = h[i];
        float step = u.momentum * old + u.rate * regularised(g[i], w[i], &u);
        h[i] = step;
        w[i] -= (1.0f + u.momentum) * step - u.momentum * old;
    }
}

NK_CLONES void nk_adagrad_update(float *w, float *h, const float *g, const nk_update *update,
                                 size_t n) {
    NK_FUSED
    const nk_update u = *update;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float d = regularised(g[i], w[i], &u);
        float sum = h[i] + d * d;
        h[i] = sum;
        w[i] -= u.rate * d / (nk_sqrtf(sum) + u.delta);
    }
}

NK_CLONES void nk_rmsprop_update(float *w, float *h, const float *g, const nk_update *update,
                                 size_t n) {
    NK_FUSED
    const nk_update u = *update;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float d = regularised(g[i], w[i], &u);
        float mean = u.rms_decay * h[i] + (1.0f - u.rms_decay) * (d * d);
        h[i] = mean;
        w[i] -= u.rate * d / (nk_sqrtf(mean) + u.delta);
    }
}

NK_CLONES void nk_adadelta_update(float *w, float *h1, float *h2, const float *g,
                                  const nk_update *update, size_t n) {
    NK_FUSED
    const nk_update u = *update;
    float rest = 1.0f - u.momentum;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float d = regularised(g[i], w[i], &u);
        float squares = u.momentum * h1[i] + rest * (d * d);
        float step = d * nk_sqrtf((h2[i] + u.delta) / (squares + u.delta));
        h1[i] = squares;
        h2[i] = u.momentum * h2[i] + rest * (step * step);
        w[i] -= u.rate * step;
    }
}

NK_CLONES void nk_adam_update(float *w, float *m, float *v, const float *g, const nk_update *update,
                              size_t n) {
    NK_FUSED
    const nk_update u = *update;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float d = regularised(g[i], w[i], &u);
        float first = u.momentum * m[i] + (1.0f - u.momentum) * d;
        float second = u.momentum2 * v[i] + (1.0f - u.momentum2) * (d * d);
        m[i] = first;
        v[i] = second;
        w[i] -= u.rate * u.correction * first / (nk_sqrtf(second) + u.delta);
    }
}

NK_CLONES void nk_adamw_update(float *w, float *m, float *v, const float *g,
                               const nk_update *update, size_t n) {
    NK_FUSED
    const nk_update u = *update;
    NK_LANES
    for (size_t i = 0; i < n; i++) {
        float d = u.gradient_scale * g[i];
        float old = w[i];
        float sign = old > 0.0f ? 1.0f : (old < 0.0f ? -1.0f : 0.0f);
        float first = u.momentum * m[i] + (1.0f - u.momentum) * d;
        float second = u.momentum2 * v[i] + (1.0f - u.momentum2) * (d * d);
        m[i] = first;
        v[i] = second;
        float step = u.correction * first / (nk_sqrtf(second) + u.delta);
        w[i] = old - u.rate * (step + u.l2 * old + u.l1 * sign);
    }
}
