/* SPDX-License-Identifier: Apache-2.0 */
/* Which units one may ask for, and what the service manager answered, as a status. */
#pragma once

#include "agent/agent.h"
#include "bus/bus.h"
#include "rpc/status.h"

/* Fills *reterr with "Cannot VERB 'NAME': …" for an error of bus/unit*.h, with what the manager said (error may be
 * NULL) as its detail, and returns the errno that stands for its code; -ECANCELED is returned as it is. */
int unit_error(RpcStatus *reterr, int r, const char *verb, const char *name, const BusError *error);
/* The name as it may be given to systemd: exposed, and a unit's at all (the bare name of an application is not). 0, or
 * refusal or INVALID_ARGUMENT in *reterr. */
int unit_check_exposed(const Agent *agent, const char *name, RpcCode refusal, RpcStatus *reterr);
