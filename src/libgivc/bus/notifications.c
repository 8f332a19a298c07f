/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/notifications.h"

#include "bus/bus-connection.h"

#define NOTIFICATIONS "org.freedesktop.Notifications"

int notification_show_wait(Bus *b, const Notification *n, usec_t deadline, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_new_call(b, NOTIFICATIONS, "/org/freedesktop/Notifications", NOTIFICATIONS, "Notify", &m);
        if (r < 0)
                return r;
        /* It replaces none, has no buttons, and stays as long as the desktop has it. */
        r = sd_bus_message_append(m, "susssasa{sv}i", n->application, (uint32_t) 0, n->icon, n->summary, n->body, 0, 1,
                        "urgency", "y", n->urgency, -1);
        return r < 0 ? r : bus_call_wait(b, m, deadline, reterr, NULL);
}
