// PNG through libpng.
#include "internal.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct png_source {
    const uint8_t *bytes;
    size_t count, position;
} png_source;

/// Everything that must survive a longjmp lies in here, not in registers.
typedef struct png_job {
    png_structp png;
    png_infop info;
    png_source source;
    png_bytep *rows;
} png_job;

static void take_error(png_structp png, png_const_charp text) {
    ni_image *image = png_get_error_ptr(png);
    snprintf(image->error, sizeof image->error, "libpng says: %s", text);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    png_source *source = png_get_io_ptr(png);
    if (count > source->count - source->position) png_error(png, "the image is cut off");
    memcpy(target, source->bytes + source->position, count);
    source->position += count;
}

/// Asks for 8 bits a channel, without alpha, in one channel or three; returns how many.
static size_t set_transforms(png_structp png, png_infop info, ni_color color) {
    int type = png_get_color_type(png, info);
    int is_gray = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA;
    size_t channels = color == ni_color_gray || (color == ni_color_unchanged && is_gray) ? 1 : 3;
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (is_gray && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (channels == 3 && is_gray) png_set_gray_to_rgb(png);
    // The weights of red and green that OpenCV gives; libpng makes fractions of 32768 of them.
    if (channels == 1 && !is_gray) png_set_rgb_to_gray(png, PNG_ERROR_ACTION_NONE, 0.299, 0.587);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return channels;
}

/// Runs under setjmp: any error of libpng leaves it.
static int decode(png_job *job, ni_image *image, ni_color color) {
    png_structp png = job->png;
    png_set_user_limits(png, 1 << 20, 1 << 20);
    png_set_read_fn(png, &job->source, read_bytes);
    png_read_info(png, job->info);
    size_t height = png_get_image_height(png, job->info);
    size_t width = png_get_image_width(png, job->info);
    // Deflate shrinks by 1032 at most; whatever claims more is damaged, and takes no memory.
    size_t bits = (size_t)png_get_bit_depth(png, job->info) * png_get_channels(png, job->info);
    if (width * bits / 8 > job->source.count * 1040 / height + 64) {
        png_error(png, "the image is cut off");
    }
    int type = png_get_color_type(png, job->info);
    image->is_file_gray = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA;
    size_t channels = set_transforms(png, job->info, color);
    size_t stride = png_get_rowbytes(png, job->info);
    if (stride != width * channels) png_error(png, "rows of an unknown layout");
    if (ni_reserve(image, channels, height, width, stride * height) != 0) return -1;
    job->rows = malloc(height * sizeof *job->rows);
    if (!job->rows) png_error(png, "out of memory");
    for (size_t y = 0; y < height; y++) job->rows[y] = image->work + y * stride;
    png_read_image(png, job->rows);
    png_read_end(png, NULL);
    for (size_t y = 0; y < height; y++) ni_spread_row(image, y, job->rows[y]);
    return 0;
}

static int guarded_decode(png_job *job, ni_image *image, ni_color color) {
    if (setjmp(png_jmpbuf(job->png))) return -1;
    return decode(job, image, color);
}

int ni_decode_png(ni_image *image, const uint8_t *bytes, size_t count, ni_color color) {
    png_job job = {.source = {bytes, count, 0}};
    image->error[0] = 0;
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, image, take_error, ignore_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    int result = -1;
    if (job.info) {
        result = guarded_decode(&job, image, color);
    } else {
        snprintf(image->error, sizeof image->error, "libpng cannot be used");
    }
    free(job.rows);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return result;
}
