/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a unit use, as its cgroup accounts for it. */
#pragma once

#include "bus/unit.h"

typedef struct UnitUsage {
        uint64_t cpu_nsec; /* since the unit started */
        uint64_t memory;   /* bytes */
        usec_t begin;      /* when it started, CLOCK_MONOTONIC */
} UnitUsage;

/* Of an active unit. -EOPNOTSUPP when units of its type have no processes, -ENODATA when the manager does not account
 * for one of the two (or there are no processes), and as bus_call_wait(). */
int unit_usage_wait(Bus *b, const char *name, UnitUsage *ret) _warn_unused_;
