/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and its environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/options.h"

#define WORDS_MAX 16

/* getopt and options keep pointers into argv. */
static char *argv_now[WORDS_MAX + 2];

static int parse(Options *o, char **error, const char *line) {
        static char copy[512];
        char *p = copy;
        int n = 0, r;

        (void) snprintf(copy, sizeof(copy), "givcctl %s", line);
        for (char *w; n < WORDS_MAX && (w = strsep(&p, " "));)
                if (w[0])
                        argv_now[n++] = w;
        argv_now[n] = NULL;
        r = options_parse(n, argv_now, o, error);
        if (r < 0 || o->help || o->version)
                return r;
        r = options_find_admin(o, error);
        if (r < 0)
                options_done(o);
        return r;
}

static void parse_ok(Options *o, const char *line) {
        _cleanup_free_ char *error = NULL;
        int r = parse(o, &error, line);

        if (r < 0)
                fail_msg("'%s': %s", line, error ? error : "nothing");
}

static void parse_refused(const char *line, const char *says) {
        _cleanup_free_ char *error = NULL;
        Options o;

        assert_int_equal(parse(&o, &error, line), -EINVAL);
        if (!error || !strstr(error, says))
                fail_msg("'%s' says: %s", line, error ? error : "nothing");
}

static void assert_address(const char *line, const char *address) {
        _cleanup_free_ char *text = NULL;
        Options o;

        parse_ok(&o, line);
        text = rpc_address_to_string(&o.address);
        assert_string_equal(text, address);
        options_done(&o);
}

static int setup(void **state) {
        static const char *const variables[] = { "GIVC_ADMIN", "GIVC_ADDR", "GIVC_PORT", "GIVC_NAME", "GIVC_CA_CERT",
                "GIVC_HOST_CERT", "GIVC_HOST_KEY", "GIVC_NO_TLS" };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                assert_int_equal(unsetenv(variables[i]), 0);
        return 0;
}

static void test_nothing_said(void **state) {
        Options o;

        (void) state;
        parse_ok(&o, "");
        assert_int_equal(o.n_words, 0);
        assert_null(o.arguments);
        assert_int_equal(o.address.kind, RPC_ADDRESS_UNIX);
        assert_string_equal(o.address.host, "/run/givc/admin.sock");
        assert_false(o.tls);
        assert_int_equal(o.output, OUTPUT_TEXT);
        assert_int_equal(o.timeout_usec, 0);
        assert_int_equal(o.n_limit, 0);
        options_done(&o);
}

static void test_options_stand_anywhere(void **state) {
        Options o;

        (void) state;
        parse_ok(&o, "--timeout=3 start --vm app-vm hold --no-legend --limit 7 --full");
        assert_int_equal(o.n_words, 2);
        assert_string_equal(o.words[0], "start");
        assert_string_equal(o.words[1], "hold");
        assert_null(o.words[2]);
        assert_string_equal(o.vm, "app-vm");
        assert_int_equal(o.timeout_usec, 3 * USEC_PER_SEC);
        assert_int_equal(o.n_limit, 7);
        assert_true(o.no_legend);
        assert_true(o.full);
        options_done(&o);
}

static void test_wait(void **state) {
        Options o;

        (void) state;
        parse_ok(&o, "start foot --wait --vm x");
        assert_true(o.wait_usec == USEC_INFINITY);
        assert_string_equal(o.vm, "x");
        options_done(&o);
        parse_ok(&o, "start foot --wait=5 --watch");
        assert_int_equal(o.wait_usec, 5 * USEC_PER_SEC);
        assert_true(o.watch);
        assert_false(o.no_block);
        options_done(&o);
        parse_ok(&o, "start foot --no-block");
        assert_true(o.no_block);
        assert_int_equal(o.wait_usec, 0);
        options_done(&o);
        parse_refused("start foot --wait --no-block", "do not go together");
        parse_refused("start foot --wait=0", "--wait=0");
        parse_refused("start foot --wait=-1", "--wait=-1");
}

static void test_arguments_are_left_alone(void **state) {
        Options o;

        (void) state;
        parse_ok(&o, "start foot -- --vm -j -- https://example.com");
        assert_int_equal(o.n_words, 2);
        assert_null(o.words[2]);
        assert_null(o.vm);
        assert_int_equal(o.output, OUTPUT_TEXT);
        assert_string_equal(o.arguments[0], "--vm");
        assert_string_equal(o.arguments[1], "-j");
        assert_string_equal(o.arguments[2], "--");
        assert_string_equal(o.arguments[3], "https://example.com");
        assert_null(o.arguments[4]);
        options_done(&o);

        parse_ok(&o, "start foot --");
        assert_non_null(o.arguments);
        assert_null(o.arguments[0]);
        options_done(&o);
}

static void test_addresses(void **state) {
        (void) state;
        assert_address("--admin=unix:/tmp/x", "unix:/tmp/x");
        assert_address("--admin=tcp:10.0.0.1:9 --notls", "tcp:10.0.0.1:9");
        assert_address("--addr=10.0.0.1 --notls", "tcp:10.0.0.1:9001");
        assert_address("--addr=10.0.0.1 --port=7 --notls", "tcp:10.0.0.1:7");
        assert_address("--addr=::1 --notls", "tcp:[::1]:9001");
        assert_address("--addr=/tmp/x", "unix:/tmp/x");
        assert_address("--addr=10.0.0.1 --vsock=3:9001 --notls", "vsock:3:9001");
        assert_address("--admin=unix:/tmp/x --addr=10.0.0.1", "unix:/tmp/x");
        parse_refused("--admin=carrier-pigeon", "carrier-pigeon");
        parse_refused("--addr=10.0.0.1 --port=70000 --notls", "70000");
        parse_refused("--vsock=nobody:1 --notls", "nobody");
}

static OptionSource source_of(const Options *o, const char *name) {
        size_t i = 0;

        while (!streq_ptr(option_get(i)->name, name))
                i++;
        return option_get_source(o, option_get(i));
}

static void test_environment_fills_in(void **state) {
        Options o;

        (void) state;
        setenv("GIVC_ADDR", "10.0.0.1", 1);
        setenv("GIVC_PORT", "77", 1);
        setenv("GIVC_NAME", "admin-vm", 1);
        setenv("GIVC_CA_CERT", "/a", 1);
        setenv("GIVC_HOST_CERT", "/b", 1);
        setenv("GIVC_HOST_KEY", "", 1);
        parse_ok(&o, "--cert=/c");
        assert_string_equal(o.address.host, "10.0.0.1");
        assert_int_equal(o.address.port, 77);
        assert_true(o.tls);
        assert_string_equal(o.server_name, "admin-vm");
        assert_string_equal(o.cacert, "/a");
        assert_string_equal(o.cert, "/c");
        assert_string_equal(o.key, CTL_KEY_DEFAULT);
        assert_int_equal(source_of(&o, "addr"), OPTION_FROM_ENVIRONMENT);
        assert_int_equal(source_of(&o, "cert"), OPTION_SAID);
        assert_int_equal(source_of(&o, "key"), OPTION_DEFAULT);
        options_done(&o);

        assert_address("--addr=10.0.0.2", "tcp:10.0.0.2:77");
        assert_address("--admin=/tmp/x", "unix:/tmp/x");
        setenv("GIVC_ADMIN", "unix:/tmp/y", 1);
        assert_address("", "unix:/tmp/y");
        assert_address("--addr=10.0.0.2", "tcp:10.0.0.2:77");
        assert_address("--vsock=4:5", "vsock:4:5");
}

static void test_no_tls_by_environment(void **state) {
        Options o;

        (void) state;
        setenv("GIVC_ADDR", "10.0.0.1", 1);
        setenv("GIVC_NO_TLS", "true", 1);
        parse_ok(&o, "");
        assert_false(o.tls);
        options_done(&o);
        setenv("GIVC_NO_TLS", "false", 1);
        parse_refused("", "--name");
        setenv("GIVC_NO_TLS", "perhaps", 1);
        parse_refused("", "GIVC_NO_TLS");
}

static void test_tls_needs_a_name(void **state) {
        Options o;

        (void) state;
        parse_refused("--addr=10.0.0.1", "--name");
        parse_refused("--vsock=2:9001", "--name");
        parse_refused("--addr=10.0.0.1 --name=", "--name");
        parse_refused("--admin=[fe80::1%eth0]:9001", "--name");
        parse_ok(&o, "--addr=admin.example");
        assert_string_equal(o.server_name, "admin.example");
        assert_string_equal(o.cacert, CTL_CACERT_DEFAULT);
        assert_string_equal(o.cert, CTL_CERT_DEFAULT);
        options_done(&o);
        parse_ok(&o, "--addr=admin.example --name=admin-vm");
        assert_string_equal(o.server_name, "admin-vm");
        options_done(&o);
}

static void test_json(void **state) {
        static const struct {
                const char *line;
                OutputMode mode;
        } rows[] = {
                { "--json=short", OUTPUT_JSON_SHORT },
                { "--json=pretty", OUTPUT_JSON_PRETTY },
                { "--json=off", OUTPUT_TEXT },
                { "-j --json=off", OUTPUT_TEXT },
        };
        Options o;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                parse_ok(&o, rows[i].line);
                assert_int_equal(o.output, rows[i].mode);
                options_done(&o);
        }
        parse_ok(&o, "-j");
        assert_int_equal(o.output, isatty(STDOUT_FILENO) ? OUTPUT_JSON_PRETTY : OUTPUT_JSON_SHORT);
        options_done(&o);
        parse_refused("--json=xml", "xml");
}

static void test_numbers(void **state) {
        (void) state;
        parse_refused("--timeout=0", "--timeout=0");
        parse_refused("--timeout=soon", "soon");
        parse_refused("--timeout=-1", "-1");
        parse_refused("--limit=-1", "--limit=-1");
        parse_refused("--limit=many", "many");
}

static void test_unknown_options(void **state) {
        (void) state;
        parse_refused("--colour", "Unknown option '--colour'.");
        parse_refused("--vmm=x", "Unknown option '--vmm', did you mean '--vm'?");
        parse_refused("-x", "Unknown option '-x'.");
        parse_refused("--vm", "Option '--vm' needs a value: VM.");
}

static void test_help_needs_nothing_else(void **state) {
        Options o;

        (void) state;
        setenv("GIVC_NO_TLS", "perhaps", 1);
        parse_ok(&o, "-h --json=xml");
        assert_true(o.help);
        options_done(&o);
        parse_ok(&o, "--version --timeout=x");
        assert_true(o.version);
        options_done(&o);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_nothing_said, setup),
                cmocka_unit_test_setup(test_options_stand_anywhere, setup),
                cmocka_unit_test_setup(test_arguments_are_left_alone, setup),
                cmocka_unit_test_setup(test_wait, setup),
                cmocka_unit_test_setup(test_addresses, setup),
                cmocka_unit_test_setup(test_environment_fills_in, setup),
                cmocka_unit_test_setup(test_no_tls_by_environment, setup),
                cmocka_unit_test_setup(test_tls_needs_a_name, setup),
                cmocka_unit_test_setup(test_json, setup),
                cmocka_unit_test_setup(test_numbers, setup),
                cmocka_unit_test_setup(test_unknown_options, setup),
                cmocka_unit_test_setup(test_help_needs_nothing_else, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
