/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what is read from good ones, and what is said of bad ones, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/config-resolve.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

static char path[] = "/tmp/test-config-XXXXXX";

static int load(const char *text, Config **ret, char **reterr) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
        assert_int_equal(fclose(f), 0);
        return config_load(path, ret, reterr);
}

#define NETWORK_WITH(admin, agent, tls)                                                                                \
        "\"network\": {\"admin\": {\"transport\": " admin "}, \"agent\": {\"transport\": " agent "}, \"tls\": " tls "}"
#define ADMIN "{\"name\": \"admin-vm\", \"addr\": \"192.168.101.10\", \"port\": \"9001\", \"protocol\": \"tcp\"}"
#define AGENT "{\"name\": \"net-vm\", \"addr\": \"192.168.101.1\", \"port\": \"9000\", \"protocol\": \"tcp\"}"
#define TLS                                                                                                            \
        "{\"enable\": true, \"caCertPath\": \"/ca\", \"certPath\": \"/cert\", \"keyPath\": \"/key\","                  \
        "\"crlPath\": \"/crl\"}"
#define NETWORK NETWORK_WITH(ADMIN, AGENT, TLS)
#define IDENTITY                                                                                                       \
        "\"identity\": {\"name\": \"net-vm\", \"type\": 8, \"subType\": 9, \"parent\": \"microvm@net-vm.service\"}"

static void test_whole(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        assert_int_equal(load("{" IDENTITY "," NETWORK ","
                              "\"capabilities\": {"
                              "\"services\": [\"poweroff.target\", \"reboot.target\"],"
                              "\"vmServices\": {\"adminVm\": \"microvm@admin-vm.service\", \"systemVms\": "
                              "[\"a.service\"],"
                              "  \"appVms\": [\"b.service\", \"c.service\"]},"
                              "\"applications\": [{\"name\": \"foot\", \"command\": \"foot -x\", \"args\": [\"flag\", "
                              "\"file\"],"
                              "  \"directories\": [\"/home\"]}],"
                              "\"exec\": {\"enable\": true}, \"wifi\": {\"enable\": false}, \"ctap\": {\"enable\": "
                              "true},"
                              "\"hwid\": {\"enable\": true, \"interface\": \"eth0\"},"
                              "\"socketProxy\": {\"enable\": true, \"sockets\": [{\"server\": true, \"socket\": "
                              "\"/tmp/s\","
                              "  \"transport\": {\"name\": \"gui-vm\", \"addr\": \"1.2.3.4\", \"port\": \"9010\", "
                              "\"protocol\": \"tcp\"}}]},"
                              "\"eventProxy\": {\"enable\": true, \"events\": [{\"producer\": {\"enable\": true, "
                              "\"grab\": true},"
                              "  \"consumer\": {\"enable\": false, \"permittedSource\": null}, \"device\": \"mouse\","
                              "  \"transport\": {\"name\": \"app-vm\", \"addr\": \"1.2.3.5\", \"port\": 9015, "
                              "\"protocol\": \"tcp\"}}]},"
                              "\"notifier\": {\"enable\": true, \"socket\": \"/run/n\"},"
                              "\"policy\": {\"enable\": true, \"storePath\": \"/etc/p\", \"policies\": {\"proxy\": "
                              "\"/etc/proxy\"}}},"
                              "\"accessControl\": {\"enable\": true, \"rulesFile\": \"/etc/rules\", "
                              "\"onError\": \"deny\"}}",
                                         &c, &error),
                        0);
        assert_null(error);
        assert_string_equal(c->identity.name, "net-vm");
        assert_string_equal(c->identity.parent, "microvm@net-vm.service");
        assert_int_equal(c->identity.type, 8);
        assert_int_equal(c->identity.subtype, 9);
        assert_string_equal(c->network.admin.name, "admin-vm");
        assert_int_equal(c->admin_address.kind, RPC_ADDRESS_TCP);
        assert_string_equal(c->admin_address.host, "192.168.101.10");
        assert_int_equal(c->admin_address.port, 9001);
        assert_int_equal(c->agent_address.port, 9000);
        assert_true(c->network.tls);
        assert_string_equal(c->network.ca, "/ca");
        assert_string_equal(c->network.cert, "/cert");
        assert_string_equal(c->network.key, "/key");
        assert_string_equal(c->network.crl, "/crl");
        assert_int_equal(strv_length(c->services), 2);
        assert_string_equal(c->services[1], "reboot.target");
        assert_string_equal(c->admin_vm, "microvm@admin-vm.service");
        assert_int_equal(strv_length(c->system_vms), 1);
        assert_int_equal(strv_length(c->app_vms), 2);
        assert_int_equal(c->n_applications, 1);
        assert_string_equal(c->applications[0].command, "foot -x");
        assert_int_equal(strv_length(c->applications[0].args), 2);
        assert_string_equal(c->applications[0].directories[0], "/home");
        assert_ptr_equal(config_find_application(c, "foot@1", 4), &c->applications[0]);
        assert_null(config_find_application(c, "foot@1", 3));
        assert_true(c->exec && c->ctap && c->hwid && c->notifier && c->event_proxy && c->socket_proxy && c->policy);
        assert_false(c->wifi);
        assert_true(c->access_control && c->deny_on_error);
        assert_string_equal(c->rules_file, "/etc/rules");
        assert_string_equal(c->hwid_interface, "eth0");
        assert_int_equal(c->n_sockets, 1);
        assert_true(c->sockets[0].server);
        assert_string_equal(c->sockets[0].transport.port, "9010");
        assert_int_equal(c->n_events, 1);
        assert_true(c->events[0].producer && c->events[0].grab && c->events[0].usable);
        assert_int_equal(c->events[0].address.port, 9015);
        assert_false(c->events[0].consumer);
        assert_null(c->events[0].permitted_source);
        assert_string_equal(c->events[0].device, "mouse");
        assert_string_equal(c->events[0].transport.name, "app-vm");
        assert_string_equal(c->policies[0], "proxy");
        assert_string_equal(c->policies[1], "/etc/proxy");
        assert_string_equal(c->rules_file, "/etc/rules");

        assert_true(c->sockets[0].usable && c->sockets[0].has_peer);
        assert_string_equal(c->sockets[0].address.host, c->agent_address.host);
        assert_int_equal(c->sockets[0].address.port, 9010);
        assert_string_equal(c->sockets[0].peer.host, "1.2.3.4");

        assert_string_equal(c->policy_store, "/etc/p");
        assert_null(c->warnings);
}

#define SOCKET(server, addr, port, protocol, name, socket)                                                             \
        "{\"server\": " server ", \"socket\": \"" socket "\", \"transport\": {\"name\": \"" name                       \
        "\", \"addr\": \"" addr "\", \"port\": \"" port "\", \"protocol\": \"" protocol "\"}}"

/* A socket that cannot be served is left out, with a word, and nothing else is. */
static void test_sockets(_unused_ void **state) {
        static const struct {
                const char *sockets, *warning;
        } rows[] = {
                { SOCKET("false", "1.2.3.4", "9010", "tcp", "net-vm", "/run/s"), NULL },
                { SOCKET("true", "", "9010", "tcp", "gui-vm", "/run/s"), NULL },
                { SOCKET("false", "1.2.3.4", "9010", "tcp", "net-vm", "s"), "[0].socket: not the absolute path" },
                { SOCKET("false", "1.2.3.4", "9010", "tcp", "net-vm", ""), "[0].socket: not the absolute path" },
                { SOCKET("false", "1.2.3.4", "x", "tcp", "net-vm", "/run/s"), "[0].transport: " },
                { SOCKET("false", "", "9010", "tcp", "net-vm", "/run/s"), "[0].transport: " },
                { SOCKET("true", "1.2.3.4", "", "tcp", "gui-vm", "/run/s"), "[0].transport: " },
                { SOCKET("true", "/run/x", "1", "unix", "gui-vm", "/run/s"), "[0].transport" },
                { SOCKET("true", "1.2.3.4", "9010", "tcp", "", "/run/s"), "[0].transport.name: missing" },
                { SOCKET("true", "[::1", "9010", "tcp", "gui-vm", "/run/s"), "[0].transport: " },
                { SOCKET("true", "1.2.3.4", "9010", "tcp", "a", "/run/s") "," SOCKET(
                                  "true", "1.2.3.5", "9010", "tcp", "b", "/run/t"),
                                "[1].transport.port: another one is served there" },
                { SOCKET("false", "1.2.3.4", "9010", "tcp", "a", "/run/s") "," SOCKET(
                                  "false", "1.2.3.5", "9011", "tcp", "b", "/run/s"),
                                "[1].socket: another one listens there" },
                { SOCKET("false", "1.2.3.4", "9010", "tcp", "a", "/run/s") "," SOCKET(
                                  "true", "1.2.3.5", "9010", "tcp", "b", "/run/s"),
                                NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *error = NULL, *text = NULL, *begin = NULL;
                _cleanup_(config_freep) Config *c = NULL;

                text = strf("{" IDENTITY "," NETWORK ", \"capabilities\": {\"socketProxy\": {\"enable\": true, "
                            "\"sockets\": [%s]}}}",
                                rows[i].sockets);
                assert_non_null(text);
                assert_int_equal(load(text, &c, &error), 0);
                assert_int_equal(strv_length(c->warnings), !!rows[i].warning);
                assert_int_equal(c->sockets[c->n_sockets - 1].usable, !rows[i].warning);
                if (!rows[i].warning)
                        continue;
                begin = strf("capabilities.socketProxy.sockets%s", rows[i].warning);
                assert_non_null(startswith(c->warnings[0], begin));
                assert_non_null(endswith(c->warnings[0], "; it is not served"));
        }
}

/* An entry that cannot be served is left out, with its reason; the others are served. */
static void test_events(_unused_ void **state) {
#define THERE(port)                                                                                                    \
        "\"transport\": {\"name\": \"a-vm\", \"addr\": \"1.2.3.5\", \"port\": \"" port "\", \"protocol\": \"tcp\"}"
        static const struct {
                const char *entry, *reason;
        } vectors[] = {
                { "{\"producer\": {\"enable\": true}, \"device\": \"pad\", " THERE("1") "}", NULL },
                { "{\"producer\": {\"enable\": true}, " THERE("1") "}", "device: missing" },
                { "{\"producer\": {\"enable\": true}, \"device\": \"pad\", \"transport\": {\"addr\": \"1.2.3.5\","
                  " \"port\": \"1\", \"protocol\": \"tcp\"}}",
                                "transport.name: missing, and TLS has nothing to know the consumer by" },
                { "{\"consumer\": {\"enable\": true}, " THERE("2") "}", NULL },
                { "{\"consumer\": {\"enable\": true, \"permittedSource\": \"b-vm\"}, " THERE("2") "}",
                                "transport.port: another consumer is there" },
                { "{\"consumer\": {\"enable\": true, \"permittedSource\": \"b-vm\"}, " THERE("3") "}", NULL },
                { "{\"consumer\": {\"enable\": true}, \"producer\": {\"enable\": true}, " THERE("4") "}",
                                "producer.enable: a consumer cannot be its own producer" },
                { "{\"consumer\": {\"enable\": true}, \"transport\": {\"addr\": \"1.2.3.5\", \"port\": \"5\","
                  " \"protocol\": \"tcp\"}}",
                                "consumer.permittedSource: missing" },
                { "{\"consumer\": {\"enable\": true}, \"transport\": {\"name\": \"a-vm\", \"addr\": \"/x\","
                  " \"protocol\": \"unix\"}}",
                                "transport.protocol: a consumer is reached over tcp or vsock" },
                { "{" THERE("6") "}", NULL },
                { "{\"consumer\": {\"enable\": true}, " THERE("7") "}",
                                "transport.port: capabilities.socketProxy.sockets[1] is served there" },
                { "{\"producer\": {\"enable\": true}, \"device\": \"pad\", " THERE("7") "}", NULL },
        };
        static const char *const sources[] = { NULL, NULL, NULL, "a-vm", NULL, "b-vm" };
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;
        char text[8192] = "{" IDENTITY "," NETWORK
                          ", \"capabilities\": {\"socketProxy\": {\"enable\": true, \"sockets\": ["
                          "{\"socket\": \"/run/a\", \"server\": false, " THERE(
                                          "3") "},"
                                               "{\"socket\": \"/run/b\", \"server\": true, " THERE(
                                                               "7") "}]},"
                                                                    "\"eventProxy\": {\"enable\": true, \"events\": [";
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(vectors); i++)
                (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "," : "",
                                vectors[i].entry);
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}}}");
        assert_int_equal(load(text, &c, &error), 0);
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                char warning[256];

                if (!vectors[i].reason)
                        continue;
                (void) snprintf(warning, sizeof(warning), "capabilities.eventProxy.events[%zu].%s; it is not served", i,
                                vectors[i].reason);
                assert_string_equal(c->warnings[n++], warning);
                assert_false(c->events[i].usable);
        }
        assert_int_equal(strv_length(c->warnings), n);
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                if (sources[i])
                        assert_string_equal(config_event_source(&c->events[i]), sources[i]);
        assert_true(c->events[0].usable && c->events[3].usable && c->events[5].usable);
        assert_false(c->events[9].usable); /* neither end */
}

static void test_notifier(_unused_ void **state) {
        static const struct {
                const char *notifier;
                bool on, warned;
        } rows[] = {
                { "{\"enable\": true, \"socket\": \"/run/n\"}", true, false },
                { "{\"enable\": true}", true, false },
                { "{\"enable\": true, \"socket\": null}", true, false },
                { "{\"enable\": true, \"socket\": \"\"}", false, true },
                { "{\"enable\": true, \"socket\": \"run/n\"}", false, true },
                { "{\"enable\": false, \"socket\": \"\"}", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = strf("{" IDENTITY "," NETWORK ", \"capabilities\": {\"notifier\": %s}}",
                                                    rows[i].notifier),
                                    *error = NULL;
                _cleanup_(config_freep) Config *c = NULL;

                assert_int_equal(load(text, &c, &error), 0);
                assert_int_equal(c->notifier, rows[i].on);
                assert_int_equal(strv_length(c->warnings), rows[i].warned);
                if (rows[i].warned)
                        assert_non_null(startswith(c->warnings[0], "capabilities.notifier.socket: '"));
        }
}

/* Which commands may be run, and what each may take: an empty list is not the same as none. */
static void test_exec_commands(_unused_ void **state) {
        static const struct {
                const char *exec;
                size_t n;
                const char *first;
                uint32_t tasks_max, memory_max_mib;
        } rows[] = {
                { "{\"enable\": true}", 2, "ota-update", 512, 0 },
                { "{\"enable\": true, \"commands\": null}", 2, "ota-update", 512, 0 },
                { "{\"enable\": true, \"commands\": [], \"tasksMax\": null}", 0, NULL, 512, 0 },
                { "{\"enable\": true, \"commands\": [\"/bin/sh\"], \"tasksMax\": 0}", 1, "/bin/sh", 0, 0 },
                { "{\"enable\": false, \"tasksmax\": 9, \"MemoryMaxMiB\": 64}", 0, NULL, 9, 64 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *error = NULL, *text = NULL;
                _cleanup_(config_freep) Config *c = NULL;

                text = strf("{" IDENTITY "," NETWORK ", \"capabilities\": {\"exec\": %s}}", rows[i].exec);
                assert_non_null(text);
                assert_int_equal(load(text, &c, &error), 0);
                assert_int_equal(strv_length(c->exec_commands), rows[i].n);
                if (rows[i].first)
                        assert_string_equal(c->exec_commands[0], rows[i].first);
                assert_int_equal(c->exec_tasks_max, rows[i].tasks_max);
                assert_int_equal(c->exec_memory_max_mib, rows[i].memory_max_mib);
        }
}

/* Variables that callers of commands may set; none that is no name could ever be. */
static void test_exec_environment(_unused_ void **state) {
        static const struct {
                const char *exec;
                size_t n;
                const char *first, *refused;
        } rows[] = {
                { "{\"enable\": true}", 0, NULL, NULL },
                { "{\"enable\": true, \"environment\": []}", 0, NULL, NULL },
                { "{\"enable\": true, \"environment\": [\"LC_*\", \"_a1\", \"*\"]}", 3, "LC_*", NULL },
                { "{\"enable\": false, \"environment\": [\"A-B\"]}", 1, "A-B", NULL },
                { "{\"enable\": true, \"environment\": [\"A-B\"]}", 0, NULL, "'A-B'" },
                { "{\"enable\": true, \"environment\": [\"A=B\"]}", 0, NULL, "'A=B'" },
                { "{\"enable\": true, \"environment\": [\"\"]}", 0, NULL, "''" },
                { "{\"enable\": true, \"environment\": [\"1A\"]}", 0, NULL, "'1A'" },
                { "{\"enable\": true, \"environment\": [\"*A\"]}", 0, NULL, "'*A'" },
                { "{\"enable\": true, \"environment\": [\"A**\"]}", 0, NULL, "'A**'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *error = NULL, *text = NULL;
                _cleanup_(config_freep) Config *c = NULL;

                text = strf("{" IDENTITY "," NETWORK ", \"capabilities\": {\"exec\": %s}}", rows[i].exec);
                assert_non_null(text);
                assert_int_equal(load(text, &c, &error), rows[i].refused ? -EINVAL : 0);
                if (rows[i].refused) {
                        assert_non_null(strstr(error, "capabilities.exec.environment: "));
                        assert_non_null(strstr(error, rows[i].refused));
                        continue;
                }
                assert_int_equal(c->exec_environment != NULL, strstr(rows[i].exec, "environment") != NULL);
                assert_int_equal(strv_length(c->exec_environment), rows[i].n);
                if (rows[i].first)
                        assert_string_equal(c->exec_environment[0], rows[i].first);
        }
}

static void test_wifi_certificates(_unused_ void **state) {
        static const struct {
                const char *wifi, *directory;
                bool warned;
        } rows[] = {
                { "{\"enable\": true, \"certificates\": \"/etc/c/\"}", "/etc/c/", false },
                { "{\"enable\": true, \"certificates\": \"\"}", NULL, false },
                { "{\"enable\": true, \"certificates\": \"etc\"}", NULL, true },
                { "{\"enable\": false, \"certificates\": \"etc\"}", "etc", false },
                { "{\"enable\": true}", NULL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = strf("{" IDENTITY "," NETWORK ", \"capabilities\": {\"wifi\": %s}}",
                                                    rows[i].wifi),
                                    *error = NULL;
                _cleanup_(config_freep) Config *c = NULL;

                assert_int_equal(load(text, &c, &error), 0);
                assert_true(streq_ptr(c->wifi_certificates, rows[i].directory) ||
                                (!c->wifi_certificates && !rows[i].directory));
                assert_int_equal(strv_length(c->warnings), rows[i].warned);
                if (rows[i].warned)
                        assert_non_null(startswith(c->warnings[0], "capabilities.wifi.certificates: 'etc' is not"));
        }
}

static void test_lenient(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        /* Keys in any case, the last spelling counts; numbers for ports; null is absent; unknown keys are told. */
        assert_int_equal(load("{\"IDENTITY\": {\"NAME\": \"first\", \"name\": \"net-vm\", \"colour\": \"red\"},"
                              "\"Network\": {\"Admin\": {\"Transport\": {\"Name\": \"admin-vm\", \"Addr\": \"::1\", "
                              "\"Port\": 9001,"
                              "  \"Protocol\": \"tcp\"}, \"extra\": {\"deep\": 1}},"
                              "\"agent\": {\"transport\": " AGENT "}, \"TLS\": " TLS "},"
                              "\"capabilities\": {\"services\": null, \"applications\": null, \"vmServices\": null,"
                              "  \"wifi\": null, \"eventProxy\": {\"enable\": false, \"events\": null},"
                              "  \"policy\": {\"policies\": {\"proxy\": null}}},"
                              "\"accessControl\": null, \"more\": []}",
                                         &c, &error),
                        0);
        assert_string_equal(c->identity.name, "net-vm");
        assert_null(c->identity.parent);
        assert_int_equal(c->identity.type, 0);
        assert_string_equal(c->network.admin.port, "9001");
        assert_int_equal(c->admin_address.port, 9001);
        assert_null(c->services);
        assert_int_equal(c->n_applications, 0);
        assert_string_equal(c->policies[0], "proxy");
        assert_string_equal(c->policies[1], "");
        assert_int_equal(strv_length(c->warnings), 3);
        assert_string_equal(c->warnings[0], "identity.colour: unknown key, ignored");
        assert_string_equal(c->warnings[1], "network.admin.extra: unknown key, ignored");
        assert_string_equal(c->warnings[2], "more: unknown key, ignored");
}

static void test_careless(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        assert_int_equal(load("{" IDENTITY ", \"note\": \"caf\xe9\", \"note\": 1,\n" NETWORK ", \"capabilities\": {},\n"
                              "\"capabilities\": {\"services\": [\"a.service\", \"\xff.service\"]}}",
                                         &c, &error),
                        0);
        assert_int_equal(strv_length(c->warnings), 3);
        assert_string_equal(c->warnings[0], "not UTF-8: '?' is in the place of each byte that is not");
        assert_string_equal(c->warnings[1], "line 1: duplicate object key near '\"note\"'; only the last one counts");
        assert_string_equal(c->warnings[2], "note: unknown key, ignored");
        assert_string_equal(c->services[0], "a.service");
        assert_string_equal(c->services[1], "?.service");
}

static void test_transports(_unused_ void **state) {
        static const struct {
                const char *admin;
                RpcAddressKind kind;
        } good[] = {
                { "{\"name\": \"a\", \"addr\": \"10.0.0.1\", \"port\": 9001, \"protocol\": \"tcp\"}", RPC_ADDRESS_TCP },
                { "{\"name\": \"a\", \"addr\": \"fd00::1\", \"port\": \"9001\", \"protocol\": \"tcp\"}",
                                RPC_ADDRESS_TCP },
                { "{\"name\": \"a\", \"addr\": \"2\", \"port\": \"9001\", \"protocol\": \"vsock\"}",
                                RPC_ADDRESS_VSOCK },
                { "{\"name\": \"a\", \"addr\": \"/run/admin.sock\", \"protocol\": \"unix\"}", RPC_ADDRESS_UNIX },
                { "{\"name\": \"a\", \"addr\": \"admin\", \"protocol\": \"abstract\"}", RPC_ADDRESS_UNIX },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL, *text = NULL;

                text = strf("{" IDENTITY "," NETWORK_WITH("%s", AGENT, TLS) "}", good[i].admin);
                if (load(text, &c, &error) < 0)
                        fail_msg("%s: %s", good[i].admin, error);
                assert_int_equal(c->admin_address.kind, good[i].kind);
        }
}

#define AT(addr) "{\"name\": \"a\", \"addr\": \"" addr "\", \"port\": \"1\", \"protocol\": \"tcp\"}"
/* Longer than a label may be: nobody is asked. */
#define NOBODY "x123456789012345678901234567890123456789012345678901234567890123456789"

static void test_names(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL, *unknown = NULL;
        _cleanup_free_ char *error = NULL, *expected = NULL;

        assert_int_equal(load("{" IDENTITY "," NETWORK_WITH(AT("localhost"), AT("localhost"), TLS) "}", &c, &error), 0);
        assert_int_equal(strv_length(c->warnings), 2);
        assert_string_equal(c->warnings[0],
                        "network.admin.transport.addr: the name 'localhost' is looked up once, when the agent starts");
        assert_int_equal(config_resolve(c, &error), 0);
        assert_string_equal(c->admin_address.host, "127.0.0.1");
        assert_string_equal(c->agent_address.host, "127.0.0.1");
        assert_string_equal(c->network.agent.addr, "127.0.0.1"); /* which the admin is told */

        assert_int_equal(load("{" IDENTITY "," NETWORK_WITH(AT("[::1]"), AT(NOBODY), TLS) "}", &unknown, &error), 0);
        assert_int_equal(config_resolve(unknown, &error), -EHOSTUNREACH);
        assert_string_equal(unknown->admin_address.host, "::1");
        expected = strf("%s: network.agent.transport.addr: '" NOBODY "': ", path);
        assert_non_null(startswith(error, expected));
}

/* A peer that nobody knows costs its socket, and not the agent. */
static void test_names_of_peers(_unused_ void **state) {
        static const char sockets[] = SOCKET("false", "localhost", "1", "tcp", "a", "/a") "," SOCKET(
                        "false", NOBODY, "1", "tcp", "b", "/b") "," SOCKET("true", "localhost", "1", "tcp", "c", "/c");
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL, *text = NULL;

        text = strf("{" IDENTITY "," NETWORK ", \"capabilities\": {\"socketProxy\": {\"enable\": true, "
                    "\"sockets\": [%s]}}}",
                        sockets);
        assert_non_null(text);
        assert_int_equal(load(text, &c, &error), 0);
        assert_int_equal(config_resolve(c, &error), 0);
        assert_string_equal(c->sockets[0].address.host, "127.0.0.1");
        assert_false(c->sockets[1].usable);
        assert_string_equal(c->sockets[2].address.host, c->agent_address.host);
        assert_string_equal(c->sockets[2].peer.host, "127.0.0.1");
}

static void test_plain(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        assert_int_equal(load("{" IDENTITY "," NETWORK_WITH(ADMIN, AGENT, "{\"enable\": false}") "}", &c, &error), 0);
        assert_false(c->network.tls);
        assert_int_equal(strv_length(c->warnings), 1);
        assert_non_null(startswith(c->warnings[0], "network.tls.enable: TLS is off"));
}

static void test_applications(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        assert_int_equal(load("{" IDENTITY "," NETWORK ", \"capabilities\": {\"applications\": ["
                              "{\"name\": \"one\", \"command\": \"first\"}, {\"name\": \"one\", \"command\": "
                              "\"second\"},"
                              "{\"command\": \"x\"}, {\"name\": \"empty\"}, null,"
                              "{\"name\": \"two\", \"command\": \"x\", \"args\": [\"flag\", \"verb\"]},"
                              "{\"name\": \"bob\", \"command\": \"run --title Bob's\"}]}}",
                                         &c, &error),
                        0);
        assert_string_equal(config_find_application(c, "one", 3)->command, "first");
        assert_int_equal(strv_length(c->warnings), 6);
        assert_string_equal(c->warnings[0],
                        "capabilities.applications[1].name: 'one' is there already; the first one counts");
        assert_string_equal(c->warnings[1], "capabilities.applications[2].name: missing; nothing can start it");
        assert_string_equal(c->warnings[2], "capabilities.applications[3].command: missing; 'empty' cannot be started");
        assert_string_equal(c->warnings[3], "capabilities.applications[4].name: missing; nothing can start it");
        assert_string_equal(
                        c->warnings[4], "capabilities.applications[5].args: 'verb' is not flag, url or file, ignored");
        assert_string_equal(
                        c->warnings[5], "capabilities.applications[6].command: a quote is not closed, so none is one");
}

/* The message behind "FILE". */
static const struct {
        const char *text, *error;
} bad[] = {
        { "", ":1:0: '[' or '{' expected near end of file" },
        { "{\n  \"identity\": {,\n", ":2:16: string or '}' expected near ','" },
        { "{} {}", ":1:4: end of file expected near '{'" },
        { "[]", ": expected an object, got a list" },
        { "{}", ": identity.name: missing" },
        { "{\"identity\": []}", ": identity: expected an object, got a list" },
        { "{\"identity\": {\"name\": 7}}", ": identity.name: expected a string, got a number" },
        { "{\"identity\": {\"type\": -1}}",
                        ": identity.type: expected a whole number from 0 to 4294967295, got a number" },
        { "{\"identity\": {\"type\": 8.5}}",
                        ": identity.type: expected a whole number from 0 to 4294967295, got a fraction" },
        { "{\"identity\": {\"name\": \"a\", \"type\": 15}}",
                        ": identity.type: 15 is not a registration type (0 to 14)" },
        { "{\"identity\": {\"name\": \"a\", \"subType\": 15}}",
                        ": identity.subType: 15 is not a registration type (0 to 14)" },
        { "{\"identity\": {\"name\": \"a b\"}}", ": identity.name: 'a b' cannot be part of a unit's name" },
        { "{" IDENTITY "}", ": network.admin.transport: missing" },
        { "{" IDENTITY ", " NETWORK_WITH(ADMIN, "{}", TLS) "}", ": network.agent.transport: missing" },
        { "{" IDENTITY ", " NETWORK_WITH("{\"name\": \"a\"}", AGENT, TLS) "}",
                        ": network.admin.transport.protocol: missing (tcp, vsock or unix)" },
        { "{" IDENTITY ", " NETWORK_WITH("{\"protocol\": \"tcp\"}", AGENT, TLS) "}",
                        ": network.admin.transport.addr: missing" },
        { "{" IDENTITY
          ", " NETWORK_WITH("{\"name\": \"a\", \"addr\": \"192.168.1\", \"port\": \"1\", \"protocol\": \"tcp\"}", AGENT,
                          TLS) "}",
                        ": network.admin.transport.addr: '192.168.1' is neither an IP address nor a name" },
        { "{" IDENTITY ", " NETWORK_WITH(ADMIN, "{\"addr\": \"a/b\", \"port\": \"1\", \"protocol\": \"tcp\"}", TLS) "}",
                        ": network.agent.transport.addr: 'a/b' is neither an IP address nor a name" },
        { "{" IDENTITY ", " NETWORK_WITH("{\"port\": true}", AGENT, TLS) "}",
                        ": network.admin.transport.port: expected a string, got true" },
        { "{" IDENTITY ", " NETWORK_WITH(ADMIN, AGENT, "{\"enable\": \"yes\"}") "}",
                        ": network.tls.enable: expected true or false, got a string" },
        { "{" IDENTITY ", " NETWORK_WITH(ADMIN, AGENT, "{\"enable\": true}") "}",
                        ": network.tls.caCertPath: missing, and TLS is enabled" },
        { "{" IDENTITY
          ", " NETWORK_WITH(ADMIN, AGENT, "{\"enable\": true, \"caCertPath\": \"/a\", \"certPath\": \"/b\"}") "}",
                        ": network.tls.keyPath: missing, and TLS is enabled" },
        { "{" IDENTITY
          ", " NETWORK_WITH("{\"addr\": \"1.2.3.4\", \"port\": \"1\", \"protocol\": \"tcp\"}", AGENT, TLS) "}",
                        ": network.admin.transport.name: missing, and TLS has nothing to know the admin by" },
        { "{" IDENTITY ", " NETWORK ", \"capabilities\": {\"services\": \"a.service\"}}",
                        ": capabilities.services: expected a list of at most 4096 strings, got a string" },
        { "{" IDENTITY ", " NETWORK ", \"capabilities\": {\"services\": [\"a.service\", 2]}}",
                        ": capabilities.services[1]: expected a string, got a number" },
        { "{" IDENTITY ", " NETWORK ", \"capabilities\": {\"applications\": [{}, {\"args\": {}}]}}",
                        ": capabilities.applications[1].args: expected a list of at most 4096 strings, got an object" },
        { "{" IDENTITY ", " NETWORK ", \"capabilities\": {\"applications\": {}}}",
                        ": capabilities.applications: expected a list of at most 4096 objects, got an object" },
        { "{" IDENTITY ", " NETWORK ", \"capabilities\": {\"policy\": {\"policies\": {\"a\": 1}}}}",
                        ": capabilities.policy.policies.a: expected a string, got a number" },
        { "{" IDENTITY ", " NETWORK ", \"accessControl\": {\"enable\": true}}",
                        ": accessControl.rulesFile: missing, and access control is enabled" },
        { "{" IDENTITY ", " NETWORK ", \"accessControl\": {\"onError\": \"allow\"}}",
                        ": accessControl.onError: 'allow' is neither deny nor skip" },
        { "{" IDENTITY
          ", " NETWORK_WITH(ADMIN, AGENT, "{\"enable\": false}") ", \"accessControl\": {\"enable\": true}}",
                        ": accessControl.enable: access rules need TLS, which network.tls.enable turns off" },
};

static void test_bad(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL, *expected = strf("%s%s", path, bad[i].error);

                assert_int_equal(load(bad[i].text, &c, &error), -EINVAL);
                assert_null(c);
                assert_string_equal(error, expected);
        }
}

/* What rpc/address says is its own affair; the key stands before it. */
static void test_bad_address(_unused_ void **state) {
        static const char *const transports[] = {
                "{\"name\": \"a\", \"addr\": \"1.2.3.4\", \"port\": \"0\", \"protocol\": \"tcp\"}",
                "{\"name\": \"a\", \"addr\": \"1.2.3.4\", \"port\": \"http\", \"protocol\": \"tcp\"}",
                "{\"name\": \"a\", \"addr\": \"1.2.3.4\", \"protocol\": \"tcp\"}",
                "{\"name\": \"a\", \"addr\": \"1.2.3.4\", \"port\": \"70000\", \"protocol\": \"tcp\"}",
                "{\"name\": \"a\", \"addr\": \"1.2.3.4\", \"port\": \"1\", \"protocol\": \"sctp\"}",
                "{\"name\": \"a\", \"addr\": \"x\", \"port\": \"1\", \"protocol\": \"vsock\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(transports); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL, *text = NULL, *prefix = strf("%s: network.agent.transport: ", path);

                text = strf("{" IDENTITY "," NETWORK_WITH(ADMIN, "%s", TLS) "}", transports[i]);
                assert_int_equal(load(text, &c, &error), -EINVAL);
                assert_non_null(startswith(error, prefix));
                assert_true(strlen(error) > strlen(prefix));
        }
}

static void test_no_file(_unused_ void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        assert_int_equal(config_load("/nonexistent/config.json", &c, &error), -EINVAL);
        assert_string_equal(error, "/nonexistent/config.json: No such file or directory");
}

static int teardown(_unused_ void **state) {
        return unlink(path);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_notifier),
                cmocka_unit_test(test_exec_commands),
                cmocka_unit_test(test_exec_environment),
                cmocka_unit_test(test_wifi_certificates),
                cmocka_unit_test(test_sockets),
                cmocka_unit_test(test_lenient),
                cmocka_unit_test(test_careless),
                cmocka_unit_test(test_transports),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_names_of_peers),
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_applications),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_bad_address),
                cmocka_unit_test(test_no_file),
        };
        _cleanup_close_ int fd = mkstemp(path);

        return cmocka_run_group_tests(tests, NULL, teardown);
}
