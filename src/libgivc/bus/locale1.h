/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's language: org.freedesktop.locale1(5). */
#pragma once

#include "bus/bus.h"

/* Makes these assignments ("LANG=fi_FI.UTF-8", …) the machine's, in place of all it had. As bus_call_wait(); -EINVAL
 * when the machine has no such locale, -EACCES when polkit does not permit it to us. */
int locale1_set_wait(Bus *b, char **assignments, usec_t deadline, BusError *reterr) _warn_unused_;
