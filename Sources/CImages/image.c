#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(uint8_t **memory, size_t *capacity, size_t count) {
    if (count <= *capacity) return 0;
    free(*memory);
    *memory = malloc(count);
    *capacity = *memory ? count : 0;
    return *memory ? 0 : -1;
}

int ni_reserve(ni_image *image, size_t channels, size_t height, size_t width, size_t work) {
    if (height == 0 || width == 0 || height > NI_PIXEL_LIMIT / width) {
        snprintf(image->error, sizeof image->error, "its size of %zu × %zu pixels is not possible",
                 width, height);
        return -1;
    }
    image->channels = channels, image->height = height, image->width = width;
    if (reserve(&image->pixels, &image->capacity, channels * height * width) != 0 ||
        reserve(&image->work, &image->work_capacity, work) != 0) {
        snprintf(image->error, sizeof image->error, "there is no memory for %zu × %zu pixels",
                 width, height);
        return -1;
    }
    return 0;
}

void ni_spread_row(ni_image *image, size_t row, const uint8_t *pixels) {
    size_t width = image->width, plane = image->height * width;
    uint8_t *blue = image->pixels + row * width;
    if (image->channels == 1) {
        for (size_t x = 0; x < width; x++) blue[x] = pixels[x];
        return;
    }
    uint8_t *green = blue + plane, *red = green + plane;
    for (size_t x = 0; x < width; x++) {
        red[x] = pixels[3 * x], green[x] = pixels[3 * x + 1], blue[x] = pixels[3 * x + 2];
    }
}

void ni_image_release(ni_image *image) {
    free(image->pixels);
    free(image->work);
    image->pixels = NULL, image->work = NULL;
    image->capacity = image->work_capacity = 0;
}

void ni_gather_row(uint8_t *row, const uint8_t *pixels, size_t channels, size_t height,
                   size_t width, size_t y) {
    const uint8_t *blue = pixels + y * width;
    if (channels == 1) {
        memcpy(row, blue, width);
        return;
    }
    const uint8_t *green = blue + height * width, *red = green + height * width;
    for (size_t x = 0; x < width; x++) {
        row[3 * x] = red[x], row[3 * x + 1] = green[x], row[3 * x + 2] = blue[x];
    }
}

int ni_file_append(ni_file *file, const uint8_t *bytes, size_t count) {
    if (count > file->capacity - file->count) {
        size_t capacity = 2 * file->capacity + count + 4096;
        uint8_t *memory = realloc(file->bytes, capacity);
        if (!memory) return -1;
        file->bytes = memory, file->capacity = capacity;
    }
    memcpy(file->bytes + file->count, bytes, count);
    file->count += count;
    return 0;
}

void ni_file_release(ni_file *file) {
    free(file->bytes);
    file->bytes = NULL;
    file->count = file->capacity = 0;
}
