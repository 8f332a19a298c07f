/* SPDX-License-Identifier: Apache-2.0 */
/* Entities and contexts in Cedar's JSON format, for tools: {"__entity": {"type", "id"}} and
 * {"__extn": {"fn", "arg"}} stand for what JSON has no value for.
 *
 * Never for what a peer sends: it could name entities of its choice with these. */
#pragma once

#include "policy/document.h"
#include "policy/entities.h"

#define POLICY_JSON_MAX (64 * 1024 * 1024) /* bytes */

/* [{"uid", "attrs", "parents", "tags"}, ...]; tags may be left out. Numbers are integers of 64 bits; null, fractions,
 * names that come twice, nesting past VALUE_DEPTH_MAX and members of other names are refused. 0; -EINVAL with *reterr
 * as source_message() has it; -E2BIG above the limits, with a
 * sentence, too; -ENOMEM. *ret is freed with entities_free(), what it has is the arena's or the
 * text's. */
int policy_json_read_entities(Arena *arena, const PolicySource *source, Entities **ret, char **reterr) _warn_unused_;
/* The same of entities that were written for a schema, by which Cedar knows where entities stand: in their attributes
 * and tags {"type", "id"} is one without "__entity", too. */
int policy_json_read_entities_of_schema(
                Arena *arena, const PolicySource *source, Entities **ret, char **reterr) _warn_unused_;
/* {"name": value, ...}. The same as of entities. */
int policy_json_read_context(
                Arena *arena, const PolicySource *source, const ValueRecord **ret, char **reterr) _warn_unused_;
/* The same of a part of a text that has more. */
int policy_json_to_context(Arena *arena, const PolicySource *source, const Node *node, const ValueRecord **ret,
                char **reterr) _warn_unused_;
/* {"type", "id"}, or that in "__entity". The same. */
int policy_json_to_uid(const PolicySource *source, const Node *node, EntityUid *ret, char **reterr) _warn_unused_;
