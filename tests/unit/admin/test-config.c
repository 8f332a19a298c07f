/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and the environment of the admin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admin/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const variables[] = { "TLS", "CA_CERT", "HOST_CERT", "HOST_KEY", "CRL", "GIVC_HOST", "GIVC_GUI_VM",
        "GIVC_LOCAL_SOCKET", "GIVC_MONITORING", "GIVC_VM_START_TIMEOUT", "POLICY_ADMIN", "POLICY_CONFIG",
        "POLICY_STORE", "ACCESS_CONTROL", "CEDAR_FILE", "SERVICES", "GIVC_LOG", "NAME", "TYPE", "SUBTYPE", "PROTO" };

static int setup(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                unsetenv(variables[i]);
        return 0;
}

#define ARGV(...) ((char **) (const char *[]){ "givc-admin", __VA_ARGS__ __VA_OPT__(, ) NULL })

static int parse(char *argv[], Config *ret, char **reterr) {
        int argc = 0;

        while (argv[argc])
                argc++;
        return config_parse(argc, argv, ret, reterr);
}

static void assert_error(char *argv[], const char *sentence) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *error = NULL;

        assert_int_equal(parse(argv, &c, &error), -EINVAL);
        assert_string_equal(error, sentence);
        assert_int_equal(c.n_listen, 0); /* nothing was written */
}

static void test_defaults(void **state) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *error = NULL;

        (void) state;
        assert_int_equal(parse(ARGV(), &c, &error), CONFIG_RUN);
        assert_int_equal(c.n_listen, 0);
        assert_string_equal(c.local_socket, "/run/givc/admin.sock");
        assert_false(c.local_socket_asked_for);
        assert_false(c.use_tls);
        assert_true(c.monitoring);
        assert_int_equal(c.vm_start_usec, 0);
        assert_false(c.check);
        assert_null(c.host);
        assert_string_equal(c.settings_directory, "/etc");
        assert_int_equal(c.log_level, LOG_INFO);
}

static void test_options(void **state) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *error = NULL;

        (void) state;
        assert_int_equal(parse(ARGV("--listen", "192.168.101.10:9001", "--listen=/run/x.sock", "--listen",
                                               "vsock:any:9001", "--listen", "sd-listen:*", "--use-tls", "--ca-cert",
                                               "ca", "--host-cert=cert", "--host-key", "key", "--crl", "crl", "--host",
                                               "ghaf-host", "--gui-vm=desk-vm", "--monitoring=no", "--local-socket",
                                               "/tmp/s", "--services", "a b", "--vm-start-timeout=90", "--check",
                                               "--access-control", "--cedar-file=rules", "--on-rule-error=deny"),
                                         &c, &error),
                        CONFIG_RUN);
        assert_int_equal(c.n_listen, 4);
        assert_int_equal(c.listen[0].kind, RPC_ADDRESS_TCP);
        assert_string_equal(c.gui_vm, "desk-vm");
        assert_int_equal(c.listen[0].port, 9001);
        assert_int_equal(c.listen[1].kind, RPC_ADDRESS_UNIX);
        assert_int_equal(c.listen[2].kind, RPC_ADDRESS_VSOCK);
        assert_int_equal(c.listen[3].kind, RPC_ADDRESS_PASSED);
        assert_true(c.use_tls);
        assert_string_equal(c.ca_cert, "ca");
        assert_string_equal(c.host_cert, "cert");
        assert_string_equal(c.host_key, "key");
        assert_string_equal(c.crl, "crl");
        assert_string_equal(c.host, "ghaf-host");
        assert_string_equal(c.local_socket, "/tmp/s");
        assert_true(c.local_socket_asked_for);
        assert_false(c.monitoring);
        assert_int_equal(c.vm_start_usec, 90 * USEC_PER_SEC);
        assert_true(c.check);
        assert_true(c.access_control && c.deny_on_error);
        assert_string_equal(c.cedar_file, "rules");
}

static void test_environment(void **state) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *error = NULL;

        (void) state;
        setenv("TLS", "true", 1);
        setenv("CA_CERT", "ca", 1);
        setenv("HOST_CERT", "cert", 1);
        setenv("HOST_KEY", "key", 1);
        setenv("GIVC_MONITORING", "false", 1);
        setenv("GIVC_GUI_VM", "desk-vm", 1);
        setenv("GIVC_VM_START_TIMEOUT", "5", 1);
        setenv("GIVC_LOG", "givc=debug", 1);
        setenv("GIVC_LOCAL_SOCKET", "none", 1);
        setenv("POLICY_ADMIN", "false", 1);
        setenv("POLICY_CONFIG", "{\"policies\": 1}", 1); /* nobody looks */
        setenv("ACCESS_CONTROL", "false", 1);
        setenv("SERVICES", "givc-a.service givc-b.service", 1);
        setenv("NAME", "admin-vm", 1);
        setenv("TYPE", "4", 1);
        setenv("SUBTYPE", "5", 1);
        setenv("PROTO", "tcp", 1);
        assert_int_equal(parse(ARGV(), &c, &error), CONFIG_RUN);
        assert_true(c.use_tls);
        assert_string_equal(c.host_key, "key");
        assert_false(c.monitoring);
        assert_int_equal(c.vm_start_usec, 5 * USEC_PER_SEC);
        assert_string_equal(c.gui_vm, "desk-vm");
        assert_int_equal(c.log_level, LOG_DEBUG);
        assert_null(c.local_socket);
}

/* Whoever runs us without a word gets the reference's files; who gives us a place of our own, the same ones there. */
static void test_settings_directory(void **state) {
        _cleanup_(config_done) Config kept = {}, said = {};
        _cleanup_free_ char *error = NULL;

        (void) state;
        setenv("STATE_DIRECTORY", "/var/lib/givc-admin:/var/lib/other", 1);
        assert_int_equal(parse(ARGV(), &kept, &error), CONFIG_RUN);
        assert_string_equal(kept.settings_directory, "/var/lib/givc-admin");
        setenv("GIVC_SETTINGS_DIRECTORY", "/srv", 1);
        assert_int_equal(parse(ARGV(), &said, &error), CONFIG_RUN);
        assert_string_equal(said.settings_directory, "/srv");
        assert_error(ARGV("--settings-directory=etc"), "--settings-directory: 'etc' is no absolute path.");
        unsetenv("STATE_DIRECTORY");
        unsetenv("GIVC_SETTINGS_DIRECTORY");
}

static void test_options_go_before_environment(void **state) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *error = NULL;

        (void) state;
        setenv("TLS", "true", 1);
        setenv("HOST_KEY", "from-environment", 1);
        assert_int_equal(parse(ARGV("--use-tls=false", "--host-key", "from-option"), &c, &error), CONFIG_RUN);
        assert_false(c.use_tls);
        assert_string_equal(c.host_key, "from-option");
}

static void test_what_to_print(void **state) {
        _cleanup_free_ char *error = NULL;
        Config c;

        (void) state;
        assert_int_equal(parse(ARGV("--help"), &c, &error), CONFIG_HELP);
        assert_int_equal(parse(ARGV("-h"), &c, &error), CONFIG_HELP);
        assert_int_equal(parse(ARGV("--version"), &c, &error), CONFIG_VERSION);
}

/* Each option is in the help. */
static void test_help(void **state) {
        static const char *const options[] = { "--listen", "--local-socket", "--use-tls", "--ca-cert", "--host-cert",
                "--host-key", "--crl", "--host=", "--monitoring", "--vm-start-timeout", "--access-control",
                "--cedar-file", "--on-rule-error", "--policy-admin", "--policy-config", "--policy-store", "--services",
                "--check", "--help", "--version" };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                assert_non_null(strstr(config_help, options[i]));
}

static void test_errors(void **state) {
        (void) state;
        assert_error(ARGV("--listen", "x"), "--listen: 'x': expected HOST:PORT.");
        assert_error(ARGV("--use-tls=maybe"), "--use-tls: 'maybe' is neither true nor false.");
        assert_error(ARGV("--use-tls"), "--ca-cert ($CA_CERT): TLS is on, so the file must be named.");
        assert_error(ARGV("--use-tls", "--ca-cert=x", "--host-cert=x"),
                        "--host-key ($HOST_KEY): TLS is on, so the file must be named.");
        assert_error(ARGV("--access-control"),
                        "--access-control: rules need to know who calls, and without --use-tls nobody does.");
        assert_error(ARGV("--use-tls", "--ca-cert=x", "--host-cert=x", "--host-key=x", "--access-control"),
                        "--cedar-file ($CEDAR_FILE): access control is on, so the file must be named.");
        assert_error(ARGV("--on-rule-error=allow"),
                        "--on-rule-error ($GIVC_ON_RULE_ERROR): 'allow' is neither deny nor skip.");
        assert_error(ARGV("--policy-admin"), "--policy-admin: --policy-config ($POLICY_CONFIG) is missing.");
        assert_error(ARGV("--policy-admin", "--policy-config={}", "--policy-store=x"),
                        "--policy-store ($POLICY_STORE): 'x' is no absolute path.");
        assert_error(ARGV("--policy-admin", "--policy-config={"),
                        "--policy-config ($POLICY_CONFIG): line 1, column 1: string or '}' expected near end of file.");
        assert_error(ARGV("--host=a b"), "--host: 'a b' is no certificate name.");
        assert_error(ARGV("--gui-vm=../x"), "--gui-vm: '../x' is no name of a VM.");
        assert_error(ARGV("--local-socket=x"), "--local-socket: 'x' is no absolute path.");
        assert_error(ARGV("--vm-start-timeout=0"),
                        "--vm-start-timeout ($GIVC_VM_START_TIMEOUT): '0' is no number of seconds from 1 to 3600.");
        assert_error(ARGV("--vm-start-timeout", "3601"),
                        "--vm-start-timeout ($GIVC_VM_START_TIMEOUT): '3601' is no number of seconds from 1 to 3600.");
        assert_error(ARGV("--vm-start-timeout=1m"),
                        "--vm-start-timeout ($GIVC_VM_START_TIMEOUT): '1m' is no number of seconds from 1 to 3600.");
        assert_error(ARGV("--nonsense"), "--nonsense: there is no such option, or it takes no value; see --help.");
        assert_error(ARGV("--check=yes"), "--check=yes: there is no such option, or it takes no value; see --help.");
        assert_error(ARGV("--listen"), "--listen: a value is missing.");
        assert_error(ARGV("extra"), "'extra': no argument is expected; see --help.");
        setenv("ACCESS_CONTROL", "true", 1);
        assert_error(ARGV(), "--access-control: rules need to know who calls, and without --use-tls nobody does.");
        assert_error(ARGV("--use-tls", "--ca-cert=x", "--host-cert=x", "--host-key=x"),
                        "--cedar-file ($CEDAR_FILE): access control is on, so the file must be named.");
        setenv("ACCESS_CONTROL", "perhaps", 1);
        assert_error(ARGV(), "$ACCESS_CONTROL: 'perhaps' is neither true nor false.");
}

static void test_too_many_listeners(void **state) {
        char *argv[CONFIG_LISTEN_MAX + 3] = { (char *) "givc-admin" };

        (void) state;
        for (size_t i = 1; i <= CONFIG_LISTEN_MAX + 1; i++)
                argv[i] = (char *) "--listen=/run/x";
        assert_error(argv, "--listen: more than 16 addresses.");
}

static unsigned n_warnings;

static void sink(int level, _unused_ const LogField *fields, _unused_ const char *text) {
        n_warnings += level == LOG_WARNING;
}

static void test_unknown_log_level(void **state) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *error = NULL;

        (void) state;
        log_set_sink(sink);
        setenv("GIVC_LOG", "loud", 1);
        assert_int_equal(parse(ARGV(), &c, &error), CONFIG_RUN);
        assert_int_equal(c.log_level, LOG_INFO);
        assert_int_equal(n_warnings, 1);
        log_set_sink(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_defaults, setup),
                cmocka_unit_test_setup(test_options, setup),
                cmocka_unit_test_setup(test_environment, setup),
                cmocka_unit_test_setup(test_settings_directory, setup),
                cmocka_unit_test_setup(test_options_go_before_environment, setup),
                cmocka_unit_test_setup(test_what_to_print, setup),
                cmocka_unit_test_setup(test_help, setup),
                cmocka_unit_test_setup(test_errors, setup),
                cmocka_unit_test_setup(test_too_many_listeners, setup),
                cmocka_unit_test_setup(test_unknown_log_level, setup),
        };

        return cmocka_run_group_tests_name("admin-config", tests, NULL, NULL);
}
