/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that VMs share, as the configuration says: a server of its own for each that is served here, each for its one
 * peer, and a listener for each that is a peer's. */
#pragma once

#include "agent/access.h"
#include "agent/config.h"
#include "base/time.h"
#include "rpc/queue.h"
#include "tls/credentials.h"

#define SOCKET_SERVED_PATIENCE_USEC (10 * USEC_PER_SEC) /* for a served socket that nobody answers at */
#define SOCKET_PEER_PATIENCE_USEC   (30 * USEC_PER_SEC) /* for a peer that cannot be reached */

typedef struct SocketProxy SocketProxy;

typedef struct SocketProxyOptions {
        RpcQueue *queue;
        TlsCredentials *credentials; /* NULL: no TLS */
        const Config *config;        /* borrowed */
        const Access *access;        /* borrowed; the rules, which come on top of who is named there */
        const void *descriptors;     /* for reflection, as rpc_server_add_reflection() */
        size_t n_descriptors;
        usec_t patience_usec; /* 0: as above */
} SocketProxyOptions;

/* Serves and listens nowhere yet. 0 or a negative errno. */
int socket_proxy_new(const SocketProxyOptions *options, SocketProxy **ret) _warn_unused_;
/* A socket that the service manager has passed: true when it listens at the path of one of ours, and is taken over. */
bool socket_proxy_take_fd(SocketProxy *p, int fd);
/* Serves and listens from now on. What cannot be done is logged, and tried again where time may help. */
void socket_proxy_start(SocketProxy *p);
/* The credentials have changed. */
void socket_proxy_recheck(SocketProxy *p);
/* Closes all connections. From the loop. */
SocketProxy *socket_proxy_free(SocketProxy *p);
DEFINE_CLEANUP(SocketProxy *, socket_proxy_free)
