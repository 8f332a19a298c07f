/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's state as the message that carries it, and back. Both borrow the strings. */
#pragma once

#include "admin/entry.h"
#include "systemd.pb-c.h"

EntryStatus status_from_message(const Systemd__UnitStatus *message);
Systemd__UnitStatus status_to_message(const EntryStatus *status);
