#include "internal.h"

#include <stdlib.h>
#include <string.h>

// The headers' names for these call the library.
enum { access_read_only = 0, access_truncate = 2 };

static nh_file *make(hid_t id) {
    nh_file *file = malloc(sizeof *file);
    if (file) file->id = id;
    return file;
}

/// File systems without locks are no obstacle.
static hid_t access_properties(const nh_library *h) {
    hid_t properties = h->H5Pcreate(*h->H5P_CLS_FILE_ACCESS_ID_g);
    if (properties >= 0 && h->H5Pset_file_locking) h->H5Pset_file_locking(properties, 1, 1);
    return properties;
}

static nh_file *open_or_create(const char *path, int creates, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return NULL;
    nh_file *file = NULL;
    hid_t properties = access_properties(h);
    hid_t id = -1;
    if (properties >= 0)
        id = creates ? h->H5Fcreate(path, access_truncate, H5P_DEFAULT, properties)
                     : h->H5Fopen(path, access_read_only, properties);
    if (id < 0)
        nh_fail(h, failure);
    else if (!(file = make(id))) {
        h->H5Fclose(id);
        nh_fail_with(failure, "there is no memory");
    }
    if (properties >= 0) h->H5Pclose(properties);
    nh_leave();
    return file;
}

nh_file *nh_open(const char *path, nh_failure *failure) { return open_or_create(path, 0, failure); }

nh_file *nh_create(const char *path, nh_failure *failure) {
    return open_or_create(path, 1, failure);
}

int nh_close(nh_file *file, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    int result = h->H5Fclose(file->id) < 0 ? nh_fail(h, failure) : 0;
    free(file);
    nh_leave();
    return result;
}

int nh_flush(nh_file *file, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    int result = h->H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0 ? nh_fail(h, failure) : 0;
    nh_leave();
    return result;
}

// MARK: Looking

/// Whether there is something at a path: 1, 0, or -1 after an error. Each group on the way is asked
/// for, since the library only tells of links in groups that are there.
static int exists(const nh_library *h, hid_t file, const char *path) {
    char part[1024];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part) return 0;
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != 0) continue;
        memcpy(part, path, end);
        part[end] = 0;
        htri_t found = h->H5Lexists(file, part, H5P_DEFAULT);
        if (found <= 0) return (int)found;
    }
    return 1;
}

int nh_look(nh_file *file, const char *path, nh_object *object, nh_failure *failure) {
    memset(object, 0, sizeof *object);
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    int result = exists(h, file->id, path);
    if (result < 0) {
        nh_fail(h, failure);
    } else if (result > 0) {
        hid_t id = h->H5Oopen(file->id, path, H5P_DEFAULT);
        H5I_type_t type = id < 0 ? H5I_BADID : h->H5Iget_type(id);
        object->kind = type == H5I_GROUP ? nh_kind_group : nh_kind_other;
        result = id < 0                ? nh_fail(h, failure)
                 : type == H5I_DATASET ? nh_describe(h, id, object, failure)
                                       : 0;
        if (id >= 0) h->H5Oclose(id);
    }
    nh_leave();
    return result;
}

int nh_count(nh_file *file, const char *group, uint64_t *count, nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    int result = 0;
    H5G_info_t info = {0};
    hid_t id = h->H5Gopen2(file->id, group, H5P_DEFAULT);
    if (id < 0 || h->H5Gget_info(id, &info) < 0) result = nh_fail(h, failure);
    *count = info.nlinks;
    if (id >= 0) h->H5Gclose(id);
    nh_leave();
    return result;
}

int nh_name(nh_file *file, const char *group, uint64_t place, char *name, size_t capacity,
            nh_failure *failure) {
    const nh_library *h = nh_enter(failure);
    if (!h) return -1;
    int result = 0;
    ssize_t length = h->H5Lget_name_by_idx(file->id, group, H5_INDEX_NAME, H5_ITER_INC, place, name,
                                           capacity, H5P_DEFAULT);
    if (length < 0)
        result = nh_fail(h, failure);
    else if ((size_t)length >= capacity)
        result = nh_fail_with(failure, "a name in it is too long");
    nh_leave();
    return result;
}
