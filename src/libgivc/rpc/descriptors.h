/* SPDX-License-Identifier: Apache-2.0 */
/* An index over a serialized google.protobuf.FileDescriptorSet: which file has which name and declares which symbols.
 * The bytes are the build's own, but a broken set is refused all the same. */
#pragma once

#include "base/map.h"

typedef struct DescriptorFile {
        const uint8_t *data; /* the serialized FileDescriptorProto, borrowed */
        size_t size;
        char *name;
        char **dependencies;
        bool visited;
} DescriptorFile;

typedef struct DescriptorIndex DescriptorIndex;

/* data must stay valid. -EBADMSG, -ENOMEM. */
int descriptor_index_new(const void *data, size_t size, DescriptorIndex **ret) _warn_unused_;
void descriptor_index_free(DescriptorIndex *i);
DEFINE_CLEANUP(DescriptorIndex *, descriptor_index_free)

/* NULL when there is none. Symbols are full names of messages, enums, services and methods. */
const DescriptorFile *descriptor_index_find_file(DescriptorIndex *i, const char *name);
const DescriptorFile *descriptor_index_find_symbol(DescriptorIndex *i, const char *symbol);
/* The file and all that it depends on, each once, dependencies after those who need them; a new array, its length
 * returned. */
int descriptor_index_closure(DescriptorIndex *i, const DescriptorFile *file, const DescriptorFile ***ret);
