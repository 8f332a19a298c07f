/* SPDX-License-Identifier: Apache-2.0 */
/* What an event producer asks of its consumer, see proto/eventproxy.proto. */
#pragma once

#include "agent/input-shape.h"
#include "rpc/channel.h"

#define EVENT_REGISTER_USEC (10 * USEC_PER_SEC)

/* Suspends until the consumer has made a device of that shape, under that handle. 0, or a negative errno with its
 * status. */
int event_register_wait(RpcChannel *channel, uint64_t handle, const InputShape *shape, RpcStatus *reterr) _warn_unused_;
/* A stream of events of that device, which is freed with rpc_stream_free(). */
int event_stream_open_wait(RpcChannel *channel, RpcStream **ret, RpcStatus *reterr) _warn_unused_;
/* Suspends until the transport took the event. 0, or -EPIPE when the stream has ended. */
int event_stream_send_wait(RpcStream *stream, uint64_t handle, const InputEvent *e) _warn_unused_;
/* Suspends until the consumer ends the stream, and says how; never 0. */
int event_stream_ended_wait(RpcStream *stream, RpcStatus *reterr) _warn_unused_;
