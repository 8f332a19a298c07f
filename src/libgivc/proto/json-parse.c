/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from proto3's JSON mapping. */

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/base64.h"
#include "proto/field.h"
#include "proto/json.h"
#include "proto/unpack.h"

#define _cleanup_json_ _cleanup_(json_decrefp)

/* What is smaller than this rounds to a finite float. */
#define FLOAT_BELOW 0x1.ffffffp127

/* Where the parser is: a chain on the stack from the innermost value outwards, for the error's path and the depth. */
typedef struct Place {
        const struct Place *outer;
        const ProtobufCFieldDescriptor *field;
        const char *key; /* of a map */
        ssize_t index;   /* of an array, -1 elsewhere */
        size_t depth;
} Place;

typedef struct Parse {
        const ProtobufCMessageDescriptor *type;
        char **reterr;
} Parse;

static int message_from_json(Parse *parse, const Place *at, const json_t *json, const ProtobufCMessageDescriptor *type,
                ProtobufCMessage **ret);

/* "assignments[2].key" */
static char *place_path(const Place *at) {
        _cleanup_free_ char *outer = NULL;
        const char *dot;

        if (!at)
                return strdup("");
        outer = place_path(at->outer);
        if (!outer)
                return NULL;
        dot = outer[0] ? "." : "";
        if (at->key)
                return strf("%s%s%s[\"%s\"]", outer, dot, at->field->name, at->key);
        if (at->index >= 0)
                return strf("%s%s%s[%zd]", outer, dot, at->field->name, at->index);
        return strf("%s%s%s", outer, dot, at->field->name);
}

_printf_(3, 4) static int parse_fault(Parse *parse, const Place *at, const char *fmt, ...) {
        _cleanup_free_ char *path = NULL, *fault = NULL;
        va_list ap;

        if (!parse->reterr)
                return -EINVAL;
        va_start(ap, fmt);
        fault = strvf(fmt, ap);
        va_end(ap);
        path = place_path(at);
        if (path && fault)
                *parse->reterr = strf("%s: %s%s%s", parse->type->name, path, path[0] ? ": " : "", fault);
        return -EINVAL;
}

/* A string that holds a JSON number and nothing else, as that number. jansson reads it as it reads numbers elsewhere:
 * the same grammar, and a decimal point whatever the locale. */
static int number_from_string(const char *s, json_t **ret) {
        size_t n = strlen(s);
        json_error_t error;

        if (n == 0 || !(s[0] == '-' || char_is_digit(s[0])) || !char_is_digit(s[n - 1]))
                return -EINVAL;
        *ret = json_loadb(s, n, JSON_DECODE_ANY, &error);
        if (!*ret) /* jansson leaves the error empty when it has no memory for a token */
                return error.text[0] ? -EINVAL : -ENOMEM;
        return 0;
}

/* Digits with a sign or not, and nothing else. */
static bool parse_int64(const char *s, int64_t *ret) {
        char *end;
        int64_t v;

        if (!char_is_digit(s[0]) && !(s[0] == '-' && char_is_digit(s[1])))
                return false;
        errno = 0;
        v = strtoll(s, &end, 10);
        if (errno != 0 || *end)
                return false;
        *ret = v;
        return true;
}

static bool parse_uint64(const char *s, uint64_t *ret) {
        char *end;
        uint64_t v;

        if (!char_is_digit(s[0]))
                return false;
        errno = 0;
        v = strtoull(s, &end, 10);
        if (errno != 0 || *end)
                return false;
        *ret = v;
        return true;
}

static bool json_to_int64(const json_t *json, int64_t *ret) {
        double d;

        if (json_is_string(json))
                return parse_int64(json_string_value(json), ret);
        if (json_is_integer(json)) {
                *ret = json_integer_value(json);
                return true;
        }
        d = json_is_real(json) ? json_real_value(json) : NAN;
        if (!(d >= -0x1p63 && d < 0x1p63) || d != trunc(d))
                return false;
        *ret = (int64_t) d;
        return true;
}

static bool json_to_uint64(const json_t *json, uint64_t *ret) {
        double d;

        if (json_is_string(json))
                return parse_uint64(json_string_value(json), ret);
        if (json_is_integer(json)) {
                *ret = (uint64_t) json_integer_value(json);
                return json_integer_value(json) >= 0;
        }
        d = json_is_real(json) ? json_real_value(json) : NAN;
        if (!(d >= 0 && d < 0x1p64) || d != trunc(d))
                return false;
        *ret = (uint64_t) d;
        return true;
}

static int signed_from_json(Parse *parse, const Place *at, const json_t *json, int64_t min, int64_t max, int64_t *ret) {
        int64_t v;

        if (!json_to_int64(json, &v) || v < min || v > max)
                return parse_fault(parse, at, "expected an integer from %" PRId64 " to %" PRId64, min, max);
        *ret = v;
        return 0;
}

static int unsigned_from_json(Parse *parse, const Place *at, const json_t *json, uint64_t max, uint64_t *ret) {
        uint64_t v;

        if (!json_to_uint64(json, &v) || v > max)
                return parse_fault(parse, at, "expected an integer from 0 to %" PRIu64, max);
        *ret = v;
        return 0;
}

static int double_from_json(Parse *parse, const Place *at, const json_t *json, double below, double *ret) {
        _cleanup_json_ json_t *number = NULL;

        if (json_is_string(json)) {
                const char *s = json_string_value(json);

                *ret = streq(s, "NaN") ? NAN : streq(s, "Infinity") ? INFINITY : streq(s, "-Infinity") ? -INFINITY : 0;
                if (*ret != 0)
                        return 0;
                if (number_from_string(s, &number) == -ENOMEM)
                        return -ENOMEM;
                json = number;
        }
        if (!json_is_number(json))
                return parse_fault(parse, at, "expected a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
        *ret = json_number_value(json);
        if (fabs(*ret) >= below)
                return parse_fault(parse, at, "expected a number of 32 bits");
        return 0;
}

static int bool_from_json(Parse *parse, const Place *at, const json_t *json, protobuf_c_boolean *ret) {
        if (!json_is_boolean(json))
                return parse_fault(parse, at, "expected true or false");
        *ret = json_is_true(json);
        return 0;
}

static int enum_from_json(Parse *parse, const Place *at, const json_t *json, int *ret) {
        const ProtobufCEnumDescriptor *type = at->field->descriptor;
        const ProtobufCEnumValue *value;
        int64_t v;

        if (json_is_string(json)) {
                value = protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json));
                if (!value)
                        return parse_fault(parse, at, "'%s' is not a %s", json_string_value(json), type->name);
                *ret = value->value;
                return 0;
        }
        /* Numbers that have no name are kept: the other side may know more names. */
        if (!json_to_int64(json, &v) || v < INT32_MIN || v > INT32_MAX)
                return parse_fault(parse, at, "expected the name or number of a %s", type->name);
        *ret = (int) v;
        return 0;
}

static int string_from_json(Parse *parse, const Place *at, const json_t *json, char **ret) {
        if (!json_is_string(json))
                return parse_fault(parse, at, "expected a string");
        if (strlen(json_string_value(json)) != json_string_length(json))
                return parse_fault(parse, at, "expected a string without a NUL character");
        *ret = strdup(json_string_value(json));
        return *ret ? 0 : -ENOMEM;
}

static int bytes_from_json(Parse *parse, const Place *at, const json_t *json, ProtobufCBinaryData *ret) {
        void *data;
        int r = -EINVAL;

        if (json_is_string(json))
                r = base64_decode(json_string_value(json), json_string_length(json), &data, &ret->len);
        if (r == -EINVAL)
                return parse_fault(parse, at, "expected base64 text");
        if (r < 0)
                return r;
        ret->data = data;
        return 0;
}

static int int32_from_json(Parse *parse, const Place *at, const json_t *json, int32_t *ret) {
        int64_t v = 0;
        int r;

        r = signed_from_json(parse, at, json, INT32_MIN, INT32_MAX, &v);
        if (r >= 0)
                *ret = (int32_t) v;
        return r;
}

static int uint32_from_json(Parse *parse, const Place *at, const json_t *json, uint32_t *ret) {
        uint64_t v = 0;
        int r;

        r = unsigned_from_json(parse, at, json, UINT32_MAX, &v);
        if (r >= 0)
                *ret = (uint32_t) v;
        return r;
}

static int float_from_json(Parse *parse, const Place *at, const json_t *json, float *ret) {
        double v = 0;
        int r;

        r = double_from_json(parse, at, json, FLOAT_BELOW, &v);
        if (r >= 0)
                *ret = (float) v;
        return r;
}

static int value_from_json(Parse *parse, const Place *at, const json_t *json, void *ret) {
        switch (at->field->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_SFIXED32:
                return int32_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_FIXED32:
                return uint32_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
                return signed_from_json(parse, at, json, INT64_MIN, INT64_MAX, ret);
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
                return unsigned_from_json(parse, at, json, UINT64_MAX, ret);
        case PROTOBUF_C_TYPE_FLOAT:
                return float_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_DOUBLE:
                return double_from_json(parse, at, json, INFINITY, ret);
        case PROTOBUF_C_TYPE_BOOL:
                return bool_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_ENUM:
                return enum_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_STRING:
                return string_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_BYTES:
                return bytes_from_json(parse, at, json, ret);
        case PROTOBUF_C_TYPE_MESSAGE:
                return message_from_json(parse, at, json, at->field->descriptor, ret);
        }
        return -EINVAL;
}

/* Gives a repeated field room for n values; its count grows as they arrive, so that what is there can be freed. */
static int repeated_new(
                ProtobufCMessage *m, const ProtobufCFieldDescriptor *field, size_t n, uint8_t **ret, size_t **ret_n) {
        uint8_t *values = NULL;

        if (n > 0) {
                values = mem_alloc_multiply(field_size(field), n, true);
                if (!values)
                        return -ENOMEM;
        }
        *(void **) field_member(m, field->offset) = values;
        *ret = values;
        *ret_n = field_member(m, field->quantifier_offset);
        return 0;
}

static int array_from_json(Parse *parse, const Place *at, const json_t *json, ProtobufCMessage *m) {
        Place element = *at;
        uint8_t *values;
        size_t *n;
        int r;

        if (!json_is_array(json))
                return parse_fault(parse, at, "expected a list");
        r = repeated_new(m, at->field, json_array_size(json), &values, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_array_size(json); i++) {
                element.index = (ssize_t) i;
                r = value_from_json(parse, &element, json_array_get(json, i), values + i * field_size(at->field));
                if (r < 0)
                        return r;
                (*n)++;
        }
        return 0;
}

static int key_from_json(Parse *parse, const Place *at, const char *key, void *ret) {
        _cleanup_json_ json_t *json = NULL;

        if (at->field->type == PROTOBUF_C_TYPE_BOOL && (streq(key, "true") || streq(key, "false")))
                json = json_boolean(streq(key, "true"));
        else
                json = json_string(key);
        if (!json)
                return -ENOMEM;
        return value_from_json(parse, at, json, ret);
}

static int entry_from_json(Parse *parse, const Place *at, const json_t *json, ProtobufCMessage *entry) {
        const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
        Place place = *at;
        int r;

        place.field = &fields[0];
        place.key = NULL;
        place.outer = at;
        r = key_from_json(parse, &place, at->key, field_member(entry, fields[0].offset));
        if (r < 0)
                return r;
        place.field = &fields[1];
        return value_from_json(parse, &place, json, field_member(entry, fields[1].offset));
}

static int map_from_json(Parse *parse, const Place *at, const json_t *json, ProtobufCMessage *m) {
        Place place = *at;
        const char *key;
        uint8_t *values;
        json_t *value;
        size_t *n;
        int r;

        if (!json_is_object(json))
                return parse_fault(parse, at, "expected an object");
        r = repeated_new(m, at->field, json_object_size(json), &values, &n);
        if (r < 0)
                return r;
        json_object_foreach((json_t *) json, key, value) {
                ProtobufCMessage *entry;

                entry = message_new(at->field->descriptor);
                if (!entry)
                        return -ENOMEM;
                ((ProtobufCMessage **) values)[(*n)++] = entry;
                place.key = key;
                r = entry_from_json(parse, &place, value, entry);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int single_from_json(Parse *parse, const Place *at, const json_t *json, ProtobufCMessage *m) {
        const ProtobufCFieldDescriptor *field = at->field, *other;
        void *quantifier = field_member(m, field->quantifier_offset);
        int r;

        if (field_in_oneof(field) && *(uint32_t *) quantifier != 0) {
                other = protobuf_c_message_descriptor_get_field(m->descriptor, *(uint32_t *) quantifier);
                return parse_fault(parse, at, "excludes '%s', which is given too", other->name);
        }
        r = value_from_json(parse, at, json, field_member(m, field->offset));
        if (r < 0)
                return r;
        if (field_in_oneof(field))
                *(uint32_t *) quantifier = field->id;
        else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset > 0)
                *(protobuf_c_boolean *) quantifier = true;
        return 0;
}

static int field_from_json(Parse *parse, const Place *at, const json_t *json, ProtobufCMessage *m) {
        if (json_is_null(json))
                return 0;
        if (field_is_map(m->descriptor, at->field))
                return map_from_json(parse, at, json, m);
        if (at->field->label == PROTOBUF_C_LABEL_REPEATED)
                return array_from_json(parse, at, json, m);
        return single_from_json(parse, at, json, m);
}

static int object_require(Parse *parse, const Place *at, const json_t *json, const ProtobufCMessageDescriptor *type) {
        const char *key;
        json_t *value;

        for (unsigned i = 0; i < type->n_fields; i++) {
                bool found = type->fields[i].label != PROTOBUF_C_LABEL_REQUIRED;

                if (found)
                        continue;
                json_object_foreach((json_t *) json, key, value) found =
                                found || (!json_is_null(value) && field_by_json_name(type, key) == &type->fields[i]);
                if (!found)
                        return parse_fault(parse, at, "required field '%s' is missing", type->fields[i].name);
        }
        return 0;
}

static int message_from_json(Parse *parse, const Place *at, const json_t *json, const ProtobufCMessageDescriptor *type,
                ProtobufCMessage **ret) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        Place place = { .outer = at, .index = -1, .depth = at ? at->depth + 1 : 0 };
        const char *key;
        json_t *value;
        int r;

        if (!json_is_object(json))
                return parse_fault(parse, at, "expected an object");
        if (place.depth > PROTO_DEPTH_MAX)
                return parse_fault(parse, at, "nested deeper than %u messages", PROTO_DEPTH_MAX);
        m = message_new(type);
        if (!m)
                return -ENOMEM;

        json_object_foreach((json_t *) json, key, value) {
                place.field = field_by_json_name(type, key);
                if (!place.field)
                        return parse_fault(parse, at, "%s has no field '%s'", type->name, key);
                if (!streq(key, place.field->name) && json_object_get(json, place.field->name))
                        return parse_fault(parse, at, "'%s' and '%s' are the same field", key, place.field->name);
                r = field_from_json(parse, &place, value, m);
                if (r < 0)
                        return r;
        }
        r = object_require(parse, at, json, type);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

int proto_from_json(const json_t *json, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, char **reterr) {
        return message_from_json(&(Parse){ type, reterr }, NULL, json, type, ret);
}
