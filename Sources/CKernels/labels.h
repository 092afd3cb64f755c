// How losses read labels.
#pragma once

#include "internal.h"

// The label as Caffe reads it, cut to an integer; -1 for what no class number can be.
NK_INLINE ptrdiff_t class_of(float label, size_t channels) {
    if (!(label > -1.0f && label < (float)channels)) return -1;
    ptrdiff_t value = (ptrdiff_t)label;
    return value < (ptrdiff_t)channels ? value : -1;
}

// The label cut to an integer, without a branch; the least one stands for NaN and what is too large.
NK_INLINE int32_t cut_label(float label) {
    float inside = label > -2147483648.0f && label < 2147483648.0f ? label : -2147483648.0f;
    return (int32_t)inside;
}

NK_INLINE int is_ignored(float label, const int32_t *ignored) {
    return ignored && label > -2147483648.0f && label < 2147483648.0f && (int32_t)label == *ignored;
}
