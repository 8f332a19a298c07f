/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's completion queues as part of the event loop. Nothing here knows what an operation means. */
#pragma once

#include <grpc/grpc.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct RpcQueue RpcQueue;
typedef struct RpcLane RpcLane;
typedef struct RpcOp RpcOp;

/* An operation in flight: the tag of a batch. done() runs on the loop, once, not from within a gRPC call. */
struct RpcOp {
        grpc_completion_queue_functor functor; /* first: gRPC's tag is this address */
        void (*done)(RpcOp *op, bool ok);
        RpcQueue *queue;
        RpcOp *next;
        bool ok;
};

/* How completions reach the loop. AUTO is DRIVEN where gRPC polls only when it is asked to, and falls back by itself
 * where it polls in threads of its own. $GIVC_QUEUE=driven|threaded forces one, for tests. */
typedef enum RpcQueueMode {
        RPC_QUEUE_DRIVEN,   /* the loop lets gRPC work, on its own thread, when it moved bytes */
        RPC_QUEUE_THREADED, /* a thread polls for gRPC; completions cross to the loop by an eventfd */
} RpcQueueMode;

/* Initialises gRPC. One a process. */
int rpc_queue_new(sd_event *e, RpcQueue **ret) _warn_unused_;
RpcQueue *rpc_queue_ref(RpcQueue *q);
RpcQueue *rpc_queue_unref(RpcQueue *q);
DEFINE_CLEANUP(RpcQueue *, rpc_queue_unref)
sd_event *rpc_queue_get_event(RpcQueue *q);
RpcQueueMode rpc_queue_get_mode(const RpcQueue *q);
/* Brackets whatever moves bytes or starts operations on the loop's own stack. Leaving the outermost bracket runs
 * done() of what has completed and pumps the lanes that were touched, until nothing is left or others have to get their
 * turn. */
void rpc_queue_enter(RpcQueue *q);
void rpc_queue_leave(RpcQueue *q);
/* Within a bracket: what moves bytes is on the stack, and its connection must not be freed. */
bool rpc_queue_is_entered(const RpcQueue *q);
/* Runs done() of every operation that has completed. Returns how many. */
unsigned rpc_queue_dispatch(RpcQueue *q);
/* Lanes that exist: connections whose end gRPC has not given back. For tests and for the drain. */
unsigned rpc_queue_count_lanes(const RpcQueue *q);

void rpc_op_init(RpcOp *op, RpcQueue *q, void (*done)(RpcOp *op, bool ok));

/* A lane is one connection's pair of queues: operations complete on one, the other lets gRPC handle this connection's
 * socket and no other. So no connection ever waits behind the events of another, and nothing has to be counted. */
/* pump(userdata) moves the bytes that gRPC has written; see rpc_lane_touch(). */
int rpc_lane_new(RpcQueue *q, void (*pump)(void *userdata), void *userdata, RpcLane **ret) _warn_unused_;
/* Shuts both queues down and frees the lane when gRPC has let go of them. No operation may be pending. */
RpcLane *rpc_lane_free(RpcLane *l);
/* For operations and notifications. */
grpc_completion_queue *rpc_lane_get_queue(RpcLane *l);
/* For grpc_server_register_completion_queue(), or for a call that never begins: ties gRPC's socket to the lane. */
grpc_completion_queue *rpc_lane_get_driver(RpcLane *l);
/* grpc_call_start_batch() on a call of this lane; gRPC may have something to send afterwards. */
grpc_call_error rpc_lane_start(RpcLane *l, grpc_call *call, const grpc_op *ops, size_t n_ops, RpcOp *op);
/* Asks for pump() before the current visit ends. */
void rpc_lane_touch(RpcLane *l);
/* Takes that back: what gRPC has written is being read now. */
void rpc_lane_clear(RpcLane *l);
/* Lets gRPC handle what its socket has ready: call it after bytes were written to or read from our end. It does
 * nothing in the threaded mode. Completions are collected, not dispatched. */
void rpc_lane_drive(RpcLane *l);
