/* SPDX-License-Identifier: Apache-2.0 */
/* What a call is judged by is what it would act on, whatever its fields say beside that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "entries.h"
#include "exec.pb-c.h"
#include "journal.pb-c.h"
#include "unit/peers.h"
#include "wifimanager.pb-c.h"
#include "world.h"

static World *w;
static char *denied;

/* An agent each on host, net-vm, gui-vm and app-vm, with the units and applications that those have. */
static int setup_world(_unused_ void **state) {
        Registry *r;

        w = &world;
        world_init(w, true);
        r = w->admin.registry;
        assert_true(put(r, "givc-ghaf-host.service", "givc-ghaf-host.service", VM_HOST, SERVICE_MGR, NULL) >= 0);
        assert_true(put(r, "givc-ghaf-host.service", "microvm@net-vm.service", VM_SYS, SERVICE_VM, NULL) >= 0);
        assert_true(put(r, "givc-net-vm.service", "givc-net-vm.service", VM_SYS, SERVICE_MGR, NULL) >= 0);
        assert_true(put(r, "givc-net-vm.service", "dhcp.service", VM_SYS, SERVICE_SVC, NULL) >= 0);
        assert_true(put(r, "givc-gui-vm.service", "givc-gui-vm.service", VM_SYS, SERVICE_MGR, NULL) >= 0);
        assert_true(put(r, "givc-app-vm.service", "givc-app-vm.service", VM_APP, SERVICE_MGR, NULL) >= 0);
        assert_true(put(r, "givc-app-vm.service", "foot@0.service", VM_APP, SERVICE_APP, NULL) >= 0);
        assert_true(put(r, "givc-app-vm.service", "foot@1.service", VM_APP, SERVICE_APP, NULL) >= 0);
        assert_true(put(r, "givc-app-vm.service", "term@0.service", VM_APP, SERVICE_APP, NULL) >= 0);
        return 0;
}

static int teardown_world(_unused_ void **state) {
        world_done(w);
        free(TAKE_PTR(denied));
        return 0;
}

/* "vm unit app", a dash for what there is none of. */
static void assert_found(const Target *t, const char *expected) {
        const Text *all[] = { &t->found.vm, &t->found.unit, &t->found.app };
        char text[512] = "";
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s", i > 0 ? " " : "",
                                all[i]->size > 0 ? (int) all[i]->size : 1, all[i]->size > 0 ? all[i]->data : "-");
        assert_string_equal(text, expected);
}

static void assert_target(const char *method, const void *request, const char *expected) {
        Target t;

        target_find(&t, &w->admin, &admin__admin_service__descriptor, method, request);
        assert_found(&t, expected);
}

static Admin__ApplicationRequest application(const char *app, const char *vm) {
        Admin__ApplicationRequest m = ADMIN__APPLICATION_REQUEST__INIT;

        m.appname = (char *) app;
        if (vm) {
                m.has_vm_name_case = ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME;
                m.vmname = (char *) vm;
        }
        return m;
}

static void test_applications(_unused_ void **state) {
        static const struct {
                const char *app, *vm, *expected;
        } cases[] = {
                { "term@0.service", NULL, "app-vm term@0.service term" },
                { "term@0.service", "", "app-vm term@0.service term" },
                { "term@0.service", "app-vm", "app-vm term@0.service term" },
                { "term", NULL, "app-vm term@0.service term" },
                { "foot", "app-vm", "app-vm - foot" }, /* all of them */
                /* VmName says one thing, AppName another: nothing of the other is found. */
                { "givc-gui-vm.service", "app-vm", "app-vm - -" },
                { "microvm@net-vm.service", "app-vm", "app-vm - -" },
                { "dhcp.service", "app-vm", "app-vm - -" },
                { "term@0.service", "gui-vm", "gui-vm - -" },
                { "term@0.service", "nowhere", "nowhere - -" },
                /* What is no application is not one for the rules either. */
                { "givc-gui-vm.service", NULL, "- - -" },
                { "microvm@net-vm.service", NULL, "- - -" },
                { "", NULL, "- - -" },
        };
        static const char *const methods[] = { "PauseApplication", "ResumeApplication", "StopApplication" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t k = 0; k < ELEMENTSOF(methods); k++) {
                        Admin__ApplicationRequest m = application(cases[i].app, cases[i].vm);

                        assert_target(methods[k], &m, cases[i].expected);
                }
}

static void test_starts(_unused_ void **state) {
        Admin__ApplicationRequest at_home = application("foot", NULL), elsewhere = application("foot", "gui-vm");
        Admin__StartVMRequest vm = ADMIN__START_VMREQUEST__INIT;
        _cleanup_free_ char *huge = mem_new0(char, 100000);

        assert_target("StartApplication", &at_home, "foot-vm - foot");
        assert_target("StartApplication", &elsewhere, "gui-vm - foot");
        vm.vmname = (char *) "net-vm";
        assert_target("StartVM", &vm, "net-vm - -");
        memset(huge, 'a', 99999);
        at_home = application(huge, NULL);
        target_find(&(Target){}, &w->admin, &admin__admin_service__descriptor, "StartApplication", &at_home.base);
}

static void test_units(_unused_ void **state) {
        Admin__ServiceRequest service = ADMIN__SERVICE_REQUEST__INIT;
        Admin__KillUnitRequest kill = ADMIN__KILL_UNIT_REQUEST__INIT;
        Admin__UnitStatusRequest status = ADMIN__UNIT_STATUS_REQUEST__INIT;

        service.servicename = (char *) "dhcp.service";
        assert_target("StopService", &service, "net-vm dhcp.service -"); /* where it is registered */
        service.vmname = (char *) "net-vm";
        assert_target("StartService", &service, "net-vm dhcp.service -");
        /* Whose agent is asked is who is meant, and that is app-vm's. */
        service.vmname = (char *) "app-vm";
        assert_target("StopService", &service, "app-vm dhcp.service -");
        kill.unitname = (char *) "foot@1.service";
        assert_target("KillUnit", &kill, "app-vm foot@1.service foot");
        status.unitname = (char *) "microvm@net-vm.service";
        assert_target("GetUnitStatus", &status, "ghaf-host microvm@net-vm.service -");
        status.vmname = (char *) "net-vm";
        assert_target("GetUnitStatus", &status, "net-vm microvm@net-vm.service -");
        status.unitname = (char *) "unknown.service";
        status.vmname = (char *) "";
        assert_target("GetUnitStatus", &status, "- unknown.service -");
}

static void test_machines(_unused_ void **state) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        Ctap__CtapRequest keys = CTAP__CTAP_REQUEST__INIT;
        Admin__RegistryRequest registered = ADMIN__REGISTRY_REQUEST__INIT;

        assert_target("Poweroff", &empty, "ghaf-host - -");
        assert_target("Sysinfo", &empty, "ghaf-host - -");
        assert_target("QueryList", &empty, "- - -");
        assert_target("Ctap", &keys, "gui-vm - -");
        registered.name = (char *) "givc-app-vm.service";
        assert_target("RegisterService", &registered, "- givc-app-vm.service -");
}

static void test_other_services(_unused_ void **state) {
        Exec__CommandRequest command = EXEC__COMMAND_REQUEST__INIT;
        Exec__StartCommand start = EXEC__START_COMMAND__INIT;
        Wifimanager__EmptyRequest radio = WIFIMANAGER__EMPTY_REQUEST__INIT;
        Journal__JournalRequest journal = JOURNAL__JOURNAL_REQUEST__INIT;
        Target t;

        target_find(&t, &w->admin, &exec__exec__descriptor, "RunCommand", &command.base);
        assert_found(&t, "- - -");
        start.vmname = (char *) "ghaf-host";
        command.command_case = EXEC__COMMAND_REQUEST__COMMAND_START;
        command.start = &start;
        target_find(&t, &w->admin, &exec__exec__descriptor, "RunCommand", &command.base);
        assert_found(&t, "ghaf-host - -");
        target_find(&t, &w->admin, &wifimanager__wifi_service__descriptor, "TurnOff", &radio.base);
        assert_found(&t, "net-vm - -");
        journal.unitname = (char *) "dhcp.service";
        target_find(&t, &w->admin, &journal__journal_service__descriptor, "ReadJournal", &journal.base);
        assert_found(&t, "net-vm dhcp.service -");
}

static void sink(_unused_ int level, const LogField *fields, const char *text) {
        for (; fields && fields->key; fields++)
                if (streq(fields->key, "GIVC_REASON"))
                        (void) str_replace(&denied, text);
}

static int ask(Identity *who, const char *method, const void *request) {
        const RpcMethod m = { .name = method };
        _cleanup_(rpc_status_done) RpcStatus status = {};
        int r;

        free(TAKE_PTR(denied));
        r = permission_check(who, &admin__admin_service__descriptor, &m, NULL, &status, &w->admin);
        if (r >= 0)
                r = permission_check(who, &admin__admin_service__descriptor, &m, request, &status, &w->admin);
        if (r < 0)
                assert_string_equal(status.message, "no");
        return r;
}

/* Rules as the reference has them look at VmName; those that look at the target are never told anything else than what
 * is acted on. */
static void test_rules_about_targets(_unused_ void **state) {
        _cleanup_free_ char *path = strf("%s/rules.cedar", peers_directory), *why = NULL;
        static const char text[] = "permit(principal == Source::\"gui-vm\", action == Command::\"StopApplication\", "
                                   "resource == Module::\"admin\") when { context has target.app && context.target.vm "
                                   "== \"app-vm\" && context.target.app == \"foot\" };";
        const RpcRulesOptions options = { path, false, "admin-vm", "no" };
        _cleanup_(identity_freep) Identity *gui_vm = peer_certified("gui-vm", "192.168.101.3");
        _cleanup_(identity_freep) Identity *elsewhere = peer_certified("gui-vm", "192.168.101.5");
        const struct {
                const char *app, *vm;
                bool allowed;
        } cases[] = {
                { "foot", "app-vm", true },
                { "foot", NULL, true },
                { "foot@1.service", NULL, true },
                { "term", "app-vm", false },
                { "givc-gui-vm.service", "app-vm", false },
                { "microvm@net-vm.service", "app-vm", false },
                { "foot", "gui-vm", false },
        };
        RpcRules *rules = NULL;

        assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
        assert_int_equal(rpc_rules_new(&options, &rules, &why), 0);
        log_set_sink(sink);
        w->admin.rules = rules;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Admin__ApplicationRequest m = application(cases[i].app, cases[i].vm);

                if ((ask(gui_vm, "StopApplication", &m) >= 0) != cases[i].allowed)
                        fail_msg("%s in %s: %s", cases[i].app, strempty(cases[i].vm), strempty(denied));
                assert_true(cases[i].allowed == !denied);
                assert_true(ask(gui_vm, "PauseApplication", &m) < 0);
        }
        /* Who is not where its certificate says is nobody, whatever the rules say. */
        {
                const RpcMethod m = { .name = "StopApplication" };
                _cleanup_(rpc_status_done) RpcStatus status = {};

                assert_true(permission_check(elsewhere, &admin__admin_service__descriptor, &m, NULL, &status,
                                            &w->admin) < 0);
                assert_string_equal(status.message, "IP 192.168.101.5 not in certificate SAN");
        }
        w->admin.rules = NULL;
        rpc_rules_free(rules);
        log_set_sink(NULL);
}

#define permission_test(f) cmocka_unit_test_setup_teardown(f, setup_world, teardown_world)

int main(void) {
        const struct CMUnitTest tests[] = {
                permission_test(test_applications),
                permission_test(test_starts),
                permission_test(test_units),
                permission_test(test_machines),
                permission_test(test_other_services),
                permission_test(test_rules_about_targets),
        };

        return cmocka_run_group_tests(tests, peers_setup, peers_teardown);
}
