/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl policy test: requests with what to expect of each, in the format of cedar-policy/cedar-integration-tests. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/policy-file.h"
#include "ctl/verbs.h"

#define FILE_ARENA_MAX ((size_t) 4 * POLICY_JSON_MAX)

/* What all files have counted. */
typedef struct Tally {
        const char *root; /* NULL: the current directory, and that of the file */
        size_t n_passed, n_failed;
        json_t *failures;
} Tally;

/* One file. */
typedef struct Trial {
        Tally *tally;
        const char *path;
        PolicyFile file, entities_file;
        Arena arena, scratch; /* of the file, of one request */
        PolicySet *set;
        Entities *entities;
} Trial;

static void trial_done(Trial *t) {
        policy_set_free(t->set);
        entities_free(t->entities);
        policy_file_done(&t->file);
        policy_file_done(&t->entities_file);
        arena_done(&t->arena);
        arena_done(&t->scratch);
}

/* Takes the sentence. */
static int tally_fail(Tally *tally, size_t n, char *sentence) {
        int r = sentence ? json_array_append_new(tally->failures, json_string(sentence)) : -1;

        tally->n_failed += n;
        free(sentence);
        return r < 0 ? -ENOMEM : 0;
}

/* Where a file is that the trial names. New string. */
static char *trial_find_file(const Trial *t, Text name) {
        _cleanup_free_ char *path = NULL;
        const char *slash = strrchr(t->path, '/');
        bool absolute = name.data[0] == '/';

        if (t->tally->root || absolute)
                return strf("%s%s%.*s", absolute ? "" : t->tally->root, absolute ? "" : "/", (int) name.size,
                                name.data);
        path = mem_dup(name.data, name.size);
        if (!path || access(path, F_OK) >= 0 || !slash)
                return TAKE_PTR(path);
        return strf("%.*s/%s", (int) (slash - t->path), t->path, path);
}

static int trial_get_path(const Trial *t, const Node *root, const char *member, char **ret, char **reterr) {
        const Node *node = node_get(root, member);

        if (!node || node->kind != NODE_STRING || node->string.size == 0 ||
                        memchr(node->string.data, 0, node->string.size))
                return node_refuse(&t->file.source, node ? node : root, reterr, "expected \"%s\": \"a path\"", member);
        *ret = trial_find_file(t, node->string);
        return *ret ? 0 : -ENOMEM;
}

static int trial_load(Trial *t, const Node *root, char **reterr) {
        _cleanup_free_ char *policies = NULL, *entities = NULL;
        int r;

        r = trial_get_path(t, root, "policies", &policies, reterr);
        if (r >= 0)
                r = policy_file_load_set(policies, &t->set, reterr);
        if (r < 0 || !node_get(root, "entities"))
                return r;
        r = trial_get_path(t, root, "entities", &entities, reterr);
        if (r >= 0)
                r = policy_file_read(entities, POLICY_JSON_MAX, &t->entities_file, reterr);
        if (r < 0)
                return r;
        return node_get(root, "schema")
                        ? policy_json_read_entities_of_schema(&t->arena, &t->entities_file.source, &t->entities, reterr)
                        : policy_json_read_entities(&t->arena, &t->entities_file.source, &t->entities, reterr);
}

static int read_uid(const Trial *t, const Node *request, const char *name, EntityUid *ret, char **reterr) {
        const Node *node = node_get(request, name);

        if (!node)
                return node_refuse(&t->file.source, request, reterr, "expected \"%s\"", name);
        return policy_json_to_uid(&t->file.source, node, ret, reterr);
}

static const Node *get_either(const Node *object, const char *name, const char *other) {
        const Node *node = node_get(object, name);

        return node ? node : node_get(object, other);
}

static bool list_has(const Node *list, const char *id) {
        for (size_t i = 0; list && i < list->n; i++)
                if (list->items[i].kind == NODE_STRING && text_equal(list->items[i].string, text_of(id)))
                        return true;
        return false;
}

/* The list names those policies, in any order. */
static bool list_is(const Node *list, const char *const *ids, size_t n) {
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
                if (!list_has(list, ids[i]))
                        return false;
        for (size_t i = 0; list && i < list->n; i++)
                for (size_t k = 0; k < n; k++)
                        if (list->items[i].kind == NODE_STRING && text_equal(list->items[i].string, text_of(ids[k]))) {
                                found++;
                                break;
                        }
        return found == (list ? list->n : 0);
}

/* "policy1, policy2", or "none". New string. */
static char *ids_to_text(const char *const *ids, size_t n) {
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < n; i++)
                if (str_extend(&text, ", ", "%s", ids[i]) < 0)
                        return NULL;
        return text ? TAKE_PTR(text) : strdup("none");
}

static char *list_to_text(const Node *list) {
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; list && i < list->n; i++) {
                Text id = list->items[i].kind == NODE_STRING ? list->items[i].string : TEXT("?");

                if (str_extend(&text, ", ", "%.*s", (int) id.size, id.data) < 0)
                        return NULL;
        }
        if (text)
                str_make_printable(text, '?');
        return text ? TAKE_PTR(text) : strdup("none");
}

/* 0 when it is as expected; -EINVAL and a sentence when not. */
static int compare_ids(const char *what, const Node *expected, const char *const *ids, size_t n, char **reterr) {
        _cleanup_free_ char *want = NULL, *got = NULL;

        if (list_is(expected, ids, n))
                return 0;
        want = list_to_text(expected);
        got = ids_to_text(ids, n);
        return want && got ? str_refuse(reterr, "expected %s %s, got %s", what, want, got) : -ENOMEM;
}

/* Either spelling; negative when it is none. */
static int decision_parse(const Node *node) {
        static const Text words[] = { { "deny", 4 }, { "Deny", 4 }, { "allow", 5 }, { "Allow", 5 } };

        for (size_t i = 0; node && node->kind == NODE_STRING && i < ELEMENTSOF(words); i++)
                if (text_equal(node->string, words[i]))
                        return i >= 2;
        return -EINVAL;
}

static int compare(Trial *t, const Node *request, const PolicyDecision *d, char **reterr) {
        const Node *decision = node_get(request, "decision");
        const char **reasons = arena_new(&t->scratch, const char *, d->n_reasons),
                   **faults = arena_new(&t->scratch, const char *, d->n_faults);
        int expected = decision_parse(decision), r;

        if (!reasons || !faults)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_reasons; i++)
                reasons[i] = d->reasons[i]->id;
        for (size_t i = 0; i < d->n_faults; i++)
                faults[i] = d->faults[i].policy->id;
        if (expected < 0)
                return node_refuse(&t->file.source, decision ? decision : request, reterr,
                                "expected \"decision\": \"allow\" or \"deny\"");
        if (expected != d->allow)
                return str_refuse(reterr, "expected %s, got %s", expected ? "allow" : "deny",
                                d->allow ? "allow" : "deny");
        r = compare_ids("reasons", get_either(request, "reason", "reasons"), reasons, d->n_reasons, reterr);
        return r < 0 ? r : compare_ids("errors", node_get(request, "errors"), faults, d->n_faults, reterr);
}

static int trial_decide(Trial *t, const Node *request, char **reterr) {
        const Node *context = node_get(request, "context");
        EntityUid principal, action, resource;
        PolicyRequest asked = { &principal, &action, &resource, NULL, t->entities };
        PolicyDecision decision;
        int r;

        r = read_uid(t, request, "principal", &principal, reterr);
        if (r >= 0)
                r = read_uid(t, request, "action", &action, reterr);
        if (r >= 0)
                r = read_uid(t, request, "resource", &resource, reterr);
        if (r >= 0 && context)
                r = policy_json_to_context(&t->scratch, &t->file.source, context, &asked.context, reterr);
        if (r >= 0)
                r = policy_set_decide(t->set, &asked, &t->scratch, &decision);
        return r < 0 ? r : compare(t, request, &decision, reterr);
}

/* "tests/a.json: requests[2] (who may start it): expected allow, got deny" */
static int trial_ask(Trial *t, const Node *request, size_t i) {
        const Node *about = get_either(request, "description", "desc");
        bool has = about && about->kind == NODE_STRING;
        _cleanup_free_ char *error = NULL;
        char *sentence;
        int r;

        r = trial_decide(t, request, &error);
        arena_reset(&t->scratch);
        if (r >= 0) {
                t->tally->n_passed++;
                return 0;
        }
        if (!error)
                return r;
        sentence = strf("requests[%zu]%s%.*s%s: ", i, has ? " (" : "", has ? (int) MIN(about->string.size, 200u) : 0,
                        has ? about->string.data : "", has ? ")" : "");
        if (sentence) {
                char *all;

                str_make_printable(sentence, '?');
                all = strf("%s: %s%s", t->file.name, sentence, error);
                free(sentence);
                sentence = all;
        }
        return tally_fail(t->tally, 1, sentence);
}

static int trial_run(Trial *t, size_t *ret_n, char **reterr) {
        const Node *root, *requests;
        int r;

        r = policy_file_read(t->path, POLICY_JSON_MAX, &t->file, reterr);
        if (r >= 0)
                r = node_parse(&t->arena, &t->file.source, &root, reterr);
        if (r < 0)
                return r;
        requests = node_get(root, "requests");
        if (!requests || requests->kind != NODE_ARRAY)
                return node_refuse(&t->file.source, root, reterr, "expected \"requests\": […]");
        *ret_n = MAX(requests->n, 1u);
        r = trial_load(t, root, reterr);
        for (size_t i = 0; r >= 0 && i < requests->n; i++)
                r = trial_ask(t, requests->items + i, i);
        return r;
}

static int test_file(Tally *tally, const char *path) {
        _cleanup_(trial_done) Trial t = { .tally = tally, .path = path };
        char *error = NULL;
        size_t n = 1;
        int r;

        arena_init(&t.arena, NULL, 0, FILE_ARENA_MAX);
        arena_init(&t.scratch, NULL, 0, FILE_ARENA_MAX);
        r = trial_run(&t, &n, &error);
        return r < 0 && error ? tally_fail(tally, n, error) : r;
}

static int tally_show(const Tally *tally, const Options *o) {
        json_t *all, *failure;
        size_t i;
        int r;

        if (o->output == OUTPUT_TEXT) {
                json_array_foreach(tally->failures, i, failure)
                                policy_message_print(stdout, json_string_value(failure));
                printf("%zu passed, %zu failed\n", tally->n_passed, tally->n_failed);
                return 0;
        }
        all = json_pack("{s:I, s:I, s:O}", "passed", (json_int_t) tally->n_passed, "failed",
                        (json_int_t) tally->n_failed, "failures", tally->failures);
        r = all ? output_json_value(stdout, all, o->output, false) : -ENOMEM;
        json_decref(all);
        return r;
}

CtlExit verb_policy_test(Ctl *ctl, char **words, size_t n_words) {
        Tally tally = { .root = ctl->options.root, .failures = json_array() };
        RpcStatus status = {};
        int r = tally.failures ? 0 : -ENOMEM;

        for (size_t i = 0; i < n_words && r >= 0; i++)
                r = test_file(&tally, words[i]);
        if (r >= 0)
                r = tally_show(&tally, &ctl->options);
        json_decref(tally.failures);
        if (r < 0)
                return ctl_fail(ctl, r, &status, "test the rules");
        return tally.n_failed > 0 ? CTL_FAILED : CTL_OK;
}
