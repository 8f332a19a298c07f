/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs: one table that parser, help and tests read. A new verb is a function in one file and a row here. */
#pragma once

#include "ctl/ctl.h"

typedef enum VerbFlags {
        VERB_DEFAULT = 1 << 0,   /* what givcctl does when no verb is said */
        VERB_CHANGES = 1 << 1,   /* asks for a change, which may go on when the client leaves */
        VERB_ARGUMENTS = 1 << 2, /* takes an application's arguments behind "--" */
        VERB_ENDLESS = 1 << 3,   /* ends when the user ends it */
        VERB_WAITS = 1 << 4,     /* takes --wait */
        VERB_REPEATS = 1 << 5,   /* takes --watch */
        VERB_BEFORE = 1 << 6,    /* of the program before this one: in the page, and one line of the help */
} VerbFlags;

#define VERB_ANY UINT_MAX /* as many words as there are */

/* Runs in a fiber. words are those behind the verb, NULL-terminated. */
typedef CtlExit (*verb_func_t)(Ctl *ctl, char **words, size_t n_words);

struct Verb {
        const char *name;
        unsigned min_words, max_words;
        VerbFlags flags;
        usec_t timeout_usec; /* unless --timeout says otherwise; 0: none */
        verb_func_t func;
        const char *synopsis; /* of what stands behind the verb */
        const char *help;
        const char *group; /* a heading of the help, where a new one begins */
};

/* The verb of that name (NULL: the default), or NULL when there is none. */
const Verb *verb_find(const char *name);
/* The rows of the table by their number, NULL behind the last. */
const Verb *verb_get(size_t i);
/* The verb that was probably meant, or NULL. */
const char *verb_suggest(const char *name);
/* The verb of the command line, its words counted and checked. CTL_OK or, after saying why, CTL_USAGE. */
CtlExit verb_from_options(const Options *o, const Verb **ret) _warn_unused_;
void verbs_print_help(FILE *f);

CtlExit verb_list(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_act(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_power(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_call(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_introspect(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_query(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_get_status(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_sysinfo(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_test(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_is_online(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_show(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_status(Ctl *ctl, char **words, size_t n_words);
CtlExit verb_watch(Ctl *ctl, char **words, size_t n_words);
