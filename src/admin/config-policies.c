/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/config-policies.h"

#include <inttypes.h>

#include "admin/entry.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "http/url.h"
#include "proto/fields.h"

#define BRANCH_DEFAULT "master"

#define MEMBER(type, key, kind, member)                                                                                \
        { key, kind, offsetof(type, member), NULL, 0, 0 }

/* An interval is text until it is checked, so that none is not the same as 0. */
static const Field updater_fields[] = {
        MEMBER(ConfigPolicy, "url", FIELD_STRING, updater_url),
        MEMBER(ConfigPolicy, "head", FIELD_STRING, updater_head),
        MEMBER(ConfigPolicy, "poll_interval_secs", FIELD_PORT, interval),
        {},
};

static const Field policy_fields[] = {
        MEMBER(ConfigPolicy, "vms", FIELD_STRV, vms),
        MEMBER(ConfigPolicy, "url", FIELD_STRING, url),
        { "perPolicyUpdater", FIELD_OBJECT, 0, updater_fields, 0, 0 },
        {},
};

static const Field source_fields[] = {
        MEMBER(ConfigPolicies, "type", FIELD_STRING, type),
        MEMBER(ConfigPolicies, "url", FIELD_STRING, url),
        MEMBER(ConfigPolicies, "ref", FIELD_STRING, ref),
        MEMBER(ConfigPolicies, "branch", FIELD_STRING, branch),
        MEMBER(ConfigPolicies, "poll_interval_secs", FIELD_PORT, interval),
        {},
};

static const Field config_fields[] = {
        { "source", FIELD_OBJECT, 0, source_fields, 0, 0 },
        { "policies", FIELD_NAMED, offsetof(ConfigPolicies, policies), policy_fields, sizeof(ConfigPolicy),
                        offsetof(ConfigPolicies, n_policies) },
        {},
};

static int check_source(ConfigPolicies *c, char **reterr) {
        static const char *const words[] = {
                [POLICY_SOURCE_NONE] = "none",
                [POLICY_SOURCE_PER_POLICY] = "per-policy",
                [POLICY_SOURCE_GIT_URL] = "git-url",
        };

        if (isempty(c->type))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(c->type, words[i])) {
                        c->source = i;
                        return 0;
                }
        return str_refuse(reterr, "source.type: '%s' is none of none, per-policy and git-url", c->type);
}

static int check_interval(const char *text, uint64_t unset, const char *where, usec_t *ret, char **reterr) {
        uint64_t seconds = unset;

        if (text && (parse_uint(text, CONFIG_POLL_MAX, &seconds) < 0 || (seconds > 0 && seconds < CONFIG_POLL_MIN)))
                return str_refuse(reterr,
                                "%s.poll_interval_secs: '%s' is no number of seconds from %i to %" PRIu64
                                ", nor 0 for once",
                                where, text, CONFIG_POLL_MIN, CONFIG_POLL_MAX);
        *ret = seconds * USEC_PER_SEC;
        return 0;
}

/* The repository's. libcurl knows nothing of git://, which is no different in form. */
static bool git_url_is_valid(const char *url) {
        const char *rest = startswith(url, "git://");
        _cleanup_free_ char *alike = rest ? strf("http://%s", rest) : NULL;

        return str_is_printable(url) && (rest ? alike && http_url_is_valid(alike) : http_url_is_valid(url));
}

/* As git-check-ref-format(1), more narrowly. */
static bool ref_is_valid(const char *ref) {
        return !isempty(ref) && strlen(ref) < 256 && !strchr("-./", ref[0]) && !strstr(ref, "..") &&
                        !strstr(ref, "//") && !strstr(ref, "/.") && !endswith(ref, "/") && !endswith(ref, ".") &&
                        !endswith(ref, ".lock") &&
                        ref[strspn(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+#%=,")] ==
                        0;
}

static int check_git(ConfigPolicies *c, char **reterr) {
        const char *key = isempty(c->ref) ? "branch" : "ref";
        const char *word = !isempty(c->ref) ? c->ref : !isempty(c->branch) ? c->branch : BRANCH_DEFAULT;
        char *full;

        if (c->source != POLICY_SOURCE_GIT_URL)
                return 0;
        if (isempty(c->url))
                return str_refuse(reterr, "source.url: missing, and git-url needs it");
        if (!git_url_is_valid(c->url))
                return str_refuse(reterr,
                                "source.url: '%s' is no URL of http, https or git with a host and without a user",
                                c->url);
        if (!ref_is_valid(word))
                return str_refuse(reterr, "source.%s: '%s' is no name of a branch, nor of a reference", key, word);
        full = startswith(word, "refs/") ? strdup(word) : strf("refs/heads/%s", word);
        if (!full)
                return -ENOMEM;
        free(c->ref);
        c->ref = full;
        return check_interval(c->interval, CONFIG_POLL_GIT_DEFAULT, "source", &c->interval_usec, reterr);
}

/* It becomes the name of a directory, here and on the agents. */
static bool policy_name_is_valid(const char *name) {
        return !isempty(name) && strlen(name) <= CONFIG_POLICY_NAME_MAX && name[0] != '.' && !strchr(name, '/') &&
                        str_is_printable(name);
}

static int check_url(const ConfigPolicies *c, ConfigPolicy *p, char **reterr) {
        _cleanup_free_ char *where = strf("policies.%s.perPolicyUpdater", p->name);
        bool updater = !isempty(p->updater_url);

        if (!where)
                return -ENOMEM;
        if (c->source != POLICY_SOURCE_PER_POLICY)
                return 0;
        if (updater || isempty(p->url)) {
                free(p->url);
                p->url = updater ? TAKE_PTR(p->updater_url) : NULL;
        }
        if (p->url && !http_url_is_valid(p->url))
                return str_refuse(reterr,
                                "policies.%s%s.url: '%s' is no URL of http or https with a host and without a user",
                                p->name, updater ? ".perPolicyUpdater" : "", p->url);
        return check_interval(p->interval, CONFIG_POLL_DEFAULT, where, &p->interval_usec, reterr);
}

static int check_policy(const ConfigPolicies *c, ConfigPolicy *p, char **reterr) {
        if (!policy_name_is_valid(p->name))
                return str_refuse(reterr, "policies: '%s' is no name of a policy", p->name);
        STRV_FOREACH(vm, p->vms)
                if (!entry_word_is_valid(*vm))
                        return str_refuse(reterr, "policies.%s.vms: '%s' is no name of a VM", p->name, *vm);
        return check_url(c, p, reterr);
}

static int check(ConfigPolicies *c, char **reterr) {
        int r;

        if (c->n_policies > CONFIG_POLICIES_MAX)
                return str_refuse(reterr, "policies: more than %i", CONFIG_POLICIES_MAX);
        r = check_source(c, reterr);
        if (r >= 0)
                r = check_git(c, reterr);
        for (size_t i = 0; r >= 0 && i < c->n_policies; i++)
                r = check_policy(c, &c->policies[i], reterr);
        return r;
}

int config_policies_parse(const char *json, ConfigPolicies *ret, char ***warnings, char **reterr) {
        ConfigPolicies c = {};
        json_error_t error;
        json_t *object;
        int r;

        object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
        if (!object)
                return str_refuse(reterr, "line %i, column %i: %s", error.line, error.column, error.text);
        r = fields_read(config_fields, object, &c, warnings, reterr);
        json_decref(object);
        if (r >= 0)
                r = check(&c, reterr);
        if (r < 0) {
                config_policies_done(&c);
                return r;
        }
        *ret = c;
        return 0;
}

void config_policies_done(ConfigPolicies *c) {
        fields_done(config_fields, c);
        *c = (ConfigPolicies){};
}
