#pragma once
#include "caffe.pb-c.h"

/// The messages that files consist of; all others are fields of these. Ends with NULL.
const ProtobufCMessageDescriptor *const *caffe_schema_roots(void);
