// Pixels to floats: crop, mirror, mean and scale.
#include "internal.h"

NK_CLONES static void row_forward(float *y, const uint8_t *x, const float *means, float mean,
                                  float scale, size_t n) {
    if (means) {
        for (size_t i = 0; i < n; i++) y[i] = ((float)x[i] - means[i]) * scale;
    } else {
        for (size_t i = 0; i < n; i++) y[i] = ((float)x[i] - mean) * scale;
    }
}

NK_CLONES static void row_float(float *y, const float *x, const float *means, float mean,
                                float scale, size_t n) {
    if (means) {
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - means[i]) * scale;
    } else {
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale;
    }
}

static void reverse(float *y, size_t n) {
    for (size_t i = 0, j = n; i + 1 < j; i++) {
        j -= 1;
        float t = y[i];
        y[i] = y[j], y[j] = t;
    }
}

static float channel_mean(const nk_transform *t, size_t c) {
    if (t->mean_count == 0) return 0;
    return t->mean_values[t->mean_count == 1 ? 0 : c];
}

// Offset of the first pixel of row `h` of the crop in plane `c`.
static size_t row_start(const nk_transform *t, size_t c, size_t h) {
    return (c * t->height + t->crop_y + h) * t->width + t->crop_x;
}

void nk_transform_bytes(float *y, const uint8_t *x, const nk_transform *t) {
    for (size_t c = 0; c < t->channels; c++) {
        for (size_t h = 0; h < t->crop_height; h++, y += t->crop_width) {
            size_t at = row_start(t, c, h);
            const float *means = t->mean_image ? t->mean_image + at : NULL;
            row_forward(y, x + at, means, channel_mean(t, c), t->scale, t->crop_width);
            if (t->mirror) reverse(y, t->crop_width);
        }
    }
}

void nk_transform_floats(float *y, const float *x, const nk_transform *t) {
    for (size_t c = 0; c < t->channels; c++) {
        for (size_t h = 0; h < t->crop_height; h++, y += t->crop_width) {
            size_t at = row_start(t, c, h);
            const float *means = t->mean_image ? t->mean_image + at : NULL;
            row_float(y, x + at, means, channel_mean(t, c), t->scale, t->crop_width);
            if (t->mirror) reverse(y, t->crop_width);
        }
    }
}

void nk_transform_bytes_reference(float *y, const uint8_t *x, const nk_transform *t) {
    for (size_t c = 0; c < t->channels; c++) {
        for (size_t h = 0; h < t->crop_height; h++) {
            for (size_t w = 0; w < t->crop_width; w++) {
                size_t at = row_start(t, c, h) + w;
                float mean = t->mean_image ? t->mean_image[at] : channel_mean(t, c);
                size_t to = t->mirror ? t->crop_width - 1 - w : w;
                y[(c * t->crop_height + h) * t->crop_width + to] = ((float)x[at] - mean) * t->scale;
            }
        }
    }
}
