/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/list.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/unit-job.h"

#define MANAGER_PATIENCE_USEC (3 * USEC_PER_SEC)
#define REAP_RETRY_USEC       (500 * USEC_PER_MSEC)
#define PROGRAM_PREFIX        "givc-exec"

struct Agent {
        const Config *config;
        Exposure *exposure;
        Bus *bus;
        Bus *system_bus; /* NULL until somebody has asked for it */
        UnitWatch *watch;
        Feed *feed;
        UnitPrograms *programs;
        Stats *stats;
        const char *root;
        char *own_unit;
        bool in_unit;
        List holds;
        List reapers;
};

/* A fiber that concludes one failed application. */
typedef struct Reaper {
        List reapers;
        Agent *agent;
        char *name;
        Fiber *fiber;
} Reaper;

static void reaper_free(Reaper *reaper) {
        if (!reaper)
                return;
        list_remove(&reaper->reapers);
        free(reaper->name);
        free(reaper);
}
DEFINE_CLEANUP(Reaper *, reaper_free)

/* The manager may go away meanwhile, and tells nothing new about the unit when it is there again. */
static int reap_wait(Agent *a, const char *name, UnitResult *ret) {
        int r;

        for (;;) {
                r = bus_connected_wait(a->bus, USEC_INFINITY);
                if (r < 0)
                        return r;
                r = agent_conclude_wait(a, name, ret);
                if (r != -ENOTCONN && r != -ECONNRESET && r != -ETIMEDOUT)
                        return r;
                r = fiber_sleep_wait(REAP_RETRY_USEC);
                if (r < 0)
                        return r;
        }
}

static int reaper_main(void *userdata) {
        _cleanup_(reaper_freep) Reaper *reaper = userdata;
        _cleanup_(unit_result_done) UnitResult result = {};
        _cleanup_free_ char *text = NULL;
        int r;

        /* Not the slot of fiber_start(): that would have to outlive the fiber, and the reaper goes with it. */
        reaper->fiber = fiber_current();
        r = reap_wait(reaper->agent, reaper->name, &result);
        if (r == -ECANCELED)
                return r;
        text = r < 0 ? NULL : unit_result_to_string(&result);
        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_APPLICATION_FAILED }, { "UNIT", reaper->name }),
                        "Application '%s' failed: %s", reaper->name, text ? text : strerror(r < 0 ? -r : ENOMEM));
        return r;
}

static bool agent_is_busy_with(const Agent *a, const char *name) {
        LIST_FOREACH(hold, &a->holds, AgentHold, holds)
                if (streq(hold->name, name))
                        return true;
        LIST_FOREACH(reaper, &a->reapers, Reaper, reapers)
                if (streq(reaper->name, name))
                        return true;
        return false;
}

static int agent_reap(Agent *a, const char *name) {
        _cleanup_(reaper_freep) Reaper *reaper = NULL;
        int r;

        reaper = mem_new0(Reaper, 1);
        if (!reaper)
                return -ENOMEM;
        list_init(&reaper->reapers);
        reaper->agent = a;
        reaper->name = strdup(name);
        if (!reaper->name)
                return -ENOMEM;
        list_append(&a->reapers, &reaper->reapers);
        r = fiber_start(NULL, reaper_main, reaper);
        if (r < 0)
                return r;
        (void) TAKE_PTR(reaper);
        return 0;
}

static void agent_look_at(Agent *a, const UnitStatus *status) {
        int r;

        if (!exposure_is_application(a->exposure, status->name) || !streq(status->active_state, "failed") ||
                        agent_is_busy_with(a, status->name))
                return;
        r = agent_reap(a, status->name);
        if (r < 0)
                log_warning_errno(r, "Cannot look after the failed application '%s'", status->name);
}

/* One fiber at most waits for the end of a unit: it has started it. What it does when it wakes may end other holds. */
static void agent_wake_holder(Agent *a, const UnitStatus *status) {
        if (!unit_status_is_inactive_or_failed(status))
                return;
        LIST_FOREACH(hold, &a->holds, AgentHold, holds) {
                if (!streq(hold->name, status->name))
                        continue;
                hold->ended = true;
                if (hold->wake) {
                        promise_resolve(hold->wake, 0);
                        return;
                }
        }
}

static bool unit_is_wanted(const char *name, void *userdata) {
        Agent *a = userdata;

        return streq(name, a->own_unit) || exposure_contains(a->exposure, name);
}

static void on_unit_change(const UnitStatus *status, void *userdata) {
        Agent *a = userdata;
        UnitStatus shown = *status;
        int r;

        if (streq(status->name, a->own_unit))
                shown.name = (char *) exposure_get_own_name(a->exposure);
        else if (streq(status->name, exposure_get_own_name(a->exposure)))
                return; /* not our unit, whoever it is: the name is taken */
        r = feed_update(a->feed, &shown, exposure_is_configured(a->exposure, shown.name));
        if (r < 0)
                log_warning_errno(r, "The state of unit '%s' is not shown", shown.name);
        agent_look_at(a, &shown);
        agent_wake_holder(a, &shown);
}

static void on_units_synced(void *userdata) {
        Agent *a = userdata;

        feed_set_synced(a->feed);
}

static int agent_watch_units(Agent *a) {
        static const UnitWatchHooks hooks = {
                .wanted = unit_is_wanted,
                .on_change = on_unit_change,
                .on_synced = on_units_synced,
        };
        const ExposedUnit *units;
        size_t n;
        int r;

        r = unit_watch_new(a->bus, &hooks, a, &a->watch);
        if (r < 0)
                return r;
        r = unit_watch_add(a->watch, a->own_unit);
        if (r < 0)
                return r;
        units = exposure_get_units(a->exposure, &n);
        for (size_t i = 0; i < n; i++) {
                r = unit_name_is_valid(units[i].name) ? unit_watch_add(a->watch, units[i].name) : -EINVAL;
                if (r == -EINVAL || r == -E2BIG)
                        log_warning("Unit '%s' is not shown: %s", units[i].name,
                                        r == -EINVAL ? "that is not the name of a unit" : "there are too many");
                else if (r < 0)
                        return r;
        }
        return 0;
}

int agent_new(const Config *config, Bus *bus, const char *own_unit, Agent **ret) {
        _cleanup_(agent_freep) Agent *a = NULL;
        int r;

        a = mem_new0(Agent, 1);
        if (!a)
                return -ENOMEM;
        a->config = config;
        a->bus = bus_ref(bus);
        a->root = "";
        list_init(&a->holds);
        list_init(&a->reapers);
        r = exposure_new(config, &a->exposure);
        if (r < 0)
                return r;
        a->in_unit = own_unit;
        a->own_unit = strdup(own_unit ? own_unit : exposure_get_own_name(a->exposure));
        if (!a->own_unit)
                return -ENOMEM;
        r = feed_new(&a->feed);
        if (r < 0)
                return r;
        a->stats = stats_new();
        if (!a->stats)
                return -ENOMEM;
        r = unit_programs_new(a->bus, PROGRAM_PREFIX, &a->programs);
        if (r < 0)
                return r;
        r = agent_watch_units(a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

Agent *agent_free(Agent *a) {
        if (!a)
                return NULL;
        /* Cancelled from the loop, a reaper returns, and with it leaves the list, before this does. */
        LIST_FOREACH(reaper, &a->reapers, Reaper, reapers)
                fiber_cancel(reaper->fiber);
        unit_programs_free(a->programs);
        stats_free(a->stats);
        unit_watch_free(a->watch);
        feed_free(a->feed);
        exposure_free(a->exposure);
        bus_unref(a->system_bus);
        bus_unref(a->bus);
        free(a->own_unit);
        free(a);
        return NULL;
}

const Config *agent_get_config(const Agent *a) {
        return a->config;
}

const Exposure *agent_get_exposure(const Agent *a) {
        return a->exposure;
}

Bus *agent_get_bus(const Agent *a) {
        return a->bus;
}

Feed *agent_get_feed(const Agent *a) {
        return a->feed;
}

UnitPrograms *agent_get_programs(const Agent *a) {
        return a->programs;
}

Stats *agent_get_stats(const Agent *a) {
        return a->stats;
}

const char *agent_get_root(const Agent *a) {
        return a->root;
}

void agent_set_root(Agent *a, const char *root) {
        a->root = root;
}

const char *agent_get_unit(const Agent *a) {
        return a->in_unit ? a->own_unit : NULL;
}

const char *agent_real_name(const Agent *a, const char *name) {
        return streq(name, exposure_get_own_name(a->exposure)) ? a->own_unit : name;
}

int agent_manager_wait(const Agent *a) {
        int r;

        r = bus_connected_wait(a->bus, usec_add(time_now(CLOCK_MONOTONIC), MANAGER_PATIENCE_USEC));
        return r == -ETIMEDOUT ? -ENOTCONN : r;
}

static int agent_open_system_bus(Agent *a) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int r;

        if (a->system_bus)
                return 0;
        if (bus_get_scope(a->bus) == BUS_SYSTEM) {
                a->system_bus = bus_ref(a->bus);
                return 0;
        }
        r = sd_event_default(&event);
        return r < 0 ? r : bus_new(event, BUS_SYSTEM, &a->system_bus);
}

int agent_system_bus_wait(Agent *a, Bus **ret) {
        int r;

        r = agent_open_system_bus(a);
        if (r < 0)
                return r;
        r = bus_connected_wait(a->system_bus, usec_add(time_now(CLOCK_MONOTONIC), MANAGER_PATIENCE_USEC));
        if (r < 0)
                return r == -ETIMEDOUT ? -ENOTCONN : r;
        *ret = bus_ref(a->system_bus);
        return 0;
}

int agent_unit_status_wait(const Agent *a, const char *name, UnitStatus *ret) {
        UnitStatus status = {};
        int r;

        r = unit_status_wait(a->bus, agent_real_name(a, name), &status);
        if (r < 0)
                return r;
        r = str_replace(&status.name, name);
        if (r < 0) {
                unit_status_done(&status);
                return r;
        }
        *ret = status;
        return 0;
}

void agent_hold(Agent *a, const char *name, AgentHold *ret) {
        *ret = (AgentHold){ .agent = a, .name = name };
        list_append(&a->holds, &ret->holds);
}

void agent_release(AgentHold *h) {
        const UnitStatus *status;

        if (!h->agent)
                return;
        list_remove(&h->holds);
        status = feed_get(h->agent->feed, h->name);
        if (status && !h->concluded)
                agent_look_at(h->agent, status);
        h->agent = NULL;
}

int agent_hold_ended_wait(AgentHold *h, usec_t deadline) {
        Promise wake = {};
        int r = 0;

        if (!h->ended) {
                h->wake = &wake;
                r = promise_wait_until(&wake, deadline);
                h->wake = NULL;
        }
        h->ended = false;
        return r;
}

int agent_conclude_wait(Agent *a, const char *name, UnitResult *ret) {
        _cleanup_(unit_result_done) UnitResult result = {};
        int r;

        r = unit_result_wait(a->bus, name, &result);
        if (r < 0)
                return r;
        r = unit_reset_failed_wait(a->bus, name, NULL);
        if (r < 0 && r != -ENOENT)
                return r;
        LIST_FOREACH(hold, &a->holds, AgentHold, holds)
                if (streq(hold->name, name))
                        hold->concluded = true;
        *ret = result;
        result = (UnitResult){};
        return 0;
}
