/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a client. Whoever leaves a call half-way cancels it; the object goes when gRPC has ended its operations. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/unpack.h"
#include "rpc/channel-internal.h"
#include "rpc/wire.h"

struct RpcStream {
        List streams; /* in the link's */
        RpcLink *link;
        grpc_call *call;
        const ProtobufCMethodDescriptor *method;
        RpcOp send_op, receive_op, status_op;
        unsigned n_ops;
        bool abandoned; /* freed by its owner */

        grpc_metadata_array headers, trailers;
        grpc_status_code code;
        grpc_slice message;
        grpc_byte_buffer *incoming;
        Promise sent, received, ended;
        bool receiving; /* nobody has taken yet what received brings: who was to do so may have been cancelled */
};

static void stream_release(RpcStream *s) {
        RpcLink *l = s->link;

        list_remove(&s->streams);
        if (s->call)
                grpc_call_unref(s->call);
        if (s->incoming)
                grpc_byte_buffer_destroy(s->incoming);
        grpc_metadata_array_destroy(&s->headers);
        grpc_metadata_array_destroy(&s->trailers);
        grpc_slice_unref(s->message);
        free(s);
        link_check(l);
}

/* An operation counts until its promise is resolved: the waiter may free the stream. */
static void stream_check(RpcStream *s) {
        if (s->abandoned && s->n_ops == 0)
                stream_release(s);
}

RpcStream *rpc_stream_free(RpcStream *s) {
        if (!s)
                return NULL;
        if (!s->ended.done)
                rpc_stream_cancel(s); /* may end the operations: it must not free what we still hold */
        s->abandoned = true;
        stream_check(s);
        return NULL;
}

void rpc_stream_cancel(RpcStream *s) {
        rpc_queue_enter(s->link->queue);
        (void) grpc_call_cancel(s->call, NULL);
        if (s->link->lane)
                rpc_lane_touch(s->link->lane);
        rpc_queue_leave(s->link->queue);
}

static int stream_start(RpcStream *s, RpcOp *op, void (*done)(RpcOp *op, bool ok), const grpc_op *ops, size_t n_ops) {
        int r = 0;

        rpc_op_init(op, s->link->queue, done);
        rpc_queue_enter(s->link->queue);
        s->n_ops++;
        if (rpc_lane_start(s->link->lane, s->call, ops, n_ops, op) != GRPC_CALL_OK) {
                s->n_ops--;
                r = -EIO;
        }
        rpc_queue_leave(s->link->queue);
        return r;
}

static void on_ended(RpcOp *op, _unused_ bool ok) {
        RpcStream *s = CONTAINER_OF(op, RpcStream, status_op);

        promise_resolve(&s->ended, 0);
        s->n_ops--;
        stream_check(s);
}

/* The status that the peer, or gRPC in its place, has given; the errno for it, 0 for OK. */
static int stream_get_status(RpcStream *s, RpcStatus *reterr) {
        RpcStatus status = { .code = (RpcCode) s->code };

        if (s->code == GRPC_STATUS_OK)
                return 0;
        if (!reterr)
                return rpc_code_to_errno((RpcCode) s->code);
        rpc_status_done(reterr);
        status.message = grpc_slice_to_c_string(s->message);
        for (size_t i = 0; i < s->trailers.count; i++) {
                const grpc_metadata *m = &s->trailers.metadata[i];

                if (grpc_slice_str_cmp(m->key, "grpc-status-details-bin") == 0)
                        status_unpack_details(&status, GRPC_SLICE_START_PTR(m->value), GRPC_SLICE_LENGTH(m->value));
        }
        *reterr = status;
        return rpc_code_to_errno(status.code);
}

static const ProtobufCMethodDescriptor *service_get_method(
                const ProtobufCServiceDescriptor *service, const char *name) {
        for (unsigned i = 0; i < service->n_methods; i++)
                if (streq(service->methods[i].name, name))
                        return &service->methods[i];
        return NULL;
}

static int stream_new(RpcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const RpcCallOptions *options, RpcStream **ret) {
        usec_t deadline = options->deadline != 0 ? options->deadline : USEC_INFINITY;
        _cleanup_free_ char *path = NULL;
        RpcStream *s;
        grpc_slice slice;

        path = strf("/%s/%s", service->name, method);
        s = mem_new0(RpcStream, 1);
        if (!s || !path) {
                free(s);
                return -ENOMEM;
        }
        s->link = c->link;
        s->method = service_get_method(service, method);
        assert(s->method);
        s->message = grpc_empty_slice();
        grpc_metadata_array_init(&s->headers);
        grpc_metadata_array_init(&s->trailers);
        list_append(&c->link->streams, &s->streams);
        slice = grpc_slice_from_copied_string(path);
        s->call = grpc_channel_create_call(c->link->grpc, NULL, 0, rpc_lane_get_queue(c->link->lane), slice, NULL,
                        wire_time_from_usec(deadline), NULL);
        grpc_slice_unref(slice);
        *ret = s;
        return 0;
}

static grpc_op op_receive_status(RpcStream *s) {
        grpc_op op = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

        op.data.recv_status_on_client.trailing_metadata = &s->trailers;
        op.data.recv_status_on_client.status = &s->code;
        op.data.recv_status_on_client.status_details = &s->message;
        return op;
}

static void on_opened(RpcOp *op, _unused_ bool ok) {
        RpcStream *s = CONTAINER_OF(op, RpcStream, send_op);

        promise_resolve(&s->sent, 0);
        s->n_ops--;
        stream_check(s);
}

int rpc_stream_open_wait(RpcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const RpcCallOptions *options, RpcStream **ret, RpcStatus *reterr) {
        _cleanup_(rpc_channel_unrefp) RpcChannel *keep = rpc_channel_ref(c);
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA }, status;
        int r;

        r = channel_usable_wait(c, options, reterr);
        if (r < 0)
                return r;
        r = stream_new(c, service, method, options, &s);
        if (r < 0)
                return r;
        status = op_receive_status(s);
        r = stream_start(s, &s->status_op, on_ended, &status, 1);
        if (r >= 0)
                r = stream_start(s, &s->send_op, on_opened, &open, 1);
        if (r < 0)
                return rpc_error(reterr, RPC_INTERNAL, "internal error");
        *ret = TAKE_PTR(s);
        return 0;
}

static void on_sent(RpcOp *op, bool ok) {
        RpcStream *s = CONTAINER_OF(op, RpcStream, send_op);

        promise_resolve(&s->sent, ok ? 0 : -EPIPE);
        s->n_ops--;
        stream_check(s);
}

/* The operation before uses the same slot: it has to be over. */
static int stream_send_op_wait(RpcStream *s, const grpc_op *op) {
        int r;

        r = promise_wait(&s->sent);
        if (r < 0)
                return r;
        s->sent = (Promise){};
        r = stream_start(s, &s->send_op, on_sent, op, 1);
        if (r < 0) {
                promise_resolve(&s->sent, -EPIPE);
                return -EPIPE;
        }
        return promise_wait(&s->sent);
}

int rpc_stream_send_wait(RpcStream *s, const void *message) {
        grpc_byte_buffer *buffer;
        grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };
        int r;

        r = wire_pack(message, &buffer);
        if (r < 0)
                return r;
        op.data.send_message.send_message = buffer;
        r = stream_send_op_wait(s, &op);
        grpc_byte_buffer_destroy(buffer);
        return r;
}

int rpc_stream_close_send_wait(RpcStream *s) {
        grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

        return stream_send_op_wait(s, &op);
}

static void on_received(RpcOp *op, bool ok) {
        RpcStream *s = CONTAINER_OF(op, RpcStream, receive_op);

        promise_resolve(&s->received, ok && s->incoming ? 1 : 0);
        s->n_ops--;
        stream_check(s);
}

static int stream_take_incoming(RpcStream *s, ProtobufCMessage **ret, RpcStatus *reterr) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = wire_unpack(s->method->output, s->incoming, ret, &error);
        grpc_byte_buffer_destroy(TAKE_PTR(s->incoming));
        if (r < 0)
                return rpc_error(reterr, RPC_INTERNAL, "The reply cannot be parsed: %s", error ? error : strerror(-r));
        return 1;
}

int rpc_stream_receive_wait(RpcStream *s, void *ret, RpcStatus *reterr) {
        grpc_op ops[2] = {
                { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &s->incoming },
                { .op = GRPC_OP_RECV_INITIAL_METADATA,
                                .data.recv_initial_metadata.recv_initial_metadata = &s->headers },
        };
        bool first = !s->receive_op.queue;
        int r = 0;

        if (!s->receiving) {
                s->received = (Promise){};
                r = stream_start(s, &s->receive_op, on_received, ops, first ? 2 : 1);
                s->receiving = r >= 0;
        }
        if (r >= 0)
                r = promise_wait(&s->received);
        if (s->received.done)
                s->receiving = false;
        if (r > 0)
                return stream_take_incoming(s, ret, reterr);
        if (r == 0)
                r = promise_wait(&s->ended);
        if (r < 0)
                return rpc_error(reterr, RPC_CANCELLED, "The call was cancelled");
        return stream_get_status(s, reterr);
}

/* All six operations of a unary call in one batch: it completes once, at the end. */
static int stream_start_unary(RpcStream *s, const ProtobufCMessage *request) {
        grpc_byte_buffer *buffer;
        grpc_op ops[6] = {
                { .op = GRPC_OP_SEND_INITIAL_METADATA },
                { .op = GRPC_OP_SEND_MESSAGE },
                { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
                { .op = GRPC_OP_RECV_INITIAL_METADATA,
                                .data.recv_initial_metadata.recv_initial_metadata = &s->headers },
                { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &s->incoming },
        };
        int r;

        r = wire_pack(request, &buffer);
        if (r < 0)
                return r;
        ops[1].data.send_message.send_message = buffer;
        ops[5] = op_receive_status(s);
        r = stream_start(s, &s->status_op, on_ended, ops, ELEMENTSOF(ops));
        grpc_byte_buffer_destroy(buffer);
        return r;
}

int rpc_channel_call_wait(RpcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, const RpcCallOptions *options, void *ret, RpcStatus *reterr) {
        _cleanup_(rpc_channel_unrefp) RpcChannel *keep = rpc_channel_ref(c);
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        _cleanup_proto_ ProtobufCMessage *reply = NULL;
        int r;

        r = channel_usable_wait(c, options, reterr);
        if (r < 0)
                return r;
        r = stream_new(c, service, method, options, &s);
        if (r >= 0)
                r = stream_start_unary(s, request);
        if (r < 0) {
                rpc_status_from_errno(reterr, r);
                return r;
        }
        /* It belongs to its connection now: who gives up the channel ends its calls. */
        keep = rpc_channel_unref(keep);
        r = promise_wait(&s->ended);
        if (r < 0)
                return rpc_error(reterr, RPC_CANCELLED, "The call was cancelled");
        r = stream_get_status(s, reterr);
        if (r < 0)
                return r;
        if (!s->incoming)
                return rpc_error(reterr, RPC_INTERNAL, "The call ended without a reply");
        r = stream_take_incoming(s, &reply, reterr);
        if (r < 0)
                return r;
        if (ret)
                *(ProtobufCMessage **) ret = TAKE_PTR(reply);
        return 0;
}
