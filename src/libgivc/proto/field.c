/* SPDX-License-Identifier: Apache-2.0 */
/* What protobuf-c's descriptors say between the lines. */

#include "base/mem.h"
#include "base/str.h"
#include "proto/field.h"

size_t field_size(const ProtobufCFieldDescriptor *field) {
        switch (field->type) {
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_DOUBLE:
                return sizeof(uint64_t);
        case PROTOBUF_C_TYPE_BOOL:
                return sizeof(protobuf_c_boolean);
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE:
                return sizeof(void *);
        case PROTOBUF_C_TYPE_BYTES:
                return sizeof(ProtobufCBinaryData);
        default:
                return sizeof(uint32_t);
        }
}

bool field_has_presence(const ProtobufCFieldDescriptor *field) {
        return field_in_oneof(field) || field->label == PROTOBUF_C_LABEL_OPTIONAL ||
                        (field->label != PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE);
}

static bool value_is_zero(const void *value, const ProtobufCFieldDescriptor *field) {
        switch (field->type) {
        case PROTOBUF_C_TYPE_STRING:
                return isempty(*(char *const *) value);
        case PROTOBUF_C_TYPE_MESSAGE:
                return !*(void *const *) value;
        case PROTOBUF_C_TYPE_BYTES:
                return ((const ProtobufCBinaryData *) value)->len == 0;
        case PROTOBUF_C_TYPE_FLOAT:
                return *(const float *) value == 0;
        case PROTOBUF_C_TYPE_DOUBLE:
                return *(const double *) value == 0;
        default:
                return field_size(field) == sizeof(uint64_t) ? *(const uint64_t *) value == 0
                                                             : *(const uint32_t *) value == 0;
        }
}

bool field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
        const void *quantifier = field_member(message, field->quantifier_offset);
        const void *value = field_member(message, field->offset);

        if (field->label == PROTOBUF_C_LABEL_REPEATED)
                return *(const size_t *) quantifier > 0;
        if (field_in_oneof(field))
                return *(const uint32_t *) quantifier == field->id;
        if (field->label == PROTOBUF_C_LABEL_REQUIRED)
                return true;
        if (field->label == PROTOBUF_C_LABEL_OPTIONAL) {
                /* Strings and messages of proto2 have no has_ member: NULL, or the default itself, is unset. */
                if (field->quantifier_offset > 0)
                        return *(const protobuf_c_boolean *) quantifier;
                return *(void *const *) value && *(void *const *) value != field->default_value;
        }
        return !value_is_zero(value, field);
}

/* The rest of text behind the name in CamelCase (protoc's rule, for ASCII); NULL when text does not begin so. */
static const char *skip_camel(const char *text, const char *name, bool upper) {
        for (; *name; name++) {
                if (*name == '_') {
                        upper = true;
                        continue;
                }
                if (*text++ != (upper && *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name))
                        return NULL;
                upper = false;
        }
        return text;
}

bool field_is_map(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        const ProtobufCMessageDescriptor *entry = field->descriptor;
        const char *name;

        if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
                return false;
        if (entry->n_fields != 2 || entry->fields[0].id != 1 || !streq(entry->fields[0].name, "key") ||
                        entry->fields[1].id != 2 || !streq(entry->fields[1].name, "value"))
                return false;

        name = startswith(entry->name, type->name);
        if (!name || *name != '.')
                return false;
        name = skip_camel(name + 1, field->name, true);
        return name && streq(name, "Entry");
}

void field_json_name(const ProtobufCFieldDescriptor *field, char *ret) {
        bool upper = false;

        for (const char *f = field->name; *f; f++) {
                if (*f == '_') {
                        upper = true;
                        continue;
                }
                *ret++ = upper && *f >= 'a' && *f <= 'z' ? (char) (*f - 'a' + 'A') : *f;
                upper = false;
        }
        *ret = 0;
}

const ProtobufCFieldDescriptor *field_by_json_name(const ProtobufCMessageDescriptor *type, const char *name) {
        const ProtobufCFieldDescriptor *field;

        field = protobuf_c_message_descriptor_get_field_by_name(type, name);
        for (unsigned i = 0; !field && i < type->n_fields; i++) {
                const char *rest = skip_camel(name, type->fields[i].name, false);

                if (rest && *rest == 0)
                        field = &type->fields[i];
        }
        return field;
}

ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type) {
        ProtobufCMessage *m = mem_alloc_multiply(type->sizeof_message, 1, true);

        if (m)
                protobuf_c_message_init(type, m);
        return m;
}
