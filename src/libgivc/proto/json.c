/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to proto3's JSON mapping. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/base64.h"
#include "proto/field.h"
#include "proto/json.h"

#define _cleanup_json_ _cleanup_(json_decrefp)

static json_t *string_to_json(const char *s) {
        _cleanup_free_ char *copy = NULL;

        s = strempty(s);
        if (str_is_utf8(s, strlen(s)))
                return json_string_nocheck(s);

        copy = mem_dup(s, strlen(s));
        if (!copy)
                return NULL;
        for (char *c = copy; *c; c++)
                if (*c & 0x80)
                        *c = '?';
        return json_string_nocheck(copy);
}

static json_t *bytes_to_json(const ProtobufCBinaryData *bytes) {
        _cleanup_free_ char *text = base64_encode(bytes->data, bytes->len);

        return text ? json_string_nocheck(text) : NULL;
}

static json_t *double_to_json(double v) {
        if (isnan(v))
                return json_string_nocheck("NaN");
        if (isinf(v))
                return json_string_nocheck(v > 0 ? "Infinity" : "-Infinity");
        return json_real(v);
}

/* The double with the fewest digits that is this float again: 0.1 rather than 0.10000000149011612. */
static json_t *float_to_json(float v) {
        if (!isfinite(v))
                return double_to_json(v);

        for (int precision = 6; precision < 9; precision++) {
                char text[32];

                snprintf(text, sizeof(text), "%.*g", precision, (double) v);
                if (strtof(text, NULL) == v)
                        return json_real(strtod(text, NULL));
        }
        return json_real((double) v);
}

static json_t *enum_to_json(const ProtobufCEnumDescriptor *type, int v) {
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, v);

        return value ? json_string_nocheck(value->name) : json_integer(v);
}

/* A 64-bit integer is a string, as JavaScript's numbers have 53 bits. */
static json_t *int64_to_json(int64_t v) {
        char text[32];

        snprintf(text, sizeof(text), "%" PRId64, v);
        return json_string_nocheck(text);
}

static json_t *uint64_to_json(uint64_t v) {
        char text[32];

        snprintf(text, sizeof(text), "%" PRIu64, v);
        return json_string_nocheck(text);
}

/* A map's entry may come without its value, which is a message with nothing set then. */
static json_t *message_to_json(
                const ProtobufCMessage *message, const ProtobufCMessageDescriptor *type, ProtoJsonFlags flags) {
        _cleanup_free_ ProtobufCMessage *unset = NULL;

        if (message)
                return proto_to_json(message, flags);
        unset = message_new(type);
        return unset ? proto_to_json(unset, flags) : NULL;
}

static json_t *value_to_json(const void *value, const ProtobufCFieldDescriptor *field, ProtoJsonFlags flags) {
        switch (field->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_SFIXED32:
                return json_integer(*(const int32_t *) value);
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_FIXED32:
                return json_integer(*(const uint32_t *) value);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
                return int64_to_json(*(const int64_t *) value);
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
                return uint64_to_json(*(const uint64_t *) value);
        case PROTOBUF_C_TYPE_FLOAT:
                return float_to_json(*(const float *) value);
        case PROTOBUF_C_TYPE_DOUBLE:
                return double_to_json(*(const double *) value);
        case PROTOBUF_C_TYPE_BOOL:
                return json_boolean(*(const protobuf_c_boolean *) value);
        case PROTOBUF_C_TYPE_ENUM:
                return enum_to_json(field->descriptor, *(const int *) value);
        case PROTOBUF_C_TYPE_STRING:
                return string_to_json(*(char *const *) value);
        case PROTOBUF_C_TYPE_BYTES:
                return bytes_to_json(value);
        case PROTOBUF_C_TYPE_MESSAGE:
                return message_to_json(*(ProtobufCMessage *const *) value, field->descriptor, flags);
        }
        return NULL;
}

/* The values of a repeated field, or of any other as one. */
static const void *field_values(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t *ret_n) {
        const void *member = field_member(message, field->offset);

        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
                *ret_n = 1;
                return member;
        }
        *ret_n = *(const size_t *) field_member(message, field->quantifier_offset);
        return *(void *const *) member;
}

static json_t *array_to_json(
                const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, ProtoJsonFlags flags) {
        _cleanup_json_ json_t *array = json_array();
        const uint8_t *values;
        size_t n;

        if (!array)
                return NULL;
        values = field_values(message, field, &n);
        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(array, value_to_json(values + i * field_size(field), field, flags)) < 0)
                        return NULL;
        return TAKE_PTR(array);
}

/* A map's key as a string: value_to_json() makes numbers and booleans of some. */
static char *key_to_string(const ProtobufCMessage *entry, const ProtobufCFieldDescriptor *field) {
        _cleanup_json_ json_t *key = value_to_json(field_member(entry, field->offset), field, 0);

        if (!key)
                return NULL;
        if (json_is_string(key))
                return strdup(json_string_value(key));
        if (json_is_boolean(key))
                return strdup(json_is_true(key) ? "true" : "false");
        return strf("%" JSON_INTEGER_FORMAT, json_integer_value(key));
}

static json_t *map_to_json(
                const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, ProtoJsonFlags flags) {
        _cleanup_json_ json_t *object = json_object();
        ProtobufCMessage *const *entries;
        size_t n;

        if (!object)
                return NULL;
        entries = field_values(message, field, &n);
        for (size_t i = 0; i < n; i++) {
                const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
                _cleanup_free_ char *key = key_to_string(entries[i], &fields[0]);
                const void *value = field_member(entries[i], fields[1].offset);

                if (!key || json_object_set_new_nocheck(object, key, value_to_json(value, &fields[1], flags)) < 0)
                        return NULL;
        }
        return TAKE_PTR(object);
}

static json_t *field_to_json(
                const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, ProtoJsonFlags flags) {
        if (field_is_map(message->descriptor, field))
                return map_to_json(message, field, flags);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
                return array_to_json(message, field, flags);
        return value_to_json(field_member(message, field->offset), field, flags);
}

static int object_set_field(
                json_t *object, const ProtobufCFieldDescriptor *field, json_t *value, ProtoJsonFlags flags) {
        _cleanup_free_ char *camel = NULL;
        const char *name = field->name;

        if (flags & PROTO_JSON_CAMEL_NAMES) {
                camel = strdup(field->name);
                if (!camel) {
                        json_decref(value);
                        return -ENOMEM;
                }
                field_json_name(field, camel);
                name = camel;
        }
        return json_object_set_new_nocheck(object, name, value);
}

json_t *proto_to_json(const ProtobufCMessage *message, ProtoJsonFlags flags) {
        _cleanup_json_ json_t *object = json_object();

        if (!object)
                return NULL;
        for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

                if (!field_is_set(message, field) && (!(flags & PROTO_JSON_ALL_FIELDS) || field_has_presence(field)))
                        continue;
                if (object_set_field(object, field, field_to_json(message, field, flags), flags) < 0)
                        return NULL;
        }
        return TAKE_PTR(object);
}
