/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/launcher.h"

#include "admin/monitor.h"
#include "admin/calls/unit-control.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

typedef enum LaunchStage {
        LAUNCH_ASKING,
        LAUNCH_BOOTING,
        LAUNCH_WAITING,
} LaunchStage;

/* One start of one VM. Its fiber holds a reference, and so does everybody who waits for it. */
typedef struct Launch {
        unsigned n_ref;
        List launches;
        Launcher *launcher; /* NULL once there is none */
        char *vm, *unit, *agent;
        LaunchStage stage;
        bool begun, booted; /* by us */
        bool told_off;      /* its agent is not there, said somebody meanwhile */
        usec_t begin, deadline;
        Fiber *fiber;
        Condition ended;
        int result;
        RpcStatus error;
} Launch;

static Launch *launch_unref(Launch *l) {
        if (!l || --l->n_ref > 0)
                return NULL;
        rpc_status_done(&l->error);
        free(l->vm);
        free(l->unit);
        free(l->agent);
        free(l);
        return NULL;
}
DEFINE_CLEANUP(Launch *, launch_unref)

static int launch_fail_late(Launch *l) {
        static const char *const stages[] = {
                [LAUNCH_ASKING] = "asking its host",
                [LAUNCH_BOOTING] = "booting",
                [LAUNCH_WAITING] = "waiting for its agent",
        };

        return rpc_error(&l->error, RPC_DEADLINE_EXCEEDED, "VM '%s' did not start within %g s: still %s.", l->vm,
                        (double) (l->deadline - l->begin) / USEC_PER_SEC, stages[l->stage]);
}

/* What the host's agent said, in words about the VM. */
static int launch_explain(Launch *l, int r) {
        _cleanup_free_ char *message = TAKE_PTR(l->error.message);
        RpcCode code = l->error.code;

        if (code == RPC_OK)
                return r;
        if (code == RPC_DEADLINE_EXCEEDED && time_now(CLOCK_MONOTONIC) >= l->deadline)
                return launch_fail_late(l);
        if (code != RPC_NOT_FOUND)
                return rpc_error(&l->error, code, "VM '%s' cannot be started: %s", l->vm, strempty(message));
        r = rpc_error(&l->error, code, "There is no VM '%s': its host has no '%s'.", l->vm, l->unit);
        return rpc_error_detail(&l->error, r, "%s", strempty(message));
}

static int launch_ask_host_wait(Launch *l, UnitAction action, UnitStatus *ret) {
        _cleanup_(agent_unrefp) Agent *host = NULL;
        int r;

        r = agents_find_host(l->launcher->agents, &host, &l->error);
        if (r >= 0)
                r = unit_control_wait(host->channel, action, l->unit, l->deadline, ret, &l->error);
        if (!l->launcher)
                return -ECANCELED;
        if (r < 0)
                return launch_explain(l, r);
        r = str_replace(&ret->name, l->unit);
        return r < 0 ? r : 0;
}

static bool is_off(const UnitStatus *s) {
        return unit_status_is_inactive_or_failed(s) || streq(strempty(s->active_state), "deactivating");
}

/* The state of the VM's unit, which the host has. */
static int launch_look_wait(Launch *l, UnitStatus *ret) {
        int r;

        r = launch_ask_host_wait(l, UNIT_STATUS, ret);
        if (r < 0 || streq(strempty(ret->load_state), "loaded"))
                return r;
        if (streq(strempty(ret->load_state), "not-found"))
                return rpc_error(
                                &l->error, RPC_NOT_FOUND, "There is no VM '%s': its host has no '%s'.", l->vm, l->unit);
        return rpc_error(&l->error, RPC_FAILED_PRECONDITION, "VM '%s' cannot be started: '%s' is %s.", l->vm, l->unit,
                        strempty(ret->load_state));
}

/* What is registered for the VM is of a boot that is over, even if nobody has noticed yet. */
static int launch_boot_wait(Launch *l) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(agent_unrefp) Agent *host = NULL;
        int r;

        l->begun = true;
        l->stage = LAUNCH_BOOTING;
        monitor_drop_vm(l->launcher->agents, l->vm);
        log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_VM", l->vm }, { "UNIT", l->unit }), "Starting VM '%s'", l->vm);
        r = launch_ask_host_wait(l, UNIT_START, &status);
        if (r < 0)
                return r;
        if (!unit_status_is_active(&status))
                return rpc_error(&l->error, RPC_FAILED_PRECONDITION, "VM '%s' did not stay up: '%s' is %s (%s).", l->vm,
                                l->unit, strempty(status.active_state), strempty(status.sub_state));
        l->booted = true;
        l->stage = LAUNCH_WAITING;
        r = agents_find_host(l->launcher->agents, &host, &l->error);
        if (r >= 0)
                r = monitor_reflect_wait(host, &status, unit_status_is_active);
        return r >= 0 && !l->launcher ? -ECANCELED : r;
}

/* Gets the VM to where only its agent is missing. */
static int launch_step_wait(Launch *l) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        const Agent *a;
        int r;

        r = launch_look_wait(l, &status);
        if (r < 0)
                return r;
        if (is_off(&status) && l->booted)
                return rpc_error(&l->error, RPC_FAILED_PRECONDITION,
                                "VM '%s' stopped while its agent was awaited: '%s' is %s (%s).", l->vm, l->unit,
                                strempty(status.active_state), strempty(status.sub_state));
        if (is_off(&status))
                return launch_boot_wait(l);
        a = agents_get(l->launcher->agents, l->agent);
        if (unit_status_is_active(&status)) {
                l->stage = LAUNCH_WAITING;
                return a && !l->booted ? agent_check_reachable(a, &l->error) : 0;
        }
        l->stage = LAUNCH_BOOTING;
        return 0;
}

static int launch_agent_wait(Launch *l) {
        int r;

        l->told_off = false;
        while (!agent_is_up(agents_get(l->launcher->agents, l->agent))) {
                r = condition_wait_until(&l->launcher->reached, l->deadline);
                if (r < 0)
                        return r;
                if (!l->launcher)
                        return -ECANCELED;
                if (l->told_off)
                        return -EHOSTDOWN;
        }
        return 0;
}

/* The VM that the admin runs in. */
static bool launch_is_own(const Launch *l) {
        const Registry *r = l->launcher->agents->registry;
        const Entry *host = registry_get_host(r), *e = host ? registry_get(r, host->name, l->unit) : NULL;

        return e && e->type.vm == VM_ADM;
}

static int launch_wait(Launch *l) {
        int r;

        do {
                r = launch_step_wait(l);
                if (r < 0)
                        return r;
                if (!l->booted && (launch_is_own(l) || agent_is_up(agents_get(l->launcher->agents, l->agent))))
                        return 0;
                r = launch_agent_wait(l);
                /* What was said may be about the boot before: look again. */
        } while (r == -EHOSTDOWN);
        if (r == -ETIMEDOUT)
                return launch_fail_late(l);
        return r < 0 ? r : 1;
}

static void launch_log_end(const Launch *l) {
        if (!l->launcher || !l->begun)
                return;
        if (l->result >= 0)
                log_write(LOG_INFO,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_VM_STARTED }, { "GIVC_VM", l->vm },
                                                { "UNIT", l->unit }),
                                "VM '%s' is up, and its agent has registered", l->vm);
        else
                log_write(LOG_WARNING,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_VM_START_FAILED }, { "GIVC_VM", l->vm },
                                                { "UNIT", l->unit }, { "GIVC_REASON", l->error.message }),
                                "%s", strempty(l->error.message));
}

static void launch_leave(Launch *l) {
        if (!l->launcher)
                return;
        list_remove(&l->launches);
        l->launcher->n_launches--;
        l->launcher = NULL;
}

static int launch_run(void *userdata) {
        Launch *l = userdata;

        l->result = launch_wait(l);
        if (l->result < 0 && l->error.code == RPC_OK)
                rpc_status_from_errno(&l->error, l->result);
        launch_log_end(l);
        launch_leave(l);
        condition_broadcast(&l->ended, 0);
        fiber_release_slot();
        launch_unref(l);
        return 0;
}

static int launch_new(Launcher *launcher, const char *vm, Launch **ret) {
        _cleanup_(launch_unrefp) Launch *l = NULL;

        l = mem_new0(Launch, 1);
        if (!l)
                return -ENOMEM;
        l->n_ref = 1;
        l->vm = strdup(vm);
        l->unit = unit_from_vm(vm);
        l->agent = agent_from_vm(vm);
        if (!l->vm || !l->unit || !l->agent)
                return -ENOMEM;
        l->begin = time_now(CLOCK_MONOTONIC);
        l->deadline = usec_add(l->begin, launcher->timeout_usec);
        l->launcher = launcher;
        launcher->n_launches++;
        list_append(&launcher->launches, &l->launches);
        *ret = TAKE_PTR(l);
        return 0;
}

/* Begins a start, which has its own reference. */
static int launch_begin(Launcher *launcher, const char *vm, Launch **ret, RpcStatus *reterr) {
        Launch *l;
        int r;

        if (launcher->n_launches >= LAUNCHES_MAX)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "%d VMs are being started already.", LAUNCHES_MAX);
        r = launch_new(launcher, vm, &l);
        if (r < 0)
                return r;
        r = fiber_start(&l->fiber, launch_run, l);
        if (r < 0) {
                launch_leave(l);
                launch_unref(l);
                return r;
        }
        *ret = l;
        return 0;
}

static Launch *launcher_find(const Launcher *launcher, const char *vm) {
        LIST_FOREACH(l, &launcher->launches, Launch, launches)
                if (streq(l->vm, vm))
                        return l;
        return NULL;
}

static int launch_join_wait(Launch *launch, RpcStatus *reterr) {
        _cleanup_(launch_unrefp) Launch *l = launch;
        int r;

        l->n_ref++;
        r = condition_wait(&l->ended);
        if (r < 0 || l->result >= 0)
                return r < 0 ? r : l->result;
        r = rpc_error(reterr, l->error.code, "%s", strempty(l->error.message));
        return l->error.detail ? rpc_error_detail(reterr, r, "%s", l->error.detail) : r;
}

int launcher_start_wait(Launcher *launcher, const char *vm, RpcStatus *reterr) {
        Launch *l;
        int r;

        if (!entry_word_is_valid(vm))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of a VM.", vm);
        l = launcher_find(launcher, vm);
        if (!l) {
                r = launch_begin(launcher, vm, &l, reterr);
                if (r < 0)
                        return r;
        }
        return launch_join_wait(l, reterr);
}

static bool launcher_knows(const Launcher *l, const char *vm) {
        _cleanup_free_ char *name = agent_from_vm(vm);

        return name && agents_get(l->agents, name);
}

/* Whether the VM may be one that is off: it cannot be asked, and there is another who may know. */
static bool may_be_off(const Launcher *l, const char *vm) {
        _cleanup_free_ char *name = agent_from_vm(vm);
        const Agent *a = name ? agents_get(l->agents, name) : NULL;
        const Entry *host = registry_get_host(l->agents->registry);

        return name && host && !streq(host->name, name) &&
                        (!a || rpc_channel_get_state(a->channel) == RPC_CHANNEL_FAILED);
}

int launcher_get_agent_wait(Launcher *l, const char *vm, Agent **ret, RpcStatus *reterr) {
        _cleanup_(rpc_status_done) RpcStatus error = {};
        int r;

        if (!entry_word_is_valid(vm) || !may_be_off(l, vm))
                return agents_find_vm(l->agents, vm, ret, reterr);
        r = launcher_start_wait(l, vm, &error);
        /* A host that does not have the VM does not know why it cannot be reached. */
        if (r < 0 && (error.code != RPC_NOT_FOUND || !launcher_knows(l, vm))) {
                *reterr = error;
                error = (RpcStatus){};
                return r;
        }
        return agents_find_vm(l->agents, vm, ret, reterr);
}

static void on_reach(const char *name, bool up, void *userdata) {
        Launcher *launcher = userdata;

        LIST_FOREACH(l, &launcher->launches, Launch, launches)
                l->told_off = l->told_off || (!up && streq(l->agent, name));
        condition_broadcast(&launcher->reached, 0);
}

void launcher_init(Launcher *l, Agents *agents, usec_t timeout_usec) {
        *l = (Launcher){ .agents = agents, .timeout_usec = timeout_usec };
        list_init(&l->launches);
        agents->on_reach = on_reach;
        agents->on_reach_userdata = l;
}

void launcher_done(Launcher *launcher) {
        LIST_FOREACH(l, &launcher->launches, Launch, launches) {
                launch_leave(l);
                fiber_cancel(l->fiber);
        }
        launcher->agents->on_reach = NULL;
}
