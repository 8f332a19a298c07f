/* SPDX-License-Identifier: Apache-2.0 */
/* How an agent is given a policy: policyadmin.PolicyAdmin. */
#pragma once

#include "base/time.h"
#include "rpc/channel.h"

/* Suspends until the agent has the policy. */
int policy_call_wait(RpcChannel *c, const char *name, const void *data, size_t size, usec_t deadline,
                RpcStatus *reterr) _warn_unused_;
