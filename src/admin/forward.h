/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of agents that the admin passes on to callers, message by message and no faster than each side reads. They
 * end when either side does, and when the admin stops. */
#pragma once

#include "admin/admin.h"
#include "rpc/call.h"

/* That one peer has at once, of each service. Where an agent serves the admin only so many, one peer may have a quarter
 * of them from it: of JOURNAL_READERS_MAX, and of the calls for security keys. */
#define FORWARDS_PER_PEER_MAX 16
#define FORWARDS_JOURNAL_MAX  8
#define FORWARDS_KEYS_MAX     4
/* Bytes of a message of an agent. Ours send far smaller ones, and each stream keeps one for a caller that is slow. */
#define FORWARD_MESSAGE_MAX (256 * 1024)

/* Lives in the handler of the caller's call. Zero-initialised is ready for forward_done(). */
typedef struct Forward {
        List forwards; /* the admin's */
        RpcCall *call;
        const Agent *agent; /* borrowed */
        const ProtobufCServiceDescriptor *service;
        unsigned share; /* that one peer may have from one agent, to be set before; 0: as many as from all */
        RpcStream *stream;
        bool stopped;
} Forward;

/* Counts the caller, as one who keeps a stream of the agent's connection busy that is not passed on as it is. 0 or
 * RESOURCE_EXHAUSTED. */
int forward_reserve(Forward *f, Admin *admin, RpcCall *call, const Agent *agent,
                const ProtobufCServiceDescriptor *service, RpcStatus *reterr) _warn_unused_;
/* The same, and opens the agent's method for it with the caller's deadline, and sends the first message; that it
 * cannot be sent any more is told by what follows. 0 or an error with its status: RESOURCE_EXHAUSTED past the limit. */
int forward_open_wait(Forward *f, Admin *admin, RpcCall *call, const Agent *agent,
                const ProtobufCServiceDescriptor *service, const char *method, const void *first,
                RpcStatus *reterr) _warn_unused_;
void forward_done(Forward *f);
/* Nothing more goes to the agent; passes on what it sends, to its end. 0 or an error with its status. what is said of
 * an agent that does not have the method: "read journals". */
int forward_answers_wait(Forward *f, const char *what, RpcStatus *reterr) _warn_unused_;
/* The same, and both ways: what the caller sends, and that it has sent all, goes to the agent. */
int forward_both_wait(Forward *f, const char *what, RpcStatus *reterr) _warn_unused_;

/* The admin stops: streams that never end by themselves do. */
void forwards_stop(Admin *admin);
