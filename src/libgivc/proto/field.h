/* SPDX-License-Identifier: Apache-2.0 */
/* What protobuf-c's descriptors say between the lines: presence, map fields, JSON names, sizes in memory. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"

static inline void *field_member(const ProtobufCMessage *message, size_t offset) {
        return (uint8_t *) message + offset;
}

static inline bool field_in_oneof(const ProtobufCFieldDescriptor *field) {
        return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

/* Bytes of one value in the generated struct or in the array of a repeated field. */
size_t field_size(const ProtobufCFieldDescriptor *field);
/* The field can be told from unset even when it has its default value. */
bool field_has_presence(const ProtobufCFieldDescriptor *field);
/* A singular field with presence is set, another one differs from zero, a repeated one is not empty. */
bool field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* A map<K, V> of this message type. protobuf-c knows maps as repeated messages only, but protoc names those
 * FieldEntry. */
bool field_is_map(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);
/* The name in lowerCamelCase as protoc makes it; at most as long as the name itself. */
void field_json_name(const ProtobufCFieldDescriptor *field, char *ret);
/* The field that goes by this name or JSON name; NULL when there is none. */
const ProtobufCFieldDescriptor *field_by_json_name(const ProtobufCMessageDescriptor *type, const char *name);
/* A message of this type with nothing set, for proto_free(); NULL when out of memory. */
ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type) _warn_unused_;
