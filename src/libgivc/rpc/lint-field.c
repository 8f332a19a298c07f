/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/lint-field.h"

#include "base/str.h"
#include "proto/field.h"

static void facts_add_enum(FieldFacts *facts, const ProtobufCEnumDescriptor *type) {
        for (size_t i = 0; i < facts->n_enums; i++)
                if (facts->enums[i] == type)
                        return;
        if (facts->n_enums < ELEMENTSOF(facts->enums))
                facts->enums[facts->n_enums++] = type;
        else
                facts->any_string = true;
}

static void facts_add(
                FieldFacts *facts, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field) {
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
                facts->kinds |= KIND_BIT(field_is_map(type, field) ? VALUE_RECORD : VALUE_SET);
                return;
        }
        switch (field->type) {
        case PROTOBUF_C_TYPE_MESSAGE:
                facts->kinds |= KIND_BIT(VALUE_RECORD);
                break;
        case PROTOBUF_C_TYPE_BOOL:
                facts->kinds |= KIND_BIT(VALUE_BOOL);
                break;
        case PROTOBUF_C_TYPE_FLOAT:
        case PROTOBUF_C_TYPE_DOUBLE:
                break; /* the language has no value for it */
        case PROTOBUF_C_TYPE_ENUM:
                facts->kinds |= KIND_BIT(VALUE_STRING);
                facts_add_enum(facts, field->descriptor);
                break;
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_BYTES:
                facts->kinds |= KIND_BIT(VALUE_STRING);
                facts->any_string = true;
                break;
        default:
                facts->kinds |= KIND_BIT(VALUE_LONG);
                break;
        }
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, Text name) {
        for (unsigned i = 0; i < type->n_fields; i++)
                if (text_equal(text_of(type->fields[i].name), name))
                        return type->fields + i;
        return NULL;
}

static void facts_add_path(FieldFacts *facts, const ProtobufCMessageDescriptor *type, const ScenePath *path, size_t n) {
        const ProtobufCFieldDescriptor *field = NULL;

        for (size_t i = 0; i < n; i++) {
                if (field && field_is_map(type, field)) {
                        facts->kinds = KINDS_ALL;
                        facts->any_string = true;
                        return;
                }
                if (field && (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label == PROTOBUF_C_LABEL_REPEATED))
                        return;
                type = field ? field->descriptor : type;
                field = find_field(type, path_get(path, i));
                if (!field)
                        return;
        }
        facts_add(facts, type, field);
}

static const Text own_members[] = { TEXT("service"), TEXT("target") },
                  target_members[] = { TEXT("vm"), TEXT("unit"), TEXT("app") };

/* What access control adds to each request. */
static bool facts_add_own(FieldFacts *facts, const ScenePath *path, size_t n) {
        bool target = text_equal(path_get(path, 0), TEXT("target"));

        if (!target && !text_equal(path_get(path, 0), TEXT("service")))
                return false;
        facts->any_string = true;
        if (n == 1)
                facts->kinds = KIND_BIT(target ? VALUE_RECORD : VALUE_STRING);
        for (size_t i = 0; target && n == 2 && i < ELEMENTSOF(target_members); i++)
                if (text_equal(path_get(path, 1), target_members[i]))
                        facts->kinds = KIND_BIT(VALUE_STRING);
        return true;
}

FieldFacts field_find(const Scene *s, const ScenePath *path, size_t n) {
        FieldFacts facts = {};
        ContractMethod m;
        size_t n_methods = 0;

        if (facts_add_own(&facts, path, n))
                return facts;
        for (size_t i = 0; i < SCENE_METHODS_MAX && contract_get_method(i, &m); i++)
                if (s->methods[i]) {
                        facts_add_path(&facts, m.method->input, path, n);
                        facts.message = n_methods++ == 0 ? m.method->input : NULL;
                }
        return facts;
}

/* What stands in the message of the first n names, whose last is a message itself; NULL when it is none. */
static const ProtobufCMessageDescriptor *find_message(
                const ProtobufCMessageDescriptor *type, const ScenePath *path, size_t n) {
        for (size_t i = 0; i < n && type; i++) {
                const ProtobufCFieldDescriptor *field = find_field(type, path_get(path, i));

                type = field && field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED
                                ? field->descriptor
                                : NULL;
        }
        return type;
}

Nearest field_suggest(const Scene *s, const ScenePath *path, size_t n) {
        Text name = path_get(path, n - 1);
        Nearest near = nearest_begin(name.data, name.size);
        ContractMethod m;

        for (size_t i = 0; i < ELEMENTSOF(own_members) && n == 1; i++)
                nearest_consider(&near, own_members[i].data, own_members[i].size);
        for (size_t i = 0; i < SCENE_METHODS_MAX && contract_get_method(i, &m); i++) {
                const ProtobufCMessageDescriptor *type =
                                s->methods[i] ? find_message(m.method->input, path, n - 1) : NULL;

                for (unsigned k = 0; type && k < type->n_fields; k++)
                        nearest_consider(&near, type->fields[k].name, strlen(type->fields[k].name));
        }
        return near;
}

bool field_has_enum_name(const FieldFacts *facts, Text name) {
        for (size_t i = 0; i < facts->n_enums; i++)
                for (unsigned k = 0; k < facts->enums[i]->n_values; k++)
                        if (text_equal(name, text_of(facts->enums[i]->values[k].name)))
                                return true;
        return false;
}
