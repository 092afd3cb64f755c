// What the kernel files share: instruction-set clones, loop marks and elementary functions.
#pragma once

#include <float.h>
#include <math.h>
#include <string.h>

#include "CKernels.h"

// Compiles a function once for AVX-512, once for AVX2 and once for any x86-64; the loader picks.
#if defined(__x86_64__)
#define NK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NK_CLONES
#endif

#define NK_INLINE static inline __attribute__((always_inline))

// In place means the very same pointer here, never a shifted one, so that lanes cannot disturb each
// other; without this mark the compiler would take its scalar path whenever x == y.
#define NK_LANES _Pragma("clang loop vectorize(assume_safety)")

// Allows this function's sums to run in lanes and products to fuse; NaN and infinity keep their rules.
#define NK_RELAXED _Pragma("clang fp reassociate(on) contract(fast)")
#define NK_FUSED _Pragma("clang fp contract(fast)")

// Floats in a vector of the instructions that explicit kernels use here: 16, 8 or 4. A bench may
// define NK_VECTOR to try the narrower ones.
NK_INLINE int nk_vector(void) {
#if defined(NK_VECTOR)
    return NK_VECTOR;
#elif defined(__x86_64__)
    return __builtin_cpu_supports("x86-64-v4") ? 16 : __builtin_cpu_supports("x86-64-v3") ? 8 : 4;
#else
    return 4;
#endif
}

NK_INLINE uint32_t nk_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

NK_INLINE float nk_float(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

// The square root without libm's errno, which would keep loops scalar.
NK_INLINE float nk_sqrtf(float x) { return __builtin_elementwise_sqrt(x); }

// e^x with at most about 1 ulp of error; overflow, underflow and NaN as libm's.
NK_INLINE float nk_expf(float x) {
    NK_FUSED
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const float magic = 12582912.0f;
    float shifted = x * 1.44269504088896341f + magic;
    float n = shifted - magic;
    int32_t k = (int32_t)(nk_bits(shifted) - 0x4B400000u);
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    float y = (p * (r * r) + r) + 1.0f;
    // Two factors, since 2^k alone may leave the range that y * 2^k still reaches.
    int32_t half = k >> 1;
    return y * nk_float((uint32_t)(half + 127) << 23) * nk_float((uint32_t)(k - half + 127) << 23);
}

// tanh x: a polynomial near 0, where the quotient would cancel.
NK_INLINE float nk_tanhf(float x) {
    NK_FUSED
    float a = nk_float(nk_bits(x) & 0x7FFFFFFFu);
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float small = p * z * x + x;
    float large = 1.0f - 2.0f / (nk_expf(2.0f * a) + 1.0f);
    large = nk_float(nk_bits(large) | (nk_bits(x) & 0x80000000u));
    return a >= 0.625f ? large : small;
}

// ln x for x >= 0 with about 1 ulp of error: -inf at 0, NaN below.
NK_INLINE float nk_logf(float x) {
    NK_FUSED
    int tiny = x < FLT_MIN;
    float scaled = tiny ? x * 8388608.0f : x;
    uint32_t u = nk_bits(scaled);
    // Moves the mantissa to [sqrt(1/2), sqrt(2)).
    uint32_t shifted = u - 0x3F3504F3u;
    float e = (float)((int32_t)shifted >> 23) - (tiny ? 23.0f : 0.0f);
    float m = nk_float((shifted & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
    float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = p * m * z;
    y = y + e * -2.12194440e-4f;
    y = y - 0.5f * z;
    float r = (m + y) + e * 0.693359375f;
    r = x < INFINITY ? r : x;
    r = x == 0.0f ? -INFINITY : r;
    return x < 0.0f ? NAN : r;
}

// Spreads 64 bits over all 64 (SplitMix64, Steele et al. 2014).
NK_INLINE uint64_t nk_mix64(uint64_t z) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
