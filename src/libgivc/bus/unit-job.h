/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: ask the manager to change a unit's state, and wait until it has. */
#pragma once

#include "bus/unit.h"

typedef enum UnitJob {
        UNIT_JOB_START,
        UNIT_JOB_STOP,
        UNIT_JOB_RESTART,
} UnitJob;

/* Queues the job in mode "replace" and suspends until its JobRemoved. 0 when the result was "done"; else -EINVAL (not
 * a name), -ENOENT (no such unit), -ENOEXEC (not loaded, masked), -EPERM/-EACCES, -EDEADLK (conflicts with other
 * jobs), -ECANCELED (the fiber was cancelled, the job goes on; see fiber.h), -EIO "failed", -ETIMEDOUT "timeout",
 * -EPIPE "dependency", -EALREADY "skipped", -EINTR "canceled" (by another job), -EBUSY (frozen), -EPROTO "assert".
 * reterr as in bus_call_wait; for a failed service it has the service's result ("exit-code 1", "oom-kill"). When the
 * bus is lost meanwhile the job is looked up again after the reconnect; if it is gone by then, the unit's state says
 * whether it was done (0), failed (-EIO) or something else (-ECONNRESET). A bus that does not come back within
 * BUS_CALL_TIMEOUT_USEC is -ENOTCONN. */
int unit_job_wait(Bus *b, UnitJob job, const char *name, BusError *reterr) _warn_unused_;
/* Sends signal to processes of the unit: its "main" or its "control" one, or "all". 0, -EINVAL (not a name, no such
 * signal or whom), -ESRCH (that one does not run), or as bus_call_wait(). */
int unit_kill_wait(Bus *b, const char *name, const char *whom, int signal, BusError *reterr) _warn_unused_;
bool unit_kill_whom_is_valid(const char *whom);
bool unit_kill_signal_is_valid(int signal);
/* Stops or lets go its processes (cgroup freezer); returns when FreezerState has arrived. -EALREADY when it is so
 * already, -EHOSTDOWN when the unit is not active, -EBUSY when it has a job or no processes, -EOPNOTSUPP when its
 * type cannot be frozen. */
int unit_freeze_wait(Bus *b, const char *name, BusError *reterr) _warn_unused_;
int unit_thaw_wait(Bus *b, const char *name, BusError *reterr) _warn_unused_;
/* Has the manager forget that the unit failed, and with it a unit that it keeps for nothing else; as
 * unit_kill_wait(). */
int unit_reset_failed_wait(Bus *b, const char *name, BusError *reterr) _warn_unused_;
