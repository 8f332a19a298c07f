/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/socket-stream.h"

#include "agent/splice.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/backoff.h"
#include "proto/unpack.h"
#include "rpc/address.h"
#include "socketproxy.pb-c.h"
#include "tls/file-watch.h"

#define DIAL_MIN_USEC (10 * USEC_PER_MSEC)
#define DIAL_MAX_USEC (500 * USEC_PER_MSEC)

/* The message borrows the frame's bytes. */
static Socketproxy__StreamFrame message_from_frame(const SpliceFrame *frame) {
        Socketproxy__StreamFrame message = SOCKETPROXY__STREAM_FRAME__INIT;

        message.chunk = (ProtobufCBinaryData){ .data = (uint8_t *) frame->data, .len = frame->size };
        message.eof = frame->end;
        message.halfclose = frame->half;
        return message;
}

static SpliceFrame frame_from_message(const Socketproxy__StreamFrame *message) {
        return (SpliceFrame){
                .data = message->chunk.data,
                .size = message->chunk.len,
                .end = message->eof,
                .half = message->halfclose,
        };
}

static int call_send_wait(void *userdata, const SpliceFrame *frame) {
        Socketproxy__StreamFrame message = message_from_frame(frame);

        return rpc_call_send_wait(userdata, &message);
}

static int call_receive_wait(void *userdata, SpliceFrame *ret) {
        const Socketproxy__StreamFrame *message;
        int r;

        r = rpc_call_receive_wait(userdata, &message);
        if (r > 0)
                *ret = frame_from_message(message);
        return r;
}

static void on_path_change(void *userdata) {
        promise_resolve(userdata, 0);
}

static bool may_pass(int error) {
        return error == -ENOENT || error == -ECONNREFUSED || error == -EAGAIN;
}

/* A socket that was just made refuses until its owner listens, and a full backlog says nothing when it is not full any
 * more: so it is asked now and then, too. */
static int next_try_wait(const char *path, usec_t deadline, Backoff *backoff) {
        _cleanup_(file_watch_freep) FileWatch *watch = NULL;
        _cleanup_(sd_event_unrefp) sd_event *e = NULL;
        Promise changed = {};
        usec_t now = time_now(CLOCK_MONOTONIC);
        int r;

        if (now >= deadline)
                return -ETIMEDOUT;
        r = sd_event_default(&e);
        if (r >= 0)
                r = file_watch_new(e, &path, 1, on_path_change, &changed, &watch);
        if (r < 0)
                return r;
        r = promise_wait_until(&changed, MIN(deadline, usec_add(now, backoff_next_usec(backoff))));
        return r == -ETIMEDOUT ? 0 : r;
}

/* The connected socket. */
static int dial_wait(const char *path, usec_t deadline) {
        const RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = (char *) path };
        Backoff backoff = { DIAL_MIN_USEC, DIAL_MAX_USEC, 0 };

        for (;;) {
                int fd = rpc_address_connect(&address), r;

                if (fd >= 0 || !may_pass(fd))
                        return fd;
                r = next_try_wait(path, deadline, &backoff);
                if (r < 0)
                        return r == -ETIMEDOUT ? fd : r;
        }
}

static int dial_error(RpcCall *call, const char *path, int error, RpcStatus *reterr) {
        if (error == -ECANCELED)
                return error;
        log_write(LOG_WARNING,
                        LOG_FIELDS({ "GIVC_PEER", identity_get_key(rpc_call_get_identity(call)) },
                                        { "GIVC_METHOD", rpc_call_get_path(call) },
                                        { "GIVC_REASON", strerror(-error) }),
                        "Cannot connect '%s' to '%s': %s", identity_get_key(rpc_call_get_identity(call)), path,
                        strerror(-error));
        return rpc_error(reterr, RPC_UNAVAILABLE, "Nobody answers at socket '%s': %s.", path, strerror(-error));
}

static int method_transfer_data(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        static const SpliceWire wire = { call_send_wait, call_receive_wait };
        _cleanup_(io_freep) Io *io = NULL;
        const ServedSocket *served = userdata;
        int fd, r;

        fd = dial_wait(served->path, usec_add(time_now(CLOCK_MONOTONIC), served->patience_usec));
        if (fd < 0)
                return dial_error(call, served->path, fd, reterr);
        r = io_new(fd, &io);
        if (r < 0) {
                (void) fd_close(fd);
                return r;
        }
        return splice_wait(io, &wire, call);
}

typedef struct Stream {
        RpcStream *stream;
        RpcStatus *reterr;
        Socketproxy__StreamFrame *message; /* the last one that came */
} Stream;

static int stream_send_wait(void *userdata, const SpliceFrame *frame) {
        const Stream *s = userdata;
        Socketproxy__StreamFrame message = message_from_frame(frame);

        return rpc_stream_send_wait(s->stream, &message);
}

static int stream_receive_wait(void *userdata, SpliceFrame *ret) {
        Stream *s = userdata;
        int r;

        proto_free((ProtobufCMessage *) TAKE_PTR(s->message));
        r = rpc_stream_receive_wait(s->stream, &s->message, s->reterr);
        if (r > 0)
                *ret = frame_from_message(s->message);
        return r;
}

int socket_stream_open_wait(RpcChannel *channel, RpcStream **ret, RpcStatus *reterr) {
        const RpcCallOptions options = { .wait_for_ready = true }; /* it lasts as long as the programs want */

        return rpc_stream_open_wait(
                        channel, &socketproxy__socket_stream__descriptor, "TransferData", &options, ret, reterr);
}

int socket_stream_carry_wait(RpcStream *stream, Io *io, RpcStatus *reterr) {
        static const SpliceWire wire = { stream_send_wait, stream_receive_wait };
        Stream s = { .stream = stream, .reterr = reterr };
        int r;

        r = splice_wait(io, &wire, &s);
        proto_free((ProtobufCMessage *) s.message);
        return r;
}

static const RpcMethod methods[] = {
        { "TransferData", RPC_BIDI_STREAM, method_transfer_data },
        {},
};

const RpcService socket_stream_service = { &socketproxy__socket_stream__descriptor, methods };
