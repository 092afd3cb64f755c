#include "internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static nh_library shared;
static int is_loaded;

/// The library's file names: Debian's serial library first; the numbers are those of its versions
/// 1.10, 1.12 and 1.14.
static const char *const names[] = {
    "libhdf5_serial.so.103", "libhdf5_serial.so.200", "libhdf5_serial.so.310", "libhdf5_serial.so",
    "libhdf5.so.103",        "libhdf5.so.200",        "libhdf5.so.310",        "libhdf5.so",
};

/// Finds all that is used in a library; returns the name of what it lacks, or `NULL`.
static const char *find_all(void *handle, nh_library *library) {
#define NH_FIND(NAME) \
    *(void **)&library->NAME = dlsym(handle, #NAME); \
    if (!library->NAME) return #NAME;
    NH_FUNCTIONS(NH_FIND)
    NH_IDENTIFIERS(NH_FIND)
#undef NH_FIND
    *(void **)&library->H5Pset_file_locking = dlsym(handle, "H5Pset_file_locking");
    return NULL;
}

/// Loads one of the names; its version must be the headers', whose types and signatures are used.
static int load_name(const char *name, nh_failure *failure) {
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return -1;
    nh_library library = {.handle = handle};
    const char *missing = find_all(handle, &library);
    if (missing) {
        snprintf(failure->text, sizeof failure->text, "%s has no %s", name, missing);
        dlclose(handle);
        return -1;
    }
    unsigned major = 0, minor = 0, release = 0;
    library.H5get_libversion(&major, &minor, &release);
    snprintf(library.version, sizeof library.version, "%u.%u.%u", major, minor, release);
    if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR) {
        snprintf(failure->text, sizeof failure->text, "%s is of version %s, but %d.%d is needed",
                 name, library.version, H5_VERS_MAJOR, H5_VERS_MINOR);
        dlclose(handle);
        return -1;
    }
    // At the program's end another thread may still be reading: nothing may be cleared away then.
    library.H5dont_atexit();
    if (library.H5open() < 0) return nh_fail_with(failure, "libhdf5 does not start");
    shared = library;
    is_loaded = 1;
    return 0;
}

static int load(nh_failure *failure) {
    snprintf(failure->text, sizeof failure->text,
             "libhdf5 %d.%d is not installed, or not found by the loader", H5_VERS_MAJOR,
             H5_VERS_MINOR);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (load_name(names[i], failure) == 0) return 0;
    return -1;
}

const nh_library *nh_enter(nh_failure *failure) {
    pthread_mutex_lock(&lock);
    if (!is_loaded && load(failure) != 0) {
        pthread_mutex_unlock(&lock);
        return NULL;
    }
    // Some builds keep this for each thread.
    shared.H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return &shared;
}

void nh_leave(void) { pthread_mutex_unlock(&lock); }

/// Keeps the innermost of the messages of an error, which says most.
static herr_t keep_first(unsigned place, const H5E_error2_t *error, void *data) {
    nh_failure *failure = data;
    if (place == 0 && error->desc) snprintf(failure->text, sizeof failure->text, "%s", error->desc);
    return 0;
}

int nh_fail(const nh_library *library, nh_failure *failure) {
    snprintf(failure->text, sizeof failure->text, "libhdf5 does not say why");
    library->H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, failure);
    library->H5Eclear2(H5E_DEFAULT);
    return -1;
}

int nh_fail_with(nh_failure *failure, const char *text) {
    snprintf(failure->text, sizeof failure->text, "%s", text);
    return -1;
}

const char *nh_version(nh_failure *failure) {
    const nh_library *library = nh_enter(failure);
    if (!library) return NULL;
    nh_leave();
    return library->version;
}
