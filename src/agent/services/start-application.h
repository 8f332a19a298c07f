/* SPDX-License-Identifier: Apache-2.0 */
/* StartApplication of systemd.UnitControlService: what is started, and how the start went. */
#pragma once

#include "agent/agent.h"
#include "rpc/status.h"
#include "systemd.pb-c.h"

/* How long a new application is looked at before its caller is told that it runs, when an instance of its program runs,
 * to which it may hand itself over. */
#define HANDOVER_USEC (2 * USEC_PER_SEC)

/* Starts the application and suspends until it is clear what became of it: it runs, it handed itself over to an
 * instance that runs already (*ret is that instance's state), it ended with success (*ret is inactive), or it failed
 * (*reterr says why). */
int start_application_wait(
                Agent *agent, const Systemd__AppUnitRequest *req, UnitStatus *ret, RpcStatus *reterr) _warn_unused_;
