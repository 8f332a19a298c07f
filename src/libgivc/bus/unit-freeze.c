/* SPDX-License-Identifier: Apache-2.0 */
/* The freezer. The manager answers FreezeUnit when the kernel has said that all processes are stopped, so the answer is
 * the event; only when it is lost the state has to be looked at. systemd 252 announces neither of the two by a signal,
 * which is why our own watches are told here. */
#include "bus/bus-internal.h"

#include "base/mem.h"
#include "base/str.h"

#define SETTLE_USEC (20 * USEC_PER_MSEC)

static int freezer_state_wait(Bus *b, const char *path, char **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *state = "running";
        int r;

        r = bus_get_property_wait(b, path, UNIT_INTERFACE, "FreezerState", "s", &m);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &state);
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        *ret = strdup(state);
        return *ret ? 0 : -ENOMEM;
}

/* The answer was lost with the connection: 0 when the state arrives nevertheless, -ECONNRESET when it is not on its
 * way. */
static int freezer_settle_wait(Bus *b, const char *path, const char *state) {
        const usec_t deadline = usec_add(time_now(CLOCK_MONOTONIC), BUS_CALL_TIMEOUT_USEC);
        int r;

        r = bus_connected_wait(b, deadline);
        if (r < 0)
                return r == -ETIMEDOUT ? -ENOTCONN : r;
        for (;;) {
                _cleanup_free_ char *now = NULL;

                r = freezer_state_wait(b, path, &now);
                if (r < 0)
                        return r;
                if (streq(now, state))
                        return 0;
                if (!streq(now, "freezing") && !streq(now, "thawing"))
                        return -ECONNRESET;
                if (time_now(CLOCK_MONOTONIC) >= deadline)
                        return -ETIMEDOUT;
                r = fiber_sleep_wait(SETTLE_USEC);
                if (r < 0)
                        return r;
        }
}

static int freezer_wait(Bus *b, const char *name, const char *method, const char *state, BusError *reterr) {
        _cleanup_free_ char *path = NULL, *before = NULL;
        int r;

        if (!unit_name_is_valid(name))
                return -EINVAL;
        r = unit_path(name, &path);
        if (r < 0)
                return r;
        r = freezer_state_wait(b, path, &before);
        if (r < 0)
                return r;
        r = bus_manager_call_wait(b, method, reterr, "s", name);
        if (r == -ECONNRESET)
                r = freezer_settle_wait(b, path, state);
        unit_watches_poke(b, name);
        if (r < 0)
                return r;
        return streq(before, state) ? -EALREADY : 0;
}

int unit_freeze_wait(Bus *b, const char *name, BusError *reterr) {
        return freezer_wait(b, name, "FreezeUnit", "frozen", reterr);
}

int unit_thaw_wait(Bus *b, const char *name, BusError *reterr) {
        return freezer_wait(b, name, "ThawUnit", "running", reterr);
}
