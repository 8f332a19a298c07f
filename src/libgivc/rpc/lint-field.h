/* SPDX-License-Identifier: Apache-2.0 */
/* What the context has under a name, by the request messages of the methods that a call may be of. */
#pragma once

#include "base/nearest.h"
#include "rpc/scene.h"

typedef struct FieldFacts {
        unsigned kinds;  /* bits 1 << ValueKind of what it may be; 0: no message has it */
        bool any_string; /* of what it may be, not all strings are names of an enum */
        size_t n_enums;  /* which it may be of */
        const ProtobufCEnumDescriptor *enums[4];
        const ProtobufCMessageDescriptor *message; /* that the method takes, when there is one method */
} FieldFacts;

#define KIND_BIT(kind) (1u << (kind))
#define KINDS_ALL      (~0u)

/* Of the first n names of a path of the context. */
FieldFacts field_find(const Scene *s, const ScenePath *path, size_t n);
/* The name that was meant by the n-th, which no message has there. */
Nearest field_suggest(const Scene *s, const ScenePath *path, size_t n);
/* Whether one of its enums has that name. */
bool field_has_enum_name(const FieldFacts *facts, Text name);
