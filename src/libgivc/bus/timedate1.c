/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/timedate1.h"

#include "bus/bus-connection.h"

#define TIMEDATE1 "org.freedesktop.timedate1"

int timedate1_set_zone_wait(Bus *b, const char *zone, usec_t deadline, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_new_call(b, TIMEDATE1, "/org/freedesktop/timedate1", TIMEDATE1, "SetTimezone", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "sb", zone, false); /* nobody is there whom polkit could ask */
        return r < 0 ? r : bus_call_wait(b, m, deadline, reterr, NULL);
}
