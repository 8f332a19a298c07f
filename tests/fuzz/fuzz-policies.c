/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as $POLICY_CONFIG, and as what git says of a repository: policies that keep what they promise, or a
 * sentence; files that lie in what was said, or -EBADMSG. */
#include "admin/entry.h"
#include "admin/policy-git.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "http/url.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_policies(const ConfigPolicies *c) {
        check(c->n_policies <= CONFIG_POLICIES_MAX);
        check((c->source == POLICY_SOURCE_GIT_URL) <= (c->url && c->ref && startswith(c->ref, "refs/")));
        for (size_t i = 0; i < c->n_policies; i++) {
                const ConfigPolicy *p = &c->policies[i];
                usec_t least = CONFIG_POLL_MIN * USEC_PER_SEC;

                check(!isempty(p->name) && p->name[0] != '.' && !strchr(p->name, '/'));
                STRV_FOREACH(vm, p->vms)
                        check(entry_word_is_valid(*vm));
                if (c->source == POLICY_SOURCE_PER_POLICY)
                        check((!p->url || http_url_is_valid(p->url)) &&
                                        (p->interval_usec == 0 || p->interval_usec >= least));
        }
}

static void read_config(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = mem_dup(data, size), *error = NULL;
        _cleanup_strv_free_ char **warnings = NULL;
        ConfigPolicies c = {};
        int r = config_policies_parse(text, &c, &warnings, &error);

        check(r == 0 ? !error : r == -EINVAL && !isempty(error));
        check_policies(&c);
        config_policies_done(&c);
}

static void read_listing(const uint8_t *data, size_t size) {
        const uint8_t *p = data, *end = data + size;
        GitFile f;
        int r;

        while ((r = policy_git_next(&p, &size, &f)) > 0) {
                check((const uint8_t *) f.path > data && f.data == (const uint8_t *) f.path + f.path_size + 1);
                check(f.data + f.size < end && p == f.data + f.size + 1 && p + size == end);
        }
        check(r == 0 ? size == 0 : r == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        read_config(data, size);
        read_listing(data, size);
        return 0;
}
