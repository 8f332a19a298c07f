/* SPDX-License-Identifier: Apache-2.0 */
/* A call at the server. Checks come in one order for all: limits, method, access, body, access with the message,
 * handler. */
#include "rpc/call.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "proto/field.h"
#include "proto/unpack.h"
#include "rpc/server-internal.h"
#include "rpc/wire.h"

#define DOUBT_USEC (20 * USEC_PER_MSEC)

struct RpcCall {
        List calls; /* in the connection's */
        RpcConnection *connection;
        grpc_call *call;
        const RpcEntry *entry;
        char *path;
        grpc_metadata_array metadata;
        char **values; /* of headers that the handler has asked for */
        usec_t deadline;
        Fiber *fiber;
        ProtobufCMessage *request; /* the last one received */
        size_t request_size;       /* of it, packed: counted by its peer */
        bool judged;               /* the first message was shown to the access hook */
        bool kept;                 /* it is the request, and the handler has yet to receive it */

        RpcOp close_op, receive_op, send_op, status_op;
        unsigned n_ops; /* in flight */
        int cancelled;  /* gRPC's, when close_op is done */
        bool gone;      /* the caller has left, or its deadline has passed */
        bool headers_sent, running, ended;
        bool watched; /* close_op, or status_op with it, was started */
        grpc_byte_buffer *incoming, *reply;
        Promise received, sent;
        bool receiving;    /* nobody has taken yet what received brings: who was to do so may have been cancelled */
        uint64_t n_resets; /* of the peer, when the call began */
        sd_event_source *doubt;
        RpcStatus status;
};

static bool call_is_streaming_in(const RpcCall *c) {
        RpcKind kind = c->entry->method->kind;

        return kind == RPC_CLIENT_STREAM || kind == RPC_BIDI_STREAM;
}

static void call_drop_request(RpcCall *c) {
        proto_free(c->request);
        c->request = NULL;
        c->connection->peer->n_bytes -= c->request_size;
        c->request_size = 0;
}

static void call_free(RpcCall *c) {
        RpcConnection *connection = c->connection;

        list_remove(&c->calls);
        connection->peer->n_calls--;
        connection->server->stats.n_calls--;
        if (c->call)
                grpc_call_unref(c->call);
        if (c->incoming)
                grpc_byte_buffer_destroy(c->incoming);
        if (c->reply)
                grpc_byte_buffer_destroy(c->reply);
        grpc_metadata_array_destroy(&c->metadata);
        call_drop_request(c);
        rpc_status_done(&c->status);
        sd_event_source_disable_unref(c->doubt);
        strv_free(c->values);
        free(c->path);
        free(c);
        connection_check(connection);
}

static void call_check(RpcCall *c) {
        if (c->ended && c->n_ops == 0 && !c->running)
                call_free(c);
}

static int call_start(RpcCall *c, RpcOp *op, void (*done)(RpcOp *op, bool ok), const grpc_op *ops, size_t n_ops) {
        rpc_op_init(op, c->connection->server->queue, done);
        if (rpc_lane_start(c->connection->lane, c->call, ops, n_ops, op) != GRPC_CALL_OK)
                return -EIO;
        c->n_ops++;
        return 0;
}

static void on_status_sent(RpcOp *op, _unused_ bool ok) {
        RpcCall *c = CONTAINER_OF(op, RpcCall, status_op);

        c->n_ops--;
        c->ended = true;
        call_check(c);
}

static grpc_slice slice_from_text(const char *s) {
        return grpc_slice_from_copied_string(strempty(s));
}

static grpc_op op_receive_close(RpcCall *c) {
        return (grpc_op){
                .op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                .data.recv_close_on_server.cancelled = &c->cancelled,
        };
}

/* Headers (if not sent yet), the reply of an OK call, status and details: one batch. */
static int call_send_status(RpcCall *c) {
        grpc_metadata details = { .key = grpc_slice_from_static_string("grpc-status-details-bin"),
                .value = grpc_empty_slice() };
        grpc_slice message = slice_from_text(c->status.message);
        grpc_op ops[4] = {}, *op = ops;
        void *data = NULL;
        size_t size = 0;
        int r;

        if (!c->headers_sent)
                *op++ = (grpc_op){ .op = GRPC_OP_SEND_INITIAL_METADATA };
        if (c->status.code == RPC_OK && c->reply)
                *op++ = (grpc_op){ .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = c->reply };
        *op = (grpc_op){ .op = GRPC_OP_SEND_STATUS_FROM_SERVER };
        op->data.send_status_from_server.status = (grpc_status_code) c->status.code;
        op->data.send_status_from_server.status_details = &message;
        if (c->status.code != RPC_OK && status_pack_details(&c->status, &data, &size) >= 0) {
                details.value = grpc_slice_from_copied_buffer(data, size);
                op->data.send_status_from_server.trailing_metadata_count = 1;
                op->data.send_status_from_server.trailing_metadata = &details;
                free(data);
        }
        op++;
        if (!c->watched) /* gRPC wants it once in every call */
                *op++ = op_receive_close(c);
        c->watched = true;
        r = call_start(c, &c->status_op, on_status_sent, ops, op - ops);
        grpc_slice_unref(message);
        grpc_slice_unref(details.value);
        return r;
}

/* The handler has returned r, or was never asked. Nothing is sent to a caller that has left. */
static void call_finish(RpcCall *c, int r) {
        RpcKind kind = c->entry ? c->entry->method->kind : RPC_UNARY;

        if (r < 0)
                rpc_status_from_errno(&c->status, r);
        else if (c->status.code != RPC_OK)
                rpc_status_done(&c->status);
        if (c->status.code == RPC_OK && !c->reply && (kind == RPC_UNARY || kind == RPC_CLIENT_STREAM) && !c->gone) {
                log_error("Method '%s' returned without a reply", c->path);
                (void) rpc_error(&c->status, RPC_INTERNAL, "internal error");
        }
        if (c->status.code == RPC_INTERNAL)
                log_write(LOG_WARNING,
                                LOG_FIELDS({ "GIVC_PEER", identity_get_key(rpc_call_get_identity(c)) },
                                                { "GIVC_METHOD", c->path }),
                                "Method '%s' failed: %s%s%s", c->path, r < 0 ? strerror(-r) : "",
                                c->status.detail ? ": " : "", strempty(c->status.detail));
        if (c->gone || call_send_status(c) < 0) {
                c->ended = true;
                if (!c->gone)
                        (void) grpc_call_cancel(c->call, NULL);
        }
        call_check(c);
}

static void call_cancel(RpcCall *c) {
        c->gone = true;
        promise_resolve(&c->received, -ECANCELED);
        promise_resolve(&c->sent, -ECANCELED);
        fiber_cancel(c->fiber);
}

/* RECV_CLOSE_ON_SERVER: comes once for every call, at its end or when the caller has left. */
static void on_close(RpcOp *op, bool ok) {
        RpcCall *c = CONTAINER_OF(op, RpcCall, close_op);

        /* The fiber's end may free the call: it must not find it ready for that before we are done here. */
        if (!ok || c->cancelled)
                call_cancel(c);
        c->n_ops--;
        call_check(c);
}

static int call_judge(RpcCall *c, const ProtobufCMessage *message) {
        RpcServer *s = c->connection->server;
        int r;

        if (!s->access)
                return 0;
        r = s->access(connection_get_identity(c->connection), c->entry->service, c->entry->method, message, &c->status,
                        s->access_userdata);
        if (r < 0 && c->status.code == RPC_OK)
                return rpc_error(&c->status, RPC_PERMISSION_DENIED, "permission denied");
        return r;
}

/* The buffer that has come, as the call's current message. */
static int call_take_incoming(RpcCall *c) {
        _cleanup_free_ char *error = NULL;
        int r;

        size_t size = grpc_byte_buffer_length(c->incoming);

        call_drop_request(c);
        if (c->connection->peer->n_bytes + size > RPC_BYTES_PER_PEER_MAX) {
                grpc_byte_buffer_destroy(TAKE_PTR(c->incoming));
                return rpc_error(&c->status, RPC_RESOURCE_EXHAUSTED,
                                "Too much at once: requests in progress have %d bytes", RPC_BYTES_PER_PEER_MAX);
        }
        c->request_size = size;
        c->connection->peer->n_bytes += size;
        r = wire_unpack(c->entry->descriptor->input, c->incoming, &c->request, &error);
        grpc_byte_buffer_destroy(TAKE_PTR(c->incoming));
        if (r == -EMSGSIZE)
                return rpc_error(&c->status, RPC_RESOURCE_EXHAUSTED, "The message is too large: %s", strempty(error));
        if (r == -EBADMSG)
                return rpc_error(&c->status, RPC_INVALID_ARGUMENT, "The request cannot be parsed: %s", strempty(error));
        if (r < 0)
                return r;
        if (c->judged)
                return 0;
        c->judged = true;
        return call_judge(c, c->request);
}

/* A caller who sends nothing asks for what nothing stands for. */
static int call_judge_silence(RpcCall *c) {
        c->request = message_new(c->entry->descriptor->input);
        if (!c->request)
                return -ENOMEM;
        c->judged = true;
        return call_judge(c, c->request);
}

static int call_run(void *userdata) {
        RpcCall *c = userdata;
        RpcStatus status = {};
        int r;

        r = c->entry->method->func(c, call_is_streaming_in(c) ? NULL : c->request, &status, c->entry->userdata);
        fiber_release_slot();
        c->running = false;
        if (c->status.code == RPC_OK) { /* a message that could not be parsed has said so already */
                rpc_status_done(&c->status);
                c->status = status;
        } else
                rpc_status_done(&status);
        call_finish(c, c->status.code != RPC_OK && r >= 0 ? rpc_code_to_errno(c->status.code) : r);
        return 0;
}

/* A handler that waits has to learn when its caller leaves. One that has returned already saves gRPC a batch. */
static int call_watch(RpcCall *c) {
        grpc_op op = op_receive_close(c);

        if (c->watched || !c->running)
                return 0;
        c->watched = true;
        return call_start(c, &c->close_op, on_close, &op, 1);
}

static void call_start_handler(RpcCall *c) {
        int r;

        c->n_ops++; /* the call outlives its fiber's first part */
        c->running = true;
        r = fiber_start(&c->fiber, call_run, c);
        if (r < 0) {
                c->running = false;
                call_finish(c, r);
        } else if (call_watch(c) < 0)
                call_cancel(c);
        c->n_ops--;
        call_check(c);
}

static void on_request_received(RpcOp *op, bool ok) {
        RpcCall *c = CONTAINER_OF(op, RpcCall, receive_op);
        int r;

        c->n_ops--;
        if (!ok || c->gone)
                r = -ECANCELED;
        else if (c->incoming) {
                r = call_take_incoming(c);
                c->kept = call_is_streaming_in(c);
        } else if (call_is_streaming_in(c))
                r = call_judge_silence(c);
        else
                r = rpc_error(&c->status, RPC_INVALID_ARGUMENT, "The call has no request message");
        if (r < 0)
                call_finish(c, r);
        else
                call_start_handler(c);
}

static int call_receive(RpcCall *c, void (*done)(RpcOp *op, bool ok)) {
        grpc_op op = { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->incoming };

        return call_start(c, &c->receive_op, done, &op, 1);
}

/* What can be decided before a byte of the body is read. 1: a handler has to wait for the first message. */
static int call_check_head(RpcCall *c) {
        RpcServer *s = c->connection->server;

        if (c->connection->peer->n_calls > RPC_CALLS_PER_PEER_MAX)
                return rpc_error(&c->status, RPC_RESOURCE_EXHAUSTED, "Too many calls in progress (the limit is %u)",
                                RPC_CALLS_PER_PEER_MAX);
        c->entry = map_get(s->entries, c->path);
        if (!c->entry)
                return rpc_error(&c->status, RPC_UNIMPLEMENTED, "There is no method '%s'", c->path);
        return call_judge(c, NULL);
}

static void call_begin(RpcCall *c) {
        int r;

        r = c->path ? call_check_head(c) : -ENOMEM;
        if (r < 0)
                call_finish(c, r);
        else if (r == 0 && call_is_streaming_in(c))
                call_start_handler(c);
        else {
                r = call_receive(c, on_request_received);
                if (r < 0)
                        call_finish(c, r);
        }
}

void call_accept(RpcSlot *slot) {
        RpcConnection *connection = slot->connection;
        RpcCall *c;

        c = mem_new0(RpcCall, 1);
        if (!c) {
                grpc_call_unref(TAKE_PTR(slot->call)); /* gRPC cancels what nobody has answered */
                grpc_call_details_destroy(&slot->details);
                grpc_call_details_init(&slot->details);
                slot->metadata.count = 0;
                return;
        }
        c->connection = connection;
        c->call = TAKE_PTR(slot->call);
        c->metadata = slot->metadata;
        grpc_metadata_array_init(&slot->metadata);
        c->path = grpc_slice_to_c_string(slot->details.method);
        c->deadline = wire_time_to_usec(slot->details.deadline);
        grpc_call_details_destroy(&slot->details);
        grpc_call_details_init(&slot->details);
        c->n_resets = relay_count_resets(connection->relay);
        list_append(&connection->calls, &c->calls);
        connection->peer->n_calls++;
        connection->server->stats.n_calls++;
        call_begin(c);
}

Identity *rpc_call_get_identity(RpcCall *call) {
        return connection_get_identity(call->connection);
}

const char *rpc_call_get_path(RpcCall *call) {
        return call->path + 1;
}

usec_t rpc_call_get_deadline(RpcCall *call) {
        return call->deadline;
}

const char *rpc_call_get_metadata(RpcCall *call, const char *key) {
        for (size_t i = 0; i < call->metadata.count; i++) {
                const grpc_metadata *m = &call->metadata.metadata[i];
                _cleanup_free_ char *value = NULL;

                if (grpc_slice_str_cmp(m->key, key) != 0)
                        continue;
                value = mem_dup(GRPC_SLICE_START_PTR(m->value), GRPC_SLICE_LENGTH(m->value));
                if (!value || strv_extend(&call->values, value) < 0)
                        return NULL;
                return call->values[strv_length(call->values) - 1];
        }
        return NULL;
}

int rpc_call_reply(RpcCall *call, const void *message) {
        if (call->reply)
                return -EBUSY;
        return wire_pack(message, &call->reply);
}

int rpc_call_reply_packed(RpcCall *call, const RpcPacked *packed) {
        if (call->reply)
                return -EBUSY;
        call->reply = wire_copy_packed(packed);
        return 0;
}

static void on_sent(RpcOp *op, bool ok) {
        RpcCall *c = CONTAINER_OF(op, RpcCall, send_op);

        promise_resolve(&c->sent, ok ? 0 : -ECANCELED);
        c->n_ops--;
        call_check(c);
}

/* Takes over the buffer. The operation before uses the same slot, and its sender may have been cancelled. */
static int call_send_wait(RpcCall *call, grpc_byte_buffer *buffer) {
        grpc_op ops[2] = {}, *op = ops;
        int r;

        r = call->send_op.queue ? promise_wait(&call->sent) : 0;
        if (r < 0) {
                grpc_byte_buffer_destroy(buffer);
                return r;
        }
        if (!call->headers_sent)
                *op++ = (grpc_op){ .op = GRPC_OP_SEND_INITIAL_METADATA };
        *op++ = (grpc_op){ .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer };
        call->headers_sent = true;
        call->sent = (Promise){};
        r = call_start(call, &call->send_op, on_sent, ops, op - ops);
        grpc_byte_buffer_destroy(buffer);
        if (r < 0)
                promise_resolve(&call->sent, call->gone ? -ECANCELED : r);
        return promise_wait(&call->sent);
}

int rpc_call_send_wait(RpcCall *call, const void *message) {
        grpc_byte_buffer *buffer;
        int r;

        if (call->gone)
                return -ECANCELED;
        r = wire_pack(message, &buffer);
        return r < 0 ? r : call_send_wait(call, buffer);
}

int rpc_call_send_packed_wait(RpcCall *call, const RpcPacked *packed) {
        return call->gone ? -ECANCELED : call_send_wait(call, wire_copy_packed(packed));
}

static int on_doubt_over(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        RpcCall *c = userdata;

        c->doubt = sd_event_source_disable_unref(c->doubt);
        promise_resolve(&c->received, 0);
        return 0;
}

/* gRPC says "no more messages" both when the client has finished and when it has left. Where nothing happened that
 * ends a call early it has finished; else on_close() follows at once if it has left, and half an upload must not pass
 * for a whole one. */
static void call_no_more_messages(RpcCall *c) {
        bool certain = relay_count_resets(c->connection->relay) == c->n_resets &&
                        c->deadline > time_now(CLOCK_MONOTONIC);

        if (certain ||
                        sd_event_add_time_relative(rpc_queue_get_event(c->connection->server->queue), &c->doubt,
                                        CLOCK_MONOTONIC, DOUBT_USEC, USEC_PER_MSEC, on_doubt_over, c) < 0)
                promise_resolve(&c->received, certain ? 0 : -ECANCELED);
}

static void on_received(RpcOp *op, bool ok) {
        RpcCall *c = CONTAINER_OF(op, RpcCall, receive_op);

        if (!ok || c->gone)
                promise_resolve(&c->received, -ECANCELED);
        else if (c->incoming)
                promise_resolve(&c->received, 1);
        else
                call_no_more_messages(c);
        c->n_ops--;
        call_check(c);
}

static int call_next_wait(RpcCall *call, usec_t deadline) {
        int r;

        if (!call->receiving) {
                call->received = (Promise){};
                r = call_receive(call, on_received);
                if (r < 0)
                        return call->gone ? -ECANCELED : r;
                call->receiving = true;
        }
        r = promise_wait_until(&call->received, deadline);
        if (call->received.done)
                call->receiving = false;
        return r;
}

int rpc_call_receive_until_wait(RpcCall *call, usec_t deadline, void *ret) {
        int r;

        if (call->gone)
                return -ECANCELED;
        if (!call->kept) {
                r = call_next_wait(call, deadline);
                if (r <= 0)
                        return r;
                r = call_take_incoming(call);
                if (r < 0)
                        return r;
        }
        call->kept = false;
        *(void **) ret = call->request;
        return 1;
}

int rpc_call_receive_wait(RpcCall *call, void *ret) {
        return rpc_call_receive_until_wait(call, USEC_INFINITY, ret);
}
