/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that an agent answers: one request there, its answer back. Streams are admin/forward.h's. */
#pragma once

#include "admin/agents.h"
#include "rpc/call.h"

/* Calls the agent until deadline and answers the call with what it says. Errors are the agent's, but where it does not
 * know the method the sentence says what it does not do ("lend security keys"), and where it is one of the system
 * before this one, which knows one code only, that it could not. */
int ask_wait(RpcCall *call, const Agent *agent, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, usec_t deadline, const char *what, RpcStatus *reterr) _warn_unused_;
