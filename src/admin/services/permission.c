/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/services/permission.h"

#include <stdio.h>

#include "admin.pb-c.h"
#include "admin/applications.h"
#include "admin/services/admin-service.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "exec.pb-c.h"
#include "hwid.pb-c.h"
#include "journal.pb-c.h"
#include "rpc/denial.h"
#include "wifimanager.pb-c.h"

/* Of an entry that is no agent: the unit, the application that it is an instance of, and whose it is. */
static void set_entry(Target *t, const Entry *e) {
        t->found.vm = text_of(e->image->vm);
        t->found.unit = text_of(e->name);
        if (e->type.service == SERVICE_APP)
                t->found.app = (Text){ e->name, instance_app_length(e->name) };
}

/* As agents_find_unit(): a VM that is named is believed, since its agent is who is asked. */
static void set_unit(Target *t, const Admin *admin, const char *vm, const char *unit) {
        _cleanup_free_ char *agent = isempty(vm) ? NULL : agent_from_vm(vm), *candidates = NULL;
        const Entry *e = NULL;

        if (!isempty(unit) && registry_find(admin->registry, unit, agent, &e, &candidates) >= 0)
                set_entry(t, e);
        if (!isempty(vm))
                t->found.vm = text_of(vm);
        t->found.unit = text_of(unit);
}

static void set_host(Target *t, const Admin *admin) {
        const Entry *e = registry_get_host(admin->registry);

        if (e)
                t->found.vm = text_of(e->image->vm);
}

static const char *request_vm(const Admin__ApplicationRequest *req) {
        return req->has_vm_name_case == ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME ? req->vmname : NULL;
}

static void find_start_application(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        const Admin__ApplicationRequest *req = (const Admin__ApplicationRequest *) m;
        const char *vm = request_vm(req);

        t->found.app = text_of(req->appname);
        if (isempty(vm) && strlen(req->appname) <= ENTRY_NAME_MAX) {
                (void) snprintf(t->home, sizeof(t->home), "%s-vm", req->appname);
                vm = t->home;
        }
        t->found.vm = text_of(vm);
}

static void find_application(Target *t, const Admin *admin, const ProtobufCMessage *m) {
        const Admin__ApplicationRequest *req = (const Admin__ApplicationRequest *) m;
        _cleanup_(application_target_done) ApplicationTarget target = {};
        _cleanup_(rpc_status_done) RpcStatus status = {};
        const Entry *e;

        if (application_resolve(admin->registry, req->appname, request_vm(req), &target, &status) < 0) {
                t->found.vm = text_of(request_vm(req));
                return;
        }
        e = registry_get(admin->registry, target.agent, target.units[0]);
        if (!e)
                return;
        set_entry(t, e);
        if (target.units[1])
                t->found.unit = (Text){};
}

static void find_vm(Target *t, const char *vm) {
        t->found.vm = text_of(vm);
}

static void find_start_vm(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, ((const Admin__StartVMRequest *) m)->vmname);
}

static void find_service(Target *t, const Admin *admin, const ProtobufCMessage *m) {
        const Admin__ServiceRequest *req = (const Admin__ServiceRequest *) m;

        set_unit(t, admin, req->vmname, req->servicename);
}

static void find_unit_status(Target *t, const Admin *admin, const ProtobufCMessage *m) {
        const Admin__UnitStatusRequest *req = (const Admin__UnitStatusRequest *) m;

        set_unit(t, admin, req->vmname, req->unitname);
}

static void find_kill_unit(Target *t, const Admin *admin, const ProtobufCMessage *m) {
        const Admin__KillUnitRequest *req = (const Admin__KillUnitRequest *) m;
        bool has_vm = req->has_vm_name_case == ADMIN__KILL_UNIT_REQUEST__HAS_VM_NAME_VM_NAME;

        set_unit(t, admin, has_vm ? req->vmname : NULL, req->unitname);
}

static void find_stats(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, ((const Admin__StatsRequest *) m)->vmname);
}

static void find_notify(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, ((const Admin__UserNotificationRequest *) m)->vmname);
}

static void find_host(Target *t, const Admin *admin, _unused_ const ProtobufCMessage *m) {
        set_host(t, admin);
}

static void find_keys(Target *t, const Admin *admin, _unused_ const ProtobufCMessage *m) {
        find_vm(t, admin->gui_vm);
}

static void find_registered(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        t->found.unit = text_of(((const Admin__RegistryRequest *) m)->name);
}

static void find_journal(Target *t, const Admin *admin, const ProtobufCMessage *m) {
        const Journal__JournalRequest *req = (const Journal__JournalRequest *) m;

        set_unit(t, admin, req->vmname, req->unitname);
}

static void find_command(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        const Exec__CommandRequest *req = (const Exec__CommandRequest *) m;

        if (req->command_case == EXEC__COMMAND_REQUEST__COMMAND_START)
                find_vm(t, req->start->vmname);
}

static void find_hwid(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, ((const Hwid__HwIdRequest *) m)->vmname);
}

static void find_networks(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, wifi_get_vm(((const Wifimanager__WifiNetworkRequest *) m)->vmname));
}

static void find_network(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, wifi_get_vm(((const Wifimanager__WifiConnectionRequest *) m)->vmname));
}

static void find_radio(Target *t, _unused_ const Admin *admin, const ProtobufCMessage *m) {
        find_vm(t, wifi_get_vm(((const Wifimanager__EmptyRequest *) m)->vmname));
}

/* A method without a row is about the admin itself. */
static const struct {
        const ProtobufCServiceDescriptor *service;
        const char *method;
        void (*find)(Target *t, const Admin *admin, const ProtobufCMessage *request);
} targets[] = {
        { &admin__admin_service__descriptor, "RegisterService", find_registered },
        { &admin__admin_service__descriptor, "StartApplication", find_start_application },
        { &admin__admin_service__descriptor, "StartVM", find_start_vm },
        { &admin__admin_service__descriptor, "StartService", find_service },
        { &admin__admin_service__descriptor, "StopService", find_service },
        { &admin__admin_service__descriptor, "PauseApplication", find_application },
        { &admin__admin_service__descriptor, "ResumeApplication", find_application },
        { &admin__admin_service__descriptor, "StopApplication", find_application },
        { &admin__admin_service__descriptor, "Poweroff", find_host },
        { &admin__admin_service__descriptor, "Reboot", find_host },
        { &admin__admin_service__descriptor, "Suspend", find_host },
        { &admin__admin_service__descriptor, "GetUnitStatus", find_unit_status },
        { &admin__admin_service__descriptor, "GetStats", find_stats },
        { &admin__admin_service__descriptor, "ListGenerations", find_host },
        { &admin__admin_service__descriptor, "SetGeneration", find_host },
        { &admin__admin_service__descriptor, "NotifyUser", find_notify },
        { &admin__admin_service__descriptor, "Ctap", find_keys },
        { &admin__admin_service__descriptor, "Sysinfo", find_host },
        { &admin__admin_service__descriptor, "KillUnit", find_kill_unit },
        { &journal__journal_service__descriptor, "ReadJournal", find_journal },
        { &exec__exec__descriptor, "RunCommand", find_command },
        { &hwid__hwid_service__descriptor, "GetHwId", find_hwid },
        { &wifimanager__wifi_service__descriptor, "ListNetwork", find_networks },
        { &wifimanager__wifi_service__descriptor, "GetActiveConnection", find_radio },
        { &wifimanager__wifi_service__descriptor, "ConnectNetwork", find_network },
        { &wifimanager__wifi_service__descriptor, "DisconnectNetwork", find_radio },
        { &wifimanager__wifi_service__descriptor, "TurnOn", find_radio },
        { &wifimanager__wifi_service__descriptor, "TurnOff", find_radio },
};

void target_find(Target *ret, const Admin *admin, const ProtobufCServiceDescriptor *service, const char *method,
                const ProtobufCMessage *request) {
        ret->found = (RpcTarget){};
        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                if (targets[i].service == service && streq(targets[i].method, method)) {
                        targets[i].find(ret, admin, request);
                        return;
                }
}

/* Agents run commands for their admin, and many as root: he must not lend that to every VM that has a certificate. */
static int check_exec(const Admin *admin, const Identity *identity, const ProtobufCServiceDescriptor *service,
                const RpcMethod *method, RpcStatus *reterr) {
        const RegistrationRules rules = admin_get_rules(admin);
        const char *principal = identity_get_principal(identity);
        int r;

        if (service != &exec__exec__descriptor || identity_get_kind(identity) != IDENTITY_CERTIFICATE ||
                        streq_ptr(principal, rules.own_name) || (rules.host && streq_ptr(principal, rules.host)))
                return 0;
        r = rpc_error(reterr, RPC_PERMISSION_DENIED,
                        "'%s' may not run commands: the host may, and who has the admin's certificate or its local "
                        "socket.",
                        strempty(principal));
        rpc_log_denied(identity, service, method->name, strempty(reterr->message));
        return r;
}

int permission_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata) {
        Admin *admin = userdata;
        Target target;
        int r;

        r = access_check(identity, service, method, request, reterr, &admin->access);
        if (r < 0)
                return r;
        if (!admin->rules)
                return check_exec(admin, identity, service, method, reterr);
        if (!request)
                return rpc_rules_judge(admin->rules, identity, service, method, NULL, NULL, reterr);
        target_find(&target, admin, service, method->name, request);
        return rpc_rules_judge(admin->rules, identity, service, method, request, &target.found, reterr);
}
