/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/verbs.h"

#include <limits.h>

#include "base/str.h"

#define ASK_USEC (25 * USEC_PER_SEC)
#define ACT_USEC (120 * USEC_PER_SEC) /* a VM may have to boot first */

static const Verb verbs[] = {
        { "list", 0, VERB_ANY, VERB_DEFAULT, ASK_USEC, verb_list, "[PATTERN…]", "VMs and what is in them (the default)",
                        "Look" },
        { "status", 1, 2, VERB_REPEATS, ASK_USEC, verb_status, "NAME | VM UNIT", "a unit as its VM's systemd sees it",
                        NULL },
        { "show", 1, 1, 0, ASK_USEC, verb_show, "NAME", "all its properties, for programs", NULL },
        { "is-online", 1, 1, VERB_WAITS, ASK_USEC, verb_is_online, "NAME", "a VM can be worked with, a unit runs",
                        NULL },
        { "watch", 0, VERB_ANY, VERB_ENDLESS, 0, verb_watch, "[PATTERN…]", "a line for each change, until Ctrl-C",
                        NULL },
        { "start", 1, 2, VERB_CHANGES | VERB_ARGUMENTS | VERB_WAITS, ACT_USEC, verb_act, "[KIND] NAME [-- ARG…]",
                        "start an app; KIND: service or vm", "Act" },
        { "stop", 1, 2, VERB_CHANGES, ACT_USEC, verb_act, "[KIND] NAME", "stop it; of an app, one or all instances",
                        NULL },
        { "pause", 1, 2, VERB_CHANGES, ACT_USEC, verb_act, "[app] NAME", "freeze it", NULL },
        { "resume", 1, 2, VERB_CHANGES, ACT_USEC, verb_act, "[app] NAME", "let it go on", NULL },
        { "poweroff", 0, 0, VERB_CHANGES, ACT_USEC, verb_power, "", "power the host off", "The host" },
        { "reboot", 0, 0, VERB_CHANGES, ACT_USEC, verb_power, "", "reboot it", NULL },
        { "suspend", 0, 0, VERB_CHANGES, 0, verb_power, "", "suspend it; ends after resume", NULL },
        { "call", 1, 2, VERB_CHANGES, 0, verb_call, "METHOD [JSON | -]", "any method, its messages as JSON", "More" },
        { "introspect", 0, 1, 0, ASK_USEC, verb_introspect, "[NAME]", "what there is to call", NULL },
        { "query", 0, 0, VERB_BEFORE, ASK_USEC, verb_query, "", NULL, NULL },
        { "query-list", 0, 0, VERB_BEFORE, ASK_USEC, verb_query, "", NULL, NULL },
        { "get-status", 2, 2, VERB_BEFORE, ASK_USEC, verb_get_status, "VM UNIT", NULL, NULL },
        { "sysinfo", 0, 0, VERB_BEFORE, ASK_USEC, verb_sysinfo, "", NULL, NULL },
        { "wakeup", 0, 0, VERB_BEFORE | VERB_CHANGES, ACT_USEC, verb_power, "", NULL, NULL },
        { "test", 2, 2, VERB_BEFORE, 0, verb_test, "ensure --retry=N UNIT", NULL, NULL },
};

const Verb *verb_get(size_t i) {
        return i < ELEMENTSOF(verbs) ? verbs + i : NULL;
}

const Verb *verb_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (name ? streq(name, verbs[i].name) : verbs[i].flags & VERB_DEFAULT)
                        return verbs + i;
        return NULL;
}

#define WORD_MAX 32

/* Edits that turn one word into the other: characters put in, left out, replaced, swapped with their neighbour. */
static unsigned word_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);
        unsigned d[WORD_MAX + 1][WORD_MAX + 1];

        if (n > WORD_MAX || m > WORD_MAX)
                return UINT_MAX;
        for (size_t i = 0; i <= n; i++)
                for (size_t j = 0; j <= m; j++) {
                        if (i == 0 || j == 0) {
                                d[i][j] = (unsigned) (i + j);
                                continue;
                        }
                        d[i][j] = MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
                }
        return d[n][m];
}

const char *verb_suggest(const char *name) {
        const char *best = NULL;
        unsigned distance = 3; /* one more than what is a slip of the fingers */

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                unsigned d = strlen(name) > 1 && startswith(verbs[i].name, name) ? 1
                                                                                 : word_distance(name, verbs[i].name);

                if (d < distance) {
                        distance = d;
                        best = verbs[i].name;
                }
        }
        return best;
}

CtlExit verb_from_options(const Options *o, const Verb **ret) {
        const char *name = o->n_words > 0 ? o->words[0] : NULL;
        const Verb *v = verb_find(name);
        size_t n = o->n_words > 0 ? o->n_words - 1 : 0;

        if (!name && o->reference)
                return ctl_usage("givc-cli needs a command.");
        if (!v) {
                const char *meant = verb_suggest(name);

                return ctl_usage("Unknown verb '%s'%s%s%s", name, meant ? ", did you mean '" : "", strempty(meant),
                                meant ? "'?" : ".");
        }
        if (n < v->min_words)
                return ctl_usage("'%s' needs more: %s %s", v->name, v->name, v->synopsis);
        if (n > v->max_words)
                return ctl_usage("'%s' is too much: %s %s", o->words[1 + v->max_words], v->name, v->synopsis);
        if (o->no_block && (!(v->flags & VERB_CHANGES) || v->func == verb_call))
                return ctl_usage("'%s' asks for no change: --no-block is not for it.", v->name);
        if (o->watch && !(v->flags & VERB_REPEATS))
                return ctl_usage("'%s' is shown once: --watch is for status.", v->name);
        if (o->wait && !(v->flags & VERB_WAITS))
                return ctl_usage("'%s' has nothing to wait for: --wait is not for it.", v->name);
        if (o->arguments && !(v->flags & VERB_ARGUMENTS))
                return ctl_usage("'%s' takes no arguments behind '--': %s %s", v->name, v->name, v->synopsis);
        *ret = v;
        return CTL_OK;
}

static void verbs_print_others(FILE *f) {
        const char *before = "\nAs givc-cli has them: ";

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (verbs[i].flags & VERB_BEFORE) {
                        fprintf(f, "%s%s", before, verbs[i].name);
                        before = ", ";
                }
        fputs(".\n", f);
}

void verbs_print_help(FILE *f) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const Verb *v = verbs + i;
                char words[64];
                int pad = 32;

                if (v->flags & VERB_BEFORE)
                        continue;
                if (v->group)
                        fprintf(f, "\n%s:\n", v->group);
                (void) snprintf(words, sizeof(words), "%s %s", v->name, v->synopsis);
                for (const char *p = words; *p; p++)
                        pad -= ((unsigned char) *p & 0xc0) != 0x80; /* columns, not bytes */
                fprintf(f, "  %s%*s %s\n", words, MAX(pad, 0), "", v->help);
        }
        verbs_print_others(f);
}
