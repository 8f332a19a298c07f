/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/applications.h"

#include "admin/monitor.h"
#include "admin/calls/unit-control.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/unit.h"

static int register_started(Agent *a, const UnitStatus *status, RpcStatus *reterr) {
        _cleanup_free_ char *vm = vm_from_agent(a->name);
        EntryInfo info = entry_info_of_application(a->name, vm, status);
        int r;

        if (!vm)
                return -ENOMEM;
        r = registry_put(a->agents->registry, &info);
        if (r == -ENOSPC)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "'%s' runs, but VM '%s' has no room for its entry.",
                                status->name, vm);
        return r;
}

/* The answer may be older than what was pushed meanwhile, so the pushes decide. One that says exited may be of the
 * instance before, whose name this one has: then the agent is asked. */
static int settle_started_wait(
                Agent *a, const Reservation *v, const UnitStatus *status, usec_t deadline, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus fresh = {};
        const UnitStatus *told;
        int r;

        if (!unit_status_is_active(status))
                return 0;
        if (streq(status->name, reservation_get_name(v)) && reservation_has_exited(v))
                return 0;
        told = monitor_get_told(a, status->name);
        if (told && unit_status_is_inactive_or_failed(told)) {
                r = unit_control_wait(a->channel, UNIT_STATUS, status->name, deadline, &fresh, reterr);
                if (r < 0)
                        return r;
                status = &fresh;
        } else if (told)
                status = told;
        if (!a->agents)
                return rpc_error(reterr, RPC_UNAVAILABLE, "Agent '%s' is not registered any more.", a->name);
        return unit_status_is_active(status) ? register_started(a, status, reterr) : 0;
}

static int reserve(Agents *agents, const Agent *a, const char *app, Reservation **ret, RpcStatus *reterr) {
        int r;

        r = registry_reserve_instance(agents->registry, a->name, app, ret);
        if (r == -ENOSPC)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "Agent '%s' has no room for another application.",
                                a->name);
        return r;
}

typedef struct Attempts {
        Reservation *reservations[APPLICATION_START_ATTEMPTS];
        unsigned n;
} Attempts;

static void attempts_done(Attempts *t) {
        while (t->n > 0)
                reservation_free(t->reservations[--t->n]);
}

/* A start whose caller has left goes on at the agent, and we hear of its instance only when it runs: its number, which
 * looks free to us, is not. What was tried stays reserved meanwhile, so that the next attempt gets another number. */
static int start_instance_wait(
                Agent *a, const ApplicationRequest *request, Attempts *t, UnitStatus *ret, RpcStatus *reterr) {
        int r;

        do {
                rpc_status_done(reterr);
                if (!a->agents)
                        return rpc_error(reterr, RPC_UNAVAILABLE, "Agent '%s' is not registered any more.", a->name);
                r = reserve(a->agents, a, request->app, &t->reservations[t->n], reterr);
                if (r < 0)
                        return r;
                t->n++;
                r = unit_control_start_application_wait(a->channel, reservation_get_name(t->reservations[t->n - 1]),
                                request->args, request->n_args, request->deadline, ret, reterr);
        } while (r == -EEXIST && t->n < ELEMENTSOF(t->reservations));
        return r;
}

int application_start_wait(Launcher *launcher, const ApplicationRequest *request, char **ret_unit, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(attempts_done) Attempts attempts = {};
        _cleanup_(agent_unrefp) Agent *a = NULL;
        _cleanup_free_ char *vm = NULL;
        int r;

        if (!entry_word_is_valid(request->app))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of an application.", request->app);
        if (request->n_args > APPLICATION_ARGS_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "More than %d arguments.", APPLICATION_ARGS_MAX);
        vm = request->vm ? strdup(request->vm) : vm_from_app(request->app);
        if (!vm)
                return -ENOMEM;
        r = launcher_get_agent_wait(launcher, vm, &a, reterr);
        if (r < 0)
                return r;
        r = start_instance_wait(a, request, &attempts, &status, reterr);
        if (r < 0)
                return r;
        if (instance_app_length(status.name) == 0 || !unit_name_is_valid(status.name))
                return rpc_error(reterr, RPC_INTERNAL, "Agent '%s' answered with a unit that is no application.",
                                a->name);
        r = settle_started_wait(a, attempts.reservations[attempts.n - 1], &status, request->deadline, reterr);
        if (r < 0)
                return r;
        *ret_unit = TAKE_PTR(status.name);
        return 0;
}

void application_target_done(ApplicationTarget *t) {
        free(t->agent);
        strv_free(t->units);
}

static int target_add(ApplicationTarget *t, const Entry *e) {
        if (!t->agent) {
                t->agent = strdup(e->agent);
                if (!t->agent)
                        return -ENOMEM;
        }
        return strv_extend(&t->units, e->name);
}

static bool is_instance_of(const Entry *e, const char *app) {
        size_t n = instance_app_length(e->name);

        return e->type.service == SERVICE_APP && n == strlen(app) && strncmp(e->name, app, n) == 0;
}

static int ambiguous(RpcStatus *reterr, const char *name, const char *candidates) {
        return rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' is not unique, it is with %s; name the VM.", name,
                        candidates);
}

static int resolve_instances(
                const Registry *registry, const char *app, const char *agent, ApplicationTarget *t, RpcStatus *reterr) {
        for (const Entry *e = registry_next(registry, agent, NULL); e; e = registry_next(registry, agent, e)) {
                _cleanup_free_ char *candidates = NULL;
                int r;

                if (!is_instance_of(e, app))
                        continue;
                if (t->agent && !streq(t->agent, e->agent)) {
                        candidates = strf("%s, %s", t->agent, e->agent);
                        return ambiguous(reterr, app, strempty(candidates));
                }
                r = target_add(t, e);
                if (r < 0)
                        return r;
        }
        if (!t->agent)
                return rpc_error(reterr, RPC_NOT_FOUND, "No application '%s' is registered%s%s.", app,
                                agent ? " by " : "", strempty(agent));
        return 0;
}

int application_resolve(
                const Registry *registry, const char *app, const char *vm, ApplicationTarget *t, RpcStatus *reterr) {
        _cleanup_free_ char *agent = NULL, *candidates = NULL;
        const Entry *e = NULL;
        int r;

        if (isempty(app) || strlen(app) > ENTRY_NAME_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of an application.", app);
        if (!isempty(vm)) {
                agent = agent_from_vm(vm);
                if (!agent)
                        return -ENOMEM;
                if (!registry_get(registry, agent, agent))
                        return rpc_error(reterr, RPC_NOT_FOUND, "VM '%s' is not registered.", vm);
        }
        r = registry_find(registry, app, agent, &e, &candidates);
        if (r == -ENOENT)
                return resolve_instances(registry, app, agent, t, reterr);
        if (r == -ENOTUNIQ)
                return ambiguous(reterr, app, strempty(candidates));
        if (r < 0)
                return r;
        if (e->type.service != SERVICE_APP)
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "'%s' is no application.", app);
        return target_add(t, e);
}

static bool is_resumed(const UnitStatus *s) {
        return unit_status_is_running(s) && !unit_status_is_frozen(s);
}

static const struct {
        UnitAction action;
        bool (*is_done)(const UnitStatus *status);
        const char *word;
} actions[] = {
        [APPLICATION_PAUSE] = { UNIT_FREEZE, unit_status_is_frozen, "pause" },
        [APPLICATION_RESUME] = { UNIT_UNFREEZE, is_resumed, "resume" },
        [APPLICATION_STOP] = { UNIT_STOP, unit_status_is_inactive_or_failed, "stop" },
};

static int act_on_unit_wait(Agent *a, ApplicationAction action, const char *unit, usec_t deadline, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        int r;

        r = unit_control_wait(a->channel, actions[action].action, unit, deadline, &status, reterr);
        if (r < 0 && reterr->code == RPC_NOT_FOUND && a->agents)
                (void) registry_unit_gone(a->agents->registry, a->name, unit);
        if (r < 0)
                return r;
        if (!actions[action].is_done(&status))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Failed to %s '%s': it is %s (%s), its freezer %s.",
                                actions[action].word, unit, status.active_state, status.sub_state,
                                status.freezer_state);
        return monitor_reflect_wait(a, &status, actions[action].is_done);
}

/* While one instance was waited for, its agent may have registered something else by the name of the next. */
static int check_still_application(const Agent *a, const char *unit, RpcStatus *reterr) {
        const Entry *e = a->agents ? registry_get(a->agents->registry, a->name, unit) : NULL;

        if (!e || e->type.service == SERVICE_APP)
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "'%s' is no application any more.", unit);
}

int application_act_wait(
                Agents *agents, ApplicationAction action, const ApplicationRequest *request, RpcStatus *reterr) {
        _cleanup_(application_target_done) ApplicationTarget target = {};
        _cleanup_(agent_unrefp) Agent *a = NULL;
        int r;

        r = application_resolve(agents->registry, request->app, request->vm, &target, reterr);
        if (r < 0)
                return r;
        a = agent_ref(agents_get(agents, target.agent));
        if (!a)
                return rpc_error(reterr, RPC_UNAVAILABLE, "Agent '%s' is not registered any more.", target.agent);
        r = agent_check_reachable(a, reterr);
        if (r < 0)
                return r;
        STRV_FOREACH(unit, target.units) {
                r = check_still_application(a, *unit, reterr);
                if (r >= 0)
                        r = act_on_unit_wait(a, action, *unit, request->deadline, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}
