/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call the agent: its admin, and root on its own machine. Anybody with a valid certificate may ask whether
 * it is well (health) and what it serves (reflection). */
#pragma once

#include "agent/config.h"
#include "rpc/service.h"

/* The access hook of the agent's server; userdata is the Config. Refusals are logged. */
int access_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const char *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
