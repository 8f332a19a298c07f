/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a channel, from its socket to its end; the channel makes the next one. */
#include "rpc/channel-internal.h"

#include <poll.h>
#include <stdlib.h>

#include <grpc/grpc_posix.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/wire.h"

#define LINK_FINISH_USEC (200 * USEC_PER_MSEC)

static void link_free(RpcLink *l) {
        (void) relay_free(l->relay);
        if (l->grpc)
                grpc_channel_destroy(l->grpc);
        (void) rpc_lane_free(l->lane);
        (void) rpc_queue_unref(l->queue);
        free(l);
}

void link_check(RpcLink *l) {
        if (l->relay_closed && !l->channel && list_is_empty(&l->streams))
                link_free(l);
}

static void on_relay_closed(Relay *r, void *userdata) {
        RpcLink *l = userdata;
        RpcChannel *c = l->channel;

        l->relay_closed = true;
        l->channel = NULL;
        if (c) {
                c->link = NULL;
                channel_on_closed(c, relay_get_error(r));
        }
        link_check(l);
}

/* Nothing of gRPC's looks at the channel's socket before a call ties it to a queue. A call that never begins does
 * that, and sends nothing. */
static void link_bind_driver(RpcLink *l) {
        grpc_call *call;

        call = grpc_channel_create_call(l->grpc, NULL, 0, rpc_lane_get_driver(l->lane),
                        grpc_slice_from_static_string("/"), NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (call)
                grpc_call_unref(call);
}

static int link_start(RpcLink *l) {
        grpc_channel_args *args;
        int fd, r;

        r = rpc_lane_new(l->queue, relay_pump, l->relay, &l->lane);
        if (r < 0)
                return r;
        r = relay_attach(l->relay, l->lane, &l->budget, &fd);
        if (r < 0)
                return r;
        args = wire_client_args(l->channel->server_name ? l->channel->server_name : "localhost");
        if (!args) {
                (void) fd_close(fd);
                return -ENOMEM;
        }
        l->grpc = grpc_channel_create_from_fd(l->channel->name, fd, wire_channel_credentials(), args);
        wire_args_free(args);
        link_bind_driver(l);
        rpc_lane_touch(l->lane);
        return 0;
}

static void on_established(Relay *r, void *userdata) {
        RpcLink *l = userdata;
        int k = 0;

        if (!l->channel) {
                relay_close(r, NULL);
                return;
        }
        rpc_queue_enter(l->queue);
        k = link_start(l);
        if (k < 0)
                relay_close(r, strerror(-k));
        rpc_queue_leave(l->queue);
}

static void on_alive(_unused_ Relay *r, void *userdata) {
        RpcLink *l = userdata;

        if (l->channel)
                channel_on_ready(l->channel);
}

int link_new(RpcChannel *c, RpcLink **ret) {
        static const RelayHooks hooks = { on_established, on_alive, on_relay_closed };
        RelayOptions options = {
                .credentials = c->address.kind == RPC_ADDRESS_UNIX ? NULL : c->credentials,
                .server_name = c->server_name,
                .name = c->name,
                .handshake_usec = c->connect_usec,
                .preface_usec = c->connect_usec,
        };
        RpcLink *l;
        int fd, r;

        fd = rpc_address_connect(&c->address);
        if (fd < 0)
                return fd;
        l = mem_new0(RpcLink, 1);
        if (!l) {
                (void) fd_close(fd);
                return -ENOMEM;
        }
        l->queue = rpc_queue_ref(c->queue);
        l->channel = c;
        list_init(&l->streams);
        guard_budget_init(&l->budget, time_now(CLOCK_MONOTONIC));
        r = relay_new(c->queue, fd, &options, &hooks, l, &l->relay);
        if (r < 0) {
                link_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

/* What gRPC does, it does at once where we drive it: then the end of a program leaves nothing behind. Where its
 * threads do it, they get a moment; the loop does the rest. It does all of it when the link's own relay, which has told
 * of its state, may be at work below us. */
void link_release(RpcLink *l) {
        bool entered = rpc_queue_is_entered(l->queue);
        usec_t until = time_now(CLOCK_MONOTONIC) + LINK_FINISH_USEC;

        l->channel = NULL;
        rpc_queue_enter(l->queue);
        relay_close(l->relay, "closed by us");
        rpc_queue_leave(l->queue);
        while (!entered && !relay_is_closed(l->relay) && !fiber_current() && time_now(CLOCK_MONOTONIC) < until) {
                if (rpc_queue_get_mode(l->queue) == RPC_QUEUE_THREADED)
                        (void) poll(NULL, 0, 1);
                else
                        until = 0;
                rpc_queue_enter(l->queue);
                relay_pump(l->relay);
                rpc_queue_leave(l->queue);
        }
        if (!entered && relay_is_closed(l->relay) && !l->relay_closed)
                on_relay_closed(l->relay, l);
}
