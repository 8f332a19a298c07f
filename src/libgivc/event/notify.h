/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager something, without waiting for it for long: sd_notify(3) waits while the manager's queue is
 * full, so a manager that hangs would stop everybody who has to say something. */
#pragma once

#include "base/macro.h"
#include "base/time.h"

/* Sends the lines of state to $NOTIFY_SOCKET, and fd with them unless that is negative. Waits for room for wait_usec at
 * most, 0: not at all. 1, or 0 when nobody wants to know; -EAGAIN: there was no room in time; or another errno. */
int notify_send(const char *state, int fd, usec_t wait_usec);
