/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager answered, as a status. */
#pragma once

#include "bus/bus.h"
#include "rpc/status.h"

/* Fills *reterr with "Cannot VERB 'NAME': …" for an error of bus/unit*.h, with what the manager said (error may be
 * NULL) as its detail, and returns the errno that stands for its code; -ECANCELED is returned as it is. */
int unit_error(RpcStatus *reterr, int r, const char *verb, const char *name, const sd_bus_error *error);
