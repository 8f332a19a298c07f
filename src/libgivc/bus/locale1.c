/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/locale1.h"

#include "bus/bus-connection.h"

#define LOCALE1 "org.freedesktop.locale1"

int locale1_set_wait(Bus *b, char **assignments, usec_t deadline, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_new_call(b, LOCALE1, "/org/freedesktop/locale1", LOCALE1, "SetLocale", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, assignments);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "b", false); /* nobody is there whom polkit could ask */
        return r < 0 ? r : bus_call_wait(b, m, deadline, reterr, NULL);
}
