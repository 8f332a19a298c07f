/* SPDX-License-Identifier: Apache-2.0 */
/* Generated messages of every type: our bytes and JSON are those of Python's protobuf, in both directions. */

#include <math.h>

#include "witness.h"

#include "proto/json.h"
#include "proto/unpack.h"

typedef struct Case {
        const ProtobufCMessageDescriptor *type;
        uint8_t *bytes;
        size_t n_bytes;
        const json_t *line;
} Case;

static bool seen[ELEMENTSOF(all_types)];

static void check_packed(const Case *c, const ProtobufCMessage *m, const char *what) {
        _cleanup_free_ void *packed = NULL;
        size_t n_packed;

        assert_int_equal(proto_pack(m, &packed, &n_packed), 0);
        if (n_packed != c->n_bytes || memcmp(packed, c->bytes, n_packed) != 0)
                fail_msg("%s: other bytes than Python: %s", what, json_dumps(c->line, 0));
}

/* Equal, where 1 and 1.0 are, as Python writes either. */
static bool same_json(const json_t *a, const json_t *b) {
        const char *key;
        json_t *value;

        if (json_is_number(a) && json_is_number(b))
                return json_number_value(a) == json_number_value(b);
        if (json_is_array(a) && json_array_size(a) == json_array_size(b)) {
                for (size_t i = 0; i < json_array_size(a); i++)
                        if (!same_json(json_array_get(a, i), json_array_get(b, i)))
                                return false;
                return true;
        }
        if (!json_is_object(a) || json_object_size(a) != json_object_size(b))
                return json_equal(a, b);
        json_object_foreach((json_t *) a, key,
                        value) if (!json_object_get(b, key) || !same_json(value, json_object_get(b, key))) return false;
        return true;
}

static void check_to_json(const Case *c, const ProtobufCMessage *m, const char *style, ProtoJsonFlags flags) {
        json_t *json = proto_to_json(m, flags);

        assert_non_null(json);
        if (!same_json(json, json_object_get(c->line, style)))
                fail_msg("%s differs: %s\nours: %s", style, json_dumps(c->line, 0), json_dumps(json, 0));
        json_decref(json);
}

static void check_from_json(const Case *c, const json_t *json, const char *what) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        _cleanup_free_ char *error = NULL;

        if (proto_from_json(json, c->type, &m, &error) < 0)
                fail_msg("%s: %s\n%s", what, error, json_dumps(json, 0));
        check_packed(c, m, what);
}

static void check_vector(const json_t *line) {
        Case c = { .type = type_by_name(json_string_value(json_object_get(line, "type"))), .line = line };
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        _cleanup_free_ char *error = NULL;
        json_t *same;
        size_t i;

        assert_non_null(c.type);
        for (i = 0; i < ELEMENTSOF(all_types); i++)
                seen[i] = seen[i] || all_types[i] == c.type;

        c.bytes = from_hex(json_string_value(json_object_get(line, "hex")), &c.n_bytes);
        if (proto_unpack(c.type, c.bytes, c.n_bytes, &m, &error) < 0)
                fail_msg("%s: %s", error, json_dumps(line, 0));
        check_packed(&c, m, "pack");

        if (json_object_get(line, "json")) {
                check_to_json(&c, m, "json", 0);
                check_to_json(&c, m, "camel", PROTO_JSON_CAMEL_NAMES);
                check_to_json(&c, m, "all", PROTO_JSON_ALL_FIELDS);
                check_from_json(&c, json_object_get(line, "json"), "json");
                check_from_json(&c, json_object_get(line, "camel"), "camel");
                check_from_json(&c, json_object_get(line, "all"), "all");
                json_array_foreach(json_object_get(line, "same"), i, same) check_from_json(&c, same, "other words");
        }
        free(c.bytes);
}

static void test_vectors(_unused_ void **state) {
        size_t n = each_line(WITNESS "/vectors.jsonl", check_vector);

        assert_true(n > 1000);
        for (size_t i = 0; i < ELEMENTSOF(all_types); i++)
                if (!seen[i] && !endswith(all_types[i]->name, "Entry") && !startswith(all_types[i]->name, "old."))
                        fail_msg("no messages of type %s", all_types[i]->name);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
