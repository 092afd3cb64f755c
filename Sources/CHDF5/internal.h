#pragma once
#include "CHDF5.h"

// Debian and Ubuntu keep the headers of the serial library in a folder of their own. The library is
// not linked: of the headers' macros, those that call it must not be used.
#if __has_include(<hdf5/serial/hdf5.h>)
#include <hdf5/serial/hdf5.h>
#elif __has_include(<hdf5.h>)
#include <hdf5.h>
#else
#error "hdf5.h is missing: install libhdf5-dev (scripts/setup.sh does)"
#endif

/// The functions of libhdf5 that are used.
#define NH_FUNCTIONS(X) \
    X(H5open) \
    X(H5dont_atexit) \
    X(H5get_libversion) \
    X(H5Eset_auto2) \
    X(H5Ewalk2) \
    X(H5Eclear2) \
    X(H5Fopen) \
    X(H5Fcreate) \
    X(H5Fclose) \
    X(H5Fflush) \
    X(H5Lexists) \
    X(H5Lget_name_by_idx) \
    X(H5Oopen) \
    X(H5Oclose) \
    X(H5Iget_type) \
    X(H5Gopen2) \
    X(H5Gcreate2) \
    X(H5Gget_info) \
    X(H5Gclose) \
    X(H5Dopen2) \
    X(H5Dcreate2) \
    X(H5Dclose) \
    X(H5Dread) \
    X(H5Dwrite) \
    X(H5Dget_type) \
    X(H5Dget_space) \
    X(H5Dget_create_plist) \
    X(H5Dget_storage_size) \
    X(H5Dset_extent) \
    X(H5Screate_simple) \
    X(H5Sget_simple_extent_ndims) \
    X(H5Sget_simple_extent_dims) \
    X(H5Sget_simple_extent_npoints) \
    X(H5Sselect_hyperslab) \
    X(H5Sclose) \
    X(H5Tcopy) \
    X(H5Tset_size) \
    X(H5Tget_size) \
    X(H5Tget_class) \
    X(H5Tget_order) \
    X(H5Tget_offset) \
    X(H5Tget_precision) \
    X(H5Tget_fields) \
    X(H5Tget_ebias) \
    X(H5Tis_variable_str) \
    X(H5Tclose) \
    X(H5Pcreate) \
    X(H5Pset_chunk) \
    X(H5Pset_obj_track_times) \
    X(H5Pget_chunk) \
    X(H5Pget_nfilters) \
    X(H5Pget_layout) \
    X(H5Pclose)

/// The library's own names of types and lists of properties: variables that it fills.
#define NH_IDENTIFIERS(X) \
    X(H5T_NATIVE_FLOAT_g) \
    X(H5T_NATIVE_INT32_g) \
    X(H5T_C_S1_g) \
    X(H5P_CLS_FILE_ACCESS_ID_g) \
    X(H5P_CLS_DATASET_CREATE_ID_g)

/// The library, once it is loaded.
typedef struct nh_library {
#define NH_MEMBER(NAME) __typeof__(&NAME) NAME;
    NH_FUNCTIONS(NH_MEMBER)
#undef NH_MEMBER
#define NH_MEMBER(NAME) hid_t *NAME;
    NH_IDENTIFIERS(NH_MEMBER)
#undef NH_MEMBER
    /// Only of 1.10.7 and later.
    herr_t (*H5Pset_file_locking)(hid_t, hbool_t, hbool_t);
    void *handle;
    char version[32];
} nh_library;

struct nh_file {
    hid_t id;
};

/// Describes an open data set. What no library has written is refused: damaged files can make libhdf5
/// write or read beyond its memory.
int nh_describe(const nh_library *library, hid_t set, nh_object *object, nh_failure *failure);

/// Takes the lock and loads the library; `NULL`, without the lock, if it cannot be loaded.
const nh_library *nh_enter(nh_failure *failure);

/// Gives the lock back.
void nh_leave(void);

/// Keeps what the library says of its last error; returns -1.
int nh_fail(const nh_library *library, nh_failure *failure);

/// Keeps a text of ours; returns -1.
int nh_fail_with(nh_failure *failure, const char *text);
