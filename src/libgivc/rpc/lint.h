/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule that loads was hardly meant to say: names that the contract does not have, conditions that cannot hold, a
 * forbid that is skipped when the context lacks what it asks for. */
#pragma once

#include "policy/policy.h"

/* Takes the sentence, which is printable; NULL when there was no memory for it. */
typedef void (*lint_found_t)(const Policy *policy, Span span, char *sentence, void *userdata);

/* Says when there is no such method, or no such module; policy is NULL then. */
void lint_uid(const EntityUid *uid, lint_found_t func, void *userdata);
/* All of a rule. *effort, of LINT_EFFORT_MAX, pays for the ways that lead through it, which may multiply: what is left
 * is for the next rule, and without any the less obvious is not found. The rest takes time by the size of the rule. */
#define LINT_EFFORT_MAX 100000
void lint_policy(const Policy *policy, unsigned *effort, lint_found_t func, void *userdata);
