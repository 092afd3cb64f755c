#include "roots.h"

#include <stddef.h>

const ProtobufCMessageDescriptor *const *caffe_schema_roots(void) {
    static const ProtobufCMessageDescriptor *const roots[] = {
        &caffe__net_parameter__descriptor,
        &caffe__solver_parameter__descriptor,
        &caffe__solver_state__descriptor,
        &caffe__blob_proto_vector__descriptor,
        &caffe__datum__descriptor,
        &caffe__run_state__descriptor,
        NULL,
    };
    return roots;
}
