/* SPDX-License-Identifier: Apache-2.0 */
/* proto_unpack()'s limits and the sentences of its errors, and proto_pack(). Malformed bytes are test-malformed's. */

#include "witness.h"

#include "base/time.h"
#include "proto/unpack.h"

static void fails(const ProtobufCMessageDescriptor *type, const char *hex, const char *want) {
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;
        size_t size;

        data = from_hex(hex, &size);
        assert_int_equal(proto_unpack(type, data, size, &m, &error), -EBADMSG);
        assert_null(m);
        assert_string_equal(error, want);
        /* Who wants no sentence gets none. */
        assert_int_equal(proto_unpack(type, data, size, &m, NULL), -EBADMSG);
}

static void test_sentences(_unused_ void **state) {
        fails(&admin__query_list_response__descriptor,
                        "0a030a0161"
                        "0a030a01ff",
                        "admin.QueryListResponse: List.Name: string that is not UTF-8 (at byte 9)");
        fails(&admin__query_list_response__descriptor,
                        "0a030a0161"
                        "0a02",
                        "admin.QueryListResponse: List: 2 bytes needed, 0 left (at byte 7)");
        fails(&admin__registry_request__descriptor, "1d00000000",
                        "admin.RegistryRequest: Type: wire type 5 where 0 is expected (at byte 0)");
        fails(&admin__registry_request__descriptor,
                        "2200"
                        "2200",
                        "admin.RegistryRequest: Transport: message that is given twice (at byte 2)");
        fails(&exec__start_command__descriptor,
                        "2206"
                        "0a0161"
                        "120100",
                        "exec.StartCommand: EnvVars.value: string with a NUL byte (at byte 7)");
        fails(&admin__empty__descriptor, "00", "admin.Empty: field number 0 (at byte 0)");
        /* A fault in an unknown field of a known message. */
        fails(&exec__command_request__descriptor,
                        "0a02"
                        "f80f",
                        "exec.CommandRequest: Start: ends within a varint (at byte 4)");
}

static void test_required(_unused_ void **state) {
        _cleanup_proto_ Old__Old *old = NULL;
        const uint8_t good[] = { 0x0a, 0x01, 'a', 0x28, 0x07 };

        fails(&old__old__descriptor, "0a0161", "old.Old: level: required field that is missing (at byte 3)");
        fails(&old__old__descriptor,
                        "0a01612801"
                        "3200",
                        "old.Old: old.name: required field that is missing (at byte 7)");
        assert_int_equal(proto_unpack(&old__old__descriptor, good, sizeof(good), (ProtobufCMessage **) &old, NULL), 0);
        assert_string_equal(old->name, "a");
        assert_int_equal(old->level, 7);
        assert_int_equal(old->number, 42);
        assert_false(old->has_number);
}

static void test_empty(_unused_ void **state) {
        _cleanup_free_ void *packed = NULL;
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        size_t size = 1;

        assert_int_equal(proto_unpack(&admin__empty__descriptor, NULL, 0, &m, NULL), 0);
        assert_int_equal(proto_pack(m, &packed, &size), 0);
        assert_int_equal(size, 0);
        assert_non_null(packed);
        proto_free(NULL);
}

/* Fields that this version does not know survive, so that who passes a message on loses none. */
static void test_unknown(_unused_ void **state) {
        const uint8_t data[] = { 0x0a, 0x01, 'a', 0xf8, 0x0f, 0x05, 0xfa, 0x0f, 0x02, 0xff, 0x00 };
        _cleanup_proto_ Systemd__UnitRequest *m = NULL;
        _cleanup_free_ void *packed = NULL;
        size_t size;

        assert_int_equal(proto_unpack(&systemd__unit_request__descriptor, data, sizeof(data), (ProtobufCMessage **) &m,
                                         NULL),
                        0);
        assert_string_equal(m->unitname, "a");
        assert_int_equal(m->base.n_unknown_fields, 2);
        assert_int_equal(proto_pack(&m->base, &packed, &size), 0);
        assert_int_equal(size, sizeof(data));
        assert_memory_equal(packed, data, size);
}

static int unpack_repeated(const ProtobufCMessageDescriptor *type, const char *element, size_t n_element, size_t n,
                char **reterr) {
        _cleanup_free_ uint8_t *data = malloc(n_element * n);
        _cleanup_proto_ ProtobufCMessage *m = NULL;

        assert_non_null(data);
        for (size_t i = 0; i < n; i++)
                memcpy(data + i * n_element, element, n_element);
        return proto_unpack(type, data, n * n_element, &m, reterr);
}

static void test_elements(_unused_ void **state) {
        _cleanup_free_ char *fields = NULL, *packed = NULL, *unknown = NULL;
        _cleanup_free_ uint8_t *data = calloc(1, PROTO_ELEMENTS_MAX + 4);
        ProtobufCMessage *m = NULL;

        assert_int_equal(unpack_repeated(&kinds__node__descriptor, "\x1a\0", 2, PROTO_ELEMENTS_MAX, NULL), 0);
        assert_int_equal(unpack_repeated(&kinds__node__descriptor, "\x1a\0", 2, PROTO_ELEMENTS_MAX + 1, &fields),
                        -EBADMSG);
        assert_non_null(strstr(fields, "more than 65536 elements"));
        assert_int_equal(unpack_repeated(&admin__empty__descriptor, "\x08\0", 2, PROTO_ELEMENTS_MAX + 1, &unknown),
                        -EBADMSG);
        assert_non_null(strstr(unknown, "more than 65536 elements"));

        /* Packed values are a byte each; the field that holds them is an element too. */
        assert_non_null(data);
        memcpy(data, "\x0a\xff\xff\x03", 4);
        assert_int_equal(proto_unpack(&kinds__repeated__descriptor, data, PROTO_ELEMENTS_MAX + 3, &m, &packed), 0);
        assert_int_equal(((Kinds__Repeated *) m)->n_int32s, PROTO_ELEMENTS_MAX - 1);
        proto_free(m);
        memcpy(data, "\x0a\x80\x80\x04", 4);
        assert_int_equal(proto_unpack(&kinds__repeated__descriptor, data, PROTO_ELEMENTS_MAX + 4, &m, &packed),
                        -EBADMSG);
        assert_non_null(strstr(packed, "int32s: more than 65536 elements"));
}

static void test_too_large(_unused_ void **state) {
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;
        uint8_t byte = 0;

        /* Refused by its size alone: nothing behind the first byte is there to be read. */
        assert_int_equal(proto_unpack(&admin__empty__descriptor, &byte, (size_t) INT32_MAX + 1, &m, &error), -EBADMSG);
        assert_string_equal(error, "admin.Empty: message of more than 2 GiB (at byte 0)");
}

static void test_too_many_fields(_unused_ void **state) {
        ProtobufCMessageDescriptor wide = admin__empty__descriptor;
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;

        wide.n_fields = PROTO_FIELDS_MAX + 1;
        assert_int_equal(proto_unpack(&wide, "", 0, &m, &error), -EBADMSG);
        assert_string_equal(error, "admin.Empty: type with more than 512 fields (at byte 0)");
}

/* Maps nest too, two messages a level. */
static void test_depth_of_maps(_unused_ void **state) {
        _cleanup_free_ char *error = NULL;
        uint8_t data[512];
        ProtobufCMessage *m = NULL;
        size_t size = 0;

        for (unsigned depth = 0; depth <= PROTO_DEPTH_MAX / 2; depth++) {
                _cleanup_free_ uint8_t *inner = mem_dup(data, size);

                if (depth > 0)
                        assert_int_equal(proto_unpack(&kinds__map__descriptor, data, size, &m, &error), 0);
                if (depth > 0)
                        proto_free(m);
                assert_non_null(inner);
                assert_true(size < 120);
                data[0] = 0x42;
                data[1] = (uint8_t) (size + 2);
                data[2] = 0x12;
                data[3] = (uint8_t) size;
                memcpy(data + 4, inner, size);
                size += 4;
        }
        m = NULL;
        assert_int_equal(proto_unpack(&kinds__map__descriptor, data, size, &m, &error), -EBADMSG);
        assert_non_null(strstr(error, "maps.value.maps.value"));
        assert_non_null(strstr(error, "nested deeper than 32 messages"));
}

/* What protobuf-c is slow at, as much of it as passes: repeating a field makes it free and copy again and again. */
static void test_linear(_unused_ void **state) {
        static const struct {
                const ProtobufCMessageDescriptor *type;
                const char *element;
                size_t size;
        } cases[] = {
                { &kinds__one_of__descriptor, "\x42\1b\x3a\1a", 6 },
                { &kinds__node__descriptor, "\x0a\1a\x1a\0", 5 },
                { &kinds__repeated__descriptor, "\x0a\1a\x7a\0", 5 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                usec_t start = time_now(CLOCK_PROCESS_CPUTIME_ID);

                assert_int_equal(unpack_repeated(cases[i].type, cases[i].element, cases[i].size, PROTO_ELEMENTS_MAX / 3,
                                                 NULL),
                                0);
                assert_true(time_now(CLOCK_PROCESS_CPUTIME_ID) - start < USEC_PER_SEC);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sentences),
                cmocka_unit_test(test_required),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_elements),
                cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_too_many_fields),
                cmocka_unit_test(test_depth_of_maps),
                cmocka_unit_test(test_linear),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
