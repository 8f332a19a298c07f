/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from proto3's JSON mapping (protobuf.dev/programming-guides/json), by descriptor. Field names are
 * those of the .proto file; 64-bit integers are strings, enums are names, bytes are base64; unset optional fields are
 * left out. google.protobuf.Any and its like are mapped as the ordinary messages that they are on the wire. */
#pragma once

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"

typedef enum ProtoJsonFlags {
        PROTO_JSON_ALL_FIELDS = 1 << 0,  /* also fields that have their default value, as far as they cannot be unset */
        PROTO_JSON_CAMEL_NAMES = 1 << 1, /* lowerCamelCase names instead of the .proto file's: cpuUsage for cpu_usage */
} ProtoJsonFlags;

/* A new reference to a JSON object, or NULL when out of memory. Bytes of a string that are not UTF-8 become '?'. */
json_t *proto_to_json(const ProtobufCMessage *message, ProtoJsonFlags flags) _warn_unused_;
/* The message of this type that the JSON object describes; proto_free() it. -EINVAL with a sentence in *reterr that
 * names the field and what was expected; unknown fields are errors. Names may be spelled either way, enums may be
 * numbers, numbers may be strings, bytes may be URL-safe base64; null is unset. */
int proto_from_json(const json_t *json, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret,
                char **reterr) _warn_unused_;
