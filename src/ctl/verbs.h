/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs: one table that parser, help and tests read. A new verb is a function in one file and a row here. */
#pragma once

#include "ctl/ctl.h"

#define VERB_ANY UINT_MAX /* as many words as there are */

/* Runs in a fiber. words are those behind the verb, NULL-terminated. */
typedef CtlExit (*verb_func_t)(Ctl *ctl, char **words, size_t n_words);

struct Verb {
        const char *name; /* of one below another both: "wifi list" */
        unsigned min_words, max_words;
        VerbFlags flags;
        usec_t timeout_usec; /* unless --timeout says otherwise; 0: none */
        verb_func_t func;
        const char *synopsis; /* of what stands behind the verb */
        const char *help;
        const char *group; /* a heading of the help, where a new one begins */
        const char *more;  /* what else its own help says, lines of a terminal */
        const Verb *below; /* its words are verbs of their own: rows up to one without a name; func is not called */
};

/* The verb of that name (NULL: the default), or NULL when there is none. */
const Verb *verb_find(const char *name);
/* The row below the verb that goes by that word, or NULL. */
const Verb *verb_find_below(const Verb *v, const char *word);
/* Its last word, by which it is found. */
const char *verb_get_word(const Verb *v);
/* The rows of the table by their number, NULL behind the last. */
const Verb *verb_get(size_t i);
/* The verb that was probably meant, or NULL. */
const char *verb_suggest(const char *name);
/* Says that there is no such verb, and which was probably meant; returns CTL_USAGE. */
CtlExit verb_usage(const char *name) _warn_unused_;
/* The words behind the verb, NULL-terminated. */
char **verb_get_rest(const Verb *v, const Options *o, size_t *ret_n);
/* The verb of the command line, the lowest that is meant, its words counted and checked. CTL_OK or, after saying why,
 * CTL_USAGE. */
CtlExit verb_from_options(const Options *o, const Verb **ret) _warn_unused_;

CtlExit verb_list(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_act(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_exec(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_kill(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_power(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_notify(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_set_locale(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_set_timezone(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_call(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_certs_init(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_certs_issue(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_certs_renew(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_certs_revoke(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_certs_show(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_certs_check(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_cat_config(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_introspect(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_query(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_get_status(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_get_stats(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_ctap(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_top(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_hwid(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_sysinfo(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_test(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_is_online(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_show(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_status(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_logs(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_update_list(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_update_query(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_update_cachix(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_wifi_list(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_wifi_status(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_wifi_connect(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_wifi_disconnect(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_wifi_on(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_wifi_off(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_policy_check(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_policy_authorize(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_policy_explain(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_policy_test(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_watch(Ctl *ctl, char **words, size_t n_words);
