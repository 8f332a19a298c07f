/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf messages from bytes that nobody vouches for. protobuf-c accepts invalid UTF-8 and embedded NULs, nests
 * without a bound and merges a message that is given twice wrongly and in quadratic time; this does not. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"

#define PROTO_DEPTH_MAX    32    /* messages in messages, below the first */
#define PROTO_ELEMENTS_MAX 65536 /* fields and repeated elements in one message tree */
#define PROTO_FIELDS_MAX   512   /* fields of a message type; of a larger one no message is accepted */

/* Parses size bytes as a message of this type; it takes time linear in size. On success *ret is freed with
 * proto_free(). Errors: -EBADMSG with a sentence in *reterr (new string, may stay NULL when out of memory) that names
 * the field path and the fault, -ENOMEM. Fields that the type does not have are kept; a singular message that is given
 * twice is an error, as no encoder writes it. */
int proto_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t size, ProtobufCMessage **ret,
                char **reterr) _warn_unused_;
/* Packs into a new buffer (free()); -ENOMEM. */
int proto_pack(const ProtobufCMessage *message, void **ret, size_t *ret_size) _warn_unused_;
void proto_free(ProtobufCMessage *m);
DEFINE_CLEANUP(ProtobufCMessage *, proto_free)
#define _cleanup_proto_ _cleanup_(proto_freepp)
/* For _cleanup_ on a pointer to a generated message type. */
static inline void proto_freepp(void *p) {
        proto_free(*(ProtobufCMessage **) p);
}
