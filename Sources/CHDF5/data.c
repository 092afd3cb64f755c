#include "internal.h"

#include <stdio.h>
#include <string.h>

/// An open data set and its extent.
typedef struct data_set {
    hid_t id, space;
    int axes;
    hsize_t sizes[H5S_MAX_RANK];
} data_set;

static void close_set(const nh_library *h, data_set *set) {
    if (set->space >= 0) h->H5Sclose(set->space);
    if (set->id >= 0) h->H5Dclose(set->id);
}

static int open_set(const nh_library *h, nh_file *file, const char *path, data_set *set,
                    nh_failure *failure) {
    set->space = -1, set->axes = 0;
    set->id = h->H5Dopen2(file->id, path, H5P_DEFAULT);
    if (set->id >= 0) set->space = h->H5Dget_space(set->id);
    if (set->space >= 0) set->axes = h->H5Sget_simple_extent_ndims(set->space);
    if (set->space < 0 || set->axes < 0 || set->axes > NH_MAX_AXES ||
        h->H5Sget_simple_extent_dims(set->space, set->sizes, NULL) < 0) {
        nh_fail(h, failure);
        close_set(h, set);
        return -1;
    }
    return 0;
}

// MARK: Reading

/// Whether rows have as many values as there is room for: the file may have been changed.
static int fits(const data_set *set, uint64_t count, uint64_t capacity) {
    uint64_t product = set->axes == 0 ? 1 : count;
    for (int i = 1; i < set->axes; i++)
        if (__builtin_mul_overflow(product, set->sizes[i], &product)) return 0;
    return product == capacity;
}

static int read_rows(const nh_library *h, data_set *set, uint64_t first, uint64_t count,
                     float *values, uint64_t capacity, nh_failure *failure) {
    if (!fits(set, count, capacity))
        return nh_fail_with(failure, "it has another shape than it had");
    if (set->axes == 0 || (first == 0 && count == set->sizes[0]))
        return h->H5Dread(set->id, *h->H5T_NATIVE_FLOAT_g, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) <
                       0
                   ? nh_fail(h, failure)
                   : 0;
    if (first > set->sizes[0] || count > set->sizes[0] - first)
        return nh_fail_with(failure, "it has fewer rows than it had");
    hsize_t start[H5S_MAX_RANK] = {first}, extent[H5S_MAX_RANK];
    memcpy(extent, set->sizes, sizeof extent);
    extent[0] = count;
    hid_t memory = h->H5Screate_simple(set->axes, extent, NULL);
    int result = 0;
    if (memory < 0 ||
        h->H5Sselect_hyperslab(set->space, H5S_SELECT_SET, start, NULL, extent, NULL) < 0 ||
        h->H5Dread(set->id, *h->H5T_NATIVE_FLOAT_g, memory, set->space, H5P_DEFAULT, values) < 0)
        result = nh_fail(h, failure);
    if (memory >= 0) h->H5Sclose(memory);
    return result;
}

int nh_read_floats(nh_file *file, const char *path, uint64_t first, uint64_t count, float *values,
                   uint64_t capacity, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    data_set set;
    int result = open_set(h, file, path, &set, failure);
    if (result == 0) {
        result = read_rows(h, &set, first, count, values, capacity, failure);
        close_set(h, &set);
    }
    nh_leave();
    return result;
}

int nh_read_integer(nh_file *file, const char *path, int32_t *value, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    data_set set;
    int result = open_set(h, file, path, &set, failure);
    if (result == 0) {
        nh_object object;
        if (nh_describe(h, set.id, &object, failure) != 0)
            result = -1;
        else if (object.kind != nh_kind_integers || h->H5Sget_simple_extent_npoints(set.space) != 1)
            result = nh_fail_with(failure, "it does not hold one whole number");
        else if (h->H5Dread(set.id, *h->H5T_NATIVE_INT32_g, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) <
                 0)
            result = nh_fail(h, failure);
        close_set(h, &set);
    }
    nh_leave();
    return result;
}

int nh_read_text(nh_file *file, const char *path, char *text, size_t capacity,
                 nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    data_set set;
    int result = open_set(h, file, path, &set, failure);
    if (result == 0) {
        hid_t type = h->H5Dget_type(set.id);
        size_t size = type < 0 ? 0 : h->H5Tget_size(type);
        if (type < 0)
            result = nh_fail(h, failure);
        else if (h->H5Tget_class(type) != H5T_STRING || h->H5Tis_variable_str(type) != 0 ||
                 h->H5Sget_simple_extent_npoints(set.space) != 1 || size >= capacity)
            result = nh_fail_with(failure, "it does not hold one text of fixed length");
        else if (h->H5Dread(set.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
            result = nh_fail(h, failure);
        else
            text[size] = 0;
        if (type >= 0) h->H5Tclose(type);
        close_set(h, &set);
    }
    nh_leave();
    return result;
}

// MARK: Writing

int nh_make_group(nh_file *file, const char *path, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    hid_t id = h->H5Gcreate2(file->id, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    int result = id < 0 || h->H5Gclose(id) < 0 ? nh_fail(h, failure) : 0;
    nh_leave();
    return result;
}

/// Makes a data set; with a chunk's sizes it can grow along its first axis. Without the time of its
/// making, so that the same values make the same bytes.
static hid_t make_set(const nh_library *h, nh_file *file, const char *path, hid_t type, int axes,
                      const hsize_t *sizes, const hsize_t *chunk) {
    hsize_t most[H5S_MAX_RANK];
    for (int i = 0; i < axes; i++) most[i] = chunk && i == 0 ? H5S_UNLIMITED : sizes[i];
    hid_t space = h->H5Screate_simple(axes, sizes, most);
    hid_t properties = h->H5Pcreate(*h->H5P_CLS_DATASET_CREATE_ID_g);
    hid_t id = -1;
    if (space >= 0 && properties >= 0 && h->H5Pset_obj_track_times(properties, 0) >= 0 &&
        (!chunk || h->H5Pset_chunk(properties, axes, chunk) >= 0))
        id = h->H5Dcreate2(file->id, path, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (properties >= 0) h->H5Pclose(properties);
    if (space >= 0) h->H5Sclose(space);
    return id;
}

static int write_all(const nh_library *h, nh_file *file, const char *path, hid_t type, int axes,
                     const uint64_t *sizes, const void *values, nh_failure *failure) {
    hsize_t extent[H5S_MAX_RANK];
    for (int i = 0; i < axes; i++) extent[i] = sizes[i];
    int result = 0;
    hid_t id = make_set(h, file, path, type, axes, extent, NULL);
    if (id < 0 || h->H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        result = nh_fail(h, failure);
    if (id >= 0 && h->H5Dclose(id) < 0 && result == 0) result = nh_fail(h, failure);
    return result;
}

int nh_write_floats(nh_file *file, const char *path, int axes, const uint64_t *sizes,
                    const float *values, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    int result = write_all(h, file, path, *h->H5T_NATIVE_FLOAT_g, axes, sizes, values, failure);
    nh_leave();
    return result;
}

int nh_write_integer(nh_file *file, const char *path, int32_t value, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    uint64_t one = 1;
    int result = write_all(h, file, path, *h->H5T_NATIVE_INT32_g, 1, &one, &value, failure);
    nh_leave();
    return result;
}

int nh_write_text(nh_file *file, const char *path, const char *text, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    hid_t type = h->H5Tcopy(*h->H5T_C_S1_g);
    int result = type < 0 || h->H5Tset_size(type, strlen(text) + 1) < 0
                     ? nh_fail(h, failure)
                     : write_all(h, file, path, type, 0, NULL, text, failure);
    if (type >= 0) h->H5Tclose(type);
    nh_leave();
    return result;
}

// MARK: Growing

/// Makes an empty data set that can grow, in chunks of about a quarter of a MiB.
static int make_growing(const nh_library *h, nh_file *file, const char *path, int axes,
                        const uint64_t *sizes, nh_failure *failure) {
    hsize_t empty[H5S_MAX_RANK] = {0}, chunk[H5S_MAX_RANK];
    uint64_t bytes = sizeof(float);
    for (int i = 1; i < axes; i++) {
        empty[i] = chunk[i] = sizes[i];
        bytes *= sizes[i];
    }
    chunk[0] = bytes < (1 << 18) ? (1 << 18) / bytes : 1;
    hid_t id = make_set(h, file, path, *h->H5T_NATIVE_FLOAT_g, axes, empty, chunk);
    return id < 0 || h->H5Dclose(id) < 0 ? nh_fail(h, failure) : 0;
}

static int append(const nh_library *h, data_set *set, const uint64_t *sizes, const float *values,
                  nh_failure *failure) {
    hsize_t start[H5S_MAX_RANK] = {set->sizes[0]}, extent[H5S_MAX_RANK], whole[H5S_MAX_RANK];
    for (int i = 0; i < set->axes; i++) whole[i] = extent[i] = sizes[i];
    whole[0] += set->sizes[0];
    int result = 0;
    hid_t space = -1, memory = -1;
    if (h->H5Dset_extent(set->id, whole) < 0 || (space = h->H5Dget_space(set->id)) < 0 ||
        h->H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) < 0 ||
        (memory = h->H5Screate_simple(set->axes, extent, NULL)) < 0 ||
        h->H5Dwrite(set->id, *h->H5T_NATIVE_FLOAT_g, memory, space, H5P_DEFAULT, values) < 0)
        result = nh_fail(h, failure);
    if (memory >= 0) h->H5Sclose(memory);
    if (space >= 0) h->H5Sclose(space);
    return result;
}

int nh_append_floats(nh_file *file, const char *path, int axes, const uint64_t *sizes,
                     const float *values, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    htri_t found = h->H5Lexists(file->id, path, H5P_DEFAULT);
    int result = found < 0    ? nh_fail(h, failure)
                 : found == 0 ? make_growing(h, file, path, axes, sizes, failure)
                              : 0;
    data_set set;
    if (result == 0) result = open_set(h, file, path, &set, failure);
    if (result == 0) {
        int is_same = set.axes == axes;
        for (int i = 1; is_same && i < axes; i++) is_same = set.sizes[i] == sizes[i];
        result = is_same ? append(h, &set, sizes, values, failure)
                         : nh_fail_with(failure, "its rows have another shape");
        close_set(h, &set);
    }
    nh_leave();
    return result;
}
