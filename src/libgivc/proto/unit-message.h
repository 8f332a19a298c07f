/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's state as the message that carries it, and back. Both borrow the strings. */
#pragma once

#include "base/unit-status.h"
#include "systemd.pb-c.h"

Systemd__UnitStatus unit_message_from_status(const UnitStatus *status);
UnitStatus unit_message_to_status(const Systemd__UnitStatus *message);
