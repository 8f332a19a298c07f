/* SPDX-License-Identifier: Apache-2.0 */
/* VMs, units of any kind, the host's power. What a job takes is up to the service manager that has it. */
#include <signal.h>

#include "admin.pb-c.h"
#include "admin/calls/unit-control.h"
#include "admin/power.h"
#include "admin/control.h"
#include "proto/unit-message.h"
#include "admin/services/admin-service.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

static int reply_status(RpcCall *call, const UnitStatus *status) {
        Systemd__UnitStatus reply = unit_message_from_status(status);

        return rpc_call_reply(call, &reply);
}

int method_get_unit_status(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__UnitStatusRequest *req = request;
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_unit(&admin->agents, req->vmname, req->unitname, &agent, reterr);
        if (r < 0)
                return r;
        r = unit_control_wait(agent->channel, UNIT_STATUS, req->unitname, call_get_deadline(call, CALL_USEC), &status,
                        reterr);
        return r < 0 ? r : reply_status(call, &status);
}

static void log_control(RpcCall *call, const char *done, const Agent *agent, const char *unit) {
        _cleanup_free_ char *vm = vm_from_agent(agent->name), *sentence = NULL;

        sentence = strf("%s '%s' in VM '%s'", done, unit, strempty(vm));
        call_log(call, LOG_INFO, NULL, vm, unit, strempty(sentence));
}

int method_start_vm(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__StartVMRequest *req = request;
        Admin__StartResponse response = ADMIN__START_RESPONSE__INIT;
        _cleanup_free_ char *agent = agent_from_vm(req->vmname), *sentence = strf("Started VM '%s'", req->vmname);
        Admin *admin = userdata;
        int r;

        if (!agent)
                return -ENOMEM;
        r = launcher_start_wait(&admin->launcher, req->vmname, reterr);
        if (r < 0)
                return r;
        if (r > 0)
                call_log(call, LOG_INFO, NULL, req->vmname, agent, strempty(sentence));
        response.registryid = agent;
        return rpc_call_reply(call, &response);
}

int method_start_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__ServiceRequest *req = request;
        Admin__StartResponse response = ADMIN__START_RESPONSE__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_unit(&admin->agents, req->vmname, req->servicename, &agent, reterr);
        if (r < 0)
                return r;
        r = control_start_wait(agent, req->servicename, rpc_call_get_deadline(call), reterr);
        if (r < 0)
                return r;
        if (r > 0)
                log_control(call, "Started", agent, req->servicename);
        response.registryid = agent->name;
        return rpc_call_reply(call, &response);
}

int method_stop_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__ServiceRequest *req = request;
        Admin__ApplicationResponse response = ADMIN__APPLICATION_RESPONSE__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_unit(&admin->agents, req->vmname, req->servicename, &agent, reterr);
        if (r < 0)
                return r;
        r = control_stop_wait(agent, req->servicename, rpc_call_get_deadline(call), reterr);
        if (r < 0)
                return r;
        log_control(call, "Stopped", agent, req->servicename);
        response.cmdstatus = (char *) COMMAND_OK;
        response.appstatus = (char *) COMMAND_OK;
        return rpc_call_reply(call, &response);
}

int method_kill_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__KillUnitRequest *req = request;
        const char *vm = req->has_vm_name_case == ADMIN__KILL_UNIT_REQUEST__HAS_VM_NAME_VM_NAME ? req->vmname : NULL;
        bool has_signal = req->has_signal_case == ADMIN__KILL_UNIT_REQUEST__HAS_SIGNAL_SIGNAL;
        bool has_whom = req->has_whom_case == ADMIN__KILL_UNIT_REQUEST__HAS_WHOM_WHOM && !isempty(req->whom);
        UnitSignal s = { has_signal ? req->signal : SIGKILL, has_whom ? req->whom : "all" };
        _cleanup_free_ char *done = strf("Sent signal %d (%s) to", s.number, s.whom);
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_unit(&admin->agents, vm, req->unitname, &agent, reterr);
        if (r < 0)
                return r;
        r = control_kill_wait(agent, req->unitname, &s, call_get_deadline(call, CALL_USEC), &status, reterr);
        if (r < 0)
                return r;
        log_control(call, strempty(done), agent, req->unitname);
        return reply_status(call, &status);
}

int method_power(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        static const struct {
                const char *method, *sentence;
                PowerAction action;
        } acts[] = {
                { "/Poweroff", "Asking the host to power off", POWER_OFF },
                { "/Reboot", "Asking the host to reboot", POWER_REBOOT },
                { "/Suspend", "Asking the host to suspend", POWER_SUSPEND },
        };
        Admin__Empty response = ADMIN__EMPTY__INIT;
        Admin *admin = userdata;
        size_t i = 0;
        int r;

        while (!endswith(rpc_call_get_path(call), acts[i].method))
                i++;
        call_log(call, LOG_NOTICE, MESSAGE_POWER, NULL, NULL, acts[i].sentence); /* afterwards may be too late */
        r = power_wait(&admin->agents, acts[i].action, rpc_call_get_deadline(call), reterr);
        return r < 0 ? r : rpc_call_reply(call, &response);
}
