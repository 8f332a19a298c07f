/* SPDX-License-Identifier: Apache-2.0 */
/* A local socket whose connections go on to a peer's: it accepts, opens a call for each over connections to the peer
 * that they share, and closes those whose call has ended. */
#pragma once

#include "agent/config.h"
#include "base/time.h"
#include "rpc/queue.h"
#include "tls/credentials.h"

#define SOCKET_CONNECTIONS_MAX 256 /* of one socket at once, as many as the peer serves */
#define SOCKET_MODE            0770
#define SOCKET_GROUP           100                   /* users */
#define SOCKET_RETRY_MIN_USEC  (100 * USEC_PER_MSEC) /* while the socket cannot be made */
#define SOCKET_RETRY_MAX_USEC  (5 * USEC_PER_SEC)

typedef struct SocketListener SocketListener;

typedef struct SocketListenerOptions {
        RpcQueue *queue;
        TlsCredentials *credentials;
        const ConfigSocket *config; /* borrowed */
        usec_t patience_usec;       /* for a peer that cannot be reached, as long as the caller stays */
} SocketListenerOptions;

/* Listens at config->socket as soon as that is possible, or accepts from fd, which listens there (-1: none; owned from
 * now on, on success). 0 or a negative errno. */
int socket_listener_new(const SocketListenerOptions *options, int fd, SocketListener **ret) _warn_unused_;
/* Closes all connections. From the loop. */
SocketListener *socket_listener_free(SocketListener *l);
DEFINE_CLEANUP(SocketListener *, socket_listener_free)
