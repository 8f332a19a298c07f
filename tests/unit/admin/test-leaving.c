/* SPDX-License-Identifier: Apache-2.0 */
/* Every method of the admin, and callers that leave it: before they have said what they want, and while it is worked
 * on. net-vm's fake plays the host. */
#include "unit/admin/world.h"
#include "unit/leave.h"

#define HOST    "givc-ghaf-host.service"
#define VM_UNIT "microvm@app-vm.service"
#define APP     "app@0.service"

static Admin__TransportConfig transport = ADMIN__TRANSPORT_CONFIG__INIT;
static Systemd__UnitStatus state = SYSTEMD__UNIT_STATUS__INIT;
static Admin__RegistryRequest registration = ADMIN__REGISTRY_REQUEST__INIT;
static Admin__ApplicationRequest new_app = ADMIN__APPLICATION_REQUEST__INIT, app = ADMIN__APPLICATION_REQUEST__INIT;
static Admin__StartVMRequest vm = ADMIN__START_VMREQUEST__INIT;
static Admin__ServiceRequest x = ADMIN__SERVICE_REQUEST__INIT, y = ADMIN__SERVICE_REQUEST__INIT;
static Admin__UnitStatusRequest unit = ADMIN__UNIT_STATUS_REQUEST__INIT;
static Admin__KillUnitRequest victim = ADMIN__KILL_UNIT_REQUEST__INIT;
static Admin__StatsRequest measured = ADMIN__STATS_REQUEST__INIT;
static Ctap__CtapRequest touch = CTAP__CTAP_REQUEST__INIT;
static Locale__LocaleAssignment lang = LOCALE__LOCALE_ASSIGNMENT__INIT, *langs[] = { &lang };
static Admin__LocaleRequest language = ADMIN__LOCALE_REQUEST__INIT;
static Admin__TimezoneRequest zone = ADMIN__TIMEZONE_REQUEST__INIT;
static Admin__UserNotificationRequest note = ADMIN__USER_NOTIFICATION_REQUEST__INIT;
static Admin__Empty empty = ADMIN__EMPTY__INIT;

static void write_requests(World *w) {
        state.name = registration.name = (char *) "new.service";
        state.loadstate = (char *) "loaded";
        state.activestate = (char *) "active";
        state.substate = (char *) "running";
        state.freezerstate = (char *) "running";
        transport.protocol = (char *) "unix";
        transport.address = w->net_vm.path;
        transport.name = (char *) "ghaf-host";
        registration.parent = (char *) HOST;
        registration.type = 1;
        registration.transport = &transport;
        registration.state = &state;
        new_app.appname = (char *) "app";
        new_app.has_vm_name_case = ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME;
        new_app.vmname = (char *) "ghaf-host";
        app.appname = (char *) APP;
        vm.vmname = (char *) "app-vm";
        x.servicename = unit.unitname = victim.unitname = (char *) "x.service";
        y.servicename = (char *) "y.service";
        victim.has_vm_name_case = ADMIN__KILL_UNIT_REQUEST__HAS_VM_NAME_VM_NAME;
        lang.value = (char *) "C";
        language.n_assignments = 1;
        language.assignments = langs;
        zone.timezone = (char *) "UTC";
        note.vmname = (char *) "ghaf-host";
        x.vmname = y.vmname = unit.vmname = victim.vmname = measured.vmname = (char *) "ghaf-host";
}

static void set_up(World *w) {
        static const char *const off[] = { VM_UNIT, "y.service", "poweroff.target", "reboot.target", "suspend.target" };
        static const char *const on[] = { HOST, "x.service", APP };
        FakeAgent *a = &w->net_vm;

        write_requests(w);
        w->admin.gui_vm = "ghaf-host";
        for (size_t i = 0; i < ELEMENTSOF(off); i++)
                fake_unit_add(a, off[i], "inactive", "dead");
        for (size_t i = 0; i < ELEMENTSOF(on); i++)
                fake_unit_add(a, on[i], "active", "running");
        assert_int_equal(do_register(w, HOST, "", 0, "ghaf-host", a->path, "active", "running"), RPC_OK);
        assert_int_equal(do_register(w, VM_UNIT, HOST, 11, "ghaf-host", a->path, "inactive", "dead"), RPC_OK);
        assert_int_equal(do_register(w, APP, HOST, 2, "ghaf-host", a->path, "active", "running"), RPC_OK);
        wait_until_live(w, HOST);
}

static void after_registration(World *w, bool was_asked) {
        leave_check(was_asked || streq(status_in_list(w, "new.service"), ""));
        for (unsigned i = 0; i < 2; i++) /* whether it came through or not, it can be said again */
                leave_check(call(w, "RegisterService", &registration, NULL, NULL) == RPC_OK);
        leave_check(streq(status_in_list(w, "new.service"), "Running"));
        leave_check(registry_remove(w->admin.registry, HOST, "new.service") == 0);
}

/* The instance that was reserved for it is free again. */
static void after_start(World *w, _unused_ bool was_asked) {
        _cleanup_free_ char *id = NULL;

        leave_check(w->net_vm.n_starts == 0);
        leave_check(start(w, "app", "ghaf-host", &id, NULL) == RPC_OK);
        leave_check(streq(id, "app@1.service"));
        leave_check(act(w, "StopApplication", id, "ghaf-host", NULL) == RPC_OK);
        leave_becomes(streq(status_in_list(w, "app@1.service"), ""));
        w->net_vm.n_starts = 0;
}

/* A VM goes on to boot when nobody waits for it any more. */
static void after_start_vm(World *w, bool was_asked) {
        leave_check(w->admin.launcher.n_launches == was_asked);
        w->net_vm.holds = NULL;
        promise_resolve(&w->net_vm.let_go, 0);
        if (!was_asked)
                return;
        wait_for_status(w, VM_UNIT, "Running");
        fake_unit_add(&w->app_vm, "givc-app-vm.service", "active", "running");
        leave_check(do_register(w, "givc-app-vm.service", VM_UNIT, 12, "app-vm", w->app_vm.path, "active", "running") ==
                        RPC_OK);
        leave_becomes(w->admin.launcher.n_launches == 0);
        leave_check(call(w, "StartVM", &vm, NULL, NULL) == RPC_OK);
        leave_check(w->net_vm.n_unit_starts == 1);
        fake_unit_add(&w->net_vm, VM_UNIT, "inactive", "dead");
        fake_agent_push(&w->net_vm, VM_UNIT, false);
        wait_for_status(w, "givc-app-vm.service", "");
}

static void after_service(World *w, _unused_ bool was_asked) {
        leave_check(streq(fake_unit(&w->net_vm, "x.service")->active, "active"));
        leave_check(streq(fake_unit(&w->net_vm, "y.service")->active, "inactive"));
}

/* It is as it was, and can be paused, resumed and paused by the next who comes. */
static void after_action(World *w, _unused_ bool was_asked) {
        leave_check(act(w, "PauseApplication", APP, "ghaf-host", NULL) == RPC_OK);
        leave_check(streq(status_in_list(w, APP), "Paused"));
        leave_check(act(w, "ResumeApplication", APP, "ghaf-host", NULL) == RPC_OK);
        leave_check(streq(status_in_list(w, APP), "Running"));
}

static void after_power(World *w, _unused_ bool was_asked) {
        static const char *const targets[] = { "poweroff.target", "reboot.target", "suspend.target" };

        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                leave_check(streq(fake_unit(&w->net_vm, targets[i])->active, "inactive"));
}

static void after_watch(World *w, _unused_ bool was_asked) {
        RegistryStats stats;

        registry_get_stats(w->admin.registry, &stats);
        leave_check(stats.n_watches == 0);
}

/* What is on its way to the disk goes there, and the next one comes after it. */
static void after_setting(World *w, _unused_ bool was_asked) {
        leave_check(call(w, "SetLocale", &language, NULL, NULL) == RPC_OK);
        leave_check(call(w, "SetTimezone", &zone, NULL, NULL) == RPC_OK);
        leave_becomes(streq_ptr(w->net_vm.locale, "0=C;") && streq_ptr(w->net_vm.timezone, "UTC"));
}

static void after_notification(World *w, _unused_ bool was_asked) {
        leave_check(!w->net_vm.notification);
}

/* What a call waits for: its answer is there at once, or an agent does not answer, or it never ends by itself. */
typedef enum Waits { FOR_NOTHING, FOR_ACTION, FOR_BOOT, FOR_STATUS, FOR_NEWS } Waits;

static const struct {
        const char *method;
        void *request; /* NULL: an empty one will do */
        Waits waits;
        void (*after)(World *w, bool was_asked);
} rows[] = {
        { "RegisterService", &registration, FOR_NOTHING, after_registration },
        { "StartApplication", &new_app, FOR_ACTION, after_start },
        { "StartVM", &vm, FOR_BOOT, after_start_vm },
        { "StartService", &y, FOR_ACTION, after_service },
        { "StopService", &x, FOR_ACTION, after_service },
        { "PauseApplication", &app, FOR_ACTION, after_action },
        { "ResumeApplication", &app, FOR_ACTION, after_action },
        { "StopApplication", &app, FOR_ACTION, after_action },
        { "SetLocale", &language, FOR_NOTHING, after_setting },
        { "SetTimezone", &zone, FOR_NOTHING, after_setting },
        { "Poweroff", &empty, FOR_ACTION, after_power },
        { "Reboot", &empty, FOR_ACTION, after_power },
        { "Suspend", &empty, FOR_ACTION, after_power },
        { "Wakeup", NULL, FOR_NOTHING, NULL },
        { "GetUnitStatus", &unit, FOR_STATUS, NULL },
        { "GetStats", &measured, FOR_ACTION, NULL },
        { "QueryList", &empty, FOR_NOTHING, NULL },
        { "Watch", &empty, FOR_NEWS, after_watch },
        { "ListGenerations", NULL, FOR_NOTHING, NULL },
        { "SetGeneration", NULL, FOR_NOTHING, NULL },
        { "NotifyUser", &note, FOR_ACTION, after_notification },
        { "Ctap", &touch, FOR_ACTION, NULL },
        { "Sysinfo", &empty, FOR_ACTION, NULL },
        { "KillUnit", &victim, FOR_ACTION, after_service },
};

static void hold(World *w, Waits waits) {
        FakeAgent *a = &w->net_vm;

        a->silent = waits == FOR_ACTION;
        a->tells_nothing = waits == FOR_STATUS;
        a->holds = waits == FOR_BOOT ? VM_UNIT : NULL;
        a->let_go = (Promise){};
        a->n_unit_starts = 0;
}

static bool is_worked_on(World *w, Waits waits) {
        RegistryStats stats;

        registry_get_stats(w->admin.registry, &stats);
        return waits == FOR_NEWS ? stats.n_watches > 0 : w->net_vm.n_waiting > 0;
}

/* Tells apart what leaves before it has asked from what leaves while others work. */
static void leave(World *w, Leaver *l, size_t i, Leave how, bool asks) {
        const ProtobufCServiceDescriptor *service = &admin__admin_service__descriptor;
        Waits waits = asks ? rows[i].waits : FOR_NOTHING;
        _Alignas(max_align_t) uint8_t nothing[256];
        const void *request = NULL;

        if (asks && !rows[i].request) {
                const ProtobufCMessageDescriptor *input =
                                protobuf_c_service_descriptor_get_method_by_name(service, rows[i].method)->input;

                leave_check(input->sizeof_message <= sizeof(nothing));
                input->message_init((ProtobufCMessage *) nothing);
        }
        if (asks)
                request = rows[i].request ? rows[i].request : nothing;
        hold(w, waits);
        leave_begin(l, how, service, rows[i].method, request);
        if (waits != FOR_NOTHING)
                leave_becomes(is_worked_on(w, waits) || leave_is_late(l));
        leave_end(l);
        if (waits != FOR_BOOT) {
                leave_becomes(w->net_vm.n_waiting == 0);
                hold(w, FOR_NOTHING);
        }
        if (rows[i].after)
                rows[i].after(w, asks);
        leave_settle(l, rows[i].method);
}

static int body_leaving(World *w) {
        const ProtobufCServiceDescriptor *service = &admin__admin_service__descriptor;
        Leaver l;

        set_up(w);
        leave_init(&l, w->queue, w->server, service, "QueryList");
        assert_int_equal(service->n_methods, ELEMENTSOF(rows));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_string_equal(service->methods[i].name, rows[i].method);
                for (Leave how = 0; how < _LEAVE_MAX; how++) {
                        leave(w, &l, i, how, false);
                        if (how != LEAVE_LATE || rows[i].waits != FOR_NOTHING)
                                leave(w, &l, i, how, true);
                }
        }
        return 0;
}

static void test_leaving(void **state_) {
        (void) state_;
        run(body_leaving, true);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_leaving),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-leaving", tests, NULL, NULL);
}
