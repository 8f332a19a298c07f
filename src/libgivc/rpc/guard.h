/* SPDX-License-Identifier: Apache-2.0 */
/* The frame guard: looks at the 9-byte frame headers of HTTP/2 (RFC 9113, section 4.1) on their way through the relay
 * and ends connections that attack. gRPC's own limits do not help against these; see the attacks in tests/attack. It
 * knows frames and the sizes of messages, which gRPC 1.51 compares with its limit only when it has all of one; not
 * headers' contents. Pure: no I/O. */
#pragma once

#include "base/macro.h"
#include "base/time.h"
#include "rpc/limits.h"

typedef enum GuardBudgetKind {
        GUARD_BUDGET_RST, /* resets, the peer's and those that it makes us send */
        GUARD_BUDGET_PING,
        GUARD_BUDGET_SETTINGS,
        GUARD_BUDGET_WINDOW, /* window updates; data that we send earns them */
        GUARD_BUDGET_OTHER,  /* priorities, empty data, unknown frames: cheap each, useless many */
        GUARD_BUDGET_MAX_,
} GuardBudgetKind;

/* Token buckets of a peer, shared by all its connections, so that coming back does not refill them. */
typedef struct GuardBudget {
        unsigned tokens[GUARD_BUDGET_MAX_];
        usec_t refilled[GUARD_BUDGET_MAX_];
        uint64_t held; /* what gRPC keeps of messages that have begun and are not complete */
} GuardBudget;

void guard_budget_init(GuardBudget *b, usec_t now);
/* All buckets are full again: nothing is lost when it is forgotten. */
bool guard_budget_is_full(const GuardBudget *b, usec_t now);

typedef enum GuardDirection {
        GUARD_INCOMING,
        GUARD_OUTGOING,
        GUARD_DIRECTION_MAX_,
} GuardDirection;

typedef struct GuardLane {
        uint8_t header[9];
        unsigned n_header;  /* bytes of it so far */
        uint32_t increment; /* of a window update in progress */
        bool in_update;
        uint32_t data;       /* the stream of a data frame in progress */
        uint32_t remaining;  /* payload bytes still to pass */
        unsigned n_preface;  /* bytes of the client's preface still expected */
        uint32_t block_size; /* of the header block in progress */
        unsigned n_continuations;
        bool in_block;
} GuardLane;

/* An open stream and the message in progress on it: a prefix of five bytes, then so many. */
typedef struct GuardStream {
        uint32_t id;
        unsigned n_prefix;
        uint32_t size, remaining;
        uint64_t held;
} GuardStream;

typedef struct Guard {
        bool is_server;
        GuardBudget *budget;
        GuardLane lanes[GUARD_DIRECTION_MAX_];
        uint32_t last_stream;
        GuardStream streams[GUARD_STREAMS_MAX]; /* open ones, in no order */
        unsigned n_streams;
        uint64_t n_frames;   /* complete headers seen from the peer */
        uint64_t n_resets;   /* streams that the peer has reset */
        unsigned n_settings; /* the first ones of a connection, and their acknowledgement, cost nothing */
        int64_t window;      /* of the connection: what the peer lets us send */
        const char *error;
} Guard;

/* budget is borrowed. */
void guard_init(Guard *g, bool is_server, GuardBudget *budget);
/* The connection has ended: its messages weigh on the peer no longer. */
void guard_done(Guard *g);
/* Looks at the next n bytes in one direction, in any portions. 0, or -EPROTO once and for ever: g->error says why. */
int guard_scan(Guard *g, GuardDirection direction, const uint8_t *p, size_t n);
