/* SPDX-License-Identifier: Apache-2.0 */
/* A call in progress, seen from the server: what a handler can ask and do. It lives as long as its handler's fiber. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/time.h"
#include "event/fiber.h"
#include "rpc/packed.h"
#include "tls/identity.h"

typedef struct RpcCall RpcCall;

/* Who calls; borrowed from the connection, which outlives the call. */
Identity *rpc_call_get_identity(RpcCall *call);
/* "package.Service/Method", for logs. */
const char *rpc_call_get_path(RpcCall *call);
/* When the caller stops waiting, CLOCK_MONOTONIC; USEC_INFINITY when it set no deadline. Give it to the calls you
 * make. */
usec_t rpc_call_get_deadline(RpcCall *call);
/* Header of the request by its lower-case ASCII key, borrowed from the call; NULL when absent or out of memory. */
const char *rpc_call_get_metadata(RpcCall *call, const char *key);

/* Unary and client-streaming methods: the reply, sent when the handler returns 0. It is packed at once and may live
 * on the stack. 0, -EBUSY when there is one already, -EMSGSIZE, -ENOMEM. */
int rpc_call_reply(RpcCall *call, const void *message) _warn_unused_;
int rpc_call_reply_packed(RpcCall *call, const RpcPacked *packed) _warn_unused_;
/* Server-streaming and bidirectional methods: sends one message and suspends until the transport took it, so that a
 * slow reader slows its writer. One fiber at a time sends and one receives; where one is cancelled meanwhile, its
 * message is sent nevertheless, and the next one to receive gets what it waited for. 0, -ECANCELED when the caller is
 * gone, -EMSGSIZE, -ENOMEM. */
int rpc_call_send_wait(RpcCall *call, const void *message) _warn_unused_;
int rpc_call_send_packed_wait(RpcCall *call, const RpcPacked *packed) _warn_unused_;
/* Client-streaming and bidirectional methods: suspends for the next message. 1: *ret is valid until the next receive;
 * 0: the client has finished; -ECANCELED; -EBADMSG when it cannot be parsed (the caller is told INVALID_ARGUMENT). */
int rpc_call_receive_wait(RpcCall *call, void *ret) _warn_unused_;
/* The same, but no longer than until the given CLOCK_MONOTONIC time (USEC_INFINITY: no limit): then -ETIMEDOUT, and
 * the next one to receive goes on waiting. */
int rpc_call_receive_until_wait(RpcCall *call, usec_t deadline, void *ret) _warn_unused_;
