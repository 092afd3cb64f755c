// JPEG written through libjpeg-turbo.
#include "internal.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/// Everything that must survive a longjmp lies in here, not in registers.
typedef struct jpeg_writer {
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors;
    jmp_buf back;
    ni_file *file;
    uint8_t *row;
    unsigned char *bytes;
    unsigned long count;
} jpeg_writer;

static void take_error(j_common_ptr encoder) {
    jpeg_writer *writer = encoder->client_data;
    char text[JMSG_LENGTH_MAX];
    encoder->err->format_message(encoder, text);
    snprintf(writer->file->error, sizeof writer->file->error, "libjpeg says: %s", text);
    longjmp(writer->back, 1);
}

static void ignore_output(j_common_ptr encoder) { (void)encoder; }

/// Runs under setjmp: any error of libjpeg leaves it.
static int encode(jpeg_writer *writer, const uint8_t *pixels, size_t channels, size_t height,
                  size_t width, int quality) {
    struct jpeg_compress_struct *encoder = &writer->encoder;
    jpeg_create_compress(encoder);
    jpeg_mem_dest(encoder, &writer->bytes, &writer->count);
    encoder->image_width = (JDIMENSION)width;
    encoder->image_height = (JDIMENSION)height;
    encoder->input_components = (int)channels;
    encoder->in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(encoder);
    jpeg_set_quality(encoder, quality, TRUE);
    jpeg_start_compress(encoder, TRUE);
    while (encoder->next_scanline < encoder->image_height) {
        ni_gather_row(writer->row, pixels, channels, height, width, encoder->next_scanline);
        JSAMPROW row = writer->row;
        jpeg_write_scanlines(encoder, &row, 1);
    }
    jpeg_finish_compress(encoder);
    return 0;
}

static int guarded_encode(jpeg_writer *writer, const uint8_t *pixels, size_t channels,
                          size_t height, size_t width, int quality) {
    if (setjmp(writer->back)) return -1;
    return encode(writer, pixels, channels, height, width, quality);
}

int ni_encode_jpeg(ni_file *file, const uint8_t *pixels, size_t channels, size_t height,
                   size_t width, int quality) {
    jpeg_writer writer;
    memset(&writer, 0, sizeof writer);
    writer.file = file;
    file->error[0] = 0;
    file->count = 0;
    if (width > JPEG_MAX_DIMENSION || height > JPEG_MAX_DIMENSION) {
        snprintf(file->error, sizeof file->error, "%zu × %zu pixels are too many for a JPEG", width,
                 height);
        return -1;
    }
    writer.row = malloc(width * channels);
    if (!writer.row) {
        snprintf(file->error, sizeof file->error, "out of memory");
        return -1;
    }
    writer.encoder.err = jpeg_std_error(&writer.errors);
    writer.errors.error_exit = take_error;
    writer.errors.output_message = ignore_output;
    writer.encoder.client_data = &writer;
    int result = guarded_encode(&writer, pixels, channels, height, width, quality);
    jpeg_destroy_compress(&writer.encoder);
    if (result == 0 && ni_file_append(file, writer.bytes, writer.count) != 0) {
        snprintf(file->error, sizeof file->error, "out of memory");
        result = -1;
    }
    free(writer.bytes);
    free(writer.row);
    return result;
}
