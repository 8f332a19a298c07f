/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule that loads was hardly meant to say: names that the contract does not have, conditions that cannot hold, a
 * forbid that is skipped when the context lacks what it asks for. */
#pragma once

#include "policy/policy.h"

/* Takes the sentence, which is printable; NULL when there was no memory for it. */
typedef void (*lint_found_t)(const Policy *policy, Span span, char *sentence, void *userdata);

void lint_policy(const Policy *policy, lint_found_t func, void *userdata);
