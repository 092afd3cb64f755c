#include "internal.h"

/// Whether a type of floats is one of IEEE's: the library's conversions trust what a file says.
static int is_ieee(const nh_library *h, hid_t type, size_t bytes) {
    size_t sign, exponent_at, exponent_size, fraction_at, fraction_size;
    if (h->H5Tget_fields(type, &sign, &exponent_at, &exponent_size, &fraction_at, &fraction_size) <
        0)
        return 0;
    size_t fraction = bytes == 2 ? 10 : bytes == 4 ? 23 : 52;
    size_t exponent = 8 * bytes - 1 - fraction;
    return sign == 8 * bytes - 1 && fraction_at == 0 && fraction_size == fraction &&
           exponent_at == fraction && exponent_size == exponent &&
           h->H5Tget_ebias(type) == ((size_t)1 << (exponent - 1)) - 1;
}

static nh_kind kind_of(const nh_library *h, hid_t type) {
    H5T_class_t class = h->H5Tget_class(type);
    if (class == H5T_STRING) return nh_kind_text;
    if (class != H5T_FLOAT && class != H5T_INTEGER) return nh_kind_other;
    size_t bytes = h->H5Tget_size(type);
    H5T_order_t order = h->H5Tget_order(type);
    int is_plain = (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) &&
                   (order == H5T_ORDER_LE || order == H5T_ORDER_BE) &&
                   h->H5Tget_offset(type) == 0 && h->H5Tget_precision(type) == 8 * bytes;
    if (!is_plain) return nh_kind_other;
    if (class == H5T_INTEGER) return nh_kind_integers;
    return bytes > 1 && is_ieee(h, type, bytes) ? nh_kind_floats : nh_kind_other;
}

/// Most chunks without a byte each in the file: the library takes its time with each of them.
#define MOST_EMPTY_CHUNKS (1 << 20)

/// Whether chunks are as a library makes them: within the largest sizes, if these are fixed; where
/// values are left out or compressed, with a thousandth of them there (zlib can do no better).
static int has_sane_chunks(const nh_library *h, hid_t properties, const nh_object *object,
                           const hsize_t *most) {
    hsize_t chunk[H5S_MAX_RANK];
    if (h->H5Pget_chunk(properties, H5S_MAX_RANK, chunk) != object->axes) return 0;
    uint64_t bytes = object->value_bytes, chunks = 1;
    for (int i = 0; i < object->axes; i++) {
        if (chunk[i] == 0 || (most[i] != H5S_UNLIMITED && chunk[i] > most[i])) return 0;
        if (__builtin_mul_overflow(bytes, chunk[i], &bytes) || bytes > UINT32_MAX) return 0;
    }
    return h->H5Pget_nfilters(properties) == 0 || object->stored_bytes == 0 ||
           object->stored_bytes >= bytes / 1100;
}

static int read_extent(const nh_library *h, hid_t space, hid_t properties, nh_object *object,
                       nh_failure *failure) {
    hsize_t sizes[H5S_MAX_RANK], most[H5S_MAX_RANK];
    object->axes = h->H5Sget_simple_extent_ndims(space);
    if (object->axes < 0 || object->axes > NH_MAX_AXES ||
        h->H5Sget_simple_extent_dims(space, sizes, most) < 0)
        return nh_fail(h, failure);
    if (object->axes == 0 && object->is_chunked)
        return nh_fail_with(failure,
                            "a single value in chunks makes no sense: the file is damaged");
    if (object->axes == 0)
        return h->H5Sget_simple_extent_npoints(space) == 1
                   ? 0
                   : nh_fail_with(failure, "it holds no value");
    for (int i = 0; i < object->axes; i++) {
        object->sizes[i] = sizes[i];
        if (most[i] != H5S_UNLIMITED && sizes[i] > most[i])
            return nh_fail_with(failure, "it is larger than it may be: the file is damaged");
    }
    if (object->is_chunked && !has_sane_chunks(h, properties, object, most))
        return nh_fail_with(failure, "its chunks make no sense: the file is damaged");
    return 0;
}

int nh_describe(const nh_library *h, hid_t set, nh_object *object, nh_failure *failure) {
    hid_t type = h->H5Dget_type(set), space = h->H5Dget_space(set);
    hid_t properties = h->H5Dget_create_plist(set);
    int result;
    if (type < 0 || space < 0 || properties < 0) {
        result = nh_fail(h, failure);
    } else {
        object->kind = kind_of(h, type);
        object->value_bytes = h->H5Tget_size(type);
        object->stored_bytes = h->H5Dget_storage_size(set);
        object->is_chunked = h->H5Pget_layout(properties) == H5D_CHUNKED;
        result = read_extent(h, space, properties, object, failure);
    }
    if (properties >= 0) h->H5Pclose(properties);
    if (space >= 0) h->H5Sclose(space);
    if (type >= 0) h->H5Tclose(type);
    return result;
}
