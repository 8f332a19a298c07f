/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rules-file.h"

#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "rpc/lint.h"
#include "rpc/rules.h"

#define DOUBTS_MAX 50 /* that are logged of one file */

int rules_file_read(const char *file, PolicySet **ret, char **reterr) {
        _cleanup_(policy_set_freep) PolicySet *set = policy_set_new();
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (!set)
                return -ENOMEM;
        r = file_read_regular(file, POLICY_TEXT_MAX, &text, &size);
        if (r < 0) {
                *reterr = strf("%s: %s", file,
                                r == -EFBIG                         ? "the file is too large"
                                                : r == -EMEDIUMTYPE ? "it is not a regular file"
                                                                    : strerror(-r));
                return r == -EFBIG ? -E2BIG : r;
        }
        r = policy_set_add(set, file, text, size, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(set);
        return 0;
}

static void log_doubt(const Policy *policy, Span span, const char *sentence) {
        unsigned line, column;

        source_position(policy->source, span, &line, &column);
        log_write(LOG_WARNING, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_RULE_DOUBTFUL }, { "GIVC_REASON", sentence }),
                        "Access rules: %s:%u:%u: %s", policy->source->name, line, column, sentence);
}

static void on_doubt(const Policy *policy, Span span, char *sentence, void *userdata) {
        _cleanup_free_ char *owned = sentence;
        size_t *n = userdata;

        if (owned && ++*n <= DOUBTS_MAX)
                log_doubt(policy, span, owned);
}

/* They are in use all the same: a rule may be for a newer contract than ours. */
static void log_doubts(const char *file, const PolicySet *set) {
        unsigned effort = LINT_EFFORT_MAX;
        size_t n = 0;

        for (size_t i = 0; i < policy_set_size(set) && n <= DOUBTS_MAX; i++)
                lint_policy(policy_set_get(set, i), &effort, on_doubt, &n);
        if (n > DOUBTS_MAX)
                log_warning("Access rules: %s: and more like that, all of which 'givcctl policy check' shows", file);
}

void rules_file_log(const char *file, const PolicySet *set) {
        size_t n = policy_set_size(set);

        log_write(n > 0 ? LOG_NOTICE : LOG_WARNING, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_RULES_LOADED }),
                        n > 0 ? "Access rules: %zu from %s" : "Access rules: %zu from %s, so everything is denied", n,
                        file);
        log_doubts(file, set);
}

void rpc_rules_log_refused(const char *why) {
        const char *end;

        for (const char *line = why; *line; line = end + (*end == '\n')) {
                end = line + strcspn(line, "\n");
                log_write(LOG_ERR,
                                LOG_FIELDS({ "MESSAGE_ID", line == why ? MESSAGE_RULES_REFUSED : NULL },
                                                { "GIVC_REASON", line == why ? why : NULL }),
                                "%s%.*s", line == why ? "Access rules: " : "", (int) (end - line), line);
        }
}
