/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin asks an agent: systemd.UnitControlService, in the registry's words. Errors are what a caller of the
 * admin may be told. */
#pragma once

#include "admin/entry.h"
#include "base/time.h"
#include "rpc/channel.h"

typedef enum UnitAction {
        UNIT_STATUS,
        UNIT_START,
        UNIT_STOP,
        UNIT_FREEZE,
        UNIT_UNFREEZE,
} UnitAction;

/* Asks for the action and suspends for the state after it, under the name that was asked for: an agent may say the one
 * that this is an alias of. *ret is unit_status_done() by the caller. */
int unit_control_wait(RpcChannel *c, UnitAction action, const char *unit, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) _warn_unused_;
/* What systemctl kill says of a signal. */
typedef struct UnitSignal {
        int number;
        const char *whom; /* "main", "control" or "all"; borrowed */
} UnitSignal;

/* Sends the signal; *ret is the state right afterwards, and unit_status_done() by the caller. An agent of the system
 * before this one sends SIGKILL to all, whatever is asked: know that it is not one of these. */
int unit_control_kill_wait(RpcChannel *c, const char *unit, const UnitSignal *signal, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) _warn_unused_;
/* Starts an application as this unit; *ret is the state of the unit that it is now: another one when the
 * application has handed itself over to an instance that ran already. */
int unit_control_start_application_wait(RpcChannel *c, const char *unit, char *const *args, size_t n_args,
                usec_t deadline, UnitStatus *ret, RpcStatus *reterr) _warn_unused_;

typedef struct UnitEvents {
        void (*on_unit)(const UnitStatus *status, void *userdata); /* is now so */
        void (*on_gone)(const char *unit, void *userdata);         /* is not exposed any more */
        void (*on_synced)(void *userdata);                         /* all units have been told */
} UnitEvents;

/* Suspends as long as the agent tells about its units. RPC_UNIMPLEMENTED in *reterr: this agent cannot. */
int unit_control_watch_wait(RpcChannel *c, const UnitEvents *events, void *userdata, RpcStatus *reterr) _warn_unused_;
