/* SPDX-License-Identifier: Apache-2.0 */
/* org.freedesktop.LogControl1 on the bus: `systemctl service-log-level` and `service-log-target` for a service whose
 * unit has BusName=. A bus that is not there, or does not give us the name, changes nothing else. */
#pragma once

#include "bus/bus.h"

typedef struct LogControl LogControl;

/* Owns name on the bus, again whenever that comes back; identifier is what journalctl -t knows us by. Takes a reference
 * on the bus; borrows the strings. 0 or -ENOMEM. */
int log_control_new(Bus *b, const char *name, const char *identifier, LogControl **ret) _warn_unused_;
LogControl *log_control_free(LogControl *c);
DEFINE_CLEANUP(LogControl *, log_control_free)
