/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are refused for who calls: what the caller is told and what the log says, whichever program refuses. */
#pragma once

#include "rpc/service.h"

/* What agents tell callers whom their access rules refuse, as those of the system before this one do.
 * Admins know it by that. */
#define RPC_DENIED_BY_RULES "permission denied by access control policy"

/* PERMISSION_DENIED for a certificate that is used at an address that it does not name. */
int rpc_deny_address(const Identity *identity, RpcStatus *reterr);
void rpc_log_denied(const Identity *identity, const ProtobufCServiceDescriptor *service, const char *method,
                const char *why);
