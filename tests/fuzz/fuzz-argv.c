/* SPDX-License-Identifier: Apache-2.0 */
/* Any words as givcctl's command line, any values of its environment: options that hang together and a verb, or a
 * refusal. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "ctl/verbs.h"
#include "words.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const variables[] = { "GIVC_ADMIN", "GIVC_ADDR", "GIVC_PORT", "GIVC_NAME", "GIVC_NO_TLS" };

/* The refusals are said to people, millions of them. */
int LLVMFuzzerInitialize(_unused_ int *argc, _unused_ char ***argv) {
        stderr = fopen("/dev/null", "w");
        check(stderr);
        return 0;
}

static void check_options(const Options *o) {
        const Verb *verb = NULL;
        CtlExit e;

        check(strv_length(o->words) == o->n_words);
        if (o->help || o->version)
                return;
        check(!o->tls || (!isempty(o->server_name) && o->cacert && o->cert && o->key));
        check(!o->tls || o->address.kind != RPC_ADDRESS_UNIX);
        check(!o->tls || !isempty(o->name) || !strchr(o->server_name, ':'));
        check(!o->timeout || o->timeout_usec > 0);
        check(!o->limit || o->n_limit <= UINT32_MAX);
        e = verb_from_options(o, &verb);
        check(e == CTL_OK ? verb && verb->func : e == CTL_USAGE && !verb);
        if (verb && o->n_words > 0)
                check(streq(verb->name, o->words[0]) && o->n_words - 1 >= verb->min_words);
}

/* "GIVC_X=value" in the first lines is the environment, the rest is the command line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(words_done) Words w = words_split(data, size);
        char *argv[WORDS_MAX + 2] = { (char *) "givcctl" };
        _cleanup_(options_done) Options o = {};
        _cleanup_free_ char *error = NULL;
        int argc = 1, r;

        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                check(unsetenv(variables[i]) == 0);
        for (size_t i = 0; i < w.n; i++) {
                const char *value = NULL;

                for (size_t k = 0; k < ELEMENTSOF(variables) && !value && argc == 1; k++) {
                        value = startswith(w.words[i], variables[k]);
                        value = value ? startswith(value, "=") : NULL;
                        if (value)
                                check(setenv(variables[k], value, 1) == 0);
                }
                if (!value)
                        argv[argc++] = w.words[i];
        }
        r = options_parse(argc, argv, &o, &error);
        check(r == 0 ? !error : r == -EINVAL);
        if (r == 0)
                check_options(&o);
        return 0;
}
