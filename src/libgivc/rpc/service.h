/* SPDX-License-Identifier: Apache-2.0 */
/* A service is a table: the descriptor that protobuf-c generated, and a row a method that adds its kind and its
 * function. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "rpc/call.h"
#include "rpc/status.h"
#include "tls/identity.h"

typedef enum RpcKind {
        RPC_UNARY,
        RPC_SERVER_STREAM,
        RPC_CLIENT_STREAM,
        RPC_BIDI_STREAM,
} RpcKind;

/* A method, run in a fiber of its own. request is the message of unary and server-streaming methods, owned by the call,
 * NULL for the others, which use rpc_call_receive_wait(). Return 0 for OK, or a negative errno, best from rpc_error().
 * When the caller leaves or its deadline passes, the fiber is cancelled: the _wait in it returns -ECANCELED. */
typedef int (*rpc_method_t)(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);

typedef struct RpcMethod {
        const char *name;
        RpcKind kind;
        rpc_method_t func;
} RpcMethod;

typedef struct RpcService {
        const ProtobufCServiceDescriptor *descriptor;
        const RpcMethod *methods; /* ends with {} */
} RpcService;

/* The access hook of a server, asked twice a call: before any body is read (request NULL), and with the first message
 * before anybody acts on it. 0 allows; 1 (request NULL only) does not yet: where the caller sends a stream, the handler
 * starts once its first message was shown and allowed, or, when it sends none, one in which nothing is set. A negative
 * errno denies; reterr may say why (default: PERMISSION_DENIED, "permission denied"). It must not wait. */
typedef int (*rpc_access_t)(const Identity *identity, const ProtobufCServiceDescriptor *service,
                const RpcMethod *method, const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
