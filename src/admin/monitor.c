/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/monitor.h"

#include "admin/calls/unit-control.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/unit.h"
#include "event/backoff.h"
#include "event/task.h"

static UnitStatus *told_free(UnitStatus *s) {
        if (s)
                unit_status_done(s);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(UnitStatus *, told_free)

static void told_clear(Agent *a) {
        MAP_FOREACH(s, a->told, UnitStatus) {
                (void) map_remove(a->told, s->name);
                told_free(s);
        }
}

void monitor_forget(Agent *a) {
        if (a->told)
                told_clear(a);
}

static int told_put(Agent *a, const UnitStatus *status) {
        _cleanup_(told_freep) UnitStatus *s = NULL;
        UnitStatus *old = map_get(a->told, status->name);
        int r;

        if (!old && map_size(a->told) >= MONITOR_TOLD_MAX)
                return -ENOSPC;
        s = mem_new0(UnitStatus, 1);
        if (!s)
                return -ENOMEM;
        r = unit_status_copy(status, s);
        if (r < 0)
                return r;
        if (old)
                told_free(map_remove(a->told, status->name));
        r = map_put(a->told, s->name, s);
        if (r < 0)
                return r;
        (void) TAKE_PTR(s);
        return 0;
}

const UnitStatus *monitor_get_told(const Agent *a, const char *unit) {
        return map_get(a->told, unit);
}

/* Its host says that the VM is off: nobody is there who could say anything else about what ran in it. */
void monitor_drop_vm(Agents *agents, const char *vm) {
        _cleanup_free_ char *name = agent_from_vm(vm);

        if (!name || !registry_get(agents->registry, name, name))
                return;
        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_VM_OFF }, { "GIVC_VM", vm }, { "UNIT", name }),
                        "VM '%s' is off; what was registered for it leaves", vm);
        (void) registry_remove(agents->registry, name, name);
        agents_forget(agents, name);
}

static void host_tell_vm(Agent *a, const char *unit, bool was_on) {
        _cleanup_free_ char *vm = vm_from_unit(unit), *name = vm ? agent_from_vm(vm) : NULL;

        if (!name || streq(name, a->name))
                return;
        if (was_on || !registry_is_reachable(a->agents->registry, name))
                monitor_drop_vm(a->agents, vm);
        agents_tell_off(a->agents, name);
}

void monitor_agent_lost(Agent *a) {
        _cleanup_free_ char *vm = vm_from_agent(a->name), *unit = vm ? unit_from_vm(vm) : NULL;
        const Entry *host = registry_get_host(a->agents->registry), *e;

        if (!host || !unit || streq(host->name, a->name))
                return;
        e = registry_get(a->agents->registry, host->name, unit);
        if (e && unit_status_is_inactive_or_failed(&e->status))
                monitor_drop_vm(a->agents, vm);
}

/* An application that runs there and that we do not know: its start was not answered to us, or to our predecessor. */
static void adopt(Agent *a, const UnitStatus *status) {
        _cleanup_free_ char *vm = vm_from_agent(a->name);
        const Entry *own = registry_get(a->agents->registry, a->name, a->name);
        EntryInfo info = entry_info_of_application(a->name, vm, status);

        if (!own || own->type.vm != VM_APP || !vm || instance_app_length(status->name) == 0 ||
                        !unit_status_is_active(status))
                return;
        /* A start that is in progress is reported by who started it. */
        if (registry_put(a->agents->registry, &info) > 0 &&
                        !registry_is_reserved(a->agents->registry, a->name, status->name))
                log_write(LOG_INFO, LOG_FIELDS({ "GIVC_VM", vm }, { "UNIT", status->name }),
                                "Application '%s' runs in VM '%s'", status->name, vm);
}

static void learn(Agent *a, const UnitStatus *status) {
        Registry *registry = a->agents->registry;
        const Entry *e = registry_get(registry, a->name, status->name);
        bool was_on = e && !unit_status_is_inactive_or_failed(&e->status);
        bool is_vm = e && e->type.service == SERVICE_VM;

        if (!unit_name_is_valid(status->name))
                return;
        if (registry_update(registry, a->name, status->name, status) == -ENOENT)
                adopt(a, status);
        if (is_vm && unit_status_is_inactive_or_failed(status))
                host_tell_vm(a, status->name, was_on);
}

static void on_unit(const UnitStatus *status, void *userdata) {
        Agent *a = userdata;

        if (!a->agents || !unit_name_is_valid(status->name) || told_put(a, status) < 0)
                return;
        learn(a, status);
        condition_broadcast(&a->told_more, 0);
}

static void on_gone(const char *unit, void *userdata) {
        Agent *a = userdata;

        if (!a->agents)
                return;
        told_free(map_remove(a->told, unit));
        (void) registry_unit_gone(a->agents->registry, a->name, unit);
        condition_broadcast(&a->told_more, 0);
}

/* An agent that tells of more units than we keep may have told of this one. */
static bool is_untold(const Agent *a, const Entry *e) {
        if (e->type.service != SERVICE_APP && (e->type.service != SERVICE_SVC || map_size(a->told) >= MONITOR_TOLD_MAX))
                return false;
        return !map_get(a->told, e->name);
}

static const Entry *first_untold(const Agent *a) {
        const Registry *registry = a->agents->registry;

        for (const Entry *e = registry_next(registry, a->name, NULL); e; e = registry_next(registry, a->name, e))
                if (is_untold(a, e))
                        return e;
        return NULL;
}

/* What is not told now is there no more: an application has ended meanwhile, a service was exposed by an agent that had
 * another configuration, or that was another one. */
static void on_synced(void *userdata) {
        Agent *a = userdata;
        const Entry *e;

        if (!a->agents)
                return;
        while ((e = first_untold(a)))
                if ((e->type.service == SERVICE_APP ? registry_unit_gone : registry_remove)(
                                    a->agents->registry, a->name, e->name) < 0)
                        break;
        a->live = true;
        condition_broadcast(&a->told_more, 0);
}

typedef struct Poll {
        Agent *agent;
        char **units;
        size_t next;
} Poll;

static int poll_unit_wait(Agent *a, const char *unit) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(rpc_status_done) RpcStatus error = {};
        int r;

        r = unit_control_wait(a->channel, UNIT_STATUS, unit,
                        usec_add(time_now(CLOCK_MONOTONIC), MONITOR_POLL_TIMEOUT_USEC), &status, &error);
        if (fiber_is_canceled(fiber_current()) || !a->agents)
                return -ECANCELED;
        if (r >= 0)
                learn(a, &status);
        else if (error.code == RPC_NOT_FOUND)
                (void) registry_unit_gone(a->agents->registry, a->name, unit);
        return 0;
}

static int poll_worker(void *userdata) {
        Poll *poll = userdata;
        int r;

        while (poll->units && poll->units[poll->next]) {
                r = poll_unit_wait(poll->agent, poll->units[poll->next++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int poll_once_wait(Agent *a) {
        _cleanup_strv_free_ char **units = NULL;
        _cleanup_(task_group_freep) TaskGroup *group = NULL;
        const Registry *registry = a->agents->registry;
        Poll poll = { .agent = a };
        int r;

        for (const Entry *e = registry_next(registry, a->name, NULL); e; e = registry_next(registry, a->name, e)) {
                r = strv_extend(&units, e->name);
                if (r < 0)
                        return r;
        }
        poll.units = units;
        group = task_group_new();
        if (!group)
                return -ENOMEM;
        for (size_t i = 0; i < MONITOR_POLL_PARALLEL; i++) {
                r = task_group_start(group, poll_worker, &poll);
                if (r < 0)
                        return r;
        }
        return task_group_wait(group);
}

/* As long as the connection stands; a new one, also one that is there by the next poll, may be to an agent that
 * pushes. */
static int poll_wait(Agent *a) {
        int r;

        a->polled = true;
        a->reconnected = false;
        for (;;) {
                r = poll_once_wait(a);
                if (r < 0 && r != -ENOMEM)
                        break;
                a->kick = (Promise){};
                r = promise_wait_until(&a->kick, usec_add(time_now(CLOCK_MONOTONIC), MONITOR_POLL_USEC));
                if ((r < 0 && r != -ETIMEDOUT) || !a->agents || a->reconnected ||
                                rpc_channel_get_state(a->channel) != RPC_CHANNEL_READY)
                        break;
        }
        a->polled = false;
        return 0;
}

void monitor_kick(Agent *a) {
        if (a->polled)
                promise_resolve(&a->kick, 0);
}

static int monitor_once_wait(Agent *a, Backoff *backoff) {
        static const UnitEvents events = { on_unit, on_gone, on_synced };
        _cleanup_(rpc_status_done) RpcStatus error = {};
        int r;

        r = rpc_channel_ready_wait(a->channel, USEC_INFINITY);
        if (r < 0)
                return r;
        r = unit_control_watch_wait(a->channel, &events, a, &error);
        if (a->live)
                backoff_reset(backoff);
        a->live = false;
        told_clear(a);
        if (!a->agents || fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        if (r < 0 && error.code == RPC_UNIMPLEMENTED)
                return poll_wait(a);
        log_debug("Agent '%s' does not tell about its units: %s", a->name, strempty(error.message));
        return fiber_sleep_wait(backoff_next_usec(backoff));
}

static int monitor_run(void *userdata) {
        _cleanup_(agent_unrefp) Agent *a = userdata;
        Backoff backoff = { .min_usec = 100 * USEC_PER_MSEC, .max_usec = 5 * USEC_PER_SEC };
        int r = 0;

        a->monitor = fiber_current();
        while (r >= 0 && a->agents)
                r = monitor_once_wait(a, &backoff);
        a->monitor = NULL;
        return 0;
}

int monitor_start(Agent *a) {
        int r;

        agent_ref(a);
        r = fiber_start(NULL, monitor_run, a);
        if (r < 0)
                agent_unref(a);
        return r;
}

static bool reflected(const Agent *a, const char *unit, bool (*is_as_wanted)(const UnitStatus *status)) {
        const Entry *e = registry_get(a->agents->registry, a->name, unit);

        return !e || is_as_wanted(&e->status);
}

int monitor_reflect_wait(Agent *a, const UnitStatus *status, bool (*is_as_wanted)(const UnitStatus *status)) {
        usec_t deadline = usec_add(time_now(CLOCK_MONOTONIC), MONITOR_REFLECT_USEC);
        int r = 0;

        while (a->agents && a->live && r >= 0 && !reflected(a, status->name, is_as_wanted))
                r = condition_wait_until(&a->told_more, deadline);
        if (r == -ECANCELED)
                return r;
        if (a->agents && !reflected(a, status->name, is_as_wanted))
                learn(a, status);
        return 0;
}
