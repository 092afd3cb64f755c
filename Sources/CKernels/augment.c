// Changes of images for training: turned, enlarged, other colours. Plain loops: they run beside the training,
// in the thread that reads.
#include "internal.h"

void nk_floats_of_bytes(float *y, const uint8_t *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = x[i];
}

// A coordinate within 0 ... size - 1, cut into a place and how far it is to the next.
static size_t place(float coordinate, size_t size, float *rest) {
    float last = (float)(size - 1);
    float inside = coordinate > 0 ? coordinate < last ? coordinate : last : 0;
    size_t whole = (size_t)inside;
    // Floats above 2^24 may round the last place up.
    if (whole > size - 1) whole = size - 1;
    *rest = inside - (float)whole;
    return whole;
}

void nk_affine(float *y, const float *x, size_t channels, size_t height, size_t width,
               const nk_affine_map *map) {
    size_t area = height * width;
    for (size_t i = 0; i < height; i++) {
        for (size_t j = 0; j < width; j++) {
            float down, right, fi = (float)i, fj = (float)j;
            size_t row =
                place(map->row_by_row * fi + map->row_by_column * fj + map->row, height, &down);
            size_t column = place(
                map->column_by_row * fi + map->column_by_column * fj + map->column, width, &right);
            size_t below = row + 1 < height ? width : 0, beside = column + 1 < width ? 1 : 0;
            const float *from = x + row * width + column;
            float *to = y + i * width + j;
            for (size_t c = 0; c < channels; c++, from += area, to += area) {
                float above = from[0] + right * (from[beside] - from[0]);
                float under = from[below] + right * (from[below + beside] - from[below]);
                *to = above + down * (under - above);
            }
        }
    }
}

void nk_change_colors(float *x, size_t channels, size_t area, const nk_color *color) {
    if (channels == 3 && color->saturation != 1) {
        for (size_t i = 0; i < area; i++) {
            float *blue = x + i, *green = blue + area, *red = green + area;
            // The weights of ITU-R BT.601, as OpenCV makes grey.
            float gray = 0.114f * *blue + 0.587f * *green + 0.299f * *red;
            *blue = gray + color->saturation * (*blue - gray);
            *green = gray + color->saturation * (*green - gray);
            *red = gray + color->saturation * (*red - gray);
        }
    }
    size_t count = channels * area;
    double sum = 0;
    if (color->contrast != 1) {
        for (size_t i = 0; i < count; i++) sum += x[i];
    }
    float mean = count ? (float)(sum / (double)count) : 0;
    for (size_t i = 0; i < count; i++) {
        float value = mean + color->contrast * (x[i] - mean) + color->shift;
        // Without contrast the mean is 0, and the sum exact.
        x[i] = value < color->least ? color->least : value > color->most ? color->most : value;
    }
}
