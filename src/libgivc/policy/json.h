/* SPDX-License-Identifier: Apache-2.0 */
/* Entities and contexts in Cedar's JSON format, for tools: {"__entity": {"type", "id"}} and
 * {"__extn": {"fn", "arg"}} stand for what JSON has no value for. Never for what a peer sends: it could name entities
 * of its choice with these. */
#pragma once

#include "policy/entities.h"

#define POLICY_JSON_MAX (64 * 1024 * 1024) /* bytes */

/* [{"uid", "attrs", "parents", "tags"}, ...]. Numbers are integers of 64 bits; null, fractions, names that come twice,
 * nesting past VALUE_DEPTH_MAX and members of other names are refused. 0; -EINVAL with *reterr (new string) that says
 * where; -E2BIG; -ENOMEM. What *ret has is the arena's. */
int policy_json_read_entities(Arena *arena, const char *text, size_t size, Entities **ret, char **reterr);
/* {"name": value, ...}. The same. */
int policy_json_read_context(Arena *arena, const char *text, size_t size, const ValueRecord **ret, char **reterr);
/* {"type", "id"}, or that in "__entity". The same. */
int policy_json_read_uid(Arena *arena, const char *text, size_t size, EntityUid *ret, char **reterr);
