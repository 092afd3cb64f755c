// The step of a long short-term memory. Its gates lie behind each other as in Caffe's weights:
// input, forget, output, and the candidate.
#include "internal.h"

NK_CLONES void nk_lstm_step_forward(float *c, float *h, float *gates, const float *x,
                                    const float *c_before, float cont, size_t n) {
    const float *xi = x, *xf = x + n, *xo = x + 2 * n, *xg = x + 3 * n;
    float *input = gates, *forget = gates + n, *output = gates + 2 * n, *candidate = gates + 3 * n;
    NK_LANES
    for (size_t d = 0; d < n; d++) {
        float i = 0.5f * nk_tanhf(0.5f * xi[d]) + 0.5f;
        float f = 0.5f * nk_tanhf(0.5f * xf[d]) + 0.5f;
        float o = 0.5f * nk_tanhf(0.5f * xo[d]) + 0.5f;
        float g = nk_tanhf(xg[d]);
        f = cont == 0.0f ? 0.0f : cont * f;
        float state = f * c_before[d] + i * g;
        input[d] = i, forget[d] = f, output[d] = o, candidate[d] = g;
        c[d] = state;
        h[d] = o * nk_tanhf(state);
    }
}

void nk_lstm_step_forward_reference(float *c, float *h, float *gates, const float *x,
                                    const float *c_before, float cont, size_t n) {
    for (size_t d = 0; d < n; d++) {
        float i = 1 / (1 + expf(-x[d]));
        float f = cont == 0 ? 0 : cont / (1 + expf(-x[n + d]));
        float o = 1 / (1 + expf(-x[2 * n + d]));
        float g = tanhf(x[3 * n + d]);
        gates[d] = i, gates[n + d] = f, gates[2 * n + d] = o, gates[3 * n + d] = g;
        c[d] = f * c_before[d] + i * g;
        h[d] = o * tanhf(c[d]);
    }
}

NK_CLONES void nk_lstm_step_backward(float *dc_before, float *dx, const float *dc, const float *dh,
                                     const float *c, const float *c_before, const float *gates,
                                     size_t n) {
    const float *input = gates, *forget = gates + n, *output = gates + 2 * n,
                *candidate = gates + 3 * n;
    float *di = dx, *df = dx + n, *d_o = dx + 2 * n, *dg = dx + 3 * n;
    NK_LANES
    for (size_t d = 0; d < n; d++) {
        float i = input[d], f = forget[d], o = output[d], g = candidate[d];
        float squashed = nk_tanhf(c[d]);
        float state = dc[d] + dh[d] * o * (1.0f - squashed * squashed);
        di[d] = state * g * i * (1.0f - i);
        df[d] = state * c_before[d] * f * (1.0f - f);
        d_o[d] = dh[d] * squashed * o * (1.0f - o);
        dg[d] = state * i * (1.0f - g * g);
        dc_before[d] = state * f;
    }
}

void nk_lstm_step_backward_reference(float *dc_before, float *dx, const float *dc, const float *dh,
                                     const float *c, const float *c_before, const float *gates,
                                     size_t n) {
    for (size_t d = 0; d < n; d++) {
        float i = gates[d], f = gates[n + d], o = gates[2 * n + d], g = gates[3 * n + d];
        float state = dc[d] + dh[d] * o * (1 - tanhf(c[d]) * tanhf(c[d]));
        dx[d] = state * g * i * (1 - i);
        dx[n + d] = state * c_before[d] * f * (1 - f);
        dx[2 * n + d] = dh[d] * tanhf(c[d]) * o * (1 - o);
        dx[3 * n + d] = state * i * (1 - g * g);
        dc_before[d] = state * f;
    }
}
