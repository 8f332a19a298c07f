/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's state as the message that carries it. */
#pragma once

#include "bus/unit.h"
#include "systemd.pb-c.h"

/* Borrows the strings of status, which has to outlive the message. */
Systemd__UnitStatus unit_message(const UnitStatus *status);
