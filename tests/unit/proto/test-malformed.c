/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of malformed bytes, in every field of every message type. */

#include "witness.h"

#include "proto/unpack.h"

typedef struct Bytes {
        uint8_t data[2048];
        size_t size;
} Bytes;

static size_t n_checks;

static void put(Bytes *b, const void *data, size_t size) {
        assert_true(b->size + size <= sizeof(b->data));
        memcpy(b->data + b->size, data, size);
        b->size += size;
}

static void put_varint(Bytes *b, uint64_t v) {
        for (; v > 127; v >>= 7)
                put(b, &(uint8_t){ (uint8_t) (v | 128) }, 1);
        put(b, &(uint8_t){ (uint8_t) v }, 1);
}

static void put_tag(Bytes *b, uint32_t number, unsigned wire) {
        put_varint(b, (uint64_t) number << 3 | wire);
}

static unsigned wire_of(const ProtobufCFieldDescriptor *f) {
        switch (f->type) {
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_BYTES:
        case PROTOBUF_C_TYPE_MESSAGE:
                return 2;
        case PROTOBUF_C_TYPE_SFIXED32:
        case PROTOBUF_C_TYPE_FIXED32:
        case PROTOBUF_C_TYPE_FLOAT:
                return 5;
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_DOUBLE:
                return 1;
        default:
                return 0;
        }
}

static bool has_required(const ProtobufCMessageDescriptor *type) {
        for (unsigned i = 0; i < type->n_fields; i++)
                if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED)
                        return true;
        return false;
}

/* A good value: "a", 1, an empty message. */
static void put_field(Bytes *b, const ProtobufCFieldDescriptor *f) {
        put_tag(b, f->id, wire_of(f));
        if (wire_of(f) == 0)
                put(b, "\1", 1);
        else if (wire_of(f) == 2)
                put(b, f->type == PROTOBUF_C_TYPE_MESSAGE ? "\0" : "\1a", f->type == PROTOBUF_C_TYPE_MESSAGE ? 1 : 2);
        else
                put(b, "\1\0\0\0\0\0\0\0", wire_of(f) == 5 ? 4 : 8);
}

static void must_fail(const ProtobufCMessageDescriptor *type, const Bytes *b, const char *field, const char *fault) {
        _cleanup_free_ uint8_t *exact = mem_dup(b->data, b->size); /* so that a sanitizer sees reads behind the end */
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;
        int r;

        r = proto_unpack(type, exact, b->size, &m, &error);
        if (r != -EBADMSG || m || !error || !startswith(error, type->name) || !strstr(error, fault) ||
                        (field && !strstr(error, field)))
                fail_msg("%s.%s: expected '%s', got %d, '%s'", type->name, field, fault, r, error);
        n_checks++;
}

static ProtobufCMessage *must_pass(const ProtobufCMessageDescriptor *type, const Bytes *b) {
        _cleanup_free_ uint8_t *exact = mem_dup(b->data, b->size);
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;
        int r;

        r = proto_unpack(type, exact, b->size, &m, &error);
        if (r < 0)
                fail_msg("%s: %s", type->name, error);
        n_checks++;
        return m;
}

static void each_field(void (*call)(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)) {
        n_checks = 0;
        for (size_t i = 0; i < ELEMENTSOF(all_types); i++)
                for (unsigned j = 0; !has_required(all_types[i]) && j < all_types[i]->n_fields; j++)
                        call(all_types[i], &all_types[i]->fields[j]);
        assert_true(n_checks > 20);
}

static void check_truncated(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        Bytes b = {};

        put_field(&b, field);
        proto_free(must_pass(type, &b));
        while (--b.size > 0)
                must_fail(type, &b, NULL, wire_of(field) == 0 ? "ends within a varint" : "");
}

static void test_truncated(_unused_ void **state) {
        each_field(check_truncated);
}

static void check_wire_type(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        for (unsigned wire = 0; wire < 8; wire++) {
                Bytes b = {};

                if (wire == wire_of(field) || (wire == 2 && field->label == PROTOBUF_C_LABEL_REPEATED))
                        continue;
                put_tag(&b, field->id, wire);
                put(&b, "\0\0\0\0\0\0\0\0", 8);
                must_fail(type, &b, field->name,
                                wire == 3 || wire == 4     ? "groups are not supported"
                                                : wire > 5 ? "does not exist"
                                                           : "is expected");
        }
}

static void test_wire_type(_unused_ void **state) {
        each_field(check_wire_type);
}

/* In the value, or where that has a length, in the length; packed values too. */
static void check_overrun(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        static const char *const ends[] = { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1",
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\2" };

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                Bytes b = {}, packed = {};

                if (wire_of(field) != 0 && wire_of(field) != 2)
                        continue;
                put_tag(&b, field->id, wire_of(field));
                put(&b, ends[i], strlen(ends[i]));
                must_fail(type, &b, field->name, "more than 64 bits");

                if (wire_of(field) == 2 || field->label != PROTOBUF_C_LABEL_REPEATED)
                        continue;
                put_tag(&packed, field->id, 2);
                put_varint(&packed, strlen(ends[i]) + 1);
                put(&packed, "\1", 1);
                put(&packed, ends[i], strlen(ends[i]));
                must_fail(type, &packed, field->name, "more than 64 bits");
        }
}

static void test_overrun(_unused_ void **state) {
        each_field(check_overrun);
}

static void check_length(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        static const uint64_t lengths[] = { 2, 127, UINT64_C(1) << 31, UINT32_MAX, UINT64_C(1) << 34 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                Bytes b = {}, packed = {};

                if (wire_of(field) == 2) {
                        put_tag(&b, field->id, 2);
                        put_varint(&b, lengths[i]);
                        put(&b, "a", 1);
                        must_fail(type, &b, field->name, "bytes needed, 1 left");
                } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
                        put_tag(&packed, field->id, 2);
                        put_varint(&packed, lengths[i]);
                        put(&packed, "\1", 1);
                        must_fail(type, &packed, field->name, "bytes needed, 1 left");
                }
        }
}

/* A length that needs more than 32 bits, and one that is written in more bytes than protobuf-c reads. */
static void check_long_length(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        Bytes big = {}, padded = {};

        if (wire_of(field) != 2)
                return;
        put_tag(&big, field->id, 2);
        put_varint(&big, UINT64_MAX);
        must_fail(type, &big, field->name, "length of more than 5 bytes");
        put_tag(&padded, field->id, 2);
        put(&padded, "\x81\x80\x80\x80\x80\0a", 7);
        must_fail(type, &padded, field->name, "length of more than 5 bytes");
}

static void test_length(_unused_ void **state) {
        each_field(check_length);
        each_field(check_long_length);
}

static void check_text(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        static const char *const bad[] = { "\xff", "\xc3", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                "\xe2\x82" };
        Bytes nul = {};

        if (field->type != PROTOBUF_C_TYPE_STRING)
                return;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Bytes b = {};

                put_tag(&b, field->id, 2);
                put_varint(&b, strlen(bad[i]));
                put(&b, bad[i], strlen(bad[i]));
                must_fail(type, &b, field->name, "not UTF-8");
        }
        put_tag(&nul, field->id, 2);
        put(&nul, "\3a\0b", 4);
        must_fail(type, &nul, field->name, "NUL byte");
}

static void test_text(_unused_ void **state) {
        each_field(check_text);
}

/* A oneof's member after another one replaces it and frees it; a message twice is an error; anything else twice is its
 * last value. */
static void check_twice(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        Bytes same = {};

        put_field(&same, field);
        put_field(&same, field);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED)
                must_fail(type, &same, field->name, "given twice");
        else
                proto_free(must_pass(type, &same));

        if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
                return;
        for (unsigned i = 0; i < type->n_fields; i++) {
                const ProtobufCFieldDescriptor *other = &type->fields[i];
                ProtobufCMessage *m;
                Bytes b = {};

                if (other == field || !(other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                                other->quantifier_offset != field->quantifier_offset)
                        continue;
                put_field(&b, other);
                put_field(&b, field);
                m = must_pass(type, &b);
                assert_int_equal(*(uint32_t *) ((uint8_t *) m + field->quantifier_offset), field->id);
                proto_free(m);
        }
}

static void test_twice(_unused_ void **state) {
        each_field(check_twice);
}

/* depth messages in each other by this field, which must be of its own type or lead back to it at once. */
static void nest(Bytes *b, const ProtobufCFieldDescriptor *field, unsigned depth) {
        *b = (Bytes){};
        for (unsigned i = 0; i < depth; i++) {
                Bytes outer = {};

                put_tag(&outer, field->id, 2);
                put_varint(&outer, b->size);
                put(&outer, b->data, b->size);
                *b = outer;
        }
}

static void check_depth(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        Bytes b;

        if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->descriptor != type)
                return;
        nest(&b, field, PROTO_DEPTH_MAX);
        proto_free(must_pass(type, &b));
        nest(&b, field, PROTO_DEPTH_MAX + 1);
        must_fail(type, &b, field->name, "nested deeper");
        nest(&b, field, 200);
        must_fail(type, &b, field->name, "nested deeper");
}

static void test_depth(_unused_ void **state) {
        n_checks = 0;
        for (size_t i = 0; i < ELEMENTSOF(all_types); i++)
                for (unsigned j = 0; !has_required(all_types[i]) && j < all_types[i]->n_fields; j++)
                        check_depth(all_types[i], &all_types[i]->fields[j]);
        assert_int_equal(n_checks, 4 * 3);
}

/* What holds whatever the type's fields are: tags, groups, and unknown fields, which are kept but checked as far as it
 * goes. */
static void test_every_type(_unused_ void **state) {
        static const struct {
                const char *bytes;
                size_t size;
                const char *fault; /* NULL: good */
        } cases[] = {
                { "\x00\x01", 2, "field number 0" },
                { "\x07", 1, "field number 0" },
                { "\x80\x00", 2, "field number 0" },
                { "\x80\x80\x80\x80\x80\x01\x01", 7, "more than 29 bits" },
                { "\xff\xff\xff\xff\x1f\x01", 6, "more than 29 bits" },
                { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "more than 64 bits" },
                { "\x80", 1, "ends within a varint" },
                { "\xf3\xff\xff\xff\x07", 5, "groups are not supported" },
                { "\xf4\xff\xff\xff\x07", 5, "groups are not supported" },
                { "\xf6\xff\xff\xff\x07", 5, "does not exist" },
                { "\xf0\xff\xff\xff\x07\x80", 6, "ends within a varint" },
                { "\xf1\xff\xff\xff\x07\x01\x02", 7, "8 bytes needed, 2 left" },
                { "\xf5\xff\xff\xff\x07\x01", 6, "4 bytes needed, 1 left" },
                { "\xf2\xff\xff\xff\x07\x05"
                  "a",
                                7, "5 bytes needed, 1 left" },
                { "\xf2\xff\xff\xff\x07\x01\xff", 7, NULL },
                { "\xf0\xff\xff\xff\x07\x01", 6, NULL },
                { "", 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(all_types); i++)
                for (size_t j = 0; !has_required(all_types[i]) && j < ELEMENTSOF(cases); j++) {
                        Bytes b = {};

                        put(&b, cases[j].bytes, cases[j].size);
                        if (cases[j].fault)
                                must_fail(all_types[i], &b, NULL, cases[j].fault);
                        else
                                proto_free(must_pass(all_types[i], &b));
                }
}

/* What a generated message is when it ends early is a message or an error, and nothing else; so with a byte that
 * changed. */
static void check_damaged(const json_t *line) {
        const ProtobufCMessageDescriptor *type = type_by_name(json_string_value(json_object_get(line, "type")));
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        bytes = from_hex(json_string_value(json_object_get(line, "hex")), &size);
        for (size_t i = 0; i < MIN(size, 200U); i++) {
                _cleanup_free_ uint8_t *cut = mem_dup(bytes, i);
                _cleanup_free_ char *error = NULL, *error_changed = NULL;
                _cleanup_proto_ ProtobufCMessage *m = NULL, *changed = NULL;
                int r;

                assert_non_null(cut);
                r = proto_unpack(type, cut, i, &m, &error);
                assert_true(r == (error ? -EBADMSG : 0));
                bytes[i] ^= (uint8_t) (1 << (i % 8));
                r = proto_unpack(type, bytes, size, &changed, &error_changed);
                assert_true(r == (error_changed ? -EBADMSG : 0));
                bytes[i] ^= (uint8_t) (1 << (i % 8));
        }
}

static void test_damaged(_unused_ void **state) {
        assert_true(each_line(WITNESS "/vectors.jsonl", check_damaged) > 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_wire_type),
                cmocka_unit_test(test_overrun),
                cmocka_unit_test(test_length),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_twice),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_every_type),
                cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
