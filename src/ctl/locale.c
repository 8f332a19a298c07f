/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl set-locale, set-timezone: language and time zone of all VMs. */
#include "base/locale.h"

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/verbs.h"

typedef struct Assignments {
        Admin__LocaleRequest request;
        Locale__LocaleAssignment items[LOCALE_VARIABLES_MAX], *list[LOCALE_VARIABLES_MAX];
} Assignments;

static void assign(Assignments *a, int variable, char *value) {
        size_t i = a->request.n_assignments++;

        locale__locale_assignment__init(&a->items[i]);
        a->items[i].key = (Locale__LocaleMacroKey) variable;
        a->items[i].value = value;
        a->list[i] = &a->items[i];
}

/* LC_ALL is above all others: with it nothing else is sent. */
static CtlExit assignments_from_words(char **words, size_t n_words, Assignments *a) {
        bool has_lang = false;

        for (size_t i = 0; i < n_words; i++) {
                size_t n = strcspn(words[i], "=");
                int variable = words[i][n] == '=' ? locale_variable_from_string(words[i], n) : -EINVAL;

                if (variable < 0)
                        return ctl_usage("'%s' is neither a locale nor one of LANG=, LC_…= with one.", words[i]);
                if (variable == LOCALE__LOCALE_MACRO_KEY__LC_ALL) {
                        a->request.n_assignments = 0;
                        assign(a, variable, words[i] + n + 1);
                        return CTL_OK;
                }
                if (a->request.n_assignments >= LOCALE_VARIABLES_MAX)
                        return ctl_usage("'%s' is too much: each variable can be set once.", words[i]);
                has_lang = has_lang || variable == LOCALE__LOCALE_MACRO_KEY__LANG;
                assign(a, variable, words[i] + n + 1);
        }
        return has_lang ? CTL_OK : ctl_usage("LANG= is missing, which all others stand beside.");
}

CtlExit verb_set_locale(Ctl *ctl, char **words, size_t n_words) {
        Assignments a = { .request = ADMIN__LOCALE_REQUEST__INIT };
        RpcStatus status = {};
        CtlExit e = CTL_OK;
        int r;

        a.request.assignments = a.list;
        if (!locale_is_valid(words[0]))
                e = assignments_from_words(words, n_words, &a);
        else if (n_words == 1 || ctl->options.reference)
                assign(&a, LOCALE__LOCALE_MACRO_KEY__LANG, words[0]);
        else
                e = ctl_usage("'%s' is too much behind a locale; LANG=%s may have others beside it.", words[1],
                                words[0]);
        if (e != CTL_OK)
                return e;
        r = client_call_wait(ctl->client, "SetLocale", &a.request, NULL, &status);
        return r < 0 ? ctl_fail(ctl, r, &status, "set the locale") : CTL_OK;
}

CtlExit verb_set_timezone(Ctl *ctl, char **words, _unused_ size_t n_words) {
        Admin__TimezoneRequest request = ADMIN__TIMEZONE_REQUEST__INIT;
        RpcStatus status = {};
        int r;

        request.timezone = words[0];
        r = client_call_wait(ctl->client, "SetTimezone", &request, NULL, &status);
        return r < 0 ? ctl_fail(ctl, r, &status, "set the time zone") : CTL_OK;
}
