/* SPDX-License-Identifier: Apache-2.0 */
/* Agents and their units come: RegisterService. */
#include "admin.pb-c.h"
#include "proto/unit-message.h"
#include "admin/monitor.h"
#include "admin/services/admin-service.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

static int register_entry(Admin *admin, const Admin__RegistryRequest *req, const Registered *g, RpcStatus *reterr) {
        const Agent *agent = agents_get(&admin->agents, g->agent);
        const UnitStatus *told = agent ? monitor_get_told(agent, req->name) : NULL;
        UnitStatus view = unit_message_to_status(req->state);
        /* What was pushed meanwhile is newer than what the agent had read when it wrote the request. */
        EntryInfo info = {
                .name = req->name,
                .agent = g->agent,
                .type = g->type,
                .placement = PLACED_ENDPOINT,
                .vm = g->vm,
                .status = told ? told : &view,
        };
        int r;

        view.name = req->name;
        if (g->type.service == SERVICE_APP && unit_status_is_inactive_or_failed(info.status))
                return 0;
        r = registry_put(admin->registry, &info);
        if (r == -ENOSPC)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "No room for '%s': too many agents or units.",
                                req->name);
        return r;
}

static int register_agent(Admin *admin, const Admin__RegistryRequest *req, const Registered *g) {
        bool known = agents_get(&admin->agents, g->agent);
        int r;

        r = agents_register(&admin->agents, g->agent, req->transport->name, &g->address);
        if (r < 0 && !known)
                (void) registry_remove(admin->registry, g->agent, g->agent);
        return r;
}

static int register_judged(RpcCall *call, Admin *admin, const Admin__RegistryRequest *req, const Registered *g,
                RpcStatus *reterr) {
        _cleanup_free_ char *vm = vm_from_agent(g->agent), *sentence = strf("Registered '%s'", req->name);
        Admin__RegistryResponse response = ADMIN__REGISTRY_RESPONSE__INIT;
        Agent *agent;
        int r, changed;

        changed = register_entry(admin, req, g, reterr);
        if (changed == -ENOSPC)
                call_log(call, LOG_WARNING, MESSAGE_LIMIT_REACHED, vm, req->name, reterr->message);
        if (changed < 0)
                return changed;
        if (g->type.service == SERVICE_MGR) {
                r = register_agent(admin, req, g);
                if (r < 0)
                        return r;
                if (vm && g->type.vm == VM_HOST)
                        host_registered(&admin->host, vm);
        }
        agent = agents_get(&admin->agents, g->agent);
        if (agent)
                monitor_kick(agent);
        call_log(call, changed > 0 ? LOG_INFO : LOG_DEBUG, MESSAGE_REGISTERED, vm, req->name, strempty(sentence));
        return rpc_call_reply(call, &response);
}

int method_register_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__RegistryRequest *req = request;
        _cleanup_(registered_done) Registered g = {};
        Admin *admin = userdata;
        RegistrationRules rules = admin_get_rules(admin);
        int r;

        if (!req->transport)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "endpoint missing");
        if (!req->state)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "status missing");
        r = registration_judge(&(Registration){ req->name, req->parent, req->type, req->transport->protocol,
                                               req->transport->address, req->transport->port, req->transport->name },
                        &rules, rpc_call_get_identity(call), &g, reterr);
        if (r < 0) {
                if (reterr->code == RPC_PERMISSION_DENIED)
                        call_log(call, LOG_WARNING, MESSAGE_REGISTRATION_REFUSED, NULL, req->name, reterr->message);
                return r;
        }
        return register_judged(call, admin, req, &g, reterr);
}
