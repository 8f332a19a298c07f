/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/push.h"

#include "admin/calls/locale.h"
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

/* 0: it has it, or never will; -EAGAIN: another time. */
static int push_judge(const Agent *a, const char *what, int r, const RpcStatus *status) {
        _cleanup_free_ char *vm = NULL;

        if (!a->agents || fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        if (r >= 0)
                return 0;
        vm = vm_from_agent(a->name);
        log_write(is_final(status->code) ? LOG_WARNING : LOG_INFO,
                        LOG_FIELDS({ "GIVC_VM", vm }, { "UNIT", a->name }, { "GIVC_REASON", status->message }),
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

static int push_once_wait(Agent *a) {
        int r, q;

        r = rpc_channel_ready_wait(a->channel, USEC_INFINITY);
        if (r < 0 || !a->agents)
                return -ECANCELED;
        r = push_locale_wait(a);
        if (r == -ECANCELED)
                return r;
        q = push_timezone_wait(a);
        return r < 0 && q != -ECANCELED ? r : q;
}

static int push_run(void *userdata) {
        _cleanup_(agent_unrefp) Agent *a = userdata;
        Backoff backoff = { .min_usec = PUSH_MIN_USEC, .max_usec = PUSH_MAX_USEC };
        int r;

        do {
                a->push_news = (Promise){};
                r = push_once_wait(a);
                if (r < 0 && r != -ECANCELED) {
                        r = promise_wait_until(&a->push_news,
                                        usec_add(time_now(CLOCK_MONOTONIC), backoff_next_usec(&backoff)));
                        if (r == -ETIMEDOUT)
                                promise_resolve(&a->push_news, 0);
                }
        } while (r != -ECANCELED && a->agents && a->push_news.done);
        fiber_release_slot(); /* it is in the agent */
        return 0;
}

void push_agent(Agent *a) {
        const Settings *s = a->agents->settings;
        int r;

        if (!s->locale && !s->timezone)
                return;
        if (a->push) {
                promise_resolve(&a->push_news, 0);
                return;
        }
        agent_ref(a);
        r = fiber_start(&a->push, push_run, a);
        if (r >= 0)
                return;
        agent_unref(a);
        log_warning_errno(r, "Agent '%s' does not hear of the locale and the time zone", a->name);
}

void push_all(Agents *agents) {
        MAP_FOREACH(a, agents->map, Agent)
                push_agent(a);
}
