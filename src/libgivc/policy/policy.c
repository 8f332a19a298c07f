/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/evaluate.h"
#include "policy/index.h"

struct PolicySet {
        Arena arena;
        const Policy **policies;
        size_t n, n_allocated;
        size_t n_read; /* of them, from texts: what the next is called by */
        size_t text_size;
        Map *ids; /* Policy */
        PolicyIndex index;
};

PolicySet *policy_set_new(void) {
        PolicySet *s = mem_new0(PolicySet, 1);

        if (!s)
                return NULL;
        arena_init(&s->arena, NULL, 0, SIZE_MAX);
        s->ids = map_new();
        if (s->ids)
                return s;
        policy_set_free(s);
        return NULL;
}

void policy_set_free(PolicySet *s) {
        if (!s)
                return;
        policy_index_done(&s->index);
        map_free(s->ids);
        free(s->policies);
        arena_done(&s->arena);
        free(s);
}

/* A policy that has its id; -EEXIST when that is another's. */
static int append(PolicySet *s, Policy *policy) {
        int r;

        if (s->n == POLICY_SET_MAX)
                return -E2BIG;
        r = mem_grow((void **) &s->policies, &s->n_allocated, s->n + 1, sizeof(Policy *));
        if (r >= 0 && !policy->is_template)
                r = policy_index_add(&s->index, policy, s->n);
        if (r >= 0)
                r = map_put(s->ids, policy->id, policy);
        if (r < 0)
                return r;
        s->policies[s->n++] = policy;
        return 0;
}

static char *arena_string(Arena *arena, const char *s) {
        return arena_dup(arena, s, strlen(s) + 1);
}

static int on_policy(Policy *policy, void *userdata) {
        _cleanup_free_ char *id = NULL;
        PolicySet *s = userdata;

        id = strf("policy%zu", s->n_read);
        policy->id = id ? arena_string(&s->arena, id) : NULL;
        if (!policy->id)
                return -ENOMEM;
        s->n_read++;
        return append(s, policy);
}

static const PolicySource *copy_source(Arena *arena, const char *name, const char *text, size_t size) {
        PolicySource *source = arena_new(arena, PolicySource, 1);

        if (!source)
                return NULL;
        source->name = arena_string(arena, name);
        source->text = (Text){ arena_dup(arena, text, size), size };
        return source->name && source->text.data ? source : NULL;
}

static int read_policies(PolicySet *s, const char *name, const char *text, size_t size, char **reterr) {
        const PolicySource *source = copy_source(&s->arena, name, text, size);
        int r;

        if (!source)
                return -ENOMEM;
        r = syntax_parse_policies(&s->arena, source, on_policy, s, reterr);
        if (r == -EEXIST)
                return str_refuse(reterr, "%s: the id policy%zu is that of a linked template", name, s->n_read - 1);
        return r;
}

int policy_set_add(PolicySet *s, const char *name, const char *text, size_t size, char **reterr) {
        size_t n = s->n, n_read = s->n_read;
        int r = -E2BIG;

        *reterr = NULL;
        if (size <= POLICY_TEXT_MAX - s->text_size)
                r = read_policies(s, name, text, size, reterr);
        if (r >= 0) {
                s->text_size += size;
                return 0;
        }
        while (s->n > n)
                (void) map_remove(s->ids, s->policies[--s->n]->id);
        s->n_read = n_read;
        if (r == -E2BIG) {
                *reterr = strf("%s: more than %d bytes or %d policies", name, POLICY_TEXT_MAX, POLICY_SET_MAX);
                if (!*reterr)
                        return -ENOMEM;
        }
        return r;
}

static int copy_uid(Arena *arena, const EntityUid *uid, EntityUid **ret) {
        EntityUid *copy = arena_dup(arena, uid, sizeof(*uid));

        if (!copy)
                return -ENOMEM;
        copy->type.data = arena_dup(arena, uid->type.data, uid->type.size);
        copy->id.data = arena_dup(arena, uid->id.data, uid->id.size);
        if (!copy->type.data || !copy->id.data)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int fill_slot(Arena *arena, Scope *scope, const EntityUid *uid) {
        if (!scope->is_slot)
                return 0;
        scope->n = 1;
        return copy_uid(arena, uid, &scope->entities);
}

int policy_set_link(PolicySet *s, const char *template_id, const char *id, const EntityUid *principal,
                const EntityUid *resource) {
        const Policy *template = map_get(s->ids, template_id);
        Policy *policy;
        int r;

        if (!template || !template->is_template)
                return -ENOENT;
        if (template->principal.is_slot != !!principal || template->resource.is_slot != !!resource)
                return -EINVAL;
        policy = arena_dup(&s->arena, template, sizeof(*template));
        if (!policy)
                return -ENOMEM;
        policy->is_template = false;
        policy->id = arena_string(&s->arena, id);
        if (!policy->id)
                return -ENOMEM;
        r = fill_slot(&s->arena, &policy->principal, principal);
        if (r >= 0)
                r = fill_slot(&s->arena, &policy->resource, resource);
        return r < 0 ? r : append(s, policy);
}

size_t policy_set_size(const PolicySet *s) {
        return s->n;
}

const Policy *policy_set_get(const PolicySet *s, size_t i) {
        return i < s->n ? s->policies[i] : NULL;
}

/* What was found of the policies that were asked. */
typedef struct Verdict {
        PolicyBits permits, forbids; /* that hold */
        size_t n_permits, n_forbids, n_faults;
        PolicyFault *faults;
        size_t n_asked;
} Verdict;

static int add_fault(Verdict *v, Arena *arena, const Policy *policy, const Evaluation *e) {
        if (!v->faults)
                v->faults = arena_new(arena, PolicyFault, v->n_asked);
        if (!v->faults)
                return -ENOMEM;
        v->faults[v->n_faults] = (PolicyFault){ policy, e->span, arena_string(arena, e->why) };
        return v->faults[v->n_faults++].why ? 0 : -ENOMEM;
}

/* Asks one policy. What its evaluation took of the arena is given back. */
static int ask(const PolicySet *s, size_t i, Evaluation *e, Verdict *v) {
        ArenaMark mark = arena_mark(e->arena);
        const Policy *policy = s->policies[i];
        bool holds = false;
        int r;

        r = evaluate_policy(e, policy, &holds);
        arena_release(e->arena, &mark);
        if (r == -EINVAL)
                return add_fault(v, e->arena, policy, e);
        if (holds && policy->is_forbid) {
                policy_bits_set(&v->forbids, i);
                v->n_forbids++;
        } else if (holds) {
                policy_bits_set(&v->permits, i);
                v->n_permits++;
        }
        return r;
}

static void verdict_init(Verdict *v, const PolicyBits *asked, size_t n) {
        size_t n_words = (n + 63) / 64;

        v->n_permits = v->n_forbids = v->n_faults = v->n_asked = 0;
        v->faults = NULL;
        memset(&v->permits, 0, n_words * sizeof(uint64_t));
        memset(&v->forbids, 0, n_words * sizeof(uint64_t));
        for (size_t i = 0; i < n_words; i++)
                v->n_asked += (size_t) __builtin_popcountll(asked->words[i]);
}

int policy_set_decide(const PolicySet *s, const PolicyRequest *request, Arena *arena, PolicyDecision *ret) {
        Evaluation e = { .request = request, .arena = arena };
        PolicyDecision decision = {};
        const PolicyBits *deciding;
        PolicyBits asked;
        Verdict v;
        int r;

        policy_index_find(&s->index, request, s->n, &asked);
        verdict_init(&v, &asked, s->n);
        POLICY_BITS_FOREACH(i, &asked, s->n) {
                r = ask(s, i, &e, &v);
                if (r < 0)
                        return r;
        }
        decision.allow = v.n_forbids == 0 && v.n_permits > 0;
        deciding = v.n_forbids > 0 ? &v.forbids : &v.permits;
        decision.faults = v.faults;
        decision.n_faults = v.n_faults;
        decision.reasons = arena_new(arena, const Policy *, v.n_forbids > 0 ? v.n_forbids : v.n_permits);
        if (!decision.reasons)
                return -ENOMEM;
        POLICY_BITS_FOREACH(i, deciding, s->n)
                decision.reasons[decision.n_reasons++] = s->policies[i];
        *ret = decision;
        return 0;
}

bool policy_set_may_permit(
                const PolicySet *s, const EntityUid *principal, const EntityUid *action, const EntityUid *resource) {
        const PolicyRequest request = { principal, action, resource, NULL, NULL };
        PolicyBits asked;

        policy_index_find(&s->index, &request, s->n, &asked);
        POLICY_BITS_FOREACH(i, &asked, s->n) {
                const Policy *policy = s->policies[i];

                if (!policy->is_forbid && scope_matches(&policy->principal, principal, NULL) &&
                                scope_matches(&policy->action, action, NULL) &&
                                scope_matches(&policy->resource, resource, NULL))
                        return true;
        }
        return false;
}
