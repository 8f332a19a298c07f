/* SPDX-License-Identifier: Apache-2.0 */
/* The desktop of a session: org.freedesktop.Notifications, https://specifications.freedesktop.org/notification-spec/ */
#pragma once

#include "bus/bus.h"

typedef struct Notification {
        const char *application, *icon, *summary, *body;
        uint8_t urgency; /* 0 low, 1 normal, 2 critical */
} Notification;

/* Over the user's bus. As bus_call_wait(); -ENOTCONN when no desktop is there to show it. */
int notification_show_wait(Bus *b, const Notification *n, usec_t deadline, BusError *reterr) _warn_unused_;
