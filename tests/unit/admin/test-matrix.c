/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call what of the admin, in full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/matrix.h"
#include "world.h"

/* In the shape that the reference's modules write them: permits by names, with a list of targets where there is one. */
static const char rules[] =
                "permit(principal, action, resource) when { (action == Command::\"ServerReflectionInfo\") && "
                "(resource == Module::\"grpc\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"ghaf-host\" || principal == "
                "Source::\"gui-vm\" || principal == Source::\"app-vm\") && resource == Module::\"admin\" && (action == "
                "Command::\"RegisterService\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"ghaf-host\") && resource == "
                "Module::\"admin\" && (action == Command::\"GetUnitStatus\" || action == Command::\"StartService\" || "
                "action == Command::\"StopService\" || action == Command::\"Suspend\" || action == "
                "Command::\"Wakeup\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"gui-vm\") && resource == "
                "Module::\"admin\" && (action == Command::\"Suspend\" || action == Command::\"Reboot\" || action == "
                "Command::\"Poweroff\" || action == Command::\"SetLocale\" || action == Command::\"SetTimezone\" || "
                "action == Command::\"StartVM\" || action == Command::\"Watch\" || action == Command::\"GetStats\" || "
                "action == Command::\"QueryList\" || action == Command::\"PauseApplication\" || action == "
                "Command::\"ResumeApplication\" || action == Command::\"StopApplication\") };\n"
                "permit(principal, action, resource) when { (principal == Source::\"gui-vm\") && resource == "
                "Module::\"admin\" && (action == Command::\"StartApplication\") && (context has \"VmName\" && "
                "(context.VmName == \"app-vm\")) };\n"
                "permit(principal, action, resource) when { (principal == Source::\"gui-vm\") && resource == "
                "Module::\"admin\" && (action == Command::\"GetUnitStatus\") && (context has \"VmName\" && "
                "(context.VmName == \"ghaf-host\")) };\n"
                "permit(principal, action, resource) when { (principal == Source::\"app-vm\") && resource == "
                "Module::\"admin\" && (action == Command::\"Ctap\") };\n";

static World world_of_admin;

static void *prepare(RpcRules *r, _unused_ const RpcService *service) {
        world_of_admin.admin.rules = r;
        return &world_of_admin.admin;
}

static void test_matrix(_unused_ void **state) {
        Matrix m = { "admin", rules, "admin-vm", permission_check, prepare, NULL };

        log_set_sink(matrix_quiet);
        world_init(&world_of_admin, true);
        world_of_admin.admin.host.name = strdup("ghaf-host");
        for (size_t i = 0; admin_services[i]; i++)
                matrix_add_service(&m, admin_services[i]);
        matrix_add_common(&m);
        world_done(&world_of_admin);
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
