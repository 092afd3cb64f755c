// PNG and JPEG images in memory, decoded to planes of bytes.
//
// libpng and libjpeg report errors by longjmp, which must not cross Swift: it ends in here, and
// errors come back as text.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/// How many channels a decoded image gets.
typedef enum ni_color {
    ni_color_unchanged, ///< as many as the file has, without alpha
    ni_color_gray,      ///< one
    ni_color_color,     ///< three
} ni_color;

/// A decoded image: planes blue, green, red, or one plane.
typedef struct ni_image {
    uint8_t *_Nullable pixels; ///< (channels, height, width); reused from call to call
    size_t capacity;           ///< bytes at `pixels`
    uint8_t *_Nullable work;   ///< room for rows in the file's own layout
    size_t work_capacity;
    size_t channels, height, width;
    char error[256]; ///< why decoding failed
} ni_image;

/// Most pixels of an image; what claims more is refused before memory is taken.
#define NI_PIXEL_LIMIT ((size_t)1 << 27)

/// Each returns 0, or -1 with a text in `image->error`.
int ni_decode_png(ni_image *image, const uint8_t *bytes, size_t count, ni_color color);
int ni_decode_jpeg(ni_image *image, const uint8_t *bytes, size_t count, ni_color color);

/// Frees the memory of an image.
void ni_image_release(ni_image *image);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
