/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl policy authorize, explain: a decision by files, without anybody else, and how it came to it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/policy-file.h"
#include "ctl/verbs.h"
#include "rpc/lint.h"
#include "rpc/rules-context.h"

/* All that a decision takes; what it points to lives as long. */
typedef struct Case {
        Arena arena;
        PolicySet *set;
        Entities *entities;
        PolicyFile entities_file, context_file;
        EntityUid principal, action, resource;
        PolicyRequest request;
} Case;

static void case_done(Case *c) {
        policy_set_free(c->set);
        entities_free(c->entities);
        policy_file_done(&c->entities_file);
        policy_file_done(&c->context_file);
        arena_done(&c->arena);
}

/* A name alone is of the type that it is in every call. */
static int case_read_entity(Case *c, const char *text, const char *type, EntityUid *ret, char **reterr) {
        if (strstr(text, "::\""))
                return syntax_parse_entity(&c->arena, text, ret, reterr);
        *ret = (EntityUid){ .type = text_of(type), .id = text_of(text) };
        return 0;
}

static int case_read_context(Case *c, const char *said, char **reterr) {
        const char *begin = said + strspn(said, " \t\r\n");
        PolicySource text = { .name = "--context", .text = text_of(said) };
        const PolicySource *source = &text;
        int r = 0;

        if (*begin != '{') {
                r = policy_file_read(said, POLICY_JSON_MAX, &c->context_file, reterr);
                source = &c->context_file.source;
        }
        return r < 0 ? r : policy_json_read_context(&c->arena, source, &c->request.context, reterr);
}

/* Or else each rule would be for another one, and nothing would say why. */
static void on_unknown(_unused_ const Policy *policy, _unused_ Span span, char *sentence, _unused_ void *userdata) {
        _cleanup_free_ char *owned = sentence, *warning = owned ? strf("warning: %s", owned) : NULL;

        if (warning)
                policy_message_print(stderr, warning);
}

static int case_read(Case *c, const Options *o, char **reterr) {
        int r;

        r = policy_file_load_set(o->policies, &c->set, reterr);
        if (r >= 0)
                r = case_read_entity(c, o->principal, RULES_PRINCIPAL, &c->principal, reterr);
        if (r >= 0)
                r = case_read_entity(c, o->action, RULES_ACTION, &c->action, reterr);
        if (r >= 0)
                r = case_read_entity(c, o->resource, RULES_RESOURCE, &c->resource, reterr);
        if (r >= 0 && o->entities)
                r = policy_file_read(o->entities, POLICY_JSON_MAX, &c->entities_file, reterr);
        if (r >= 0 && o->entities)
                r = policy_json_read_entities(&c->arena, &c->entities_file.source, &c->entities, reterr);
        if (r >= 0 && o->context)
                r = case_read_context(c, o->context, reterr);
        c->request.principal = &c->principal;
        c->request.action = &c->action;
        c->request.resource = &c->resource;
        c->request.entities = c->entities;
        return r;
}

/* outcome and why may be NULL. */
static int add_policy(json_t *list, const Policy *p, Span span, const char *outcome, const char *why) {
        Text id = policy_get_annotation(p, TEXT("id"));
        unsigned line, column;
        json_t *item;

        source_position(p->source, span, &line, &column);
        item = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s*, s:s*}", "policy", p->id, "effect",
                        p->is_forbid ? "forbid" : "permit", "file", p->source->name, "line", (int) line, "column",
                        (int) column, "outcome", outcome, "why", why);
        if (item && id.data && json_object_set_new(item, "id", json_stringn(id.data, id.size)) < 0) {
                json_decref(item);
                return -ENOMEM;
        }
        return json_array_append_new(list, item) < 0 ? -ENOMEM : 0;
}

/* The sentence begins with the name of the policy; below it stands the line. */
static int print_at(const Policy *p, Span span, const char *begin, const char *why) {
        _cleanup_free_ char *name = policy_to_name(p), *sentence = NULL, *text = NULL;

        sentence = name ? strf("%s %s%s%s", name, begin, why ? ": " : "", strempty(why)) : NULL;
        text = sentence ? source_message(p->source, span, sentence) : NULL;
        if (!text)
                return -ENOMEM;
        puts("");
        policy_message_print(stdout, text);
        return 0;
}

static int print_decision(const PolicyDecision *d) {
        printf("%s", d->allow ? "Allow" : "Deny");
        for (size_t i = 0; i < d->n_reasons; i++) {
                _cleanup_free_ char *name = policy_to_name(d->reasons[i]);

                if (!name)
                        return -ENOMEM;
                printf("%s%s", i > 0 ? ", " : " by ", name);
        }
        puts(d->n_reasons > 0 ? "" : ": no permit holds");
        return 0;
}

static int print_verdict(const PolicyDecision *d) {
        int r;

        r = print_decision(d);
        for (size_t i = 0; i < d->n_faults && r >= 0; i++)
                r = print_at(d->faults[i].policy, d->faults[i].span, "fails and is skipped", d->faults[i].why);
        return r;
}

static json_t *verdict_to_json(const PolicyDecision *d) {
        json_t *verdict = json_pack("{s:s, s:[], s:[]}", "decision", d->allow ? "Allow" : "Deny", "reasons", "faults");
        int r = verdict ? 0 : -ENOMEM;

        for (size_t i = 0; i < d->n_reasons && r >= 0; i++)
                r = add_policy(json_object_get(verdict, "reasons"), d->reasons[i], d->reasons[i]->span, NULL, NULL);
        for (size_t i = 0; i < d->n_faults && r >= 0; i++)
                r = add_policy(json_object_get(verdict, "faults"), d->faults[i].policy, d->faults[i].span, NULL,
                                d->faults[i].why);
        if (r >= 0)
                return verdict;
        json_decref(verdict);
        return NULL;
}

static int show_json(json_t *json, const Options *o) {
        int r = json ? output_json_value(stdout, json, o->output, false) : -ENOMEM;

        json_decref(json);
        return r;
}

static int authorize(Case *c, const Options *o, bool *ret_allow) {
        PolicyDecision d;
        int r;

        r = policy_set_decide(c->set, &c->request, &c->arena, &d);
        if (r < 0)
                return r;
        *ret_allow = d.allow;
        return o->output == OUTPUT_TEXT ? print_verdict(&d) : show_json(verdict_to_json(&d), o);
}

static const struct {
        const char *word, *sentence;
} outcomes[] = {
        [POLICY_HOLDS] = { "holds", "holds" },
        [POLICY_OTHER_PRINCIPAL] = { "principal", "is for another principal" },
        [POLICY_OTHER_ACTION] = { "action", "is for another action" },
        [POLICY_OTHER_RESOURCE] = { "resource", "is for another resource" },
        [POLICY_CONDITION] = { "condition", "does not hold, because of this" },
        [POLICY_FAILS] = { "fault", "fails and is skipped" },
        [POLICY_TEMPLATE] = { "template", "is a template that nobody links" },
};

static int explain_policy(Case *c, const Policy *p, json_t *list) {
        PolicyOutcome outcome;
        const char *why = NULL;
        Span span = p->span;
        int r;

        r = policy_explain(p, &c->request, &c->arena, &outcome, &span, &why);
        if (r < 0)
                return r;
        if (outcome == POLICY_HOLDS || outcome == POLICY_TEMPLATE)
                span = p->span;
        if (outcome != POLICY_FAILS)
                why = NULL;
        if (list)
                return add_policy(list, p, span, outcomes[outcome].word, why);
        return print_at(p, span,
                        outcome != POLICY_HOLDS        ? outcomes[outcome].sentence
                                        : p->is_forbid ? "forbids it"
                                                       : "permits it",
                        why);
}

static int explain(Case *c, const Options *o, bool *ret_allow) {
        PolicyDecision d;
        json_t *all = NULL;
        int r;

        r = policy_set_decide(c->set, &c->request, &c->arena, &d);
        if (r < 0)
                return r;
        *ret_allow = true;
        if (o->output == OUTPUT_TEXT) {
                pager_open(o);
                r = print_decision(&d);
        } else {
                all = json_pack("{s:s, s:[]}", "decision", d.allow ? "Allow" : "Deny", "policies");
                r = all ? 0 : -ENOMEM;
        }
        for (size_t i = 0; i < policy_set_size(c->set) && r >= 0; i++)
                r = explain_policy(c, policy_set_get(c->set, i), json_object_get(all, "policies"));
        if (r >= 0 && all)
                return show_json(all, o);
        json_decref(all);
        return r;
}

static CtlExit run(Ctl *ctl, int (*func)(Case *c, const Options *o, bool *ret_allow)) {
        _cleanup_(case_done) Case c = {};
        _cleanup_free_ char *error = NULL;
        const Options *o = &ctl->options;
        RpcStatus status = {};
        bool allow = false;
        int r;

        if (!o->policies || !o->principal || !o->action || !o->resource)
                return ctl_usage("'%s' needs --policies, --principal, --action and --resource.", ctl->verb->name);
        arena_init(&c.arena, NULL, 0, (size_t) 4 * POLICY_JSON_MAX);
        r = case_read(&c, o, &error);
        if (r < 0 && error) {
                policy_message_print(stderr, error);
                return CTL_FAILED;
        }
        if (r >= 0) {
                lint_uid(&c.action, on_unknown, NULL);
                lint_uid(&c.resource, on_unknown, NULL);
                r = func(&c, o, &allow);
        }
        if (r < 0)
                return ctl_fail(ctl, r, &status, "decide");
        return allow ? CTL_OK : CTL_NO_PERMISSION;
}

CtlExit verb_policy_authorize(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        return run(ctl, authorize);
}

CtlExit verb_policy_explain(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        return run(ctl, explain);
}
