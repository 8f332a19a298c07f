/* SPDX-License-Identifier: Apache-2.0 */
/* locale.LocaleClient: language and time zone of this machine, see proto/locale.proto. What is in a session asks the
 * machine as what it is, and the machine's polkit says whether it may. */
#include "base/locale.h"

#include "agent/services/machine-error.h"
#include "agent/services/services.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/locale1.h"
#include "bus/manager-environment.h"
#include "bus/timedate1.h"
#include "locale.pb-c.h"

/* LC_ALL is above all others and has no place in locale.conf(5), where LANG alone says the same. */
static int assignments_settle(char ***assignments) {
        char *lang;

        STRV_FOREACH(a, *assignments) {
                const char *value = startswith(*a, "LC_ALL=");

                if (!value)
                        continue;
                lang = strf("LANG=%s", value);
                if (!lang)
                        return -ENOMEM;
                strv_free(TAKE_PTR(*assignments));
                *assignments = mem_new0(char *, 2);
                if (!*assignments) {
                        free(lang);
                        return -ENOMEM;
                }
                (*assignments)[0] = lang;
                return 0;
        }
        return 0;
}

static int assignments_from_request(const Locale__LocaleMessage *req, char ***ret, RpcStatus *reterr) {
        _cleanup_strv_free_ char **assignments = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (req->n_assignments == 0)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "A locale needs at least one assignment.");
        for (size_t i = 0; i < req->n_assignments; i++) {
                const Locale__LocaleAssignment *a = req->assignments[i];

                r = locale_assign(&assignments, (unsigned) a->key, a->value, &reason);
                if (r == -EINVAL)
                        return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%s", reason);
                if (r < 0)
                        return r;
        }
        r = assignments_settle(&assignments);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(assignments);
        return 0;
}

/* What the manager has started already keeps what it has, so this is not worth a failure. */
static int environment_change_wait(const Agent *agent, char **assignments, usec_t deadline) {
        char *names[LOCALE_VARIABLES_MAX + 1] = {};
        _cleanup_(bus_error_done) BusError error = {};
        int r;

        for (unsigned i = 0; i < LOCALE_VARIABLES_MAX; i++)
                names[i] = (char *) locale_variable_to_string(i);
        r = manager_environment_change_wait(agent_get_bus(agent), names, assignments, deadline, &error);
        if (r < 0 && r != -ECANCELED)
                log_warning("The locale of what is started from now on stays as it is: %s",
                                error.message ? error.message : strerror(-r));
        /* Past the deadline a success would race with it. */
        return r == -ECANCELED || (r == -ETIMEDOUT && time_now(CLOCK_MONOTONIC) >= deadline) ? r : 0;
}

static int method_locale_set(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_strv_free_ char **assignments = NULL;
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_(bus_unrefp) Bus *bus = NULL;
        Locale__Empty reply = LOCALE__EMPTY__INIT;
        usec_t deadline = rpc_call_get_deadline(call);
        int r;

        r = assignments_from_request(request, &assignments, reterr);
        if (r < 0)
                return r;
        r = agent_system_bus_wait(userdata, &bus);
        if (r >= 0)
                r = locale1_set_wait(bus, assignments, deadline, &error);
        if (r < 0)
                return machine_error(reterr, r, "set the locale", &error);
        r = environment_change_wait(userdata, assignments, deadline);
        return r < 0 ? r : rpc_call_reply(call, &reply);
}

static int method_timezone_set(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Locale__TimezoneMessage *req = request;
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_(bus_unrefp) Bus *bus = NULL;
        Locale__Empty reply = LOCALE__EMPTY__INIT;
        int r;

        if (!timezone_is_valid(req->timezone))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%.64s' is no name of a time zone.", req->timezone);
        r = agent_system_bus_wait(userdata, &bus);
        if (r >= 0)
                r = timedate1_set_zone_wait(bus, req->timezone, rpc_call_get_deadline(call), &error);
        if (r < 0)
                return machine_error(reterr, r, "set the time zone", &error);
        return rpc_call_reply(call, &reply);
}

static const RpcMethod methods[] = {
        { "LocaleSet", RPC_UNARY, method_locale_set },
        { "TimezoneSet", RPC_UNARY, method_timezone_set },
        {},
};

const RpcService locale_service = { &locale__locale_client__descriptor, methods };
