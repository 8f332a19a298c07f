/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a peer can make us allocate, bounded. "A peer" is an identity's key: what all its connections
 * share. */
#pragma once

#include "base/time.h"

#define RPC_CONNECTIONS_MAX           2048 /* connections of one server, all peers */
#define RPC_CONNECTIONS_PER_PEER_MAX  1024 /* authenticated connections of one peer */
#define RPC_CONNECTIONS_FAIR          64   /* so many nobody has to give up when the server is full */
#define RPC_HANDSHAKES_MAX            512  /* connections that have not finished their handshake or preface */
#define RPC_HANDSHAKES_PER_SOURCE_MAX 128  /* the same, from one source; above it the oldest makes room */
#define RPC_HANDSHAKE_USEC            (10 * USEC_PER_SEC) /* until TLS has finished */
#define RPC_PREFACE_USEC              (5 * USEC_PER_SEC)  /* from then until the first HTTP/2 frame */
#define RPC_CALLS_PER_PEER_MAX        256                 /* calls in progress of one peer */
#define RPC_BYTES_PER_PEER_MAX        (64 * 1024 * 1024)  /* of requests that handlers of one peer work on */
#define RPC_STREAMS_MAX               100 /* in SETTINGS; the guard ends connections at GUARD_STREAMS_MAX */
#define RPC_MESSAGE_MAX               (4 * 1024 * 1024)           /* bytes of one message, as gRPC's own default */
#define POLICY_SIZE_MAX               ((size_t) 16 * 1024 * 1024) /* bytes of a policy that an agent is given */
#define RPC_METADATA_MAX              (16 * 1024)                 /* bytes of all headers of a call */
#define RPC_RELAY_BUFFER_SIZE         (128 * 1024)       /* plain text kept for a reader that is slow, each direction */
#define RPC_DRAIN_USEC                (4 * USEC_PER_SEC) /* how long a server that stops waits for its calls */
#define RPC_KEEPALIVE_USEC            (12 * USEC_PER_SEC) /* silence after which both sides ping */
#define RPC_KEEPALIVE_TIMEOUT_USEC    (8 * USEC_PER_SEC)  /* how long a ping may stay unanswered */
/* How long a peer may read nothing. */
#define RPC_STALL_USEC          (RPC_KEEPALIVE_USEC + RPC_KEEPALIVE_TIMEOUT_USEC)

#define GUARD_HEADER_BLOCK_MAX  (16 * 1024) /* bytes of HEADERS and its CONTINUATIONs */
#define GUARD_CONTINUATIONS_MAX 8
#define GUARD_STREAMS_MAX       128
#define GUARD_FRAME_MAX         (1024 * 1024)
#define GUARD_MESSAGE_MAX       (2 * RPC_MESSAGE_MAX) /* above it gRPC is not asked for a status any more */
#define GUARD_HELD_MAX          (64 * 1024 * 1024)    /* bytes of a peer's unfinished messages */
/* Token buckets of a peer: how many at once, and how many come back each second. */
#define GUARD_RST_BURST      200
#define GUARD_RST_RATE       50
#define GUARD_PING_BURST     100
#define GUARD_PING_RATE      10
#define GUARD_SETTINGS_BURST 100
#define GUARD_SETTINGS_RATE  10
