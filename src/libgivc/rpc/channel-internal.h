/* SPDX-License-Identifier: Apache-2.0 */
/* What channel.c (one peer, many connections in turn), link.c (one of those connections) and stream.c (calls) share. */
#pragma once

#include "base/list.h"
#include "event/backoff.h"
#include "event/condition.h"
#include "event/fiber.h"
#include "rpc/channel.h"
#include "rpc/relay.h"

/* One connection of a channel. It lives on without the channel until its calls have ended and gRPC has let go. */
typedef struct RpcLink {
        RpcChannel *channel; /* NULL when the channel has given it up */
        RpcQueue *queue;
        Relay *relay;
        RpcLane *lane;
        grpc_channel *grpc;
        GuardBudget budget;
        List streams;
        bool relay_closed;
} RpcLink;

struct RpcChannel {
        unsigned n_ref;
        RpcQueue *queue;
        RpcAddress address;
        char *name; /* the address as text */
        TlsCredentials *credentials;
        char *server_name;
        usec_t connect_usec;
        Backoff backoff;
        RpcChannelState state;
        usec_t ready_since;
        char *error;
        RpcLink *link;
        sd_event_source *retry;
        Condition changed; /* the state */
        void (*on_state)(RpcChannel *c, RpcChannelState state, void *userdata);
        void *userdata;
};

/* Begins to connect; link_get_grpc() is there when channel_on_ready() was called. Negative errno: nothing began. */
int link_new(RpcChannel *c, RpcLink **ret) _warn_unused_;
/* The channel gives it up: calls end, the connection closes. */
void link_release(RpcLink *l);
/* Frees the link when nothing refers to it any more. */
void link_check(RpcLink *l);

/* The link's news for its channel. */
void channel_on_ready(RpcChannel *c);
void channel_on_closed(RpcChannel *c, const char *error);

/* Suspends until the channel can take a call, as RpcCallOptions says. */
int channel_usable_wait(RpcChannel *c, const RpcCallOptions *options, RpcStatus *reterr);
