/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/notifications.h"

#include "bus/bus-connection.h"

#define NOTIFICATIONS "org.freedesktop.Notifications"

int notification_show_wait(Bus *b, const Notification *n, usec_t deadline, BusError *reterr) {
        /* It replaces none, has no buttons, and stays as long as the desktop has it. */
        return bus_method_wait(b, NOTIFICATIONS, "/org/freedesktop/Notifications", NOTIFICATIONS, "Notify", deadline,
                        reterr, "susssasa{sv}i", n->application, (uint32_t) 0, n->icon, n->summary, n->body, 0, 1,
                        "urgency", "y", n->urgency, -1);
}
