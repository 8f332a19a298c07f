/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/agents.h"

#include "admin/monitor.h"
#include "admin/calls/unit-control.h"
#include "admin/push.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "rpc/denial.h"

int agents_init(Agents *a) {
        a->map = map_new();
        return a->map ? 0 : -ENOMEM;
}

void agents_done(Agents *a) {
        if (!a->map)
                return;
        MAP_FOREACH(agent, a->map, Agent)
                agents_forget(a, agent->name);
        map_free(TAKE_PTR(a->map));
}

Agent *agents_get(const Agents *a, const char *name) {
        return map_get(a->map, name);
}

Agent *agent_ref(Agent *a) {
        if (a)
                a->n_ref++;
        return a;
}

Agent *agent_unref(Agent *a) {
        if (!a || --a->n_ref > 0)
                return NULL;
        sd_event_source_disable_unref(a->grace);
        if (a->channel)
                rpc_channel_set_listener(a->channel, NULL, NULL);
        rpc_channel_unref(a->channel);
        monitor_forget(a);
        map_free(a->told);
        rpc_address_done(&a->address);
        free(a->policies);
        free(a->tls_name);
        free(a->name);
        free(a);
        return NULL;
}

static void agent_log(const Agent *a, int level, const char *id, const char *what, const char *why) {
        _cleanup_free_ char *vm = vm_from_agent(a->name);

        log_write(level,
                        LOG_FIELDS({ "MESSAGE_ID", id }, { "GIVC_PEER", a->tls_name }, { "GIVC_VM", vm },
                                        { "UNIT", a->name }, { "GIVC_REASON", why }),
                        "Agent '%s' %s%s%s", a->name, what, why ? ": " : "", strempty(why));
}

static int on_grace(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        _cleanup_(agent_unrefp) Agent *a = agent_ref(userdata);
        Agents *agents = a->agents;

        a->grace = sd_event_source_disable_unref(a->grace);
        if (registry_is_reachable(a->agents->registry, a->name))
                agent_log(a, LOG_WARNING, MESSAGE_AGENT_UNREACHABLE, "cannot be reached",
                                rpc_channel_get_error(a->channel));
        registry_set_reachable(a->agents->registry, a->name, false);
        monitor_agent_lost(a);
        agents_tell_off(agents, a->name);
        return 0;
}

static void agent_start_grace(Agent *a) {
        if (a->grace || !registry_is_reachable(a->agents->registry, a->name))
                return;
        if (sd_event_add_time_relative(rpc_queue_get_event(a->agents->queue), &a->grace, CLOCK_MONOTONIC,
                            AGENT_GRACE_USEC, 10 * USEC_PER_MSEC, on_grace, a) < 0)
                registry_set_reachable(a->agents->registry, a->name, false);
}

static void agents_tell(Agents *a, const char *name, bool up) {
        if (a->on_reach)
                a->on_reach(name, up, a->on_reach_userdata);
}

void agents_tell_off(Agents *a, const char *name) {
        agents_tell(a, name, false);
}

static void on_state(_unused_ RpcChannel *c, RpcChannelState state, void *userdata) {
        _cleanup_(agent_unrefp) Agent *a = agent_ref(userdata);

        if (!a->agents)
                return;
        if (state == RPC_CHANNEL_READY) {
                a->reconnected = a->was_up = true;
                monitor_kick(a);
                a->grace = sd_event_source_disable_unref(a->grace);
                if (!registry_is_reachable(a->agents->registry, a->name))
                        agent_log(a, LOG_NOTICE, MESSAGE_AGENT_REACHABLE, "can be reached again", NULL);
                registry_set_reachable(a->agents->registry, a->name, true);
                agents_tell(a->agents, a->name, true);
        } else if (state == RPC_CHANNEL_FAILED || a->was_up) {
                /* The next try may hang where the last connection has ended. */
                a->was_up = false;
                agent_start_grace(a);
        }
}

static int agent_new(Agents *agents, const char *name, const char *tls_name, const RpcAddress *address, Agent **ret) {
        _cleanup_(agent_unrefp) Agent *a = NULL;
        int r;

        a = mem_new0(Agent, 1);
        if (!a)
                return -ENOMEM;
        a->n_ref = 1;
        a->agents = agents;
        a->name = strdup(name);
        a->tls_name = strdup(tls_name);
        a->told = map_new();
        a->policies = mem_new0(uint64_t, MAX(agents->policies->n_items, (size_t) 1));
        if (!a->name || !a->tls_name || !a->told || !a->policies)
                return -ENOMEM;
        r = rpc_address_copy(address, &a->address);
        if (r < 0)
                return r;
        r = rpc_channel_new(agents->queue,
                        &(RpcChannelOptions){ .address = address,
                                        .credentials = agents->credentials,
                                        .server_name = tls_name },
                        &a->channel);
        if (r < 0)
                return r;
        rpc_channel_set_listener(a->channel, on_state, a);
        *ret = TAKE_PTR(a);
        return 0;
}

static bool address_equal(const RpcAddress *a, const RpcAddress *b) {
        return a->kind == b->kind && streq_ptr(a->host, b->host) && a->cid == b->cid && a->port == b->port;
}

/* An agent that registers again may be a new one behind a connection of which nobody told us that it is dead: a machine
 * that lost its power sends no farewell. Whoever is there now refuses the old connection as soon as it is used. */
static int probe_run(void *userdata) {
        _cleanup_(agent_unrefp) Agent *a = userdata;
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(rpc_status_done) RpcStatus error = {};
        Agents *agents = a->agents;
        int r;

        r = unit_control_wait(a->channel, UNIT_STATUS, a->name, usec_add(time_now(CLOCK_MONOTONIC), AGENT_PROBE_USEC),
                        &status, &error);
        a->probed = false;
        if (r >= 0 || error.code != RPC_DEADLINE_EXCEEDED || a->agents != agents || !agents)
                return 0;
        agent_log(a, LOG_NOTICE, NULL, "does not answer on its old connection; making a new one", NULL);
        agents_forget(agents, a->name);
        return agents_register(agents, a->name, a->tls_name, &a->address);
}

static void agent_probe(Agent *a) {
        if (a->probed)
                return;
        a->probed = true;
        agent_ref(a);
        if (fiber_start(NULL, probe_run, a) >= 0)
                return;
        a->probed = false;
        agent_unref(a);
}

int agents_register(Agents *agents, const char *name, const char *tls_name, const RpcAddress *address) {
        _cleanup_(agent_unrefp) Agent *a = NULL;
        Agent *known = agents_get(agents, name);
        int r;

        if (known && address_equal(&known->address, address) && streq(known->tls_name, tls_name)) {
                rpc_channel_retry(known->channel);
                if (rpc_channel_get_state(known->channel) == RPC_CHANNEL_READY)
                        agent_probe(known);
                push_agent(known);
                return 0;
        }
        r = agent_new(agents, name, tls_name, address, &a);
        if (r < 0)
                return r;
        agents_forget(agents, name);
        r = map_put(agents->map, name, a);
        if (r < 0)
                return r;
        rpc_channel_connect(a->channel);
        r = agents->monitoring ? monitor_start(a) : 0;
        if (r < 0) {
                (void) map_remove(agents->map, name);
                return r;
        }
        if (agents->on_registered)
                agents->on_registered(a, agents->userdata);
        push_agent(a);
        (void) TAKE_PTR(a);
        return 0;
}

void agents_forget(Agents *agents, const char *name) {
        Agent *a = map_remove(agents->map, name);

        if (!a)
                return;
        a->agents = NULL;
        a->grace = sd_event_source_disable_unref(a->grace);
        rpc_channel_set_listener(a->channel, NULL, NULL);
        fiber_cancel(a->monitor);
        fiber_cancel(a->push);
        agent_unref(a);
}

int agents_find_vm(const Agents *agents, const char *vm, Agent **ret, RpcStatus *reterr) {
        _cleanup_free_ char *name = NULL;
        Agent *a;
        int r;

        if (!entry_word_is_valid(vm))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of a VM.", vm);
        name = agent_from_vm(vm);
        if (!name)
                return -ENOMEM;
        a = agents_get(agents, name);
        if (!a)
                return rpc_error(reterr, RPC_NOT_FOUND, "VM '%s' is not registered.", vm);
        r = agent_check_reachable(a, reterr);
        if (r < 0)
                return r;
        *ret = agent_ref(a);
        return 0;
}

int agents_find_unit(const Agents *agents, const char *vm, const char *unit, Agent **ret, RpcStatus *reterr) {
        _cleanup_free_ char *candidates = NULL, *name = NULL;
        const Entry *e;
        int r;

        if (!isempty(vm))
                return agents_find_vm(agents, vm, ret, reterr);
        r = registry_find(agents->registry, unit, NULL, &e, &candidates);
        if (r == -ENOENT)
                return rpc_error(reterr, RPC_NOT_FOUND, "No unit '%s' is registered.", unit);
        if (r == -ENOTUNIQ)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' is not unique, it is with %s; name the VM.",
                                unit, strempty(candidates));
        if (r < 0)
                return r;
        name = vm_from_agent(e->agent);
        return name ? agents_find_vm(agents, name, ret, reterr) : -ENOMEM;
}

int agents_find_host(const Agents *agents, Agent **ret, RpcStatus *reterr) {
        const Entry *e = registry_get_host(agents->registry);
        Agent *a = e ? agents_get(agents, e->name) : NULL;
        int r;

        if (!a)
                return rpc_error(reterr, RPC_UNAVAILABLE, "No host is registered.");
        r = agent_check_reachable(a, reterr);
        if (r < 0)
                return r;
        *ret = agent_ref(a);
        return 0;
}

bool agent_is_up(const Agent *a) {
        return a && rpc_channel_get_state(a->channel) == RPC_CHANNEL_READY;
}

int agent_check_reachable(const Agent *a, RpcStatus *reterr) {
        if (a->agents && registry_is_reachable(a->agents->registry, a->name))
                return 0;
        return rpc_error(reterr, RPC_UNAVAILABLE, "Agent '%s' cannot be reached: %s.", a->name,
                        a->agents ? rpc_channel_get_error(a->channel) : "it is not registered any more");
}

int agent_explain(
                const Agent *a, const ProtobufCServiceDescriptor *service, const char *what, int r, RpcStatus *reterr) {
        const bool ruled = reterr->code == RPC_PERMISSION_DENIED && streq_ptr(reterr->message, RPC_DENIED_BY_RULES);
        _cleanup_free_ char *vm = NULL;

        if (r >= 0 || (reterr->code != RPC_UNIMPLEMENTED && !ruled))
                return r;
        vm = vm_from_agent(a->name);
        rpc_status_done(reterr);
        if (ruled)
                return rpc_error(reterr, RPC_PERMISSION_DENIED,
                                "The access rules of the agent of VM '%s' do not let its admin %s; they have to permit "
                                "him module '%s' (" RPC_DENIED_BY_RULES ").",
                                strempty(vm), what, service->package);
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "The agent of VM '%s' does not %s.", strempty(vm), what);
}
