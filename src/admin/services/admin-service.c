/* SPDX-License-Identifier: Apache-2.0 */
/* admin.AdminService: registration, what is there, applications, VMs and services, the host's power. */
#include "admin.pb-c.h"
#include "admin/applications.h"
#include "admin/monitor.h"
#include "admin/power.h"
#include "admin/service.h"
#include "admin/services/services.h"
#include "admin/services/unit-control.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define CALL_USEC  (30 * USEC_PER_SEC) /* for callers that set no deadline */
#define START_USEC (90 * USEC_PER_SEC)
#define COMMAND_OK "Command successful."

static usec_t deadline_of(RpcCall *call, usec_t otherwise) {
        usec_t deadline = rpc_call_get_deadline(call);

        return deadline != USEC_INFINITY ? deadline : usec_add(time_now(CLOCK_MONOTONIC), otherwise);
}

static void log_call(RpcCall *call, int level, const char *vm, const char *unit, const char *sentence) {
        log_write(level,
                        LOG_FIELDS({ "GIVC_PEER", identity_get_key(rpc_call_get_identity(call)) },
                                        { "GIVC_METHOD", rpc_call_get_path(call) }, { "GIVC_VM", vm },
                                        { "UNIT", unit }),
                        "%s", sentence);
}

static int register_entry(Admin *admin, const Admin__RegistryRequest *req, const Registered *g, RpcStatus *reterr) {
        const Agent *agent = agents_get(&admin->agents, g->agent);
        const EntryStatus *told = agent ? monitor_get_told(agent, req->name) : NULL;
        EntryStatus view = {
                .name = req->name,
                .description = req->state->description,
                .load_state = req->state->loadstate,
                .active_state = req->state->activestate,
                .sub_state = req->state->substate,
                .path = req->state->path,
                .freezer_state = req->state->freezerstate,
        };
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

        if (g->type.service == SERVICE_APP && entry_status_is_exited(info.status))
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
        if (changed < 0)
                return changed;
        if (g->type.service == SERVICE_MGR) {
                r = register_agent(admin, req, g);
                if (r < 0)
                        return r;
        }
        agent = agents_get(&admin->agents, g->agent);
        if (agent)
                monitor_kick(agent);
        log_call(call, changed > 0 ? LOG_INFO : LOG_DEBUG, vm, req->name, strempty(sentence));
        return rpc_call_reply(call, &response);
}

static int method_register_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
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
                        log_call(call, LOG_WARNING, NULL, req->name, reterr->message);
                return r;
        }
        return register_judged(call, admin, req, &g, reterr);
}

static void item_fill(Admin__QueryListItem *item, const EntryImage *i) {
        admin__query_list_item__init(item);
        item->name = i->name;
        item->description = i->description;
        item->vmstatus = (char *) vm_status_to_string(i->status);
        item->trustlevel = (char *) "Warning";
        item->vmtype = (char *) vm_type_to_string(i->type.vm);
        item->servicetype = (char *) service_type_to_string(i->type.service);
        item->has_vm_name_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_NAME_VM_NAME;
        item->vmname = i->vm_name;
        item->has_agent_name_case = ADMIN__QUERY_LIST_ITEM__HAS_AGENT_NAME_AGENT_NAME;
        item->agentname = i->agent_name;
        item->has_vm_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_VM;
        item->vm = i->vm;
        item->has_since_case = ADMIN__QUERY_LIST_ITEM__HAS_SINCE_SINCE;
        item->since = i->since_usec;
}

typedef struct ItemList {
        Admin__QueryListResponse response;
        Admin__QueryListItem *items;
} ItemList;

static void item_list_done(ItemList *l) {
        free(l->items);
        free(l->response.list);
}

/* Borrows the entries' images: pack it before anything waits. */
static int item_list_fill(ItemList *l, const Registry *registry) {
        size_t n = registry_count(registry), i = 0;

        admin__query_list_response__init(&l->response);
        l->items = mem_new(Admin__QueryListItem, n + 1);
        l->response.list = mem_new(Admin__QueryListItem *, n + 1);
        if (!l->items || !l->response.list)
                return -ENOMEM;
        for (const Entry *e = registry_next(registry, NULL, NULL); e; e = registry_next(registry, NULL, e)) {
                item_fill(&l->items[i], e->image);
                l->response.list[i] = &l->items[i];
                i++;
        }
        l->response.n_list = i;
        return 0;
}

static int method_query_list(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        _cleanup_(item_list_done) ItemList list = {};
        Admin *admin = userdata;
        int r;

        r = item_list_fill(&list, admin->registry);
        return r < 0 ? r : rpc_call_reply(call, &list.response);
}

static int send_initial_wait(RpcCall *call, const Registry *registry) {
        _cleanup_(item_list_done) ItemList list = {};
        Admin__WatchItem item = ADMIN__WATCH_ITEM__INIT;
        int r;

        r = item_list_fill(&list, registry);
        if (r < 0)
                return r;
        item.status_case = ADMIN__WATCH_ITEM__STATUS_INITIAL;
        item.initial = &list.response;
        return rpc_call_send_wait(call, &item);
}

static int send_event_wait(RpcCall *call, const Registry *registry, const WatchEvent *event) {
        static const Admin__WatchItem__StatusCase cases[] = {
                [WATCH_ADDED] = ADMIN__WATCH_ITEM__STATUS_ADDED,
                [WATCH_UPDATED] = ADMIN__WATCH_ITEM__STATUS_UPDATED,
                [WATCH_REMOVED] = ADMIN__WATCH_ITEM__STATUS_REMOVED,
        };
        Admin__WatchItem item = ADMIN__WATCH_ITEM__INIT;
        Admin__QueryListItem content;

        if (event->type == WATCH_INITIAL)
                return send_initial_wait(call, registry);
        item_fill(&content, event->image);
        item.status_case = cases[event->type];
        item.added = &content; /* the same place for all three */
        return rpc_call_send_wait(call, &item);
}

static void on_watch_ready(void *userdata) {
        promise_resolve(userdata, 0);
}

static int watch_run_wait(RpcCall *call, const Registry *registry, Watch *watch, Promise *news, RpcStatus *reterr) {
        int r;

        for (;;) {
                _cleanup_(watch_event_done) WatchEvent event = {};

                r = watch_next(watch, &event);
                if (r == -ESHUTDOWN)
                        return rpc_error(reterr, RPC_UNAVAILABLE, "The admin is stopping.");
                if (r > 0)
                        r = send_event_wait(call, registry, &event);
                else if (r == 0) {
                        r = promise_wait(news);
                        *news = (Promise){};
                }
                if (r < 0)
                        return r;
        }
}

static int method_watch(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Admin *admin = userdata;
        Promise news = {};
        Watch *watch;
        int r;

        r = watch_new(registry_get_hub(admin->registry), on_watch_ready, &news, &watch);
        if (r == -EUSERS)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "There are %d watchers already.", WATCHES_MAX);
        if (r < 0)
                return r;
        admin_changed(admin);
        r = watch_run_wait(call, admin->registry, watch, &news, reterr);
        watch_free(watch);
        admin_changed(admin);
        return r;
}

/* The agent that speaks for the unit: the VM's, or, where no VM is named, the one that has registered it. */
static int find_unit_agent(Admin *admin, const char *vm, const char *unit, Agent **ret, RpcStatus *reterr) {
        _cleanup_free_ char *candidates = NULL, *name = NULL;
        const Entry *e;
        int r;

        if (!isempty(vm))
                return agents_find_vm(&admin->agents, vm, ret, reterr);
        r = registry_find(admin->registry, unit, NULL, &e, &candidates);
        if (r == -ENOENT)
                return rpc_error(reterr, RPC_NOT_FOUND, "No unit '%s' is registered.", unit);
        if (r == -ENOTUNIQ)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' is not unique, it is with %s; name the VM.",
                                unit, strempty(candidates));
        if (r < 0)
                return r;
        name = vm_from_agent(e->agent);
        return name ? agents_find_vm(&admin->agents, name, ret, reterr) : -ENOMEM;
}

static int method_get_unit_status(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__UnitStatusRequest *req = request;
        _cleanup_(entry_status_done) EntryStatus status = {};
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Systemd__UnitStatus reply = SYSTEMD__UNIT_STATUS__INIT;
        int r;

        r = find_unit_agent(userdata, req->vmname, req->unitname, &agent, reterr);
        if (r < 0)
                return r;
        r = unit_control_wait(
                        agent->channel, UNIT_STATUS, req->unitname, deadline_of(call, CALL_USEC), &status, reterr);
        if (r < 0)
                return r;
        reply.name = status.name;
        reply.description = status.description;
        reply.loadstate = status.load_state;
        reply.activestate = status.active_state;
        reply.substate = status.sub_state;
        reply.path = status.path;
        reply.freezerstate = status.freezer_state;
        return rpc_call_reply(call, &reply);
}

static ApplicationRequest application_request(RpcCall *call, const Admin__ApplicationRequest *req, usec_t otherwise) {
        bool has_vm = req->has_vm_name_case == ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME && !isempty(req->vmname);

        return (ApplicationRequest){
                .app = req->appname,
                .vm = has_vm ? req->vmname : NULL,
                .args = req->args,
                .n_args = req->n_args,
                .deadline = deadline_of(call, otherwise),
        };
}

static int method_start_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_free_ char *unit = NULL, *sentence = NULL, *home = NULL;
        Admin__StartResponse response = ADMIN__START_RESPONSE__INIT;
        Admin *admin = userdata;
        ApplicationRequest a = application_request(call, request, usec_add(admin->launcher.timeout_usec, START_USEC));
        int r;

        r = application_start_wait(&admin->launcher, &a, &unit, reterr);
        if (r < 0)
                return r;
        sentence = strf("Started application '%s'", unit);
        home = a.vm ? NULL : application_get_home(a.app);
        log_call(call, LOG_INFO, a.vm ? a.vm : home, unit, strempty(sentence));
        response.registryid = unit;
        return rpc_call_reply(call, &response);
}

static int act(RpcCall *call, ApplicationAction action, const char *done, const void *request, RpcStatus *reterr,
                Admin *admin) {
        _cleanup_free_ char *sentence = NULL;
        Admin__ApplicationResponse response = ADMIN__APPLICATION_RESPONSE__INIT;
        ApplicationRequest a = application_request(call, request, CALL_USEC);
        int r;

        r = application_act_wait(&admin->agents, action, &a, reterr);
        if (r < 0)
                return r;
        sentence = strf("%s application '%s'", done, a.app);
        log_call(call, LOG_INFO, a.vm, a.app, strempty(sentence));
        response.cmdstatus = (char *) COMMAND_OK;
        response.appstatus = (char *) COMMAND_OK;
        return rpc_call_reply(call, &response);
}

static int method_pause_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        return act(call, APPLICATION_PAUSE, "Paused", request, reterr, userdata);
}

static int method_resume_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        return act(call, APPLICATION_RESUME, "Resumed", request, reterr, userdata);
}

static int method_stop_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        return act(call, APPLICATION_STOP, "Stopped", request, reterr, userdata);
}

static void log_control(RpcCall *call, const char *done, const Agent *agent, const char *unit) {
        _cleanup_free_ char *vm = vm_from_agent(agent->name), *sentence = NULL;

        sentence = strf("%s '%s' in VM '%s'", done, unit, strempty(vm));
        log_call(call, LOG_INFO, vm, unit, strempty(sentence));
}

/* -- VMs, services, power: what a job takes is up to the service manager that has it -- */

static int method_start_vm(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
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
                log_call(call, LOG_INFO, req->vmname, agent, strempty(sentence));
        response.registryid = agent;
        return rpc_call_reply(call, &response);
}

static int method_start_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__ServiceRequest *req = request;
        Admin__StartResponse response = ADMIN__START_RESPONSE__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        int r;

        r = find_unit_agent(userdata, req->vmname, req->servicename, &agent, reterr);
        if (r < 0)
                return r;
        r = service_start_wait(agent, req->servicename, rpc_call_get_deadline(call), reterr);
        if (r < 0)
                return r;
        if (r > 0)
                log_control(call, "Started", agent, req->servicename);
        response.registryid = agent->name;
        return rpc_call_reply(call, &response);
}

static int method_stop_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__ServiceRequest *req = request;
        Admin__ApplicationResponse response = ADMIN__APPLICATION_RESPONSE__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        int r;

        r = find_unit_agent(userdata, req->vmname, req->servicename, &agent, reterr);
        if (r < 0)
                return r;
        r = service_stop_wait(agent, req->servicename, rpc_call_get_deadline(call), reterr);
        if (r < 0)
                return r;
        log_control(call, "Stopped", agent, req->servicename);
        response.cmdstatus = (char *) COMMAND_OK;
        response.appstatus = (char *) COMMAND_OK;
        return rpc_call_reply(call, &response);
}

static int power(RpcCall *call, PowerAction action, const char *sentence, RpcStatus *reterr, Admin *admin) {
        Admin__Empty response = ADMIN__EMPTY__INIT;
        int r;

        log_call(call, LOG_NOTICE, NULL, NULL, sentence); /* afterwards may be too late */
        r = power_wait(&admin->agents, action, rpc_call_get_deadline(call), reterr);
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static int method_poweroff(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        return power(call, POWER_OFF, "Asking the host to power off", reterr, userdata);
}

static int method_reboot(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        return power(call, POWER_REBOOT, "Asking the host to reboot", reterr, userdata);
}

static int method_suspend(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        return power(call, POWER_SUSPEND, "Asking the host to suspend", reterr, userdata);
}

static int method_unimplemented(
                RpcCall *call, _unused_ const void *request, RpcStatus *reterr, _unused_ void *userdata) {
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "This admin does not implement %s.", rpc_call_get_path(call));
}

static const RpcMethod methods[] = {
        { "RegisterService", RPC_UNARY, method_register_service },
        { "StartApplication", RPC_UNARY, method_start_application },
        { "StartVM", RPC_UNARY, method_start_vm },
        { "StartService", RPC_UNARY, method_start_service },
        { "StopService", RPC_UNARY, method_stop_service },
        { "PauseApplication", RPC_UNARY, method_pause_application },
        { "ResumeApplication", RPC_UNARY, method_resume_application },
        { "StopApplication", RPC_UNARY, method_stop_application },
        { "SetLocale", RPC_UNARY, method_unimplemented },
        { "SetTimezone", RPC_UNARY, method_unimplemented },
        { "Poweroff", RPC_UNARY, method_poweroff },
        { "Reboot", RPC_UNARY, method_reboot },
        { "Suspend", RPC_UNARY, method_suspend },
        { "Wakeup", RPC_UNARY, method_unimplemented },
        { "GetUnitStatus", RPC_UNARY, method_get_unit_status },
        { "GetStats", RPC_UNARY, method_unimplemented },
        { "QueryList", RPC_UNARY, method_query_list },
        { "Watch", RPC_SERVER_STREAM, method_watch },
        { "ListGenerations", RPC_UNARY, method_unimplemented },
        { "SetGeneration", RPC_SERVER_STREAM, method_unimplemented },
        { "NotifyUser", RPC_UNARY, method_unimplemented },
        { "Ctap", RPC_UNARY, method_unimplemented },
        { "Sysinfo", RPC_UNARY, method_unimplemented },
        {},
};

const RpcService admin_service = { &admin__admin_service__descriptor, methods };
