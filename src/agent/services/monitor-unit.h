/* SPDX-License-Identifier: Apache-2.0 */
/* MonitorUnit of systemd.UnitControlService: samples of what a unit uses. */
#pragma once

#include "agent/agent.h"
#include "rpc/call.h"
#include "rpc/status.h"

#define MONITOR_UNIT_SAMPLES 50

extern usec_t monitor_unit_period_usec; /* between two samples; a test has less time */

/* Sends all samples, the first at once. Ends early with FAILED_PRECONDITION when the unit is not active, or not any
 * more, or nobody accounts for it. */
int monitor_unit_wait(RpcCall *call, const Agent *agent, const char *name, RpcStatus *reterr) _warn_unused_;
