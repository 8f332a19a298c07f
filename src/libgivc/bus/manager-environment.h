/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of what the manager starts from now on. */
#pragma once

#include "bus/bus.h"

/* Takes the variables of these names out and puts the assignments in, at once. As bus_call_wait(). */
int manager_environment_change_wait(
                Bus *b, char **names, char **assignments, usec_t deadline, BusError *reterr) _warn_unused_;
