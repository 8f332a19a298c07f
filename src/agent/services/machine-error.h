/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a setting of the machine that could not be made. */
#pragma once

#include "bus/bus.h"
#include "rpc/status.h"

/* Turns the result of a bus/ function into a status: "Cannot set the locale: the machine does not permit it." The
 * sentence of the bus, when there is one, is told too. Returns the negative errno that stands for it. */
int machine_error(RpcStatus *reterr, int r, const char *what, const BusError *error);
