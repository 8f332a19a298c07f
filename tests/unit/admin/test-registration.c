/* SPDX-License-Identifier: Apache-2.0 */
/* Who may register what, and who may call at all. */
#include "unit/admin/entries.h"
#include "unit/peers.h"

#include "admin.pb-c.h"
#include "admin/access.h"
#include "admin/registration.h"
#include "base/log.h"
#include "base/names.h"

#define HOST   "givc-ghaf-host.service"
#define APP_VM "givc-app-vm.service"

enum {
        HOST_MGR = 0,
        HOST_SVC = 1,
        ADM_MGR = 4,
        ADM_SVC = 5,
        SYS_VM = 7,
        SYS_MGR = 8,
        SYS_SVC = 9,
        APP_VM_VM = 11,
        APP_MGR = 12,
        APP_SVC = 13
};

typedef struct Case {
        const char *peer, *from; /* certificate and where it is used; NULL: plain, at from */
        const char *name, *parent;
        unsigned type;
        const char *tls_name, *address;
        RpcCode code;
        const char *says; /* part of the sentence */
} Case;

/* Both VMs and the host have registered, unless the name is theirs. */
static void registry_with(Registry *r, const Case *c) {
        if (!streq(c->name, HOST))
                assert_int_equal(put(r, HOST, HOST, VM_HOST, SERVICE_MGR, NULL), 1);
        if (!streq(c->name, APP_VM))
                assert_int_equal(put(r, APP_VM, APP_VM, VM_APP, SERVICE_MGR, NULL), 1);
}

static void judge(const Case *c, const RegistrationRules *with) {
        _cleanup_(identity_freep) Identity *peer = c->peer ? peer_certified(c->peer, c->from) : peer_plain(c->from);
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_(registered_done) Registered g = {};
        _cleanup_(registry_freep) Registry *r = NULL;
        RegistrationRules rules = with ? *with : (RegistrationRules){};
        Registration registration = { c->name, c->parent, c->type, "tcp", c->address, "9000", c->tls_name };
        int k;

        assert_int_equal(registry_new(&r), 0);
        if (!rules.registry) {
                rules.registry = r;
                registry_with(r, c);
        }
        k = registration_judge(&registration, &rules, peer, &g, &status);
        if (status.code != c->code)
                fail_msg("%s registers %s: %s (%s)", c->peer, c->name, rpc_code_to_string(status.code),
                                strempty(status.message));
        assert_int_equal(k < 0, c->code != RPC_OK);
        if (c->says)
                assert_non_null(strstr(status.message, c->says));
        if (k >= 0) {
                _cleanup_free_ char *agent = agent_from_vm(c->tls_name);

                assert_string_equal(g.agent, agent);
        }
}

static void test_with_certificates(void **state) {
        static const Case cases[] = {
                { "app-vm", "192.168.101.5", APP_VM, "microvm@app-vm.service", APP_MGR, "app-vm", "192.168.101.5",
                                RPC_OK, NULL },
                { "app-vm", "192.168.101.5", "x.service", APP_VM, APP_SVC, "app-vm", "192.168.101.5", RPC_OK, NULL },
                { "app-vm", "192.168.101.5", "foo@0.service", APP_VM, APP_SVC, "app-vm", "192.168.101.5", RPC_OK,
                                NULL },
                { "ghaf-host", "192.168.101.2", HOST, "", HOST_MGR, "ghaf-host", "192.168.101.2", RPC_OK, NULL },
                { "ghaf-host", "192.168.101.2", "y.service", HOST, HOST_SVC, "ghaf-host", "192.168.101.2", RPC_OK,
                                NULL },
                { "ghaf-host", "192.168.101.2", "microvm@app-vm.service", HOST, APP_VM_VM, "ghaf-host", "192.168.101.2",
                                RPC_OK, NULL },
                /* somebody else's name, certificate name, address, parent */
                { "app-vm", "192.168.101.5", "givc-gui-vm.service", "", APP_MGR, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "may not register the agent 'givc-gui-vm.service'" },
                { "app-vm", "192.168.101.5", "givc-gui-vm.service", "", APP_MGR, "gui-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "under the TLS name 'gui-vm'" },
                { "app-vm", "192.168.101.5", APP_VM, "", APP_MGR, "app-vm", "192.168.101.3", RPC_PERMISSION_DENIED,
                                "at the address '192.168.101.3'" },
                { "app-vm", "192.168.101.5", APP_VM, "microvm@gui-vm.service", APP_MGR, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "something under 'microvm@gui-vm.service'" },
                { "app-vm", "192.168.101.5", "x.service", HOST, APP_SVC, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "something under '" HOST "'" },
                { "app-vm", "192.168.101.5", "givc-gui-vm.service", APP_VM, APP_SVC, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "an agent's name" },
                /* what is the host's */
                { "app-vm", "192.168.101.5", "microvm@net-vm.service", APP_VM, SYS_VM, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "the host's" },
                { "app-vm", "192.168.101.5", "x.service", APP_VM, HOST_SVC, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "the host's" },
                { "app-vm", "192.168.101.5", APP_VM, "", HOST_MGR, "app-vm", "192.168.101.5", RPC_PERMISSION_DENIED,
                                "as the host: " HOST " is" },
                { "app-vm", "192.168.101.5", "x.service", APP_VM, ADM_SVC, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, "the admin's" },
                { "app-vm", "192.168.101.5", "microvm@net-vm.service", APP_VM, APP_SVC, "app-vm", "192.168.101.5",
                                RPC_INVALID_ARGUMENT, "Type 13 does not fit" },
                { "ghaf-host", "192.168.101.2", "x.service", HOST, APP_VM_VM, "ghaf-host", "192.168.101.2",
                                RPC_INVALID_ARGUMENT, "Type 11 does not fit" },
                /* nonsense */
                { "app-vm", "192.168.101.5", "x", APP_VM, APP_SVC, "app-vm", "192.168.101.5", RPC_INVALID_ARGUMENT,
                                "'x' is no name of a unit" },
                { "app-vm", "192.168.101.5", "../x.service", APP_VM, APP_SVC, "app-vm", "192.168.101.5",
                                RPC_INVALID_ARGUMENT, "no name of a unit" },
                { "app-vm", "192.168.101.5", "x.service", APP_VM, 99, "app-vm", "192.168.101.5", RPC_INVALID_ARGUMENT,
                                "Unknown type 99" },
                { "app-vm", "192.168.101.5", APP_VM, "", APP_MGR, "app-vm", "localhost", RPC_INVALID_ARGUMENT,
                                "Transport" },
                /* its agent has not registered */
                { "bad-vm", "192.168.101.99", "x.service", "", APP_SVC, "bad-vm", "192.168.101.99",
                                RPC_FAILED_PRECONDITION,
                                "Agent 'givc-bad-vm.service' has to register before 'x.service'" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                judge(&cases[i], NULL);
}

static void test_without_certificates(void **state) {
        static const Case cases[] = {
                { NULL, "192.168.101.5", APP_VM, "", APP_MGR, "app-vm", "192.168.101.5", RPC_OK, NULL },
                { NULL, "192.168.101.5", "x.service", APP_VM, APP_SVC, "app-vm", "192.168.101.5", RPC_OK, NULL },
                { NULL, "192.168.101.5", APP_VM, "", APP_MGR, "app-vm", "192.168.101.3", RPC_PERMISSION_DENIED,
                                "192.168.101.5 without certificate may not register at the address" },
                { NULL, "192.168.101.5", "givc-gui-vm.service", "", APP_MGR, "app-vm", "192.168.101.5",
                                RPC_PERMISSION_DENIED, NULL },
                { NULL, "192.168.101.5", APP_VM, "", APP_MGR, "", "192.168.101.5", RPC_INVALID_ARGUMENT, "is no name" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                judge(&cases[i], NULL);
}

static void test_host_and_admin_are_named(void **state) {
        _cleanup_(registry_freep) Registry *empty = NULL;
        Case app_as_host = { "app-vm", "192.168.101.5", APP_VM, "", HOST_MGR, "app-vm", "192.168.101.5",
                RPC_PERMISSION_DENIED, "as the host: ghaf-host is" };
        Case app_as_admin = { "app-vm", "192.168.101.5", APP_VM, "", ADM_MGR, "app-vm", "192.168.101.5",
                RPC_PERMISSION_DENIED, "as the admin's VM: 'admin-vm' is" };
        Case host = { "ghaf-host", "192.168.101.2", HOST, "", HOST_MGR, "ghaf-host", "192.168.101.2", RPC_OK, NULL };
        Case admin = { "admin-vm", "192.168.101.10", "givc-admin-vm.service", "", ADM_MGR, "admin-vm", "192.168.101.10",
                RPC_OK, NULL };
        RegistrationRules rules = { .own_name = "admin-vm", .host = "ghaf-host" };

        (void) state;
        assert_int_equal(registry_new(&empty), 0);
        rules.registry = empty;
        judge(&app_as_host, &rules);
        judge(&app_as_admin, &rules);
        judge(&host, &rules);
        judge(&admin, &rules);
        /* Nobody was named: the first one is the host, which may come again. */
        rules.host = NULL;
        assert_int_equal(put(empty, HOST, HOST, VM_HOST, SERVICE_MGR, NULL), 1);
        judge(&host, &rules);
        app_as_host.says = "as the host: " HOST " is";
        judge(&app_as_host, &rules);
}

/* The host of the machine has CID 2, and what runs beside the admin 1. */
static void test_host_over_vsock(void **state) {
        static const struct {
                unsigned cid;
                RpcCode code;
        } rows[] = {
                { VMADDR_CID_HOST, RPC_OK },
                { VMADDR_CID_LOCAL, RPC_OK },
                { 3, RPC_PERMISSION_DENIED },
                { 7, RPC_PERMISSION_DENIED },
        };
        _cleanup_(registry_freep) Registry *empty = NULL;
        Case host = { "ghaf-host", NULL, HOST, "", HOST_MGR, "ghaf-host", "192.168.101.2" };
        RegistrationRules rules = {};

        (void) state;
        assert_int_equal(registry_new(&empty), 0);
        rules.registry = empty;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (unsigned named = 0; named < 2; named++) {
                        peers_cid = rows[i].cid;
                        host.code = rows[i].code;
                        host.says = host.code == RPC_OK ? NULL : "as the host: it is a VM.";
                        rules.host = named ? "ghaf-host" : NULL;
                        judge(&host, &rules);
                }
        peers_cid = 7;
}

static RpcCode judge_transport(const Identity *peer, const char *protocol, const char *address, const char *port) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_(registered_done) Registered g = {};
        _cleanup_(registry_freep) Registry *r = NULL;
        RegistrationRules rules = {};
        int k;

        assert_int_equal(registry_new(&r), 0);
        rules.registry = r;
        k = registration_judge(&(Registration){ APP_VM, "", APP_MGR, protocol, address, port, "app-vm" }, &rules, peer,
                        &g, &status);

        assert_int_equal(k < 0, status.code != RPC_OK);
        return status.code;
}

/* The admin would connect there and show its certificate. */
static void test_transports(void **state) {
        _cleanup_(identity_freep) Identity *tcp = peer_certified("app-vm", "192.168.101.5"),
                                           *vsock = peer_certified("app-vm", NULL),
                                           *plain = peer_plain("192.168.101.5"), *plain_vsock = peer_plain(NULL),
                                           *root = peer_local(0, 0), *self = peer_local(geteuid(), 0),
                                           *user = peer_local(54321, 54321);

        (void) state;
        assert_int_equal(judge_transport(tcp, "tcp", "192.168.101.5", "9000"), RPC_OK);
        assert_int_equal(judge_transport(tcp, "tcp", "192.168.101.5", "0"), RPC_INVALID_ARGUMENT);
        assert_int_equal(judge_transport(tcp, "tcp", "192.168.101.5", ""), RPC_INVALID_ARGUMENT);
        assert_int_equal(judge_transport(tcp, "udp", "192.168.101.5", "9000"), RPC_INVALID_ARGUMENT);
        assert_int_equal(judge_transport(tcp, "unix", "/run/dbus/system_bus_socket", ""), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(tcp, "abstract", "x", ""), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(tcp, "vsock", "7", "9000"), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(vsock, "vsock", "7", "9000"), RPC_OK);
        assert_int_equal(judge_transport(vsock, "vsock", "8", "9000"), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(vsock, "tcp", "192.168.101.5", "9000"), RPC_OK);
        assert_int_equal(judge_transport(plain, "unix", "/run/x", ""), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(plain_vsock, "vsock", "7", "9000"), RPC_OK);
        assert_int_equal(judge_transport(plain_vsock, "vsock", "8", "9000"), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(plain_vsock, "tcp", "127.0.0.1", "9000"), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(root, "unix", "/run/x", ""), RPC_OK);
        assert_int_equal(judge_transport(root, "tcp", "192.168.101.5", "9000"), RPC_OK);
        assert_int_equal(judge_transport(self, "unix", "/run/x", ""), RPC_OK);
        assert_int_equal(judge_transport(user, "unix", "/run/x", ""), RPC_PERMISSION_DENIED);
        assert_int_equal(judge_transport(user, "tcp", "192.168.101.5", "9000"), RPC_PERMISSION_DENIED);
}

static char logged[512], logged_peer[128], logged_method[128];
static unsigned n_logged;

static void sink(_unused_ int level, const LogField *fields, const char *text) {
        n_logged++;
        (void) snprintf(logged, sizeof(logged), "%s", text);
        for (; fields && fields->key; fields++)
                if (streq(fields->key, "GIVC_PEER"))
                        (void) snprintf(logged_peer, sizeof(logged_peer), "%s", fields->value);
                else if (streq(fields->key, "GIVC_METHOD"))
                        (void) snprintf(logged_method, sizeof(logged_method), "%s", fields->value);
}

static int ask(Access *a, Identity *identity, RpcStatus *reterr) {
        static const RpcMethod method = { .name = "QueryList" };

        return access_check(identity, &admin__admin_service__descriptor, &method, NULL, reterr, a);
}

static void test_certificate_at_its_address(void **state) {
        _cleanup_(identity_freep) Identity *good = peer_certified("app-vm", "192.168.101.5"),
                                           *bad = peer_certified("bad-vm", "192.168.101.30"),
                                           *vsock = peer_certified("bad-vm", NULL),
                                           *plain = peer_plain("192.168.101.30");
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_(access_done) Access a = {};

        (void) state;
        log_set_sink(sink);
        n_logged = 0;
        assert_int_equal(ask(&a, good, NULL), 0);
        assert_int_equal(ask(&a, vsock, NULL), 0);
        assert_int_equal(ask(&a, plain, NULL), 0);
        assert_int_equal(n_logged, 0);
        assert_true(ask(&a, bad, &status) < 0);
        assert_int_equal(status.code, RPC_PERMISSION_DENIED);
        assert_string_equal(status.message, "IP 192.168.101.30 not in certificate SAN");
        assert_int_equal(n_logged, 1);
        assert_string_equal(logged,
                        "Refused bad-vm (192.168.101.30), which called admin.AdminService/QueryList: "
                        "IP 192.168.101.30 not in certificate SAN");
        assert_string_equal(logged_peer, "bad-vm");
        assert_string_equal(logged_method, "admin.AdminService/QueryList");
        log_set_sink(NULL);
}

static void test_front_door(void **state) {
        uid_t members[] = { 1001, 1002 };
        Access a = { .group_exists = true,
                .group = 990,
                .members = members,
                .n_members = 2,
                .read_usec = time_now(CLOCK_MONOTONIC) };
        const struct {
                uid_t uid;
                gid_t gid;
                bool allowed;
        } cases[] = {
                { 0, 0, true },
                { geteuid(), 5, true },
                { 1001, 1001, true },
                { 1002, 100, true },
                { 54321, 990, true },
                { 54321, 54321, false },
                { 990, 1001, false },
        };

        (void) state;
        log_set_sink(sink);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(identity_freep) Identity *peer = peer_local(cases[i].uid, cases[i].gid);
                _cleanup_(rpc_status_done) RpcStatus status = {};

                assert_int_equal(ask(&a, peer, &status) >= 0, cases[i].allowed);
                assert_int_equal(status.code, cases[i].allowed ? RPC_OK : RPC_PERMISSION_DENIED);
        }
        assert_string_equal(logged_method, "admin.AdminService/QueryList");
        a.group_exists = false;
        {
                _cleanup_(identity_freep) Identity *peer = peer_local(1001, 990);

                assert_true(ask(&a, peer, NULL) < 0);
        }
        log_set_sink(NULL);
}

/* Whoever is in the group when it is read again is let in; who was put there by hand is not any more. */
static void test_group_is_read_again(void **state) {
        _cleanup_(identity_freep) Identity *peer = peer_local(54321, 54321);
        _cleanup_(access_done) Access a = {};
        uid_t *members = mem_new(uid_t, 1);

        (void) state;
        log_set_sink(sink);
        members[0] = 54322;
        a = (Access){ .group_exists = true, .group = 990, .members = members, .n_members = 1 };
        assert_true(ask(&a, peer, NULL) < 0);
        assert_true(a.read_usec > 0);
        log_set_sink(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_with_certificates),
                cmocka_unit_test(test_without_certificates),
                cmocka_unit_test(test_host_and_admin_are_named),
                cmocka_unit_test(test_host_over_vsock),
                cmocka_unit_test(test_transports),
                cmocka_unit_test(test_certificate_at_its_address),
                cmocka_unit_test(test_front_door),
                cmocka_unit_test(test_group_is_read_again),
        };

        return cmocka_run_group_tests_name("admin-registration", tests, peers_setup, peers_teardown);
}
