/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as any message type: what proto_unpack() takes survives packing and JSON, what it refuses it explains. */

#include "base/mem.h"
#include "pick.h"
#include "proto/json.h"
#include "proto/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Packing drops what a second unpacking cannot tell from unset, so that the second time nothing changes any more. */
static void check_bytes(const ProtobufCMessage *m) {
        _cleanup_free_ void *first = NULL, *second = NULL;
        _cleanup_proto_ ProtobufCMessage *again = NULL;
        size_t n_first, n_second;

        require(proto_pack(m, &first, &n_first) == 0, m->descriptor, "cannot pack");
        require(proto_unpack(m->descriptor, first, n_first, &again, NULL) == 0, m->descriptor,
                        "cannot unpack what it packed");
        require(proto_pack(again, &second, &n_second) == 0, m->descriptor, "cannot pack again");
        require(n_first == n_second && memcmp(first, second, n_first) == 0, m->descriptor, "packs into other bytes");
}

static void check_json(const ProtobufCMessage *m, ProtoJsonFlags flags) {
        json_t *json = proto_to_json(m, flags), *json_again;
        _cleanup_proto_ ProtobufCMessage *again = NULL;
        _cleanup_free_ char *error = NULL;

        require(json, m->descriptor, "has no JSON");
        if (proto_from_json(json, m->descriptor, &again, &error) < 0)
                require(false, m->descriptor, error);
        json_again = proto_to_json(again, flags);
        require(json_equal(json, json_again), m->descriptor, "has other JSON the second time");
        json_decref(json);
        json_decref(json_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        const ProtobufCMessageDescriptor *type = pick_type(&data, &size);
        _cleanup_free_ char *error = NULL;
        int r;

        if (!type)
                return 0;
        r = proto_unpack(type, data, size, &m, &error);
        require(r == 0 || (r == -EBADMSG && error), type, "neither a message nor an explanation");
        if (r < 0)
                return 0;
        check_bytes(m);
        check_json(m, 0);
        check_json(m, PROTO_JSON_ALL_FIELDS | PROTO_JSON_CAMEL_NAMES);
        return 0;
}
