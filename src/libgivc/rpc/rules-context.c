/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rules-context.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/base64.h"
#include "proto/field.h"

#define KEY_MAX 24 /* a number or a truth value as a key */

static int record_from_message(Arena *arena, const ProtobufCMessage *m, size_t n_more, ValueMember **ret_members,
                size_t *ret_n, char **reterr);

/* Rules have no numbers with fractions: such a field is not there for them. */
static bool field_is_seen(const ProtobufCFieldDescriptor *field) {
        return field->type != PROTOBUF_C_TYPE_FLOAT && field->type != PROTOBUF_C_TYPE_DOUBLE;
}

static int value_from_unsigned(const ProtobufCFieldDescriptor *field, uint64_t number, Value *ret, char **reterr) {
        if (number > INT64_MAX)
                return str_refuse(reterr, "'%s' is %" PRIu64 ", more than a Long holds", field->name, number);
        *ret = (Value){ VALUE_LONG, .number = (int64_t) number };
        return 0;
}

static Value value_from_enum(const ProtobufCFieldDescriptor *field, int number) {
        const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(field->descriptor, number);

        return v ? (Value){ VALUE_STRING, .string = text_of(v->name) } : (Value){ VALUE_LONG, .number = number };
}

static int value_from_bytes(Arena *arena, const ProtobufCBinaryData *bytes, Value *ret) {
        size_t size = base64_size(bytes->len);
        char *text = arena_new(arena, char, size + 1);

        if (!text)
                return -ENOMEM;
        base64_write(text, bytes->data, bytes->len);
        *ret = (Value){ VALUE_STRING, .string = { text, size } };
        return 0;
}

static int value_from_message(Arena *arena, const ProtobufCMessage *m, Value *ret, char **reterr) {
        ValueMember *members;
        size_t n;
        int r;

        *ret = (Value){ VALUE_RECORD };
        r = record_from_message(arena, m, 0, &members, &n, reterr);
        return r < 0 ? r : value_record_new(arena, members, n, &ret->record, NULL);
}

/* p is where one value of the field is. */
static int value_from_field(
                Arena *arena, const ProtobufCFieldDescriptor *field, const void *p, Value *ret, char **reterr) {
        switch (field->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_SFIXED32:
                *ret = (Value){ VALUE_LONG, .number = *(const int32_t *) p };
                return 0;
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
                *ret = (Value){ VALUE_LONG, .number = *(const int64_t *) p };
                return 0;
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_FIXED32:
                *ret = (Value){ VALUE_LONG, .number = *(const uint32_t *) p };
                return 0;
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
                return value_from_unsigned(field, *(const uint64_t *) p, ret, reterr);
        case PROTOBUF_C_TYPE_BOOL:
                *ret = (Value){ VALUE_BOOL, .boolean = *(const protobuf_c_boolean *) p };
                return 0;
        case PROTOBUF_C_TYPE_ENUM:
                *ret = value_from_enum(field, *(const int *) p);
                return 0;
        case PROTOBUF_C_TYPE_STRING:
                *ret = (Value){ VALUE_STRING, .string = text_of(*(char *const *) p) };
                return 0;
        case PROTOBUF_C_TYPE_BYTES:
                return value_from_bytes(arena, p, ret);
        case PROTOBUF_C_TYPE_MESSAGE:
                return value_from_message(arena, *(ProtobufCMessage *const *) p, ret, reterr);
        default:
                return -EINVAL;
        }
}

static int text_from_key(Arena *arena, const ProtobufCFieldDescriptor *field, const void *p, Text *ret, char **reterr) {
        Value key;
        char *text;
        int r;

        r = value_from_field(arena, field, p, &key, reterr);
        if (r < 0 || key.kind == VALUE_STRING) {
                *ret = key.string;
                return r;
        }
        text = arena_new(arena, char, KEY_MAX);
        if (!text)
                return -ENOMEM;
        if (key.kind == VALUE_BOOL)
                (void) snprintf(text, KEY_MAX, "%s", key.boolean ? "true" : "false");
        else
                (void) snprintf(text, KEY_MAX, "%" PRIi64, key.number);
        *ret = text_of(text);
        return 0;
}

/* What a map's key says twice could mean one thing here and another to who reads it. */
static int value_from_map(Arena *arena, const ProtobufCFieldDescriptor *field, ProtobufCMessage *const *entries,
                size_t n, Value *ret, char **reterr) {
        const ProtobufCFieldDescriptor *types = ((const ProtobufCMessageDescriptor *) field->descriptor)->fields;
        ValueMember *members = arena_new(arena, ValueMember, n);
        Text twice = {};
        int r;

        if (!members && n > 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = text_from_key(
                                arena, &types[0], field_member(entries[i], types[0].offset), &members[i].name, reterr);
                if (r < 0)
                        return r;
                r = value_from_field(
                                arena, &types[1], field_member(entries[i], types[1].offset), &members[i].value, reterr);
                if (r < 0)
                        return r;
        }
        *ret = (Value){ VALUE_RECORD };
        r = value_record_new(arena, members, n, &ret->record, &twice);
        if (r == -EEXIST)
                return str_refuse(reterr, "'%s' has the key '%.*s' twice", field->name, (int) MIN(twice.size, 64U),
                                twice.data);
        return r;
}

static int value_from_repeated(Arena *arena, const ProtobufCFieldDescriptor *field, const uint8_t *data, size_t n,
                Value *ret, char **reterr) {
        Value *items = arena_new(arena, Value, n);
        int r;

        if (!items && n > 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = value_from_field(arena, field, data + i * field_size(field), &items[i], reterr);
                if (r < 0)
                        return r;
        }
        *ret = (Value){ VALUE_SET, .set = value_set_new(arena, items, n) };
        return ret->set ? 0 : -ENOMEM;
}

static bool map_is_seen(const ProtobufCFieldDescriptor *field) {
        return field_is_seen(&((const ProtobufCMessageDescriptor *) field->descriptor)->fields[1]);
}

/* 1: there is a value; 0: the message has none of this field. */
static int value_from_member(Arena *arena, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field, Value *ret,
                char **reterr) {
        const void *p = field_member(m, field->offset);
        size_t n;
        int r;

        if (!field_is_seen(field) || (field_has_presence(field) && !field_is_set(m, field)))
                return 0;
        if (field->label != PROTOBUF_C_LABEL_REPEATED)
                r = value_from_field(arena, field, p, ret, reterr);
        else {
                n = *(const size_t *) field_member(m, field->quantifier_offset);
                if (!field_is_map(m->descriptor, field))
                        r = value_from_repeated(arena, field, *(uint8_t *const *) p, n, ret, reterr);
                else if (map_is_seen(field))
                        r = value_from_map(arena, field, *(ProtobufCMessage * *const *) p, n, ret, reterr);
                else
                        return 0;
        }
        return r < 0 ? r : 1;
}

/* With room for more members at the end. A message that was unpacked nests no deeper than PROTO_DEPTH_MAX. */
static int record_from_message(Arena *arena, const ProtobufCMessage *m, size_t n_more, ValueMember **ret_members,
                size_t *ret_n, char **reterr) {
        const ProtobufCMessageDescriptor *type = m ? m->descriptor : NULL;
        size_t n_fields = type ? type->n_fields : 0, n = 0;
        ValueMember *members = arena_new(arena, ValueMember, n_fields + n_more + 1);
        int r;

        if (!members)
                return -ENOMEM;
        for (size_t i = 0; i < n_fields; i++) {
                members[n].name = text_of(type->fields[i].name);
                r = value_from_member(arena, m, &type->fields[i], &members[n].value, reterr);
                if (r < 0)
                        return r;
                n += r;
        }
        *ret_members = members;
        *ret_n = n;
        return 0;
}

static int value_from_target(Arena *arena, const RpcTarget *target, Value *ret) {
        const ValueMember known[] = {
                { TEXT("vm"), { VALUE_STRING, .string = target->vm } },
                { TEXT("unit"), { VALUE_STRING, .string = target->unit } },
                { TEXT("app"), { VALUE_STRING, .string = target->app } },
        };
        ValueMember *members = arena_new(arena, ValueMember, ELEMENTSOF(known));
        size_t n = 0;

        if (!members)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (known[i].value.string.size > 0)
                        members[n++] = known[i];
        *ret = (Value){ VALUE_RECORD };
        return value_record_new(arena, members, n, &ret->record, NULL);
}

/* Only we say what these are. */
static void drop_member(ValueMember *members, size_t *n, Text name) {
        for (size_t i = 0; i < *n; i++)
                if (text_equal(members[i].name, name)) {
                        members[i] = members[--*n];
                        return;
                }
}

int rules_context_new(Arena *arena, const ProtobufCServiceDescriptor *service, const ProtobufCMessage *message,
                const RpcTarget *target, const ValueRecord **ret, char **reterr) {
        static const Text service_name = TEXT("service"), target_name = TEXT("target");
        ValueMember *members;
        size_t n;
        int r;

        r = record_from_message(arena, message, 2, &members, &n, reterr);
        if (r < 0)
                return r;
        drop_member(members, &n, service_name);
        drop_member(members, &n, target_name);
        members[n++] = (ValueMember){ service_name, { VALUE_STRING, .string = rules_service(service) } };
        if (target && (target->vm.size > 0 || target->unit.size > 0 || target->app.size > 0)) {
                members[n].name = target_name;
                r = value_from_target(arena, target, &members[n++].value);
                if (r < 0)
                        return r;
        }
        return value_record_new(arena, members, n, ret, NULL);
}

Text rules_type(Variable variable) {
        static const Text types[] = {
                [VARIABLE_PRINCIPAL] = TEXT(RULES_PRINCIPAL),
                [VARIABLE_ACTION] = TEXT(RULES_ACTION),
                [VARIABLE_RESOURCE] = TEXT(RULES_RESOURCE),
        };

        assert((size_t) variable < ELEMENTSOF(types));
        return types[variable];
}

Text rules_package(const ProtobufCServiceDescriptor *service) {
        return (Text){ service->name, strcspn(service->name, ".") };
}

Text rules_service(const ProtobufCServiceDescriptor *service) {
        const char *dot = strchr(service->name, '.');

        return text_of(dot ? dot + 1 : service->name);
}
