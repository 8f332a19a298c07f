/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the relay share: relay.c (its life, and what it waits for), relay-handshake.c (until the peer is
 * known), relay-flow.c (the bytes) and relay-close.c (the end). Whatever they do to a relay, relay_update() follows. */
#pragma once

#include <sys/socket.h>

#include "rpc/relay.h"

typedef enum RelayState {
        RELAY_CONNECTING,
        RELAY_HANDSHAKE,
        RELAY_ESTABLISHED, /* waits to be attached */
        RELAY_OPEN,
        RELAY_CLOSING, /* no more bytes from the network; gRPC's end or our last bytes are still to come */
        RELAY_CLOSED,
} RelayState;

struct Relay {
        RelayState state;
        RpcQueue *queue;
        RpcLane *lane;
        RelayHooks hooks;
        void *userdata;
        bool is_server, guarded, alive;
        usec_t preface_usec;

        int net, inner; /* the network's socket; our end of the socketpair */
        sd_event_source *net_source, *inner_source, *timer, *stall, *closed_source;
        bool flushed; /* the network took something since stall was set */
        uint32_t net_events, inner_events;
        bool net_more, net_ending; /* not all was read that the last edge told of; an edge has told of the end */
        TlsCredentials *credentials;
        char *server_name;
        TlsSession *session; /* made when the first byte is to be read or written: a silent peer costs little */
        Guard guard;
        Buffer to_grpc; /* plain text on its way in */
        Buffer to_net;  /* plain connections: on its way out (TLS has its own) */
        bool net_eof, inner_eof, inner_shut;

        struct sockaddr_storage peer_address;
        socklen_t peer_size;
        char *peer;
        Identity *identity;
        char *error;
};

/* After every movement: what to wait for next, and whether it is over. */
void relay_update(Relay *r);

/* A bound on what has begun: the relay is aborted when it passes. Replaces the one before. */
int relay_start_timer(Relay *r, usec_t usec) _warn_unused_;
int relay_learn_peer(Relay *r) _warn_unused_;
/* 0, also where no TLS is wanted or the session is there already. */
int relay_make_session(Relay *r) _warn_unused_;
/* The network's socket has connected, or has failed to. */
void relay_connected(Relay *r);
/* Goes on with the handshake, as far as bytes have come for it. */
void relay_handshake(Relay *r);

/* What the network has yet to take. */
Buffer *relay_output(Relay *r);
/* There is room for more from the network, and it may send more. */
bool relay_takes_input(const Relay *r);
/* One read from the network. Every connection reads into the same space and keeps only what has to wait. A read that
 * was not filled has taken all bytes, but not the end that may follow them. */
void relay_receive(Relay *r);
/* Hands gRPC what there is for it and lets it work. True when it took something. */
bool relay_feed(Relay *r);
/* Takes what gRPC has written, as far as the network keeps up. */
void relay_collect(Relay *r);
/* Gives the network what it takes. */
void relay_flush(Relay *r);

/* The first one stands. prefix: NULL or what failed. */
void relay_set_error(Relay *r, const char *prefix, const char *error);
/* An attack or a broken peer: nothing that is under way is worth keeping. */
void relay_abort(Relay *r, const char *prefix, const char *error);
void relay_begin_close(Relay *r);
/* Nothing more comes from or goes to the network. gRPC, when it has its end, is told by an EOF and gives it back in
 * time. */
void relay_close_net(Relay *r);
/* Tells gRPC that nothing follows; it answers by closing its end, at once or when its calls have been taken down. */
void relay_shut_inner(Relay *r);
/* The steps of a close that are due. True when it was the last one: closed() follows from the loop. */
bool relay_go_on_closing(Relay *r);
/* So that closed() can follow at all. */
int relay_prepare_close(Relay *r) _warn_unused_;
