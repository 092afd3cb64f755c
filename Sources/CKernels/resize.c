// Bilinear resizing of planes of bytes, in the fixed point of OpenCV: pixel centres, no antialiasing.
//
// Column weights have 11 bits; rows are combined from sums of 22 bits, of which 4 are dropped before
// and 16 after the row weights, so that the results are those of OpenCV to the last bit.
#include "internal.h"

#include <math.h>

// Where a target pixel lies in the source: the pixel before it, and the weights of that and the next.
typedef struct place {
    ptrdiff_t index;
    int32_t first, second;
} place;

static place locate(size_t target, size_t count, size_t source_count, int is_column) {
    double scale = 1.0 / ((double)count / (double)source_count);
    float at = (float)(((double)target + 0.5) * scale - 0.5);
    ptrdiff_t index = (ptrdiff_t)floorf(at);
    float part = at - (float)index;
    if (is_column) {
        if (index < 0) index = 0, part = 0;
        if (index >= (ptrdiff_t)source_count - 1) index = (ptrdiff_t)source_count - 1, part = 0;
    }
    place result = {index, (int32_t)lrintf((1 - part) * 2048), (int32_t)lrintf(part * 2048)};
    return result;
}

static size_t clamp(ptrdiff_t index, size_t count) {
    if (index < 0) return 0;
    return (size_t)index < count ? (size_t)index : count - 1;
}

void nk_resize_bytes_reference(uint8_t *y, const uint8_t *x, const nk_resize *r) {
    for (size_t c = 0; c < r->channels; c++) {
        const uint8_t *plane = x + c * r->source_plane;
        for (size_t h = 0; h < r->height; h++) {
            place row = locate(h, r->height, r->source_height, 0);
            const uint8_t *top = plane + clamp(row.index, r->source_height) * r->source_row;
            const uint8_t *below = plane + clamp(row.index + 1, r->source_height) * r->source_row;
            for (size_t w = 0; w < r->width; w++) {
                place column = locate(w, r->width, r->source_width, 1);
                size_t left = (size_t)column.index;
                size_t right = clamp(column.index + 1, r->source_width);
                int32_t upper = column.first * top[left] + column.second * top[right];
                int32_t lower = column.first * below[left] + column.second * below[right];
                int32_t value =
                    ((row.first * (upper >> 4)) >> 16) + ((row.second * (lower >> 4)) >> 16) + 2;
                y[(c * r->height + h) * r->width + w] = (uint8_t)(value >> 2);
            }
        }
    }
}

size_t nk_resize_scratch(const nk_resize *r) { return 6 * r->width; }

// The columns' weighted sums of one source row.
static void combine_columns(int32_t *sums, const uint8_t *row, const int32_t *columns, size_t n) {
    const int32_t *left = columns, *right = columns + n;
    const int32_t *first = columns + 2 * n, *second = columns + 3 * n;
    for (size_t w = 0; w < n; w++) sums[w] = first[w] * row[left[w]] + second[w] * row[right[w]];
}

NK_CLONES static void combine_rows(uint8_t *y, const int32_t *upper, const int32_t *lower,
                                   int32_t first, int32_t second, size_t n) {
    for (size_t w = 0; w < n; w++) {
        int32_t value = ((first * (upper[w] >> 4)) >> 16) + ((second * (lower[w] >> 4)) >> 16) + 2;
        y[w] = (uint8_t)(value >> 2);
    }
}

void nk_resize_bytes(uint8_t *y, const uint8_t *x, const nk_resize *r, int32_t *scratch) {
    size_t n = r->width;
    int32_t *columns = scratch;
    for (size_t w = 0; w < n; w++) {
        place column = locate(w, n, r->source_width, 1);
        columns[w] = (int32_t)column.index;
        columns[n + w] = (int32_t)clamp(column.index + 1, r->source_width);
        columns[2 * n + w] = column.first;
        columns[3 * n + w] = column.second;
    }
    for (size_t c = 0; c < r->channels; c++) {
        const uint8_t *plane = x + c * r->source_plane;
        // The sums of the last two source rows are kept: neighbours mostly share one.
        int32_t *sums[2] = {scratch + 4 * n, scratch + 5 * n};
        size_t held[2] = {SIZE_MAX, SIZE_MAX};
        for (size_t h = 0; h < r->height; h++, y += n) {
            place row = locate(h, r->height, r->source_height, 0);
            size_t wanted[2] = {clamp(row.index, r->source_height),
                                clamp(row.index + 1, r->source_height)};
            if (held[1] == wanted[0]) {
                int32_t *other = sums[0];
                sums[0] = sums[1], sums[1] = other;
                held[1] = held[0], held[0] = wanted[0];
            }
            for (size_t i = 0; i < 2; i++) {
                if (held[i] == wanted[i]) continue;
                combine_columns(sums[i], plane + wanted[i] * r->source_row, columns, n);
                held[i] = wanted[i];
            }
            combine_rows(y, sums[0], sums[1], row.first, row.second, n);
        }
    }
}
