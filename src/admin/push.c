/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/push.h"

#include "admin/calls/locale.h"
#include "admin/calls/policy.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/backoff.h"

/* What an agent says of the setting itself it will say again; all else may pass. */
static bool is_final(RpcCode code) {
        return code == RPC_INVALID_ARGUMENT || code == RPC_NOT_FOUND || code == RPC_PERMISSION_DENIED ||
                        code == RPC_FAILED_PRECONDITION || code == RPC_UNIMPLEMENTED || code == RPC_UNAUTHENTICATED;
}

/* 0: it has it, or never will; -EAGAIN: another time, of which the first is told. */
static int push_judge(const Agent *a, const char *what, int r, const RpcStatus *status) {
        const int level = is_final(status->code) ? LOG_WARNING : a->n_push_tries == 0 ? LOG_INFO : LOG_DEBUG;
        _cleanup_free_ char *vm = NULL;

        if (!a->agents || fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        if (r >= 0)
                return 0;
        vm = vm_from_agent(a->name);
        log_write(level, LOG_FIELDS({ "GIVC_VM", vm }, { "UNIT", a->name }, { "GIVC_REASON", status->message }),
                        "Agent '%s' does not take the %s%s: %s", a->name, what,
                        is_final(status->code) ? "" : " now, trying on", strempty(status->message));
        return is_final(status->code) ? 0 : -EAGAIN;
}

static int push_locale_wait(Agent *a) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_strv_free_ char **locale = NULL; /* may be set anew meanwhile */
        int r;

        STRV_FOREACH(s, a->agents->settings->locale) {
                r = strv_extend(&locale, *s);
                if (r < 0)
                        return r;
        }
        if (!locale)
                return 0;
        r = locale_call_wait(a->channel, locale, usec_add(time_now(CLOCK_MONOTONIC), PUSH_CALL_USEC), &status);
        return push_judge(a, "locale", r, &status);
}

static int push_timezone_wait(Agent *a) {
        const char *set = a->agents->settings->timezone;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_free_ char *zone = NULL;
        int r;

        if (!set)
                return 0;
        zone = strdup(set);
        if (!zone)
                return -ENOMEM;
        r = timezone_call_wait(a->channel, zone, usec_add(time_now(CLOCK_MONOTONIC), PUSH_CALL_USEC), &status);
        return push_judge(a, "time zone", r, &status);
}

/* The one that it has by now; another may have come meanwhile, and is told of then. */
static int push_policy_wait(Agent *a, const char *vm, const Policy *p, uint64_t *has) {
        _cleanup_(policy_content_unrefp) PolicyContent *content = policy_content_ref(p->content);
        _cleanup_free_ char *what = strf("policy '%s'", p->config->name);
        _cleanup_(rpc_status_done) RpcStatus status = {};
        const unsigned registration = a->n_registrations;
        const uint64_t serial = p->serial;
        int r, q;

        if (!what)
                return -EAGAIN;
        r = policy_call_wait(a->channel, p->config->name, content->data, content->size,
                        usec_add(time_now(CLOCK_MONOTONIC), PUSH_POLICY_USEC), &status);
        q = push_judge(a, what, r, &status);
        if (q < 0)
                return q;
        if (a->n_registrations == registration) /* else it was another one that took it, perhaps */
                *has = serial;
        if (r >= 0)
                log_write(LOG_INFO,
                                LOG_FIELDS({ "GIVC_POLICY", p->config->name }, { "GIVC_VM", vm }, { "UNIT", a->name }),
                                "Agent '%s' has policy '%s'", a->name, p->config->name);
        return 0;
}

/* One that it does not take holds up no other. */
static int push_policies_wait(Agent *a) {
        const Policies *policies = a->agents->policies;
        _cleanup_free_ char *vm = vm_from_agent(a->name);
        int result = 0, r;

        for (size_t i = 0; vm && i < policies->n_items; i++) {
                const Policy *p = &policies->items[i];

                if (!p->content || a->policies[i] == p->serial || !policy_is_for(p, vm))
                        continue;
                r = push_policy_wait(a, vm, p, &a->policies[i]);
                if (r == -ECANCELED)
                        return r;
                if (r < 0)
                        result = r;
        }
        return vm ? result : -EAGAIN;
}

static const struct {
        Push bit;
        int (*push)(Agent *a);
} rows[] = {
        { PUSH_LOCALE, push_locale_wait },
        { PUSH_TIMEZONE, push_timezone_wait },
        { PUSH_POLICIES, push_policies_wait },
};

/* What could not be told stays due. */
static int push_once_wait(Agent *a) {
        int r;

        r = rpc_channel_ready_wait(a->channel, USEC_INFINITY);
        if (r < 0 || !a->agents)
                return -ECANCELED;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (!(a->push_due & rows[i].bit))
                        continue;
                a->push_due &= ~rows[i].bit;
                r = rows[i].push(a);
                if (r == -ECANCELED)
                        return r;
                if (r < 0)
                        a->push_due |= rows[i].bit;
        }
        return 0;
}

static int push_run(void *userdata) {
        _cleanup_(agent_unrefp) Agent *a = userdata;
        Backoff backoff = { .min_usec = PUSH_MIN_USEC, .max_usec = PUSH_MAX_USEC };
        unsigned due;
        int r;

        a->n_push_tries = 0;
        while (a->agents && a->push_due) {
                if (a->push_news.done)
                        a->n_push_tries = 0;
                a->push_news = (Promise){};
                due = a->push_due;
                r = push_once_wait(a);
                a->n_push_tries++;
                if (r >= 0 && (a->push_due & due) && !a->push_news.done)
                        r = promise_wait_until(&a->push_news,
                                        usec_add(time_now(CLOCK_MONOTONIC), backoff_next_usec(&backoff)));
                if (r == -ECANCELED)
                        break;
        }
        fiber_release_slot(); /* it is in the agent */
        return 0;
}

static bool push_has_something(const Agents *agents, Push what) {
        return ((what & PUSH_LOCALE) && agents->settings->locale) ||
                        ((what & PUSH_TIMEZONE) && agents->settings->timezone) ||
                        ((what & PUSH_POLICIES) && agents->policies->n_items > 0);
}

static void push_start(Agent *a, Push what) {
        int r;

        if (!push_has_something(a->agents, what))
                return;
        a->push_due |= what;
        if (a->push) {
                promise_resolve(&a->push_news, 0);
                return;
        }
        agent_ref(a);
        r = fiber_start(&a->push, push_run, a);
        if (r >= 0)
                return;
        agent_unref(a);
        log_warning_errno(r, "Agent '%s' does not hear of settings and policies", a->name);
}

void push_agent(Agent *a) {
        a->n_registrations++;
        for (size_t i = 0; i < a->agents->policies->n_items; i++)
                a->policies[i] = 0;
        push_start(a, PUSH_LOCALE | PUSH_TIMEZONE | PUSH_POLICIES);
}

void push_all(Agents *agents, Push what) {
        MAP_FOREACH(a, agents->map, Agent)
                push_start(a, what);
}
