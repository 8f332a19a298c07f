/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the server share: server.c (services, the end), listener.c (who is taken in), peer.c (who they
 * are), connection.c (one connection and its grpc_server) and call.c (one call and its fiber). */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "rpc/relay.h"
#include "rpc/server.h"

/* A method that can be called, by its path "/package.Service/Method". */
typedef struct RpcEntry {
        const ProtobufCServiceDescriptor *service;
        const ProtobufCMethodDescriptor *descriptor;
        const RpcMethod *method;
        void *userdata;
} RpcEntry;

/* What all connections of one identity share. It stays while its budgets are not full again. */
typedef struct RpcPeer {
        RpcServer *server;
        char *key;
        unsigned n_connections, n_calls;
        size_t n_bytes; /* of requests that handlers work on */
        GuardBudget budget;
        usec_t reported; /* last line in the log about a refusal */
} RpcPeer;

typedef struct RpcListener {
        List listeners;
        RpcServer *server;
        int fd;
        bool is_unix;
        sd_event_source *source, *pause; /* pause: out of descriptors, try again later */
} RpcListener;

struct RpcServer {
        RpcQueue *queue;
        TlsCredentials *credentials;
        rpc_access_t access;
        void *access_userdata;
        Map *entries; /* path → RpcEntry */
        Map *peers;   /* identity key → RpcPeer */
        List listeners;
        List connections;
        List handshakes; /* connections that are not alive yet, oldest first */
        int spare_fd;    /* given up to accept and refuse when there are no more */
        bool draining;
        void (*drained)(void *userdata);
        void *drained_userdata;
        sd_event_source *drain_timer;
        sd_event_source *expiry_timer;
        time_t expiry; /* of the certificate that ends first; 0 when no timer waits for it */
        /* Services of our own (health, reflection): freed with the server. */
        void (*owned_free[4])(void *);
        void *owned_data[4];
        unsigned n_owned;
        void (*on_drain)(void *userdata); /* the health service tells its watchers */
        void *on_drain_userdata;
        usec_t strangers_since; /* refusals of peers without a name, reported in this minute */
        unsigned n_strangers;
        RpcServerStats stats;
        unsigned n_connections_peak; /* since memory was last given back */
};

/* A place for the next call of a connection. */
typedef struct RpcSlot {
        RpcOp op;
        struct RpcConnection *connection;
        grpc_call *call;
        grpc_call_details details;
        grpc_metadata_array metadata;
} RpcSlot;

#define RPC_SLOTS 2

typedef struct RpcConnection {
        List connections, handshakes;
        RpcServer *server;
        Relay *relay;
        char *source; /* the peer's address without its port, for the limit on handshakes */
        RpcPeer *peer;
        RpcLane *lane;
        grpc_server *grpc;
        RpcSlot slots[RPC_SLOTS];
        unsigned n_slots; /* requested */
        List calls;
        RpcOp shutdown_op;
        bool shutting, shut, relay_closed;
} RpcConnection;

/* Takes over an accepted socket. */
int connection_new(RpcServer *s, int fd, bool is_unix) _warn_unused_;
void connection_close(RpcConnection *c, const char *reason);
/* No new calls from now on: GOAWAY; it closes when its calls have ended. */
void connection_drain(RpcConnection *c);
void connection_cancel_calls(RpcConnection *c);
/* Frees the connection if everything that refers to it has gone. */
void connection_check(RpcConnection *c);
/* Takes a step towards the end without the loop; for rpc_server_free(). */
void connection_finish_now(RpcConnection *c);
Identity *connection_get_identity(const RpcConnection *c);

/* Takes over what the slot received and runs it. */
void call_accept(RpcSlot *slot);

/* One more connection of that identity: -ENOBUFS at the limit, -ENOMEM. */
int server_get_peer(RpcServer *s, const Identity *identity, RpcPeer **ret) _warn_unused_;
void server_put_peer(RpcPeer *p);
void server_free_peers(RpcServer *s);
/* Says that a peer, or who has no name yet (peer NULL), was refused: one line a minute for a peer that is known. */
void server_report(RpcServer *s, RpcPeer *peer, const char *who, const char *principal, const char *why);
/* After a crowd has gone: gives its memory back to the system. */
void server_trim(RpcServer *s);
/* A connection has gone. */
void server_notice_end(RpcServer *s);
/* A connection with that identity is there until its certificate expires. */
int server_notice_expiry(RpcServer *s, Identity *identity) _warn_unused_;
/* Room for one more handshake from that source: the oldest one may have to go. Half-open connections of one source make
 * room for each other, so that they cannot keep anybody out. */
void server_limit_handshakes(RpcServer *s, const RpcConnection *newcomer);
void server_close_listeners(RpcServer *s);
/* The server owns data from now on and frees it with func. */
int server_own(RpcServer *s, void *data, void (*func)(void *)) _warn_unused_;
