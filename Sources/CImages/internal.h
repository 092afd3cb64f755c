#pragma once
#include "CImages.h"

/// Sets the size and takes the memory: planes, and `work` bytes. Returns -1 with a text if it
/// cannot.
int ni_reserve(ni_image *image, size_t channels, size_t height, size_t width, size_t work);

/// Spreads a row of red, green, blue (or of one channel) over the planes.
void ni_spread_row(ni_image *image, size_t row, const uint8_t *pixels);
