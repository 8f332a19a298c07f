/* SPDX-License-Identifier: Apache-2.0 */
/* Answers questions of who may do what, one after the other, for those who compare the answers with somebody else's. A
 * question is a line with seven sizes, then as many bytes each: policies, and in JSON principal, action, resource,
 * context, entities, and links of templates. An answer is a line of JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/json.h"
#include "policy/policy.h"

enum {
        POLICIES,
        PRINCIPAL,
        ACTION,
        RESOURCE,
        CONTEXT,
        ENTITIES,
        LINKS,
        PARTS,
};

static const char *const part_names[PARTS] = { "policies", "principal", "action", "resource", "context", "entities",
        "links" };

typedef struct Question {
        PolicySource parts[PARTS];
        EntityUid uids[PARTS];
        const ValueRecord *context;
        Entities *entities;
        PolicySet *set;
} Question;

static void question_done(Question *q) {
        for (size_t i = 0; i < PARTS; i++)
                free((char *) q->parts[i].text.data);
        entities_free(q->entities);
        policy_set_free(q->set);
}

/* 0 at the end of the input. */
static int question_read(Question *q) {
        size_t sizes[PARTS];

        for (size_t i = 0; i < PARTS; i++)
                if (scanf("%zu", &sizes[i]) != 1)
                        return i == 0 && feof(stdin) ? 0 : -EINVAL;
        if (getchar() != '\n')
                return -EINVAL;

        for (size_t i = 0; i < PARTS; i++) {
                char *data = malloc(sizes[i] + 1);

                if (!data)
                        return -ENOMEM;
                q->parts[i] = (PolicySource){ part_names[i], { data, sizes[i] } };
                if (fread(data, 1, sizes[i], stdin) != sizes[i])
                        return -EINVAL;
        }
        return 1;
}

static int read_uid(Arena *arena, const PolicySource *source, EntityUid *ret, char **reterr) {
        const Node *node;
        int r;

        r = node_parse(arena, source, &node, reterr);
        return r < 0 ? r : policy_json_to_uid(source, node, ret, reterr);
}

static int question_parse_request(Question *q, Arena *arena, char **reterr) {
        int r;

        for (size_t i = PRINCIPAL; i <= RESOURCE; i++) {
                r = read_uid(arena, &q->parts[i], &q->uids[i], reterr);
                if (r < 0)
                        return r;
        }
        r = policy_json_read_context(arena, &q->parts[CONTEXT], &q->context, reterr);
        if (r < 0)
                return r;
        return policy_json_read_entities(arena, &q->parts[ENTITIES], &q->entities, reterr);
}

static char *dup_member(const Node *node, const char *name) {
        const Node *member = node_get(node, name);

        return member && member->kind == NODE_STRING ? strndup(member->string.data, member->string.size) : NULL;
}

static int read_slot(const PolicySource *source, const Node *link, const char *name, EntityUid *storage,
                const EntityUid **ret, char **reterr) {
        const Node *node = node_get(link, name);

        *ret = node ? storage : NULL;
        return node ? policy_json_to_uid(source, node, storage, reterr) : 0;
}

/* [{"template", "id", "principal", "resource"}, ...]. */
static int question_link(Question *q, Arena *arena, char **reterr) {
        const PolicySource *source = &q->parts[LINKS];
        const Node *links;
        int r;

        r = node_parse(arena, source, &links, reterr);
        if (r < 0)
                return r;
        for (size_t i = 0; i < links->n; i++) {
                const Node *link = &links->items[i];
                _cleanup_free_ char *template = dup_member(link, "template");
                _cleanup_free_ char *id = dup_member(link, "id");
                EntityUid storage[2] = {};
                const EntityUid *principal, *resource;

                if (!template || !id)
                        return -EINVAL;
                r = read_slot(source, link, "principal", &storage[0], &principal, reterr);
                if (r < 0)
                        return r;
                r = read_slot(source, link, "resource", &storage[1], &resource, reterr);
                if (r < 0)
                        return r;
                r = policy_set_link(q->set, template, id, principal, resource);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void print_string(const char *s) {
        putchar('"');
        for (const char *p = s; *p; p++)
                if (strchr("\"\\", *p))
                        printf("\\%c", *p);
                else
                        putchar((unsigned char) *p < ' ' ? '|' : *p);
        putchar('"');
}

static void print_refusal(const char *what, const char *why) {
        printf("{\"refused\": \"%s\", \"why\": ", what);
        print_string(why ?: "no words");
        puts("}");
}

static bool is_reason(const PolicyDecision *d, const Policy *p) {
        for (size_t i = 0; i < d->n_reasons; i++)
                if (d->reasons[i] == p)
                        return true;
        return false;
}

static bool is_fault(const PolicyDecision *d, const Policy *p) {
        for (size_t i = 0; i < d->n_faults; i++)
                if (d->faults[i].policy == p)
                        return true;
        return false;
}

/* Whether what is said of each policy alone, and of the three alone, goes with the decision. */
static bool decision_fits(const Question *q, const PolicyRequest *request, const PolicyDecision *d, Arena *arena) {
        /* What is asked before there is a message knows of no entities. */
        if (d->allow && text_equal(q->parts[ENTITIES].text, TEXT("[]")) &&
                        !policy_set_may_permit(q->set, request->principal, request->action, request->resource))
                return false;
        for (size_t i = 0; i < policy_set_size(q->set); i++) {
                const Policy *p = policy_set_get(q->set, i);
                PolicyOutcome outcome;
                const char *why = NULL;
                Span span;

                if (policy_explain(p, request, arena, &outcome, &span, &why) < 0)
                        return false;
                if ((outcome == POLICY_FAILS) != is_fault(d, p) || (outcome == POLICY_FAILS) != !!why)
                        return false;
                if (is_reason(d, p) && outcome != POLICY_HOLDS)
                        return false;
                if (!is_reason(d, p) && outcome == POLICY_HOLDS && p->is_forbid == !d->allow)
                        return false;
        }
        return true;
}

static void print_decision(const PolicyDecision *d, bool fits) {
        printf("{\"decision\": \"%s\", \"reasons\": [", d->allow ? "allow" : "deny");
        for (size_t i = 0; i < d->n_reasons; i++)
                printf("%s\"%s\"", i > 0 ? ", " : "", d->reasons[i]->id);
        printf("], \"errors\": [");
        for (size_t i = 0; i < d->n_faults; i++)
                printf("%s\"%s\"", i > 0 ? ", " : "", d->faults[i].policy->id);
        printf("], \"why\": ");
        print_string(d->n_faults > 0 ? d->faults[0].why : "");
        puts(fits ? "}" : ", \"broken\": true}");
}

static int answer(Question *q, Arena *arena) {
        PolicyDecision d;
        _cleanup_free_ char *err = NULL;
        int r;

        q->set = policy_set_new();
        if (!q->set)
                return -ENOMEM;
        r = policy_set_add(q->set, "policies", q->parts[POLICIES].text.data, q->parts[POLICIES].text.size, &err);
        if (r == -EINVAL || r == -E2BIG)
                return print_refusal("policies", err), 0;
        if (r < 0)
                return r;

        r = question_link(q, arena, &err);
        if (r >= 0)
                r = question_parse_request(q, arena, &err);
        if (r == -EINVAL || r == -E2BIG || r == -EEXIST || r == -ENOENT)
                return print_refusal("request", err), 0;
        if (r < 0)
                return r;

        PolicyRequest request = { &q->uids[PRINCIPAL], &q->uids[ACTION], &q->uids[RESOURCE], q->context, q->entities };

        r = policy_set_decide(q->set, &request, arena, &d);
        if (r < 0)
                return r;
        print_decision(&d, decision_fits(q, &request, &d, arena));
        return 0;
}

int main(void) {
        _cleanup_arena_ Arena arena;
        int r;

        arena_init(&arena, NULL, 0, 1024 * 1024 * 1024);
        for (;;) {
                _cleanup_(question_done) Question q = {};

                r = question_read(&q);
                if (r <= 0)
                        break;
                r = answer(&q, &arena);
                if (r < 0)
                        break;
                fflush(stdout);
                arena_reset(&arena);
        }
        if (r < 0)
                fprintf(stderr, "Cannot answer: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
