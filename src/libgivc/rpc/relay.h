/* SPDX-License-Identifier: Apache-2.0 */
/* The relay moves the bytes of one connection: network socket, TLS (or none), frame guard, and a socketpair whose
 * other end is gRPC's. gRPC can take over only a connected socket without TLS, so this is where handshakes,
 * identities, limits and guards live. Server and client, TCP, unix and vsock take this one path. */
#pragma once

#include "rpc/guard.h"
#include "rpc/queue.h"
#include "tls/session.h"

typedef struct Relay Relay;

typedef struct RelayHooks {
        /* The handshake is done, the identity is known. Answer with relay_attach() or relay_close(). */
        void (*established)(Relay *r, void *userdata);
        /* The peer's first HTTP/2 frame has come (after relay_attach). May be NULL. */
        void (*alive)(Relay *r, void *userdata);
        /* Called once, from the loop: the network is closed and gRPC has given its end back. The relay may be freed
         * here. */
        void (*closed)(Relay *r, void *userdata);
} RelayHooks;

typedef struct RelayOptions {
        TlsCredentials *credentials; /* NULL: plain */
        const char *server_name;     /* clients: checked against the certificate of the server */
        const char *name;            /* for logs: the address that was connected to, or NULL: the peer's address */
        bool is_server;
        usec_t handshake_usec; /* bound on the handshake, and again on the first frame */
        usec_t preface_usec;
} RelayOptions;

/* Owns fd (connected, or connecting when not is_server), also on failure. Nothing happens before relay_start(). */
int relay_new(RpcQueue *q, int fd, const RelayOptions *options, const RelayHooks *hooks, void *userdata,
                Relay **ret) _warn_unused_;
void relay_start(Relay *r);
/* Closes what is open at once. Not while gRPC has its end. */
Relay *relay_free(Relay *r);
DEFINE_CLEANUP(Relay *, relay_free)

/* Makes the socketpair, joins the lane that gRPC will use it on, and returns gRPC's end. budget is borrowed and must
 * outlive the relay. */
int relay_attach(Relay *r, RpcLane *lane, GuardBudget *budget, int *ret_fd) _warn_unused_;
/* The pump of the lane. */
void relay_pump(void *relay);
/* Ends the connection: what gRPC has written already is sent if the peer reads, then closed() follows. error (static
 * text or NULL) is what relay_get_error() says. Idempotent. */
void relay_close(Relay *r, const char *error);
/* After relay_close(): gives up what the network has not taken yet. */
void relay_drop(Relay *r);

/* Borrowed; NULL before established(). */
Identity *relay_get_identity(Relay *r);
/* "192.168.101.5:40112": the peer's address. */
const char *relay_get_peer(Relay *r);
/* Why it was closed: "handshake: no certificate", "guard: too many resets", "closed by peer". Never NULL. */
const char *relay_get_error(Relay *r);
bool relay_was_guarded(Relay *r);
/* closed() is due, or was called. */
bool relay_is_closed(Relay *r);
/* One side has closed: no new call can succeed, whether or not those in progress have ended. */
bool relay_is_ending(Relay *r);
/* How many streams the peer has reset; UINT64_MAX once it sends nothing more at all. */
uint64_t relay_count_resets(Relay *r);
/* The connection got as far as the first frame. */
bool relay_is_alive(Relay *r);
