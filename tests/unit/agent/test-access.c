/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call what: each kind of caller against the admin's service and the open ones. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <cmocka.h>

#include "agent/access.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "health.pb-c.h"
#include "proto/base64.h"
#include "reflection.pb-c.h"
#include "systemd.pb-c.h"

static char directory[] = "/tmp/test-access-XXXXXX";
static char *logged;

static void sink(int level, const LogField *fields, const char *text) {
        assert_int_equal(level, LOG_WARNING);
        assert_string_equal(fields[0].key, "MESSAGE_ID");
        assert_string_equal(fields[0].value, MESSAGE_ACCESS_DENIED);
        assert_string_equal(fields[1].key, "GIVC_PEER");
        assert_string_equal(fields[2].key, "GIVC_METHOD");
        assert_string_equal(fields[3].key, "GIVC_REASON");
        assert_non_null(strstr(text, fields[3].value));
        free(logged);
        logged = strf("%s|%s|%s", fields[1].value, fields[2].value, text);
}

static int setup(_unused_ void **state) {
        pid_t pid;
        int status;

        assert_non_null(mkdtemp(directory));
        pid = fork();
        if (pid == 0) {
                (void) execl("/usr/bin/python3", "python3", "tests/certs/make-certs", directory,
                                "admin-vm=192.168.101.10", "app-vm=192.168.101.5", NULL);
                _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        log_set_sink(sink);
        return 0;
}

static int teardown(_unused_ void **state) {
        pid_t pid = fork();

        if (pid == 0) {
                (void) execlp("rm", "rm", "-rf", directory, NULL);
                _exit(127);
        }
        (void) waitpid(pid, NULL, 0);
        free(logged);
        return 0;
}

/* The holder of that certificate, connecting from that address. */
static Identity *certificate(const char *name, const char *address) {
        _cleanup_free_ char *path = strf("%s/%s/cert.pem", directory, name), *pem = NULL, *text = NULL;
        struct sockaddr_in from = { .sin_family = AF_INET };
        _cleanup_free_ void *der = NULL;
        Identity *identity = NULL;
        size_t size, n = 0;

        assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
        assert_int_equal(file_read(path, 65536, &pem, &size), 0);
        text = mem_new0(char, size);
        for (char *line = strtok(pem, "\n"); line && !startswith(line, "-----END"); line = strtok(NULL, "\n"))
                if (!startswith(line, "-----"))
                        n += (size_t) sprintf(text + n, "%s", line);
        assert_int_equal(base64_decode(text, n, &der, &size), 0);
        assert_int_equal(identity_new_certificate(der, size, (struct sockaddr *) &from, sizeof(from), &identity), 0);
        return identity;
}

static Identity *plain_ip(const char *address) {
        struct sockaddr_in from = { .sin_family = AF_INET };
        Identity *identity = NULL;

        assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
        assert_int_equal(identity_new_plain((struct sockaddr *) &from, sizeof(from), NULL, &identity), 0);
        return identity;
}

static Identity *plain_ip6(const char *address) {
        struct sockaddr_in6 from = { .sin6_family = AF_INET6 };
        Identity *identity = NULL;

        assert_int_equal(inet_pton(AF_INET6, address, &from.sin6_addr), 1);
        assert_int_equal(identity_new_plain((struct sockaddr *) &from, sizeof(from), NULL, &identity), 0);
        return identity;
}

static Identity *plain_vsock(unsigned cid) {
        struct sockaddr_vm from = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = 1024 };
        Identity *identity = NULL;

        assert_int_equal(identity_new_plain((struct sockaddr *) &from, sizeof(from), NULL, &identity), 0);
        return identity;
}

static Identity *local_user(uid_t uid) {
        const struct ucred ucred = { .pid = 1, .uid = uid, .gid = uid };
        Identity *identity = NULL;

        assert_int_equal(identity_new_plain(NULL, 0, &ucred, &identity), 0);
        return identity;
}

static Config config_at(RpcAddressKind kind, const char *host, unsigned cid) {
        return (Config){ .network.admin.name = (char *) "admin-vm",
                .admin_address = { .kind = kind, .host = (char *) host, .cid = cid, .port = 9001 } };
}

#define CONTROL (&systemd__unit_control_service__descriptor)

/* Consumes the identity. message: NULL allows. */
static void assert_hook(const AccessPeer *peer, Identity *caller, const ProtobufCServiceDescriptor *service,
                const char *message) {
        static const RpcMethod method = { .name = "Method" };
        _cleanup_(identity_freep) Identity *identity = caller;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        int r;

        free(TAKE_PTR(logged));
        r = access_check_peer(identity, service, &method, NULL, &status, (void *) peer);
        if (!message) {
                assert_int_equal(r, 0);
                assert_null(logged);
                return;
        }
        assert_true(r < 0);
        assert_int_equal(status.code, RPC_PERMISSION_DENIED);
        assert_string_equal(status.message, message);
        /* The journal says who, what and why. */
        assert_int_equal(strcspn(logged, "|"), strlen(identity_get_key(identity)));
        assert_non_null(startswith(logged, identity_get_key(identity)));
        assert_non_null(strstr(logged, "/Method|Refused "));
        assert_non_null(endswith(logged, message));
}

static void assert_access(const Config *config, Identity *caller, const ProtobufCServiceDescriptor *service,
                const char *message) {
        const AccessPeer peer = access_peer_of(config, NULL);

        assert_hook(&peer, caller, service, message);
}

/* Of a service on a port of its own: one peer by name and address, not even the admin. */
static void test_peers(_unused_ void **state) {
        const AccessPeer bound = { "socket proxy", "peer", "app-vm",
                { .kind = RPC_ADDRESS_TCP, .host = (char *) "192.168.101.5" }, true };
        const AccessPeer elsewhere = { "socket proxy", "peer", "app-vm",
                { .kind = RPC_ADDRESS_TCP, .host = (char *) "192.168.101.6" }, true };
        const AccessPeer anywhere = { "socket proxy", "peer", "app-vm", { .kind = RPC_ADDRESS_UNIX }, false };

        assert_hook(&bound, certificate("app-vm", "192.168.101.5"), CONTROL, NULL);
        assert_hook(&anywhere, certificate("app-vm", "192.168.101.5"), CONTROL, NULL);
        assert_hook(&bound, certificate("app-vm", "192.168.101.6"), CONTROL, "IP 192.168.101.6 not in certificate SAN");
        assert_hook(&bound, certificate("admin-vm", "192.168.101.10"), CONTROL,
                        "This socket proxy answers 'app-vm' only, not 'admin-vm'.");
        assert_hook(&elsewhere, certificate("app-vm", "192.168.101.5"), CONTROL,
                        "This socket proxy answers 'app-vm' at its configured address only.");
        assert_hook(&bound, plain_ip("192.168.101.5"), CONTROL, NULL);
        assert_hook(&anywhere, plain_ip("192.168.101.5"), CONTROL,
                        "This socket proxy runs without TLS and answers the address of its peer only, not "
                        "192.168.101.5 without certificate.");
}

/* Rules take the place of the admin's name, and of nothing else. */
static void test_rules(_unused_ void **state) {
        static const char text[] = "permit(principal == Source::\"app-vm\", action, resource);";
        const Config c = config_at(RPC_ADDRESS_TCP, "192.168.101.10", 0);
        _cleanup_free_ char *path = strf("%s/rules.cedar", directory), *why = NULL;
        const RpcRulesOptions options = { path, false, "net-vm", "denied" };
        Access access = { .vm = "net-vm" };
        AccessPeer admin = access_peer_of(&c, &access);
        const AccessPeer proxy = { "socket proxy", "peer", "admin-vm", { .kind = RPC_ADDRESS_UNIX },
                .access = &access };
        _cleanup_free_ char *stranger = strf("This agent answers root only on this machine, not user %i.", 4711);

        log_set_sink(NULL);
        assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
        assert_int_equal(rpc_rules_new(&options, &access.rules, &why), 0);
        log_set_sink(sink);
        assert_hook(&admin, certificate("app-vm", "192.168.101.5"), CONTROL, NULL);
        assert_hook(&admin, certificate("app-vm", "192.168.101.6"), CONTROL, "IP 192.168.101.6 not in certificate SAN");
        assert_hook(&admin, local_user(0), CONTROL, NULL);
        assert_hook(&admin, local_user(4711), CONTROL, stranger);
        assert_hook(&proxy, certificate("app-vm", "192.168.101.5"), CONTROL,
                        "This socket proxy answers 'admin-vm' only, not 'app-vm'.");
        access.rules = rpc_rules_free(access.rules);
        assert_int_equal(unlink(path), 0);
}

static void test_certificates(_unused_ void **state) {
        const Config c = config_at(RPC_ADDRESS_TCP, "192.168.101.10", 0);

        assert_access(&c, certificate("admin-vm", "192.168.101.10"), CONTROL, NULL);
        assert_access(&c, certificate("app-vm", "192.168.101.5"), CONTROL,
                        "This agent answers 'admin-vm' only, not 'app-vm'.");
        /* A certificate away from home is nobody's, the admin's too, and for open services too. */
        assert_access(&c, certificate("admin-vm", "192.168.101.30"), CONTROL,
                        "IP 192.168.101.30 not in certificate SAN");
        assert_access(&c, certificate("app-vm", "192.168.101.10"), CONTROL, "IP 192.168.101.10 not in certificate SAN");
        assert_access(&c, certificate("app-vm", "192.168.101.10"), &grpc__health__v1__health__descriptor,
                        "IP 192.168.101.10 not in certificate SAN");
}

static void test_open_services(_unused_ void **state) {
        const Config c = config_at(RPC_ADDRESS_TCP, "192.168.101.10", 0);
        static const ProtobufCServiceDescriptor *const open[] = { &grpc__health__v1__health__descriptor,
                &grpc__reflection__v1__server_reflection__descriptor };

        for (size_t i = 0; i < ELEMENTSOF(open); i++) {
                assert_access(&c, certificate("app-vm", "192.168.101.5"), open[i], NULL);
                assert_access(&c, local_user(4711), open[i], NULL);
                assert_access(&c, plain_ip("192.168.101.5"), open[i], NULL);
        }
}

static void test_local_users(_unused_ void **state) {
        const Config c = config_at(RPC_ADDRESS_TCP, "192.168.101.10", 0);

        assert_access(&c, local_user(0), CONTROL, NULL);
        assert_access(&c, local_user(geteuid()), CONTROL, NULL);
        assert_access(&c, local_user(4711), CONTROL, "This agent answers root only on this machine, not user 4711.");
}

static void test_plain(_unused_ void **state) {
        const Config tcp = config_at(RPC_ADDRESS_TCP, "192.168.101.10", 0),
                     tcp6 = config_at(RPC_ADDRESS_TCP, "fd00::a", 0), vsock = config_at(RPC_ADDRESS_VSOCK, NULL, 7),
                     local = config_at(RPC_ADDRESS_UNIX, "/run/admin", 0);

        assert_access(&tcp, plain_ip("192.168.101.10"), CONTROL, NULL);
        assert_access(&tcp, plain_ip6("::ffff:192.168.101.10"), CONTROL, NULL);
        assert_access(&tcp, plain_ip("192.168.101.5"), CONTROL,
                        "This agent runs without TLS and answers the address of its admin only, not 192.168.101.5 "
                        "without certificate.");
        assert_access(&tcp6, plain_ip6("fd00::a"), CONTROL, NULL);
        assert_access(&tcp6, plain_ip6("fd00::b"), CONTROL,
                        "This agent runs without TLS and answers the address of its admin only, not fd00::b without "
                        "certificate.");
        assert_access(&vsock, plain_vsock(7), CONTROL, NULL);
        assert_access(&vsock, plain_vsock(8), CONTROL,
                        "This agent runs without TLS and answers the address of its admin only, not vsock CID 8 "
                        "without "
                        "certificate.");
        assert_access(&tcp, plain_vsock(0), CONTROL,
                        "This agent runs without TLS and answers the address of its admin only, not vsock CID 0 "
                        "without "
                        "certificate.");
        assert_access(&local, plain_ip("192.168.101.10"), CONTROL,
                        "This agent runs without TLS and answers the address of its admin only, not 192.168.101.10 "
                        "without certificate.");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_certificates),
                cmocka_unit_test(test_peers),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_open_services),
                cmocka_unit_test(test_local_users),
                cmocka_unit_test(test_plain),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
