/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl policy check: what is wrong with files of rules, and where. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/policy-file.h"
#include "ctl/verbs.h"
#include "rpc/lint.h"

/* The answer, as programs get it: text is printed from it. */
typedef struct Check {
        json_t *findings;
        int error;
} Check;

static int check_add(Check *c, const char *severity, json_t *place, const char *policy, const char *text) {
        json_t *finding = json_pack(
                        "{s:s, s:o, s:s*, s:s}", "severity", severity, "place", place, "policy", policy, "text", text);

        return json_array_append_new(c->findings, finding) < 0 ? -ENOMEM : 0;
}

static int check_add_warning(Check *c, const Policy *policy, Span span, const char *sentence) {
        _cleanup_free_ char *warning = strf("warning: %s", sentence), *text = NULL;
        unsigned line, column;
        json_t *place;

        text = warning ? source_message(policy->source, span, warning) : NULL;
        if (!text)
                return -ENOMEM;
        source_position(policy->source, span, &line, &column);
        place = json_pack("{s:s, s:i, s:i}", "file", policy->source->name, "line", (int) line, "column", (int) column);
        return check_add(c, "warning", place, policy->id, text);
}

static void on_found(const Policy *policy, Span span, char *sentence, void *userdata) {
        _cleanup_free_ char *owned = sentence;
        Check *c = userdata;
        int r;

        r = owned ? check_add_warning(c, policy, span, owned) : -ENOMEM;
        if (r < 0)
                c->error = r;
}

static int check_file(Check *c, const char *path) {
        _cleanup_(policy_set_freep) PolicySet *set = NULL;
        _cleanup_free_ char *error = NULL, *name = NULL;
        int r;

        r = policy_file_load_set(path, &set, &error);
        if (r < 0 && !error)
                return r;
        if (r < 0) {
                name = strdup(path);
                if (!name)
                        return -ENOMEM;
                str_make_printable(name, '?');
                return check_add(c, "error", json_pack("{s:s}", "file", name), NULL, error);
        }
        for (size_t i = 0; i < policy_set_size(set) && c->error >= 0; i++) {
                unsigned effort = LINT_EFFORT_MAX;

                lint_policy(policy_set_get(set, i), &effort, on_found, c);
        }
        return c->error;
}

static int check_show(const Check *c, const Options *o) {
        json_t *finding;
        size_t i;

        pager_open(o);
        if (o->output != OUTPUT_TEXT)
                return output_json_value(stdout, c->findings, o->output, false);
        json_array_foreach(c->findings, i, finding) {
                if (i > 0)
                        puts("");
                policy_message_print(stdout, json_string_value(json_object_get(finding, "text")));
        }
        return 0;
}

CtlExit verb_policy_check(Ctl *ctl, char **words, size_t n_words) {
        Check c = { .findings = json_array() };
        RpcStatus status = {};
        bool found;
        int r = c.findings ? 0 : -ENOMEM;

        for (size_t i = 0; i < n_words && r >= 0; i++)
                r = check_file(&c, words[i]);
        if (r >= 0)
                r = check_show(&c, &ctl->options);
        found = json_array_size(c.findings) > 0;
        json_decref(c.findings);
        if (r < 0)
                return ctl_fail(ctl, r, &status, "check the rules");
        return found ? CTL_FAILED : CTL_OK;
}
