/* SPDX-License-Identifier: Apache-2.0 */
/* The call that the agent makes: admin.AdminService/RegisterService. */
#pragma once

#include "agent/config.h"
#include "bus/unit.h"
#include "rpc/channel.h"

#define ADMIN_REGISTER_USEC (10 * USEC_PER_SEC) /* bound on one call */

typedef struct AdminRegistration {
        const char *name, *parent;
        uint32_t type;
        const UnitStatus *status;
} AdminRegistration;

/* Registers one name, reachable at transport. 0, or a negative errno with the reason in *reterr. */
int admin_register_wait(RpcChannel *channel, const ConfigTransport *transport, const AdminRegistration *registration,
                RpcStatus *reterr) _warn_unused_;
