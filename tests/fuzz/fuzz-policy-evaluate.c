/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as policies, asked by who is named in them: the decision is that of all policies asked one by one, index or
 * not, and what explains a policy agrees with it. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/evaluate.h"

#define CHOICES   8 /* bytes in front of the text, which make the request */
#define NAMED_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

/* Whom policies name, and one that they may not. */
typedef struct Named {
        EntityUid uids[NAMED_MAX];
        size_t n;
} Named;

static void put_scope(Named *named, const Scope *scope) {
        for (size_t i = 0; i < scope->n && named->n < NAMED_MAX; i++)
                named->uids[named->n++] = scope->entities[i];
}

static void put_expr(Named *named, const Expr *expr) {
        for (; expr && named->n < NAMED_MAX; expr = expr->left) {
                const Expr *right = expr->right;

                if (expr->kind == EXPR_LITERAL && expr->value.kind == VALUE_ENTITY)
                        named->uids[named->n++] = *expr->value.entity;
                if (right && right->kind == EXPR_LITERAL && right->value.kind == VALUE_ENTITY)
                        named->uids[named->n++] = *right->value.entity;
        }
}

static Named find_named(const PolicySet *s) {
        Named named = { .uids = { { TEXT("U"), TEXT("a") } }, .n = 1 };

        for (size_t i = 0; i < policy_set_size(s); i++) {
                const Policy *policy = policy_set_get(s, i);

                put_scope(&named, &policy->principal);
                put_scope(&named, &policy->action);
                put_scope(&named, &policy->resource);
                for (size_t j = 0; j < policy->n_conditions; j++)
                        put_expr(&named, policy->conditions[j].expr);
        }
        return named;
}

/* Each of the named is in some before it. */
static Entities *make_entities(const Named *named, const ValueRecord *attributes, uint8_t choice) {
        Entities *e = entities_new();
        const EntityUid *loop;

        require(e);
        for (size_t i = 0; i < named->n && choice % 4 != 0; i++) {
                size_t parent = i > 0 ? (choice / 4 + i) % i : 0;
                bool has_parent = i > 0 && !entity_uid_equal(&named->uids[parent], &named->uids[i]);

                (void) !entities_add(e,
                                &(Entity){ named->uids[i], attributes, attributes, has_parent, &named->uids[parent] });
        }
        (void) !entities_finish(e, &loop);
        return e;
}

/* Whether the policy is where it should be, given what it comes to when it is asked alone. */
static void check_policy(const Policy *policy, const PolicyRequest *request, const PolicyDecision *d, size_t *n_reasons,
                size_t *n_faults) {
        _cleanup_arena_ Arena arena;
        Evaluation e = { .request = request, .arena = &arena };
        PolicyOutcome outcome;
        bool holds = false;
        const char *why;
        Span span;
        int r;

        arena_init(&arena, NULL, 0, POLICY_DECISION_MAX);
        r = policy_explain(policy, request, &arena, &outcome, &span, &why);
        require(r == 0 || r == -ENOMEM);
        if (policy->is_template || r < 0)
                return;
        require(span.start < span.end && span.end <= policy->source->text.size);
        r = evaluate_policy(&e, policy, &holds);
        require((r == -EINVAL) == (outcome == POLICY_FAILS) && holds == (outcome == POLICY_HOLDS));
        if (r == -EINVAL) {
                require(*n_faults < d->n_faults && d->faults[*n_faults].policy == policy);
                require(streq(d->faults[*n_faults].why, why) && streq(e.why, why) && str_is_printable(why));
                (*n_faults)++;
        }
        if (holds && *n_reasons < d->n_reasons && d->reasons[*n_reasons] == policy)
                (*n_reasons)++;
        else
                require(!holds || (!d->allow && !policy->is_forbid));
}

static void check_decision(const PolicySet *s, const PolicyRequest *request) {
        size_t n_reasons = 0, n_faults = 0;
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;
        int r;

        arena_init(&arena, NULL, 0, POLICY_DECISION_MAX);
        r = policy_set_decide(s, request, &arena, &decision);
        require(r == 0 || r == -ENOMEM);
        if (r < 0)
                return;
        for (size_t i = 0; i < policy_set_size(s); i++)
                check_policy(policy_set_get(s, i), request, &decision, &n_reasons, &n_faults);
        require(n_reasons == decision.n_reasons && n_faults == decision.n_faults);
        require(!decision.allow || n_reasons > 0);
        require(!decision.allow || request->entities ||
                        policy_set_may_permit(s, request->principal, request->action, request->resource));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const ValueMember inner = { TEXT("y"), { .kind = VALUE_LONG, .number = 7 } };
        static const ValueRecord nested = { 1, &inner };
        static const ValueMember members[] = { { TEXT("VmName"), { .kind = VALUE_STRING, .string = TEXT("vm") } },
                { TEXT("x"), { .kind = VALUE_RECORD, .record = &nested } },
                { TEXT("y"), { .kind = VALUE_BOOL, .boolean = true } } };
        static const ValueRecord context = { ELEMENTSOF(members), members };
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_(entities_freep) Entities *entities = NULL;
        _cleanup_free_ char *err = NULL;
        PolicyRequest request;
        Named named;
        int r;

        require(s);
        if (size < CHOICES)
                return 0;
        r = policy_set_add(s, "fuzz", (const char *) data + CHOICES, size - CHOICES, &err);
        require(r == 0 || r == -EINVAL || r == -ENOMEM);
        if (r < 0)
                return 0;
        named = find_named(s);
        for (size_t i = policy_set_size(s); i > 0; i--) {
                const Policy *policy = policy_set_get(s, i - 1);

                if (policy->is_template)
                        require(policy_set_link(s, policy->id, "linked",
                                                policy->principal.is_slot ? &named.uids[data[4] % named.n] : NULL,
                                                policy->resource.is_slot ? &named.uids[data[5] % named.n] : NULL) !=
                                        -EINVAL);
        }
        entities = make_entities(&named, &context, data[3]);
        request = (PolicyRequest){ &named.uids[data[0] % named.n], &named.uids[data[1] % named.n],
                &named.uids[data[2] % named.n], data[6] % 2 ? &context : NULL, data[6] % 4 < 2 ? entities : NULL };
        check_decision(s, &request);
        return 0;
}
