/* SPDX-License-Identifier: Apache-2.0 */
/* $POLICY_CONFIG: what is taken, with what in the place of what is not said, and what is refused, by its key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admin/config-policies.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

static ConfigPolicies parse(const char *json, char ***warnings) {
        _cleanup_free_ char *error = NULL;
        ConfigPolicies c = {};
        int r = config_policies_parse(json, &c, warnings, &error);

        if (error)
                print_message("%s\n", error);
        assert_int_equal(r, 0);
        return c;
}

static void test_per_policy(void **state) {
        _cleanup_strv_free_ char **warnings = NULL;
        ConfigPolicies c = parse("{\"source\": {\"type\": \"per-policy\"}, \"policies\": {"
                                 "\"proxy\": {\"vms\": [\"app-vm\", \"net-vm\"], \"perPolicyUpdater\":"
                                 "  {\"url\": \"https://h/p.bin\", \"poll_interval_secs\": 30, \"head\": \"etag:x\"}},"
                                 "\"plain\": {\"vms\": [], \"url\": \"http://h/q\"},"
                                 "\"both\": {\"vms\": null, \"url\": \"http://h/q\", \"perPolicyUpdater\": {\"url\": "
                                 "\"http://h/r\","
                                 "  \"poll_interval_secs\": 0}},"
                                 "\"none\": {\"vms\": [\"a\"], \"perPolicyUpdater\": {\"url\": \"\"}, \"extra\": 1}}}",
                        &warnings);

        (void) state;
        assert_int_equal(c.source, POLICY_SOURCE_PER_POLICY);
        assert_int_equal(c.n_policies, 4);
        assert_string_equal(c.policies[0].name, "proxy");
        assert_int_equal(strv_length(c.policies[0].vms), 2);
        assert_string_equal(c.policies[0].vms[1], "net-vm");
        assert_string_equal(c.policies[0].url, "https://h/p.bin");
        assert_int_equal(c.policies[0].interval_usec, 30 * USEC_PER_SEC);
        assert_string_equal(c.policies[1].url, "http://h/q");
        assert_int_equal(c.policies[1].interval_usec, CONFIG_POLL_DEFAULT * USEC_PER_SEC);
        assert_string_equal(c.policies[2].url, "http://h/r");
        assert_int_equal(c.policies[2].interval_usec, 0);
        assert_null(c.policies[3].url);
        assert_int_equal(strv_length(warnings), 1);
        assert_string_equal(warnings[0], "policies.none.extra: unknown key, ignored");
        config_policies_done(&c);
}

static void test_git(void **state) {
        static const struct {
                const char *words, *ref;
        } rows[] = {
                { "", "refs/heads/master" },
                { ", \"ref\": \"main\"", "refs/heads/main" },
                { ", \"branch\": \"a/b\"", "refs/heads/a/b" },
                { ", \"ref\": \"refs/tags/v1.2\", \"branch\": \"x\"", "refs/tags/v1.2" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *json = strf("{\"source\": {\"type\": \"git-url\", \"url\": \"%s\"%s}}",
                                i % 2 ? "https://h/r.git" : "git://10.0.0.1/r", rows[i].words);
                _cleanup_strv_free_ char **warnings = NULL;
                ConfigPolicies c = parse(json, &warnings);

                assert_int_equal(c.source, POLICY_SOURCE_GIT_URL);
                assert_string_equal(c.ref, rows[i].ref);
                assert_int_equal(c.interval_usec, CONFIG_POLL_GIT_DEFAULT * USEC_PER_SEC);
                assert_null(warnings);
                config_policies_done(&c);
        }
}

/* As a configuration without a source is written. URLs that nobody will ask are nobody's business. */
static void test_none(void **state) {
        static const char *const texts[] = { "{}", "{\"source\": {\"type\": \"none\"}, \"policies\": {}}",
                "{\"source\": null, \"policies\": {\"a\": {\"vms\": [\"b\"], \"perPolicyUpdater\": {\"url\": "
                "\"file:x\"}}}}" };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_strv_free_ char **warnings = NULL;
                ConfigPolicies c = parse(texts[i], &warnings);

                assert_int_equal(c.source, POLICY_SOURCE_NONE);
                assert_int_equal(c.n_policies, i == 2);
                config_policies_done(&c);
        }
}

#define URL_RULE                "is no URL of http or https with a host and without a user"
#define PER_POLICY(name, words) "{\"source\": {\"type\": \"per-policy\"}, \"policies\": {\"" name "\": {" words "}}}"
#define GIT(words)              "{\"source\": {\"type\": \"git-url\"" words "}}"

static void test_refused(void **state) {
        static const struct {
                const char *json, *sentence;
        } rows[] = {
                { "", "line 1, column 0: '[' or '{' expected near end of file" },
                { "[]", "expected an object, got a list" },
                { "{\"source\": {}, \"source\": {}}", "line 1, column 23: duplicate object key near '\"source\"'" },
                { "{\"source\": {\"type\": \"ftp\"}}", "source.type: 'ftp' is none of none, per-policy and git-url" },
                { "{\"policies\": []}", "policies: expected an object of at most 4096 objects, got a list" },
                { "{\"policies\": {\"a\": 1}}", "policies.a: expected an object, got a number" },
                { "{\"policies\": {\"a\": {\"vms\": \"b\"}}}",
                                "policies.a.vms: expected a list of at most 4096 strings, got a string" },
                { "{\"policies\": {\"a\": {\"vms\": [\"../b\"]}}}", "policies.a.vms: '../b' is no name of a VM" },
                { "{\"policies\": {\"../a\": {}}}", "policies: '../a' is no name of a policy" },
                { "{\"policies\": {\"a/b\": {}}}", "policies: 'a/b' is no name of a policy" },
                { "{\"policies\": {\"\": {}}}", "policies: '' is no name of a policy" },
                { PER_POLICY("a", "\"url\": \"file:///etc/shadow\""),
                                "policies.a.url: 'file:///etc/shadow' " URL_RULE },
                { PER_POLICY("a", "\"perPolicyUpdater\": {\"url\": \"http://u@h/\"}"),
                                "policies.a.perPolicyUpdater.url: 'http://u@h/' " URL_RULE },
                { PER_POLICY("a", "\"perPolicyUpdater\": {\"poll_interval_secs\": 4}"),
                                "policies.a.perPolicyUpdater.poll_interval_secs: '4' is no number of seconds from 5 to "
                                "2678400, nor 0 for once" },
                { PER_POLICY("a", "\"perPolicyUpdater\": {\"poll_interval_secs\": -1}"),
                                "policies.a.perPolicyUpdater.poll_interval_secs: '-1' is no number of seconds from 5 "
                                "to "
                                "2678400, nor 0 for once" },
                { GIT(""), "source.url: missing, and git-url needs it" },
                { GIT(", \"url\": \"file:///r\""),
                                "source.url: 'file:///r' is no URL of http, https or git with a "
                                "host and without a user" },
                { GIT(", \"url\": \"git://u@h/r\""),
                                "source.url: 'git://u@h/r' is no URL of http, https or git with "
                                "a host and without a user" },
                { GIT(", \"url\": \"git://h/r\", \"ref\": \"--upload-pack=x\""),
                                "source.ref: '--upload-pack=x' is no name of a branch, nor of a reference" },
                { GIT(", \"url\": \"git://h/r\", \"branch\": \"a:b\""),
                                "source.branch: 'a:b' is no name of a branch, nor of a reference" },
                { GIT(", \"url\": \"git://h/r\", \"poll_interval_secs\": 99999999"),
                                "source.poll_interval_secs: '99999999' is no number of seconds from 5 to 2678400, nor "
                                "0 for once" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_strv_free_ char **warnings = NULL;
                _cleanup_free_ char *error = NULL;
                ConfigPolicies c = {};

                assert_int_equal(config_policies_parse(rows[i].json, &c, &warnings, &error), -EINVAL);
                assert_string_equal(error, rows[i].sentence);
                assert_int_equal(c.n_policies, 0);
        }
}

static void test_too_many(void **state) {
        _cleanup_free_ char *json = strdup("{\"policies\": {"), *error = NULL;
        _cleanup_strv_free_ char **warnings = NULL;
        ConfigPolicies c = {};

        (void) state;
        for (int i = 0; i <= CONFIG_POLICIES_MAX; i++) {
                char *longer = strf("%s\"p%i\": {}%s", json, i, i < CONFIG_POLICIES_MAX ? ", " : "}}");

                free(json);
                json = longer;
        }
        assert_int_equal(config_policies_parse(json, &c, &warnings, &error), -EINVAL);
        assert_string_equal(error, "policies: more than 64");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_per_policy),
                cmocka_unit_test(test_git),
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests_name("admin-config-policies", tests, NULL, NULL);
}
