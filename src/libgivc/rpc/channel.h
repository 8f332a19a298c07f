/* SPDX-License-Identifier: Apache-2.0 */
/* The client: a channel keeps one connection to a peer, across its restarts, and makes calls over it. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/time.h"
#include "rpc/address.h"
#include "rpc/queue.h"
#include "rpc/status.h"
#include "tls/credentials.h"

typedef struct RpcChannel RpcChannel;
typedef struct RpcStream RpcStream;

typedef enum RpcChannelState {
        RPC_CHANNEL_IDLE,       /* not asked for yet */
        RPC_CHANNEL_CONNECTING, /* socket, TLS, first ping */
        RPC_CHANNEL_READY,
        RPC_CHANNEL_FAILED, /* waits for the next try */
} RpcChannelState;

typedef struct RpcChannelOptions {
        const RpcAddress *address;
        TlsCredentials *credentials;               /* NULL: plain. Unix sockets are always plain */
        const char *server_name;                   /* TLS: checked against the server's SAN dNSNames; also :authority */
        usec_t backoff_min_usec, backoff_max_usec; /* 0: 200 ms and 5 s */
        usec_t connect_usec;                       /* bound on one try; 0: 5 s */
} RpcChannelOptions;

/* Copies the options. Connects when rpc_channel_connect() or the first call asks. */
int rpc_channel_new(RpcQueue *q, const RpcChannelOptions *options, RpcChannel **ret) _warn_unused_;
RpcChannel *rpc_channel_ref(RpcChannel *c);
/* With the last reference: calls end with CANCELLED, the connection closes. */
RpcChannel *rpc_channel_unref(RpcChannel *c);
DEFINE_CLEANUP(RpcChannel *, rpc_channel_unref)

/* Connects and stays connected from now on: after a failure it tries again with backoff. */
void rpc_channel_connect(RpcChannel *c);
/* The same, and a channel that waits for its next try makes it now: there is news of the peer. A try that is being made
 * goes on; when it fails, the next one is soon. */
void rpc_channel_retry(RpcChannel *c);
RpcChannelState rpc_channel_get_state(const RpcChannel *c);
/* A sentence about the last failed try ("connect to 192.168.101.2:9000: Connection refused"), never NULL. */
const char *rpc_channel_get_error(const RpcChannel *c);
/* Calls on_state from the loop after each change of state. One listener a channel. */
void rpc_channel_set_listener(
                RpcChannel *c, void (*on_state)(RpcChannel *c, RpcChannelState state, void *userdata), void *userdata);
/* Suspends until the channel is ready: 0, -ETIMEDOUT, -ECANCELED. */
int rpc_channel_ready_wait(RpcChannel *c, usec_t deadline);

/* A call on a channel that is idle or connecting waits for the outcome of that try; on one that has failed it fails
 * at once with UNAVAILABLE, unless it says wait_for_ready. */
typedef struct RpcCallOptions {
        usec_t deadline;     /* CLOCK_MONOTONIC; 0 or USEC_INFINITY: none, and the caller knows why */
        bool wait_for_ready; /* wait for a connection up to the deadline instead of failing with UNAVAILABLE */
} RpcCallOptions;

/* A unary call: sends request to the method of that name, suspends for the reply. 0: *ret is a message of the
 * method's output type, proto_free() it (ret may be NULL). Else a negative errno by the table of rpc/status, and
 * *reterr has code and sentence. request may live on the stack. */
int rpc_channel_call_wait(RpcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, const RpcCallOptions *options, void *ret, RpcStatus *reterr) _warn_unused_;

/* A call with streams. Server-streaming: open, send the request, close_send, receive until 0, and look at the status.
 * Client-streaming and bidirectional likewise; one fiber may send and another one receive. Where one is cancelled
 * meanwhile, its message is sent nevertheless, and the next one to receive gets what it waited for. Opening waits for a
 * connection as a unary call does. */
int rpc_stream_open_wait(RpcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const RpcCallOptions *options, RpcStream **ret, RpcStatus *reterr) _warn_unused_;
/* Cancels the call if it has not ended. Not while a _wait of it is suspended. */
RpcStream *rpc_stream_free(RpcStream *s);
DEFINE_CLEANUP(RpcStream *, rpc_stream_free)
/* Suspends until the transport took the message. -EPIPE when the call has ended (receive tells how). */
int rpc_stream_send_wait(RpcStream *s, const void *message) _warn_unused_;
/* No more messages from us. */
int rpc_stream_close_send_wait(RpcStream *s) _warn_unused_;
/* 1: *ret is the next message, proto_free() it; 0: the call ended with OK; else it ended otherwise: a negative errno
 * by the table, and *reterr has code and sentence. -ECANCELED also when this fiber was cancelled. */
int rpc_stream_receive_wait(RpcStream *s, void *ret, RpcStatus *reterr) _warn_unused_;
/* Ends the call from our side; a suspended receive returns. */
void rpc_stream_cancel(RpcStream *s);
