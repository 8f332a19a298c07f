/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's time zone: org.freedesktop.timedate1(5). */
#pragma once

#include "bus/bus.h"

/* As bus_call_wait(); -EINVAL when the machine has no such zone, -EACCES when polkit does not permit it to us. */
int timedate1_set_zone_wait(Bus *b, const char *zone, usec_t deadline, BusError *reterr) _warn_unused_;
