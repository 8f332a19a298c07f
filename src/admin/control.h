/* SPDX-License-Identifier: Apache-2.0 */
/* Units of any kind on VMs that are registered: start them, stop them, send them a signal. */
#pragma once

#include "admin/agents.h"
#include "admin/calls/unit-control.h"

/* Starts the unit, which is a restart when it is active and not running (targets are), and suspends until its job has
 * ended. 1; 0 when it runs already and nothing was done. FAILED_PRECONDITION: it is not loaded. */
int control_start_wait(Agent *a, const char *unit, usec_t deadline, RpcStatus *reterr) _warn_unused_;
/* Stops the unit; FAILED_PRECONDITION when it is anything but inactive afterwards. */
int control_stop_wait(Agent *a, const char *unit, usec_t deadline, RpcStatus *reterr) _warn_unused_;
/* Sends the signal to processes of the unit; *ret is its state right afterwards. INVALID_ARGUMENT: no such signal or
 * whom; FAILED_PRECONDITION: that process does not run, or the agent would send another signal. */
int control_kill_wait(Agent *a, const char *unit, const UnitSignal *signal, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) _warn_unused_;
