/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, by rules in the Cedar policy language (4.5, https://docs.cedarpolicy.com): a set of policies is read
 * once and asked often. Pure functions: nothing here reads files, logs, waits or knows who asks.
 *
 * A request is allowed when at least one permit holds for it and no forbid does. A policy whose evaluation fails is
 * skipped, and the decision says so. */
#pragma once

#include "policy/entities.h"
#include "policy/syntax.h"

#define POLICY_TEXT_MAX     (4 * 1024 * 1024) /* bytes of policies in a set */
#define POLICY_SET_MAX      10000             /* policies in a set */
#define POLICY_DECISION_MAX (8 * 1024 * 1024) /* bytes that one decision may use */

typedef struct PolicySet PolicySet;

/* NULL when out of memory. */
PolicySet *policy_set_new(void) _warn_unused_;
void policy_set_free(PolicySet *s);
DEFINE_CLEANUP(PolicySet *, policy_set_free)

/* Adds the policies of a text, which is copied; name is what messages call it. All of them or none: 0; -EINVAL with
 * *reterr (new string) as syntax_parse_policies() has it; -E2BIG above the limits (*reterr too); -ENOMEM. */
int policy_set_add(PolicySet *s, const char *name, const char *text, size_t size, char **reterr) _warn_unused_;
/* Templates are part of the language, though no file of ours says what they stand for: who embeds this does.
 * Makes a policy of one: its slots are these entities, NULL where it has none. 0; -ENOENT when there is no such
 * template, -EEXIST when the id is taken, -EINVAL when the slots are others, -E2BIG above the limit; -ENOMEM. */
int policy_set_link(PolicySet *s, const char *template_id, const char *id, const EntityUid *principal,
                const EntityUid *resource) _warn_unused_;
/* Policies and templates, in their order. */
size_t policy_set_size(const PolicySet *s);
const Policy *policy_set_get(const PolicySet *s, size_t i);

typedef struct PolicyRequest {
        const EntityUid *principal, *action, *resource;
        const ValueRecord *context; /* NULL: empty */
        const Entities *entities;   /* NULL: none */
} PolicyRequest;

/* A policy whose evaluation failed: where, and why. */
typedef struct PolicyFault {
        const Policy *policy;
        Span span;
        const char *why; /* a sentence without a full stop, printable */
} PolicyFault;

typedef struct PolicyDecision {
        bool allow;
        size_t n_reasons, n_faults; /* the policies that decided, and those that failed, in the set's order */
        const Policy **reasons;
        const PolicyFault *faults;
} PolicyDecision;

/* Decides. What *ret points to is the set's and the arena's. 0, or -ENOMEM (also when the arena is full), which
 * is a denial. Takes no memory but from the arena. */
int policy_set_decide(
                const PolicySet *s, const PolicyRequest *request, Arena *arena, PolicyDecision *ret) _warn_unused_;
/* Whether any permit can hold for these three with some context, and no entities: false is a denial before the context
 * is known. */
bool policy_set_may_permit(
                const PolicySet *s, const EntityUid *principal, const EntityUid *action, const EntityUid *resource);

/* Why one policy did or did not count. */
typedef enum PolicyOutcome {
        POLICY_HOLDS,
        POLICY_OTHER_PRINCIPAL,
        POLICY_OTHER_ACTION,
        POLICY_OTHER_RESOURCE,
        POLICY_CONDITION, /* a when is false or an unless is true */
        POLICY_FAILS,
        POLICY_TEMPLATE, /* is not linked */
} PolicyOutcome;

/* Says of one policy what became of it; *ret_span is the smallest part that decided (of a false a && b the operand that
 * is false), *ret_why the fault of POLICY_FAILS. */
int policy_explain(const Policy *policy, const PolicyRequest *request, Arena *arena, PolicyOutcome *ret, Span *ret_span,
                const char **ret_why) _warn_unused_;
