/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call what of an agent, on each of its ports, in full. The peer of its proxies is gui-vm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/access.h"
#include "agent/services/event.h"
#include "agent/services/services.h"
#include "agent/services/socket-stream.h"
#include "unit/matrix.h"

/* In the shape that the reference's modules write them, and one that the configured peer of a proxy stands above. */
static const char rules[] =
                "permit(principal, action, resource) when { (action == Command::\"ServerReflectionInfo\") && "
                "(resource == Module::\"grpc\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"admin-vm\") && (resource == "
                "Module::\"systemd\" || resource == Module::\"locale\" || resource == Module::\"policyadmin\" || "
                "resource == Module::\"exec\" || resource == Module::\"stats\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"gui-vm\") && (resource == "
                "Module::\"systemd\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"gui-vm\" || principal == "
                "Source::\"app-vm\") && (resource == Module::\"socketproxy\" || resource == Module::\"eventproxy\") "
                "};\n";

static const Config config = { .network.admin.name = (char *) "admin-vm",
        .identity.name = (char *) "net-vm",
        .admin_address = { .kind = RPC_ADDRESS_TCP, .host = (char *) "192.168.101.10", .port = 9001 } };
static Access of_agent = { .vm = "net-vm" };
static AccessPeer peer;

static void *prepare(RpcRules *r, const RpcService *service) {
        static const AccessPeer proxy = { "proxy", "peer", "gui-vm", { .kind = RPC_ADDRESS_UNIX },
                .access = &of_agent };

        of_agent.rules = r;
        peer = service == &event_service || service == &socket_stream_service ? proxy
                                                                              : access_peer_of(&config, &of_agent);
        return &peer;
}

static void test_matrix(_unused_ void **state) {
        Matrix m = { "agent", rules, "net-vm", access_check_peer, prepare, NULL };

        log_set_sink(matrix_quiet);
        for (size_t i = 0; services_get(i); i++)
                matrix_add_service(&m, services_get(i));
        matrix_add_service(&m, &socket_stream_service);
        matrix_add_service(&m, &event_service);
        matrix_add_common(&m);
        matrix_finish(&m);
}

static int setup(void **state) {
        return peers_setup(state) < 0 ? -1 : peers_make_nameless();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_matrix),
        };

        return cmocka_run_group_tests(tests, setup, peers_teardown);
}
