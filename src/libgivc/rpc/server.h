/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC server on sd-event: listeners, connections, calls in fibers. Every connection has a grpc_server of its own, so
 * that a call's server is its connection and with it the identity of its caller. */
#pragma once

#include "rpc/address.h"
#include "rpc/queue.h"
#include "rpc/service.h"
#include "tls/credentials.h"

typedef struct RpcServer RpcServer;

/* Serves nothing yet; takes a reference on the queue. 0 or -ENOMEM. */
int rpc_server_new(RpcQueue *q, RpcServer **ret) _warn_unused_;
/* Ends every connection and call at once. Handlers that wait are cancelled and return before this does. */
RpcServer *rpc_server_free(RpcServer *s);
DEFINE_CLEANUP(RpcServer *, rpc_server_free)

/* Before the first listener. Without credentials network connections are plain. Sockets of AF_UNIX never use TLS: the
 * kernel says who is there. Takes a reference. */
void rpc_server_set_credentials(RpcServer *s, TlsCredentials *credentials);
void rpc_server_set_access(RpcServer *s, rpc_access_t access, void *userdata);
/* Adds the methods of a service. -EINVAL when rows and descriptor do not match one to one (a programming error,
 * logged). */
int rpc_server_add_service(RpcServer *s, const RpcService *service, void *userdata) _warn_unused_;
/* grpc.health.v1.Health; every service that is added is SERVING until rpc_server_drain(). */
int rpc_server_add_health(RpcServer *s) _warn_unused_;
/* grpc.reflection.v1 and v1alpha over a serialized FileDescriptorSet that must stay valid. Only added services are
 * listed. */
int rpc_server_add_reflection(RpcServer *s, const void *descriptors, size_t size) _warn_unused_;

/* Listens at an address (not PASSED) and accepts from now on. Negative errno. */
int rpc_server_listen(RpcServer *s, const RpcAddress *a, mode_t mode, gid_t group) _warn_unused_;
/* Accepts from a listening socket that is there already; owns fd from now on, also on failure. */
int rpc_server_listen_fd(RpcServer *s, int fd) _warn_unused_;

/* Closes the listeners, tells peers to go (GOAWAY), lets calls finish, cancels the rest after RPC_DRAIN_USEC, then
 * calls done(userdata) once from the loop. */
void rpc_server_drain(RpcServer *s, void (*done)(void *userdata), void *userdata);
/* Ends all connections of certificates that a new revocation list names, or that have expired. What expires is noticed
 * without being asked; call it when tls_credentials_reload() has changed something. */
void rpc_server_recheck(RpcServer *s);

typedef struct RpcServerStats {
        unsigned n_connections, n_handshakes, n_calls;
        /* Connections since the start: accepted, refused before HTTP/2, ended by the guard. */
        uint64_t n_accepted, n_refused, n_guarded;
} RpcServerStats;
void rpc_server_get_stats(const RpcServer *s, RpcServerStats *ret);
