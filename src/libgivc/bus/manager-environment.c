/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/manager-environment.h"

#include "bus/bus-internal.h"

int manager_environment_change_wait(Bus *b, char **names, char **assignments, usec_t deadline, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_new_manager_call(b, "UnsetAndSetEnvironment", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, names);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, assignments);
        return r < 0 ? r : bus_call_wait(b, m, deadline, reterr, NULL);
}
