#pragma once
#include "CImages.h"

/// Sets the size and takes the memory: planes, and `work` bytes. Returns -1 with a text if it
/// cannot.
int ni_reserve(ni_image *image, size_t channels, size_t height, size_t width, size_t work);

/// Spreads a row of red, green, blue (or of one channel) over the planes.
void ni_spread_row(ni_image *image, size_t row, const uint8_t *pixels);

/// Gathers a row of red, green, blue (or of one channel) from the planes.
void ni_gather_row(uint8_t *row, const uint8_t *pixels, size_t channels, size_t height,
                   size_t width, size_t y);

/// Adds bytes at the end of a file; returns -1 if there is no memory.
int ni_file_append(ni_file *file, const uint8_t *bytes, size_t count);
