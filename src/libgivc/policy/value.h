/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the Cedar policy language: what literals, contexts and attributes of entities are, and what expressions
 * become. A value is never changed after it was made; what it points to is borrowed, from an arena, a message
 * or a policy, and outlives it. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/arena.h"

/* Bytes of UTF-8, which may hold a NUL. */
typedef struct Text {
        const char *data;
        size_t size;
} Text;

#define TEXT(literal) ((Text){ (literal), sizeof(literal) - 1 })

static inline Text text_of(const char *s) {
        return (Text){ s ? s : "", s ? strlen(s) : 0 };
}
static inline bool text_equal(Text a, Text b) {
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
/* As much of it as messages show, for "%.*s". */
#define TEXT_SHOWN_MAX   64
#define TEXT_SHOWN(text) (int) ((text).size < TEXT_SHOWN_MAX ? (text).size : TEXT_SHOWN_MAX), (text).data
/* <0, 0, >0, by bytes. */
int text_compare(Text a, Text b);

/* Type::"id", with the type's path as in Ns::Type, without blanks. */
typedef struct EntityUid {
        Text type, id;
} EntityUid;

static inline bool entity_uid_equal(const EntityUid *a, const EntityUid *b) {
        return a == b || (text_equal(a->id, b->id) && text_equal(a->type, b->type));
}
uint32_t entity_uid_hash(const EntityUid *uid);

typedef enum ValueKind {
        VALUE_BOOL,
        VALUE_LONG,
        VALUE_STRING,
        VALUE_ENTITY,
        VALUE_SET,
        VALUE_RECORD,
        VALUE_IP,
        VALUE_DECIMAL,  /* number is in units of 1/10,000 */
        VALUE_DATETIME, /* number is milliseconds since 1970, UTC */
        VALUE_DURATION, /* number is milliseconds */
} ValueKind;

typedef struct ValueSet ValueSet;
typedef struct ValueRecord ValueRecord;

typedef struct IpRange {
        bool is_v6;
        uint8_t prefix;
        uint8_t bytes[16]; /* network order; IPv4 is the first four */
} IpRange;

typedef struct Value {
        ValueKind kind;
        union {
                bool boolean;
                int64_t number;
                Text string;
                const EntityUid *entity;
                const ValueSet *set;
                const ValueRecord *record;
                const IpRange *ip;
        };
} Value;

/* Items in the order of value_compare(), each once. */
struct ValueSet {
        size_t n;
        const Value *items;
};

typedef struct ValueMember {
        Text name;
        Value value;
} ValueMember;

/* Members in the order of text_compare(), each name once. */
struct ValueRecord {
        size_t n;
        const ValueMember *members;
};

/* How deep sets and records nest in values that come from outside. */
#define VALUE_DEPTH_MAX 64

/* A total order over all values, in which equal is what Cedar's == calls equal. */
int value_compare(const Value *a, const Value *b);
static inline bool value_equal(const Value *a, const Value *b) {
        return value_compare(a, b) == 0;
}
/* What people call the kind: "Long", "String", "ip" ... */
const char *value_kind_to_string(ValueKind kind);

/* A set of items, which it sorts and makes unique in their place. NULL when out of memory. */
const ValueSet *value_set_new(Arena *arena, Value *items, size_t n) _warn_unused_;
bool value_set_contains(const ValueSet *set, const Value *v);
/* A record of members, which it sorts in their place. 0, -EEXIST when a name comes twice (*ret_name is it, which
 * may be NULL), -ENOMEM. */
int value_record_new(Arena *arena, ValueMember *members, size_t n, const ValueRecord **ret, Text *ret_name);
/* NULL when there is none of that name. */
const Value *value_record_get(const ValueRecord *record, Text name);

/* The value as Cedar writes it, in one printable line: strings escaped, extension values as ip("…"). New string;
 * NULL when out of memory. */
char *value_to_string(const Value *v) _warn_unused_;
char *entity_uid_to_string(const EntityUid *uid) _warn_unused_;
