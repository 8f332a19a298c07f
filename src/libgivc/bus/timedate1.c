/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/timedate1.h"

#include "bus/bus-connection.h"

#define TIMEDATE1 "org.freedesktop.timedate1"

int timedate1_set_zone_wait(Bus *b, const char *zone, usec_t deadline, BusError *reterr) {
        /* false: nobody is there whom polkit could ask. */
        return bus_method_wait(b, TIMEDATE1, "/org/freedesktop/timedate1", TIMEDATE1, "SetTimezone", deadline, reterr,
                        "sb", zone, false);
}
