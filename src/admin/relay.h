/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of agents that the admin passes on to callers, message by message and no faster than each side reads. They
 * end when either side does, and when the admin stops. */
#pragma once

#include "admin/admin.h"
#include "rpc/call.h"

#define RELAYS_PER_PEER_MAX 16 /* that one peer has at once, of each service */

/* Lives in the handler of the caller's call. Zero-initialised is ready for relay_done(). */
typedef struct Relay {
        List relays; /* the admin's */
        RpcCall *call;
        const Agent *agent; /* borrowed */
        const ProtobufCServiceDescriptor *service;
        RpcStream *stream;
        bool stopped;
} Relay;

/* Counts the caller, opens the agent's method for it with the caller's deadline, and sends the first message; that it
 * cannot be sent any more is told by what follows. 0 or an error with its status: RESOURCE_EXHAUSTED past the limit. */
int relay_open_wait(Relay *r, Admin *admin, RpcCall *call, const Agent *agent,
                const ProtobufCServiceDescriptor *service, const char *method, const void *first,
                RpcStatus *reterr) _warn_unused_;
void relay_done(Relay *r);
/* Nothing more goes to the agent; passes on what it sends, to its end. 0 or an error with its status. what is said of
 * an agent that does not have the method: "read journals". */
int relay_answers_wait(Relay *r, const char *what, RpcStatus *reterr) _warn_unused_;
/* The same, and both ways: what the caller sends, and that it has sent all, goes to the agent. */
int relay_both_wait(Relay *r, const char *what, RpcStatus *reterr) _warn_unused_;

/* The admin stops: streams that never end by themselves do. */
void relays_stop(Admin *admin);
