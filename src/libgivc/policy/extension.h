/* SPDX-License-Identifier: Apache-2.0 */
/* Cedar's extension types: ip, decimal, datetime, duration. A function here is one of the language, by its name there,
 * a constructor (from one String), or a method (of the value before the dot). */
#pragma once

#include "policy/value.h"

#define EXTENSION_ARGUMENTS_MAX 2

typedef struct Extension {
        const char *name;
        bool is_method;
        unsigned n_arguments; /* a method's own value is the first */
        ValueKind arguments[EXTENSION_ARGUMENTS_MAX], result;
        /* 0 and *ret; -EINVAL for a string that means nothing, -ERANGE for a result that no value holds, each with a
         * sentence in *ret_why (a literal); -ENOMEM. The arguments are of the kinds above: the caller has looked. */
        int (*apply)(Arena *arena, const Value *arguments, Value *ret, const char **ret_why);
} Extension;

/* NULL when there is none of that name. */
const Extension *extension_find(Text name);
/* The i-th of all, NULL past the last. */
const Extension *extension_get(size_t i);

/* 10.0.0.1, 10.0.0.0/8, fd00::/64; never IPv4 within IPv6. These four: 0, or -EINVAL as apply() has it. */
int ip_range_parse(Text text, IpRange *ret, const char **ret_why);
/* Into a buffer of IP_RANGE_STRING_MAX. */
#define IP_RANGE_STRING_MAX 64
void ip_range_format(const IpRange *ip, char *buffer);
/* Whether all of the range is loopback, or multicast, or in the other one. */
bool ip_range_is_loopback(const IpRange *ip);
bool ip_range_is_multicast(const IpRange *ip);
bool ip_range_is_in(const IpRange *ip, const IpRange *other);

/* -12.3456: digits on both sides of the point, four behind it at most. */
int decimal_parse(Text text, int64_t *ret, const char **ret_why);
/* 2024-02-29, 2024-02-29T12:00:00Z, 2024-02-29T12:00:00.000+0200. */
int datetime_parse(Text text, int64_t *ret, const char **ret_why);
/* -1d2h3m4s5ms: some of these, in this order. */
int duration_parse(Text text, int64_t *ret, const char **ret_why);
