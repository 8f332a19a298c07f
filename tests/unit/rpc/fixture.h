/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of server and channel share: a server on a unix socket in this process, serving four of the contract's
 * methods of four kinds, and a channel to it. Bodies run in fibers; the loop turns until they have returned. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "event/fiber.h"
#include "eventproxy.pb-c.h"
#include "health.pb-c.h"
#include "hwid.pb-c.h"
#include "proto/unpack.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "socketproxy.pb-c.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)

typedef struct World {
        sd_event *event;
        RpcQueue *queue;
        RpcServer *server;
        RpcChannel *channel;
        RpcAddress address;
        char path[64];
        /* what the handlers saw */
        unsigned n_started, n_ended, n_sent, n_received;
        int last_result;
        Promise entered, gate; /* a handler that waits: it has begun; let it go */
        usec_t deadline;
        bool until_gate;
} World;

static inline RpcCallOptions soon(void) {
        return (RpcCallOptions){ .deadline = time_now(CLOCK_MONOTONIC) + PATIENCE_USEC };
}

static inline unsigned count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(d))
                n++;
        (void) closedir(d);
        return n;
}

/* hwid.GetHwId: unary. With until_gate it waits, and leaves when it is cancelled. */
static int method_get_hw_id(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Hwid__HwIdResponse reply = HWID__HW_ID_RESPONSE__INIT;
        Promise never = {};
        World *w = userdata;

        w->n_started++;
        w->deadline = rpc_call_get_deadline(call);
        promise_resolve(&w->entered, 0);
        /* the gate is for one; who comes while it is taken waits for its own end */
        w->last_result = w->until_gate ? promise_wait(w->gate.waiter ? &never : &w->gate) : 0;
        w->n_ended++;
        reply.identifier = (char *) "02:00:00:00:00:01";
        return w->last_result < 0 ? w->last_result : rpc_call_reply(call, &reply);
}

/* eventproxy.RegisterDevice: unary; refuses a device without a name. */
static int method_register_device(RpcCall *call, const void *request, RpcStatus *reterr, _unused_ void *userdata) {
        Eventproxy__Ack reply = EVENTPROXY__ACK__INIT;
        const Eventproxy__DeviceInfo *req = request;

        if (isempty(req->name))
                return rpc_error_detail(reterr, rpc_error(reterr, RPC_INVALID_ARGUMENT, "A device has a name"), "name");
        if (streq(req->name, "errno"))
                return -EALREADY;
        if (streq(req->name, "silent"))
                return 0; /* a programming error: no reply */
        reply.status = req->name;
        return rpc_call_reply(call, &reply);
}

/* eventproxy.StreamEvents: client-streaming; counts. */
static int method_stream_events(
                RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Eventproxy__Ack reply = EVENTPROXY__ACK__INIT;
        Eventproxy__InputEvent *event;
        World *w = userdata;
        char text[32];
        int r;

        w->n_started++;
        promise_resolve(&w->entered, 0);
        while ((r = rpc_call_receive_wait(call, &event)) > 0)
                w->n_received++;
        w->n_ended++;
        w->last_result = r;
        if (r < 0)
                return r;
        (void) snprintf(text, sizeof(text), "%u", w->n_received);
        reply.status = text;
        return rpc_call_reply(call, &reply);
}

#define N_DROPS 4000

/* socketproxy.TransferData: bidirectional; echoes chunks, and floods with large ones ("flood") or with many that are
 * empty ("drops"). */
static int method_transfer_data(
                RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Socketproxy__StreamFrame *frame;
        World *w = userdata;
        int r;

        w->n_started++;
        promise_resolve(&w->entered, 0);
        while ((r = rpc_call_receive_wait(call, &frame)) > 0) {
                bool flood = frame->chunk.len == 5 && memcmp(frame->chunk.data, "flood", 5) == 0;
                Socketproxy__StreamFrame reply = SOCKETPROXY__STREAM_FRAME__INIT;
                _cleanup_free_ uint8_t *data = mem_new0(uint8_t, 32 * 1024);

                reply.chunk = frame->chunk;
                if (flood)
                        reply.chunk = (ProtobufCBinaryData){ .data = data, .len = 32 * 1024 };
                if (frame->chunk.len == 5 && memcmp(frame->chunk.data, "drops", 5) == 0) {
                        reply.chunk.len = 0;
                        for (unsigned i = 1; i < N_DROPS; i++)
                                if (rpc_call_send_wait(call, &reply) < 0)
                                        break;
                }
                do {
                        r = rpc_call_send_wait(call, &reply);
                        w->n_sent += r >= 0;
                } while (flood && r >= 0);
                if (r < 0)
                        break;
        }
        w->n_ended++;
        w->last_result = r;
        return r;
}

static const RpcMethod hwid_methods[] = { { "GetHwId", RPC_UNARY, method_get_hw_id }, {} };
static const RpcMethod event_methods[] = {
        { "RegisterDevice", RPC_UNARY, method_register_device },
        { "StreamEvents", RPC_CLIENT_STREAM, method_stream_events },
        {},
};
static const RpcMethod socket_methods[] = { { "TransferData", RPC_BIDI_STREAM, method_transfer_data }, {} };

static const RpcService services[] = {
        { &hwid__hwid_service__descriptor, hwid_methods },
        { &eventproxy__event_service__descriptor, event_methods },
        { &socketproxy__socket_stream__descriptor, socket_methods },
};

/* Turns the loop until the condition holds; a test that waits too long fails. */
#define world_until(w, condition)                                                                                      \
        do {                                                                                                           \
                usec_t _end = time_now(CLOCK_MONOTONIC) + PATIENCE_USEC;                                               \
                while (!(condition)) {                                                                                 \
                        assert_true(sd_event_run((w)->event, 50 * USEC_PER_MSEC) >= 0);                                \
                        if (time_now(CLOCK_MONOTONIC) > _end)                                                          \
                                fail_msg("still not so: %s", #condition);                                              \
                }                                                                                                      \
        } while (0)

extern const uint8_t givc_descriptors[], givc_descriptors_end[];

static inline void world_start_server(World *w) {
        assert_int_equal(rpc_server_new(w->queue, &w->server), 0);
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                assert_int_equal(rpc_server_add_service(w->server, &services[i], w), 0);
        assert_int_equal(rpc_server_add_health(w->server), 0);
        assert_int_equal(
                        rpc_server_add_reflection(w->server, givc_descriptors, givc_descriptors_end - givc_descriptors),
                        0);
        assert_int_equal(rpc_server_listen(w->server, &w->address, 0, (gid_t) -1), 0);
}

static inline int world_setup(void **state) {
        World *w = mem_new0(World, 1);

        (void) snprintf(w->path, sizeof(w->path), "/tmp/givc-rpc-%d.sock", getpid());
        assert_int_equal(rpc_address_parse(w->path, &w->address, NULL), 0);
        assert_true(sd_event_default(&w->event) >= 0);
        assert_int_equal(rpc_queue_new(w->event, &w->queue), 0);
        world_start_server(w);
        assert_int_equal(rpc_channel_new(w->queue, &(RpcChannelOptions){ .address = &w->address }, &w->channel), 0);
        *state = w;
        return 0;
}

static inline int world_teardown(void **state) {
        World *w = *state;

        (void) rpc_channel_unref(w->channel);
        (void) rpc_server_free(w->server);
        world_until(w, rpc_queue_count_lanes(w->queue) == 0);
        (void) rpc_queue_unref(w->queue);
        sd_event_unref(w->event);
        (void) unlink(w->path);
        rpc_address_done(&w->address);
        free(w);
        return 0;
}

/* Runs a test's body in a fiber and the loop until it has returned. */
static inline void world_run(World *w, fiber_func_t body) {
        Fiber *f = NULL;

        assert_int_equal(fiber_start(&f, body, w), 0);
        world_until(w, f == NULL);
}
