/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as rules: what loads is looked at for mistakes, and what is said of it is one printable line with a place in
 * the rule. */

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

static void on_found(const Policy *policy, Span span, char *sentence, void *userdata) {
        _cleanup_free_ char *owned = sentence, *shown = NULL;
        const PolicySet **set = userdata;

        require(*set && owned && str_is_printable(owned));
        require(span.start >= policy->span.start && span.end <= policy->span.end && span.start <= span.end);
        shown = source_message(policy->source, span, owned);
        require(shown && str_is_utf8(shown, strlen(shown)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(policy_set_freep) PolicySet *set = policy_set_new();
        _cleanup_free_ char *error = NULL;
        unsigned effort = LINT_EFFORT_MAX;

        require(set);
        if (policy_set_add(set, "fuzz", (const char *) data, size, &error) >= 0)
                for (size_t i = 0; i < policy_set_size(set); i++)
                        lint_policy(policy_set_get(set, i), &effort, on_found, &set);
        return 0;
}
