/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as environment variables: what is read from good ones, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/config-environment.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

typedef struct Assignment {
        const char *name, *value;
} Assignment;

static const Assignment whole[] = {
        { "NAME", "foot-vm" },
        { "ADDR", "192.168.101.5" },
        { "PORT", "9000" },
        { "PROTO", "tcp" },
        { "DEBUG", "false" },
        { "TYPE", "12" },
        { "SUBTYPE", "13" },
        { "TLS", "false" },
        { "PARENT", "microvm@foot-vm.service" },
        { "APPLICATIONS", "{\"foot\": \"run-waypipe foot\", \"calc\": \"calc\"}" },
        { "ADMIN_SERVER_NAME", "admin-vm" },
        { "ADMIN_SERVER_ADDR", "192.168.101.2" },
        { "ADMIN_SERVER_PORT", "9001" },
        { "ADMIN_SERVER_PROTO", "tcp" },
};

/* Nothing is left of the environment but what cmocka looks up when the tests have run. */
static void forget_environment(void) {
        static const char *const kept[] = { "CMOCKA_MESSAGE_OUTPUT", "CMOCKA_XML_FILE" };
        char *values[ELEMENTSOF(kept)] = {};

        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                values[i] = getenv(kept[i]) ? strdup(getenv(kept[i])) : NULL;
        assert_int_equal(clearenv(), 0);
        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                if (values[i])
                        assert_int_equal(setenv(kept[i], values[i], true), 0);
                free(values[i]);
        }
}

static void set(const Assignment *assignments, size_t n) {
        forget_environment();
        for (size_t i = 0; i < n; i++)
                assert_int_equal(setenv(assignments[i].name, assignments[i].value, true), 0);
}

static void test_whole(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        set(whole, ELEMENTSOF(whole));
        assert_true(config_is_in_environment());
        if (config_load_environment(&c, &error) < 0)
                fail_msg("%s", error);
        assert_string_equal(c->path, "environment");
        assert_true(c->from_environment);
        assert_string_equal(c->identity.name, "foot-vm");
        assert_string_equal(c->identity.parent, "microvm@foot-vm.service");
        assert_int_equal(c->identity.type, 12);
        assert_int_equal(c->identity.subtype, 13);
        assert_string_equal(c->network.agent.name, "foot-vm");
        assert_string_equal(c->network.agent.port, "9000");
        assert_string_equal(c->agent_address.host, "192.168.101.5");
        assert_int_equal(c->agent_address.port, 9000);
        assert_string_equal(c->network.admin.name, "admin-vm");
        assert_string_equal(c->admin_address.host, "192.168.101.2");
        assert_int_equal(c->admin_address.port, 9001);
        assert_false(c->network.tls);
        assert_int_equal(c->n_applications, 2);
        assert_string_equal(config_find_application(c, "foot", 4)->command, "run-waypipe foot");
        assert_string_equal(config_find_application(c, "calc", 4)->command, "calc");
        assert_null(config_find_application(c, "foot", 4)->args);
        assert_false(c->wifi || c->hwid);
        assert_int_equal(strv_length(c->warnings), 1);
        assert_non_null(startswith(c->warnings[0], "network.tls.enable: TLS is off"));
}

static void test_optional(_unused_ void **state) {
        static const Assignment more[] = {
                { "TLS", "yes" },
                { "CA_CERT", "/ca" },
                { "HOST_CERT", "/cert" },
                { "HOST_KEY", "/key" },
                { "SERVICES", " a.service  poweroff.target " },
                { "WIFI", "true" },
                { "HWID", "false" },
                { "HWID_IFACE", "eth0" },
                { "APPLICATIONS", "{}" },
                { "PARENT", "" },
        };
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        set(whole, ELEMENTSOF(whole));
        for (size_t i = 0; i < ELEMENTSOF(more); i++)
                assert_int_equal(setenv(more[i].name, more[i].value, true), 0);
        if (config_load_environment(&c, &error) < 0)
                fail_msg("%s", error);
        assert_true(c->network.tls);
        assert_string_equal(c->network.ca, "/ca");
        assert_string_equal(c->network.cert, "/cert");
        assert_string_equal(c->network.key, "/key");
        assert_int_equal(strv_length(c->services), 2);
        assert_string_equal(c->services[0], "a.service");
        assert_string_equal(c->services[1], "poweroff.target");
        assert_true(c->wifi);
        assert_false(c->hwid);
        assert_string_equal(c->hwid_interface, "eth0");
        assert_int_equal(c->n_applications, 0);
        assert_null(c->identity.parent);
        assert_int_equal(strv_length(c->warnings), 0);
}

static void test_unix(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        set(whole, ELEMENTSOF(whole));
        assert_int_equal(setenv("PROTO", "unix", true), 0);
        assert_int_equal(setenv("ADDR", "/run/agent.sock", true), 0);
        if (config_load_environment(&c, &error) < 0)
                fail_msg("%s", error);
        assert_int_equal(c->agent_address.kind, RPC_ADDRESS_UNIX);
        assert_string_equal(c->agent_address.host, "/run/agent.sock");
}

static void test_required(_unused_ void **state) {
        static const char *const required[] = { "NAME", "ADDR", "PORT", "PROTO", "TYPE", "SUBTYPE", "ADMIN_SERVER_NAME",
                "ADMIN_SERVER_ADDR", "ADMIN_SERVER_PORT", "ADMIN_SERVER_PROTO" };

        for (size_t i = 0; i < 2 * ELEMENTSOF(required); i++) {
                const char *name = required[i / 2];
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL, *expected = strf("environment: %s: missing", name);

                set(whole, ELEMENTSOF(whole));
                assert_int_equal(i % 2 ? setenv(name, "", true) : unsetenv(name), 0);
                assert_true(config_is_in_environment());
                assert_int_equal(config_load_environment(&c, &error), -EINVAL);
                assert_string_equal(error, expected);
        }
        set((const Assignment[]){ { "DEBUG", "true" }, { "SERVICES", "a" }, { "NAME", "" } }, 3);
        assert_false(config_is_in_environment());
}

static void test_bad(_unused_ void **state) {
        static const struct {
                const char *name, *value, *error;
        } bad[] = {
                { "TYPE", "15", "TYPE: '15' is not a registration type (0 to 14)" },
                { "TYPE", "-1", "TYPE: '-1' is not a registration type (0 to 14)" },
                { "SUBTYPE", "app", "SUBTYPE: 'app' is not a registration type (0 to 14)" },
                { "NAME", "a b", "NAME: 'a b' cannot be part of a unit's name" },
                { "ADDR", "127.1", "ADDR: '127.1' is neither an IP address nor a name" },
                { "ADMIN_SERVER_ADDR", "a/b", "ADMIN_SERVER_ADDR: 'a/b' is neither an IP address nor a name" },
                { "TLS", "true", "CA_CERT: missing, and TLS is enabled" },
                { "TLS", "", "CA_CERT: missing, and TLS is enabled" },
                { "APPLICATIONS", "[]", "APPLICATIONS: expected an object of at most 4096 strings, got a list" },
                { "APPLICATIONS", "{\"a\": 1}", "APPLICATIONS: a: expected a string, got a number" },
        };
        /* The words behind these are those of others. */
        static const struct {
                const char *name, *value, *error;
        } begin[] = {
                { "PORT", "0", "environment: ADDR, PORT, PROTO: " },
                { "ADMIN_SERVER_PROTO", "sctp",
                                "environment: ADMIN_SERVER_ADDR, ADMIN_SERVER_PORT, ADMIN_SERVER_PROTO: " },
                { "APPLICATIONS", "{\"a\": \"b\"", "environment: APPLICATIONS: " },
                { "APPLICATIONS", "{\"a\": \"b\", \"a\": \"c\"}", "environment: APPLICATIONS: duplicate" },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL, *expected = strf("environment: %s", bad[i].error);

                set(whole, ELEMENTSOF(whole));
                assert_int_equal(setenv(bad[i].name, bad[i].value, true), 0);
                assert_int_equal(config_load_environment(&c, &error), -EINVAL);
                assert_string_equal(error, expected);
        }
        for (size_t i = 0; i < ELEMENTSOF(begin); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL;

                set(whole, ELEMENTSOF(whole));
                assert_int_equal(setenv(begin[i].name, begin[i].value, true), 0);
                assert_int_equal(config_load_environment(&c, &error), -EINVAL);
                if (!startswith(error, begin[i].error) || streq(error, begin[i].error))
                        fail_msg("%s", error);
        }
}

static void test_names(_unused_ void **state) {
        static const char *const ours[] = { "NAME=x", "HOST_KEY=/k", "APPLICATIONS=", "DEBUG=true" };
        static const char *const others[] = { "NAMES=x", "NAM=x", "NAME", "HOME=/", "PATH=NAME=", "DEBUG=x" };

        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                assert_true(config_environment_has(ours[i]));
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_false(config_environment_has(others[i]));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_optional),
                cmocka_unit_test(test_unix),
                cmocka_unit_test(test_required),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
