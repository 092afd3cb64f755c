// PNG written through libpng.
#include "internal.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>

/// Everything that must survive a longjmp lies in here, not in registers.
typedef struct png_writer {
    png_structp png;
    png_infop info;
    ni_file *file;
    uint8_t *row;
    const uint8_t *pixels;
    size_t channels, height, width;
} png_writer;

static void take_error(png_structp png, png_const_charp text) {
    ni_file *file = png_get_error_ptr(png);
    snprintf(file->error, sizeof file->error, "libpng says: %s", text);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    if (ni_file_append(png_get_io_ptr(png), bytes, count) != 0) png_error(png, "out of memory");
}

static void ignore_flush(png_structp png) { (void)png; }

/// Runs under setjmp: any error of libpng leaves it.
static int encode(png_writer *writer) {
    png_structp png = writer->png;
    png_set_write_fn(png, writer->file, write_bytes, ignore_flush);
    if (writer->width > 1 << 20 || writer->height > 1 << 20)
        png_error(png, "the image is too large");
    png_set_IHDR(png, writer->info, (png_uint_32)writer->width, (png_uint_32)writer->height, 8,
                 writer->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    writer->row = malloc(writer->width * writer->channels);
    if (!writer->row) png_error(png, "out of memory");
    png_write_info(png, writer->info);
    for (size_t y = 0; y < writer->height; y++) {
        ni_gather_row(writer->row, writer->pixels, writer->channels, writer->height, writer->width,
                      y);
        png_write_row(png, writer->row);
    }
    png_write_end(png, writer->info);
    return 0;
}

static int guarded_encode(png_writer *writer) {
    if (setjmp(png_jmpbuf(writer->png))) return -1;
    return encode(writer);
}

int ni_encode_png(ni_file *file, const uint8_t *pixels, size_t channels, size_t height,
                  size_t width) {
    png_writer writer = {
        .file = file, .pixels = pixels, .channels = channels, .height = height, .width = width};
    file->error[0] = 0;
    file->count = 0;
    writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, file, take_error, ignore_warning);
    writer.info = writer.png ? png_create_info_struct(writer.png) : NULL;
    int result = -1;
    if (writer.info) {
        result = guarded_encode(&writer);
    } else {
        snprintf(file->error, sizeof file->error, "libpng cannot be used");
    }
    free(writer.row);
    png_destroy_write_struct(&writer.png, &writer.info);
    return result;
}
