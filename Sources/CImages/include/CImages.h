// PNG and JPEG images in memory, decoded to planes of bytes and encoded from them.
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
    int is_file_gray; ///< whether the file has one channel, whatever was asked for
    char error[256];  ///< why decoding failed
} ni_image;

/// Most pixels of an image; what claims more is refused before memory is taken.
#define NI_PIXEL_LIMIT ((size_t)1 << 27)

/// Each returns 0, or -1 with a text in `image->error`.
int ni_decode_png(ni_image *image, const uint8_t *bytes, size_t count, ni_color color);
int ni_decode_jpeg(ni_image *image, const uint8_t *bytes, size_t count, ni_color color);

/// An encoded image.
typedef struct ni_file {
    uint8_t *_Nullable bytes; ///< taken by malloc; reused from call to call
    size_t count, capacity;
    char error[256]; ///< why encoding failed
} ni_file;

/// Each encodes planes as they are decoded, one or three; returns 0, or -1 with a text.
int ni_encode_png(ni_file *file, const uint8_t *pixels, size_t channels, size_t height,
                  size_t width);
/// `quality` is 1 to 100.
int ni_encode_jpeg(ni_file *file, const uint8_t *pixels, size_t channels, size_t height,
                   size_t width, int quality);

/// Frees the memory of an encoded image.
void ni_file_release(ni_file *file);

/// Frees the memory of an image.
void ni_image_release(ni_image *image);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
