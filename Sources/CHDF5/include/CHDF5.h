// HDF5 files by plain functions.
//
// libhdf5 is loaded when the first file is opened or made, since loading it, and the twenty
// libraries that it needs, takes longer than many a program runs. One lock guards the library: not
// every build of it may be called by several threads. It never prints and never ends the program:
// what it says of an error comes back as text.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/// An open file.
typedef struct nh_file nh_file;

/// Why a call failed.
typedef struct nh_failure {
    char text[512];
} nh_failure;

/// Most axes of a data set.
#define NH_MAX_AXES 32

/// What a path in a file stands for.
typedef enum nh_kind {
    nh_kind_nothing,  ///< there is nothing of that name
    nh_kind_group,    ///< a group
    nh_kind_floats,   ///< a data set of floats of any size
    nh_kind_integers, ///< a data set of whole numbers of any size
    nh_kind_text,     ///< a data set of text
    nh_kind_other,    ///< a data set of something else, or no data set
} nh_kind;

/// What a path in a file stands for, and how large it is.
typedef struct nh_object {
    nh_kind kind;
    int axes;                    ///< of a data set
    uint64_t sizes[NH_MAX_AXES]; ///< of a data set's axes
    uint64_t value_bytes;        ///< what one value takes in the file
    uint64_t stored_bytes;       ///< what all take, compressed perhaps
    int is_chunked;              ///< whether values may be compressed, or left out
} nh_object;

/// The version of the library as text; `NULL` with a failure if it cannot be loaded.
const char *_Nullable nh_version(nh_failure *failure);

/// Opens a file for reading; `NULL` with a failure if it cannot be read.
nh_file *_Nullable nh_open(const char *path, nh_failure *failure);

/// Makes a file, or empties the one that is there; `NULL` with a failure if it cannot be written.
nh_file *_Nullable nh_create(const char *path, nh_failure *failure);

/// Closes a file. Like all that follow, it returns 0, or -1 with a failure; the file is gone either
/// way.
int nh_close(nh_file *file, nh_failure *failure);

/// Gives what was written to the system.
int nh_flush(nh_file *file, nh_failure *failure);

/// Looks up a path of names separated by '/'.
int nh_look(nh_file *file, const char *path, nh_object *object, nh_failure *failure);

/// Counts what is in a group.
int nh_count(nh_file *file, const char *group, uint64_t *count, nh_failure *failure);

/// The name of what comes at a place of a group in the order of names.
int nh_name(nh_file *file, const char *group, uint64_t place, char *name, size_t capacity,
            nh_failure *failure);

/// Reads some rows (parts along the first axis) of a data set of numbers as floats; all values of a
/// data set without axes. There must be `capacity` of them.
int nh_read_floats(nh_file *file, const char *path, uint64_t first, uint64_t count, float *values,
                   uint64_t capacity, nh_failure *failure);

/// Reads a data set of one whole number.
int nh_read_integer(nh_file *file, const char *path, int32_t *value, nh_failure *failure);

/// Reads a data set of one text of fixed length.
int nh_read_text(nh_file *file, const char *path, char *text, size_t capacity, nh_failure *failure);

/// Makes a group in one that is there.
int nh_make_group(nh_file *file, const char *path, nh_failure *failure);

/// Writes a data set of floats, in one piece.
int nh_write_floats(nh_file *file, const char *path, int axes, const uint64_t *sizes,
                    const float *values, nh_failure *failure);

/// Writes a data set of one whole number, with one axis.
int nh_write_integer(nh_file *file, const char *path, int32_t value, nh_failure *failure);

/// Writes a data set of one text.
int nh_write_text(nh_file *file, const char *path, const char *text, nh_failure *failure);

/// Adds rows to the end of a data set that can grow; makes it if it is not there.
int nh_append_floats(nh_file *file, const char *path, int axes, const uint64_t *sizes,
                     const float *values, nh_failure *failure);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
