/* SPDX-License-Identifier: Apache-2.0 */
/* What the comparison with Python does not reach: what is refused and how it is said, proto2, what is only C's, and no
 * memory. */

#include "witness.h"

#include "proto/base64.h"
#include "proto/json.h"
#include "proto/unpack.h"

static void test_refused(_unused_ void **state) {
        static const struct {
                const ProtobufCMessageDescriptor *type;
                const char *json, *error;
        } cases[] = {
                { &kinds__single__descriptor, "[]", "expected an object" },
                { &kinds__single__descriptor, "null", "expected an object" },
                { &kinds__single__descriptor, "{\"nothing\": 1}", "kinds.Single has no field 'nothing'" },
                { &kinds__single__descriptor, "{\"AnInt32\": 1}", "kinds.Single has no field 'AnInt32'" },
                { &kinds__single__descriptor, "{\"anInt32\": 1, \"an_int32\": 1}",
                                "'anInt32' and 'an_int32' are the same field" },
                { &kinds__single__descriptor, "{\"an_int32\": 2147483648}",
                                "an_int32: expected an integer from -2147483648 to" },
                { &kinds__single__descriptor, "{\"a_sint32\": -2147483649}", "a_sint32: expected an integer from" },
                { &kinds__single__descriptor, "{\"an_sfixed32\": 1.5}", "an_sfixed32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": true}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": \"\"}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": \" 1\"}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": \"1 \"}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": \"0x1\"}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": \"+1\"}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int32\": {}}", "an_int32: expected an integer" },
                { &kinds__single__descriptor, "{\"a_uint32\": -1}",
                                "a_uint32: expected an integer from 0 to 4294967295" },
                { &kinds__single__descriptor, "{\"a_fixed32\": 4294967296}",
                                "a_fixed32: expected an integer from 0 to" },
                { &kinds__single__descriptor, "{\"an_int64\": \"9223372036854775808\"}",
                                "an_int64: expected an integer" },
                { &kinds__single__descriptor, "{\"an_int64\": 9223372036854775808.0}",
                                "an_int64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_sint64\": -1e300}", "a_sint64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_uint64\": \"18446744073709551616\"}",
                                "a_uint64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_uint64\": 18446744073709551616.0}",
                                "a_uint64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_uint64\": \"-1\"}", "a_uint64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_fixed64\": -1}", "a_fixed64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_fixed64\": 0.5}", "a_fixed64: expected an integer" },
                { &kinds__single__descriptor, "{\"a_float\": 3.5e38}", "a_float: expected a number of 32 bits" },
                { &kinds__single__descriptor, "{\"a_float\": \"-3.5e38\"}", "a_float: expected a number of 32 bits" },
                { &kinds__single__descriptor, "{\"a_double\": \"nan\"}", "a_double: expected a number, \"NaN\"" },
                { &kinds__single__descriptor, "{\"a_double\": \"inf\"}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_double\": \"1.5x\"}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_double\": \" 1.5\"}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_double\": \"1.5 \"}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_double\": \"1,5\"}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_double\": \"\"}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_double\": false}", "a_double: expected a number" },
                { &kinds__single__descriptor, "{\"a_bool\": 1}", "a_bool: expected true or false" },
                { &kinds__single__descriptor, "{\"a_bool\": \"true\"}", "a_bool: expected true or false" },
                { &kinds__single__descriptor, "{\"a_colour\": \"red\"}", "a_colour: 'red' is not a kinds.Colour" },
                { &kinds__single__descriptor, "{\"a_colour\": 1.5}",
                                "a_colour: expected the name or number of a kinds.Colour" },
                { &kinds__single__descriptor, "{\"a_colour\": 2147483648}", "a_colour: expected the name or number" },
                { &kinds__single__descriptor, "{\"a_string\": 1}", "a_string: expected a string" },
                { &kinds__single__descriptor, "{\"a_string\": \"a\\u0000b\"}",
                                "a_string: expected a string without a NUL" },
                { &kinds__single__descriptor, "{\"some_bytes\": \"A\"}", "some_bytes: expected base64 text" },
                { &kinds__single__descriptor, "{\"some_bytes\": \"AB\"}", "some_bytes: expected base64 text" },
                { &kinds__single__descriptor, "{\"some_bytes\": \"AA==AA==\"}", "some_bytes: expected base64 text" },
                { &kinds__single__descriptor, "{\"some_bytes\": \"A A=\"}", "some_bytes: expected base64 text" },
                { &kinds__single__descriptor, "{\"some_bytes\": 7}", "some_bytes: expected base64 text" },
                { &kinds__single__descriptor, "{\"single\": 7}", "single: expected an object" },
                { &kinds__single__descriptor, "{\"single\": {\"single\": {\"x\": 1}}}",
                                "single.single: kinds.Single has no field 'x'" },
                { &kinds__one_of__descriptor, "{\"a_bool\": true, \"a_string\": \"\"}",
                                "a_string: excludes 'a_bool', which is given too" },
                { &kinds__repeated__descriptor, "{\"int32s\": 1}", "int32s: expected a list" },
                { &kinds__repeated__descriptor, "{\"int32s\": [1, null]}", "int32s[1]: expected an integer" },
                { &kinds__repeated__descriptor, "{\"singles\": [{}, {}, {\"a_bool\": 1}]}",
                                "singles[2].a_bool: expected true" },
                { &kinds__repeated__descriptor, "{\"strings\": [\"a\", 1]}", "strings[1]: expected a string" },
                { &kinds__repeated__descriptor, "{\"bytess\": [\"AAAA\", \"!\"]}", "bytess[1]: expected base64" },
                { &kinds__map__descriptor, "{\"strings\": []}", "strings: expected an object" },
                { &kinds__map__descriptor, "{\"strings\": {\"k\": null}}", "strings[\"k\"].value: expected a string" },
                { &kinds__map__descriptor, "{\"bools\": {\"yes\": {}}}", "bools[\"yes\"].key: expected true or false" },
                { &kinds__map__descriptor, "{\"int32_to_int64\": {\"x\": 1}}",
                                "int32_to_int64[\"x\"].key: expected an integer" },
                { &kinds__map__descriptor, "{\"maps\": {\"a\": {\"maps\": {\"b\": 1}}}}",
                                "maps[\"a\"].value.maps[\"b\"].value: expected an object" },
                { &kinds__no_map__descriptor, "{\"pairs\": {\"a\": \"b\"}}", "pairs: expected a list" },
                { &old__old__descriptor, "{\"level\": 1}", "old.Old: required field 'name' is missing" },
                { &old__old__descriptor, "{\"name\": \"a\", \"level\": null}", "required field 'level' is missing" },
                { &old__old__descriptor, "{\"name\": \"a\", \"level\": 1, \"old\": {}}", "old: required field 'name'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
                _cleanup_free_ char *error = NULL;
                ProtobufCMessage *m = NULL;

                assert_non_null(json);
                assert_int_equal(proto_from_json(json, cases[i].type, &m, NULL), -EINVAL);
                assert_int_equal(proto_from_json(json, cases[i].type, &m, &error), -EINVAL);
                assert_null(m);
                if (!error || !startswith(error, cases[i].type->name) || !strstr(error, cases[i].error))
                        fail_msg("%s: '%s' and not '%s'", cases[i].json, error, cases[i].error);
                json_decref(json);
        }
}

/* What is accepted, and how it is written again. */
static void test_accepted(_unused_ void **state) {
        static const struct {
                const ProtobufCMessageDescriptor *type;
                const char *json, *again;
        } cases[] = {
                { &kinds__single__descriptor, "{\"an_int32\": 1e3, \"a_uint64\": 1.8e19}",
                                "{\"an_int32\": 1000, \"a_uint64\": \"18000000000000000000\"}" },
                { &kinds__single__descriptor, "{\"an_int64\": -9223372036854775808, \"a_sint64\": \"-0\"}",
                                "{\"an_int64\": \"-9223372036854775808\"}" },
                { &kinds__single__descriptor, "{\"a_float\": 3.4028235e38}", "{\"a_float\": 3.4028235e38}" },
                { &kinds__single__descriptor, "{\"a_float\": \"0.1\", \"a_double\": \"-1.5e3\"}",
                                "{\"a_float\": 0.1, \"a_double\": -1500.0}" },
                { &kinds__single__descriptor, "{\"a_colour\": 77}", "{\"a_colour\": 77}" },
                { &kinds__single__descriptor, "{\"a_colour\": -1}", "{\"a_colour\": \"DARK\"}" },
                { &kinds__single__descriptor, "{\"some_bytes\": \"-_8\"}", "{\"some_bytes\": \"+/8=\"}" },
                { &kinds__single__descriptor, "{\"single\": {}}", "{\"single\": {}}" },
                { &kinds__one_of__descriptor, "{\"a_bool\": null, \"a_string\": \"\"}", "{\"a_string\": \"\"}" },
                { &kinds__repeated__descriptor, "{\"int32s\": [], \"strings\": null}", "{}" },
                { &kinds__map__descriptor, "{\"strings\": {\"b\": \"1\", \"a\": \"2\"}}",
                                "{\"strings\": {\"b\": \"1\", \"a\": \"2\"}}" },
                { &kinds__map__descriptor, "{\"bools\": {\"false\": {}, \"true\": {\"a_bool\": true}}}",
                                "{\"bools\": {\"false\": {}, \"true\": {\"a_bool\": true}}}" },
                { &kinds__no_map__descriptor,
                                "{\"pairs\": [{\"key\": \"a\"}], \"pair\": [{\"value\": 1}], \"third\": [{}]}",
                                "{\"pairs\": [{\"key\": \"a\"}], \"pair\": [{\"value\": 1}], \"third\": [{}]}" },
                { &old__old__descriptor,
                                "{\"name\": \"\", \"level\": 0, \"number\": 0, \"someBytes\": \"\", \"text\": \"\"}",
                                "{\"name\": \"\", \"level\": 0, \"number\": 0, \"some_bytes\": \"\", \"text\": \"\"}" },
                { &old__old__descriptor, "{\"name\": \"a\", \"level\": 1}", "{\"name\": \"a\", \"level\": 1}" },
                { &google__rpc__status__descriptor, "{\"details\": [{\"type_url\": \"x/y\", \"value\": \"AA==\"}]}",
                                "{\"details\": [{\"type_url\": \"x/y\", \"value\": \"AA==\"}]}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *json = json_loads(cases[i].json, 0, NULL), *want = json_loads(cases[i].again, 0, NULL), *again;
                _cleanup_proto_ ProtobufCMessage *m = NULL;
                _cleanup_free_ char *error = NULL;

                assert_non_null(json);
                assert_non_null(want);
                if (proto_from_json(json, cases[i].type, &m, &error) < 0)
                        fail_msg("%s: %s", cases[i].json, error);
                again = proto_to_json(m, 0);
                if (!json_equal(again, want))
                        fail_msg("%s: %s", cases[i].json, json_dumps(again, 0));
                json_decref(again);
                json_decref(want);
                json_decref(json);
        }
}

static void test_depth(_unused_ void **state) {
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;
        json_t *json = json_object();

        for (unsigned i = 0; i < PROTO_DEPTH_MAX; i++)
                json = json_pack("{s:o}", "next", json);
        assert_int_equal(proto_from_json(json, &kinds__node__descriptor, &m, NULL), 0);
        proto_free(m);
        m = NULL;
        json = json_pack("{s:o}", "next", json);
        assert_int_equal(proto_from_json(json, &kinds__node__descriptor, &m, &error), -EINVAL);
        assert_null(m);
        assert_non_null(strstr(error, "next.next: nested deeper than 32 messages"));
        json_decref(json);
}

/* Messages that C made: strings that are NULL or no text, and map entries without a value. */
static void test_own(_unused_ void **state) {
        Kinds__Map__BoolsEntry entry = KINDS__MAP__BOOLS_ENTRY__INIT, *entries[] = { &entry };
        Systemd__UnitStatus unit = SYSTEMD__UNIT_STATUS__INIT;
        Kinds__Map map = KINDS__MAP__INIT;
        char latin[] = "caf\xe9";
        json_t *json;

        unit.name = NULL;
        unit.description = latin;
        json = proto_to_json(&unit.base, 0);
        assert_string_equal(json_string_value(json_object_get(json, "Description")), "caf?");
        assert_null(json_object_get(json, "Name"));
        json_decref(json);
        json = proto_to_json(&unit.base, PROTO_JSON_ALL_FIELDS);
        assert_string_equal(json_string_value(json_object_get(json, "Name")), "");
        assert_int_equal(json_object_size(json), 7);
        json_decref(json);

        map.n_bools = 1;
        map.bools = entries;
        json = proto_to_json(&map.base, 0);
        assert_int_equal(json_object_size(json_object_get(json_object_get(json, "bools"), "false")), 0);
        assert_non_null(json_object_get(json_object_get(json, "bools"), "false"));
        json_decref(json);
        json = proto_to_json(&map.base, PROTO_JSON_ALL_FIELDS);
        assert_non_null(json_object_get(json_object_get(json_object_get(json, "bools"), "false"), "a_bool"));
        json_decref(json);
}

static long allocations_left;

static void *allocate_some(size_t size) {
        return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Each allocation of jansson's fails once. */
static void test_no_memory(_unused_ void **state) {
        static const char text[] =
                        "{\"strings\": {\"k\": \"v\"}, \"bools\": {\"true\": {\"a_double\": \"1.5\", \"a_float\": "
                        "\"NaN\","
                        "\"some_bytes\": \"AA==\", \"a_colour\": \"RED\", \"an_int64\": \"5\", \"a_uint64\": \"6\"}}}";
        json_t *json = json_loads(text, 0, NULL), *again = NULL;
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        long n;

        assert_non_null(json);
        for (n = 0; !m; n++) {
                int r;

                assert_true(n < 100);
                allocations_left = n;
                json_set_alloc_funcs(allocate_some, free);
                r = proto_from_json(json, &kinds__map__descriptor, &m, NULL);
                json_set_alloc_funcs(malloc, free);
                assert_int_equal(r, m ? 0 : -ENOMEM);
        }
        assert_true(n > 2);
        for (n = 0; !again; n++) {
                assert_true(n < 200);
                allocations_left = n;
                json_set_alloc_funcs(allocate_some, free);
                again = proto_to_json(m, PROTO_JSON_CAMEL_NAMES);
                json_set_alloc_funcs(malloc, free);
        }
        assert_true(n > 10);
        json_decref(again);
        json_decref(json);
}

static void test_base64(_unused_ void **state) {
        static const char *const vectors[][2] = {
                { "", "" },
                { "f", "Zg==" },
                { "fo", "Zm8=" },
                { "foo", "Zm9v" },
                { "foob", "Zm9vYg==" },
                { "fooba", "Zm9vYmE=" },
                { "foobar", "Zm9vYmFy" },
        };
        void *data = NULL;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                _cleanup_free_ char *text = base64_encode(vectors[i][0], strlen(vectors[i][0]));
                size_t n = strlen(vectors[i][1]);

                assert_string_equal(text, vectors[i][1]);
                for (; n > 0 && vectors[i][1][n - 1] == '='; n--)
                        ;
                assert_int_equal(base64_decode(text, n, &data, &size), 0);
                assert_int_equal(size, strlen(vectors[i][0]));
                assert_memory_equal(data, vectors[i][0], size);
                free(data);
        }
        assert_int_equal(base64_decode("=", 1, &data, &size), -EINVAL);
        assert_int_equal(base64_decode("====", 4, &data, &size), -EINVAL);
        assert_int_equal(base64_decode("A===", 4, &data, &size), -EINVAL);
        assert_int_equal(base64_decode("AA=", 3, &data, &size), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_accepted),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_own),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_base64),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
