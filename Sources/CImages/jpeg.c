// JPEG through libjpeg-turbo.
#include "internal.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/// Everything that must survive a longjmp lies in here, not in registers.
typedef struct jpeg_job {
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    jmp_buf back;
    ni_image *image;
    int is_cut_off;
} jpeg_job;

static void take_error(j_common_ptr decoder) {
    jpeg_job *job = decoder->client_data;
    char text[JMSG_LENGTH_MAX];
    decoder->err->format_message(decoder, text);
    snprintf(job->image->error, sizeof job->image->error, "libjpeg says: %s", text);
    longjmp(job->back, 1);
}

/// Warnings of oddities are passed over, as common images have them; a missing end is none.
static void take_message(j_common_ptr decoder, int level) {
    jpeg_job *job = decoder->client_data;
    if (level < 0 && decoder->err->msg_code == JWRN_JPEG_EOF) job->is_cut_off = 1;
}

static void ignore_output(j_common_ptr decoder) { (void)decoder; }

/// Black ink taken into the three colours: cyan, magenta, yellow, key to red, green, blue.
static void convert_inks(uint8_t *row, size_t width) {
    for (size_t x = 0; x < width; x++) {
        int key = row[4 * x + 3];
        for (size_t c = 0; c < 3; c++) {
            row[3 * x + c] = (uint8_t)(key - ((255 - row[4 * x + c]) * key >> 8));
        }
    }
}

/// The weights of the JPEG standard in 14 bits.
static void convert_to_gray(uint8_t *row, size_t width) {
    for (size_t x = 0; x < width; x++) {
        const uint8_t *rgb = row + 3 * x;
        row[x] = (uint8_t)((4899 * rgb[0] + 9617 * rgb[1] + 1868 * rgb[2] + (1 << 13)) >> 14);
    }
}

/// Runs under setjmp: any error of libjpeg leaves it.
static int decode(jpeg_job *job, const uint8_t *bytes, size_t count, ni_color color) {
    struct jpeg_decompress_struct *decoder = &job->decoder;
    ni_image *image = job->image;
    jpeg_create_decompress(decoder);
    decoder->mem->max_memory_to_use = 1L << 30;
    jpeg_mem_src(decoder, bytes, count);
    jpeg_read_header(decoder, TRUE);
    int is_inks = decoder->num_components == 4;
    image->is_file_gray = decoder->num_components == 1;
    int is_gray =
        color == ni_color_gray || (color == ni_color_unchanged && decoder->num_components == 1);
    decoder->out_color_space = is_inks ? JCS_CMYK : is_gray ? JCS_GRAYSCALE : JCS_RGB;
    size_t width = decoder->image_width, height = decoder->image_height;
    // A block of 64 values takes a bit or more for each component; progressive ones less.
    if (height > 0 && width / 64 > (count + 64) * 64 / height) {
        snprintf(image->error, sizeof image->error, "the image is cut off");
        return -1;
    }
    if (ni_reserve(image, is_gray ? 1 : 3, height, width, width * 4) != 0) return -1;
    jpeg_start_decompress(decoder);
    while (decoder->output_scanline < decoder->output_height) {
        size_t y = decoder->output_scanline;
        JSAMPROW row = image->work;
        jpeg_read_scanlines(decoder, &row, 1);
        if (is_inks) convert_inks(row, width);
        if (is_inks && is_gray) convert_to_gray(row, width);
        ni_spread_row(image, y, row);
    }
    jpeg_finish_decompress(decoder);
    if (!job->is_cut_off) return 0;
    snprintf(image->error, sizeof image->error, "the image is cut off");
    return -1;
}

static int guarded_decode(jpeg_job *job, const uint8_t *bytes, size_t count, ni_color color) {
    if (setjmp(job->back)) return -1;
    return decode(job, bytes, count, color);
}

int ni_decode_jpeg(ni_image *image, const uint8_t *bytes, size_t count, ni_color color) {
    jpeg_job job;
    memset(&job, 0, sizeof job);
    job.image = image;
    job.decoder.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = take_error;
    job.errors.emit_message = take_message;
    job.errors.output_message = ignore_output;
    job.decoder.client_data = &job;
    image->error[0] = 0;
    int result = guarded_decode(&job, bytes, count, color);
    jpeg_destroy_decompress(&job.decoder);
    return result;
}
