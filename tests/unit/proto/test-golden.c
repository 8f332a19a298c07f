/* SPDX-License-Identifier: Apache-2.0 */
/* The wire contract does not change by accident: the descriptors are those of golden/descriptors.txt, protoc-c's view
 * of them is the same, and messages are the bytes of golden/bytes.jsonl, which Python's protobuf agrees with. */

#include "witness.h"

#include "proto/json.h"
#include "proto/unpack.h"

static void same_file(const char *a, const char *b) {
        _cleanup_free_ char *line_a = NULL, *line_b = NULL;
        size_t allocated_a = 0, allocated_b = 0;
        FILE *fa = fopen(a, "re"), *fb = fopen(b, "re");

        assert_non_null(fa);
        assert_non_null(fb);
        for (size_t n = 1;; n++) {
                ssize_t na = getline(&line_a, &allocated_a, fa), nb = getline(&line_b, &allocated_b, fb);

                if (na < 0 && nb < 0) {
                        assert_true(n > 10);
                        break;
                }
                if (na < 0 || nb < 0 || !streq(line_a, line_b))
                        fail_msg("line %zu differs:\n%s: %s%s: %s", n, a, na < 0 ? "(end)\n" : line_a, b,
                                        nb < 0 ? "(end)\n" : line_b);
        }
        fclose(fa);
        fclose(fb);
}

static void test_descriptors(_unused_ void **state) {
        same_file(GOLDEN "/descriptors.txt", WITNESS "/descriptors.txt");
}

static void test_python_agrees(_unused_ void **state) {
        same_file(GOLDEN "/bytes.jsonl", WITNESS "/bytes.jsonl");
}

static ProtobufCType type_of(const char *name) {
        static const char *const names[] = {
                [PROTOBUF_C_TYPE_INT32] = "int32",
                [PROTOBUF_C_TYPE_SINT32] = "sint32",
                [PROTOBUF_C_TYPE_UINT32] = "uint32",
                [PROTOBUF_C_TYPE_INT64] = "int64",
                [PROTOBUF_C_TYPE_UINT64] = "uint64",
                [PROTOBUF_C_TYPE_FLOAT] = "float",
                [PROTOBUF_C_TYPE_DOUBLE] = "double",
                [PROTOBUF_C_TYPE_BOOL] = "bool",
                [PROTOBUF_C_TYPE_ENUM] = "enum",
                [PROTOBUF_C_TYPE_STRING] = "string",
                [PROTOBUF_C_TYPE_BYTES] = "bytes",
                [PROTOBUF_C_TYPE_MESSAGE] = "message",
        };

        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                if (names[i] && streq(names[i], name))
                        return (ProtobufCType) i;
        fail_msg("unknown type %s", name);
        return 0;
}

static void check_field(const char *line) {
        char full[256], label[16], type[16], kind[256], oneof[64];
        const ProtobufCMessageDescriptor *message;
        const ProtobufCFieldDescriptor *field;
        unsigned number;
        char *dot;

        assert_int_equal(sscanf(line, "field %255s %u %15s %15s %255s %63s", full, &number, label, type, kind, oneof),
                        6);
        dot = strrchr(full, '.');
        assert_non_null(dot);
        *dot = 0;
        message = type_by_name(full);
        if (!message)
                fail_msg("no C type for message %s", full);
        field = protobuf_c_message_descriptor_get_field(message, number);
        if (!field)
                fail_msg("%s has no field %u in C", full, number);

        assert_string_equal(field->name, dot + 1);
        assert_int_equal(field->type, type_of(type));
        assert_int_equal(field->label == PROTOBUF_C_LABEL_REPEATED, streq(label, "repeated"));
        assert_int_equal(
                        !!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF), streq(label, "optional") || !streq(oneof, "-"));
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
                assert_string_equal(((const ProtobufCMessageDescriptor *) field->descriptor)->name, kind);
        if (field->type == PROTOBUF_C_TYPE_ENUM)
                assert_string_equal(((const ProtobufCEnumDescriptor *) field->descriptor)->name, kind);
}

static void check_method(const char *line) {
        char service[128], name[64], input[128], output[128];
        const ProtobufCMethodDescriptor *method = NULL;

        assert_int_equal(sscanf(line, "method %127s %63s %127s %127s", service, name, input, output), 4);
        for (size_t i = 0; !method && i < ELEMENTSOF(all_services); i++)
                if (streq(all_services[i]->name, service))
                        method = protobuf_c_service_descriptor_get_method_by_name(all_services[i], name);
        if (!method)
                fail_msg("no method %s of %s in C", name, service);
        assert_string_equal(method->input->name, input);
        assert_string_equal(method->output->name, output);
}

/* The text that protoc-c reads went through optional.awk; nothing else may have changed by that. */
static void test_c_agrees(_unused_ void **state) {
        _cleanup_free_ char *line = NULL;
        size_t allocated = 0, n_fields = 0, n_methods = 0;
        FILE *f = fopen(GOLDEN "/descriptors.txt", "re");

        assert_non_null(f);
        while (getline(&line, &allocated, f) >= 0) {
                if (startswith(line, "field ")) {
                        check_field(line);
                        n_fields++;
                } else if (startswith(line, "method ")) {
                        check_method(line);
                        n_methods++;
                }
        }
        fclose(f);
        assert_true(n_fields > 150);
        assert_true(n_methods > 50);
}

static void check_bytes(const json_t *line) {
        const ProtobufCMessageDescriptor *type = type_by_name(json_string_value(json_object_get(line, "type")));
        const json_t *json = json_object_get(line, "json");
        _cleanup_proto_ ProtobufCMessage *from_json = NULL, *from_bytes = NULL;
        const json_t *hex = json_object_get(line, "hex"), *c_hex = json_object_get(line, "short") ?: hex;
        _cleanup_free_ uint8_t *want = NULL, *bytes = NULL;
        _cleanup_free_ char *error = NULL;
        _cleanup_free_ void *packed = NULL, *packed_again = NULL;
        size_t size, n_bytes, n_packed, n_packed_again;
        json_t *again;

        assert_non_null(type);
        bytes = from_hex(json_string_value(hex), &n_bytes);
        want = from_hex(json_string_value(c_hex), &size);

        assert_int_equal(proto_from_json(json, type, &from_json, &error), 0);
        assert_int_equal(proto_pack(from_json, &packed, &n_packed), 0);
        assert_int_equal(n_packed, size);
        assert_memory_equal(packed, want, size);

        assert_int_equal(proto_unpack(type, bytes, n_bytes, &from_bytes, &error), 0);
        assert_int_equal(proto_pack(from_bytes, &packed_again, &n_packed_again), 0);
        assert_int_equal(n_packed_again, size);
        assert_memory_equal(packed_again, want, size);
        again = proto_to_json(from_bytes, 0);
        if (!json_equal(again, json))
                fail_msg("%s: %s", type->name, json_dumps(again, JSON_SORT_KEYS));
        json_decref(again);
}

static void test_bytes(_unused_ void **state) {
        assert_true(each_line(GOLDEN "/bytes.jsonl", check_bytes) > 50);
}

static void check_struct(const ProtobufCMessage *m, const char *hex) {
        _cleanup_free_ uint8_t *want = NULL;
        _cleanup_free_ void *packed = NULL;
        size_t size, n_packed;

        want = from_hex(hex, &size);
        assert_int_equal(proto_pack(m, &packed, &n_packed), 0);
        assert_int_equal(n_packed, size);
        assert_memory_equal(packed, want, size);
}

/* Structs as a service fills them, against lines of golden/bytes.jsonl. */
static void test_structs(_unused_ void **state) {
        Exec__StartCommand__EnvVarsEntry entry = EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT;
        Exec__StartCommand__EnvVarsEntry *entries[] = { &entry };
        Admin__RegistryResponse unset = ADMIN__REGISTRY_RESPONSE__INIT, empty = ADMIN__REGISTRY_RESPONSE__INIT;
        Exec__StartCommand map = EXEC__START_COMMAND__INIT;
        Systemd__UnitEvent removed = SYSTEMD__UNIT_EVENT__INIT;
        char hello[] = "hello\n", unit[] = "hold@0.service", nothing[] = "";

        check_struct(&unset.base, "");

        empty.has_error_case = ADMIN__REGISTRY_RESPONSE__HAS_ERROR_ERROR;
        empty.error = nothing;
        check_struct(&empty.base, "0a00");

        map.n_envvars = 1;
        map.envvars = entries;
        map.has_stdin_case = EXEC__START_COMMAND__HAS_STDIN_STDIN;
        map.stdin = (ProtobufCBinaryData){ .len = strlen(hello), .data = (uint8_t *) hello };
        entry.key = entry.value = nothing;
        check_struct(&map.base, "22002a0668656c6c6f0a");

        removed.event_case = SYSTEMD__UNIT_EVENT__EVENT_REMOVED;
        removed.removed = unit;
        check_struct(&removed.base, "220e686f6c6440302e73657276696365");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_descriptors),
                cmocka_unit_test(test_python_agrees),
                cmocka_unit_test(test_c_agrees),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_structs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
