/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as any message type: what proto_from_json() takes is the same message after JSON again and after bytes. */

#include "base/mem.h"
#include "pick.h"
#include "proto/json.h"
#include "proto/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const json_t *json, const ProtobufCMessageDescriptor *type) {
        _cleanup_proto_ ProtobufCMessage *m = NULL, *again = NULL;
        _cleanup_free_ void *first = NULL, *second = NULL;
        _cleanup_free_ char *error = NULL;
        size_t n_first, n_second;
        json_t *json_again;
        int r;

        r = proto_from_json(json, type, &m, &error);
        require(r == 0 || (r == -EINVAL && error), type, "neither a message nor an explanation");
        if (r < 0)
                return;

        json_again = proto_to_json(m, 0);
        require(json_again, type, "has no JSON");
        require(proto_from_json(json_again, type, &again, NULL) == 0, type, "does not take its own JSON");
        json_decref(json_again);

        require(proto_pack(m, &first, &n_first) == 0 && proto_pack(again, &second, &n_second) == 0, type,
                        "cannot pack");
        require(n_first == n_second && memcmp(first, second, n_first) == 0, type, "is other bytes after its own JSON");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const ProtobufCMessageDescriptor *type = pick_type(&data, &size);
        json_t *json;

        if (!type)
                return 0;
        json = json_loadb((const char *) data, size, JSON_ALLOW_NUL, NULL);
        if (json)
                check(json, type);
        json_decref(json);
        return 0;
}
