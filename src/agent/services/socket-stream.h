/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of socketproxy.SocketStream, see proto/socketproxy.proto: the service, whose userdata is the
 * ServedSocket, and the call for a connection that was accepted elsewhere. */
#pragma once

#include "event/io.h"
#include "rpc/channel.h"
#include "rpc/service.h"

typedef struct ServedSocket {
        const char *path;
        usec_t patience_usec; /* it may be about to come, or its owner about to answer */
} ServedSocket;

extern const RpcService socket_stream_service;

/* Suspends until the channel is connected and has the call, however long that takes. 0, or a negative errno with its
 * status. */
int socket_stream_open_wait(RpcChannel *channel, RpcStream **ret, RpcStatus *reterr) _warn_unused_;
/* Suspends while the peer's socket and the local one are joined. 0, or a negative errno with its status. */
int socket_stream_carry_wait(RpcStream *stream, Io *io, RpcStatus *reterr) _warn_unused_;
