/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/guard.h"

#include <string.h>

static const char http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_SIZE (sizeof(http2_preface) - 1)

enum {
        FRAME_DATA = 0,
        FRAME_HEADERS = 1,
        FRAME_PRIORITY = 2,
        FRAME_RST_STREAM = 3,
        FRAME_SETTINGS = 4,
        FRAME_PUSH_PROMISE = 5,
        FRAME_PING = 6,
        FRAME_GOAWAY = 7,
        FRAME_WINDOW_UPDATE = 8,
        FRAME_CONTINUATION = 9,
};

enum {
        FLAG_END_STREAM = 0x1,
        FLAG_END_HEADERS = 0x4,
        FLAG_PADDED = 0x8,
};

#define WINDOW_INITIAL     65535
#define WINDOW_MAX         0x7fffffff
#define MESSAGE_PREFIX     5
#define DATA_COST          64 /* what a data frame costs gRPC besides its bytes, which may be one */
#define SETTINGS_FREE      2  /* each connection begins with settings and with the acknowledgement of ours */

#define GUARD_OTHER_BURST  1000
#define GUARD_OTHER_RATE   100
#define GUARD_WINDOW_BURST 2000
#define GUARD_WINDOW_RATE  200
#define GUARD_WINDOW_EARN                                                                                              \
        4 /* window updates that one data frame of ours may bring: its stream's, the connection's, twice */

static const struct {
        unsigned burst, rate; /* tokens, tokens a second */
        const char *error;
} budgets[GUARD_BUDGET_MAX_] = {
        [GUARD_BUDGET_RST] = { GUARD_RST_BURST, GUARD_RST_RATE, "too many resets" },
        [GUARD_BUDGET_PING] = { GUARD_PING_BURST, GUARD_PING_RATE, "too many pings" },
        [GUARD_BUDGET_SETTINGS] = { GUARD_SETTINGS_BURST, GUARD_SETTINGS_RATE, "too many settings" },
        [GUARD_BUDGET_WINDOW] = { GUARD_WINDOW_BURST, GUARD_WINDOW_RATE, "too many window updates" },
        [GUARD_BUDGET_OTHER] = { GUARD_OTHER_BURST, GUARD_OTHER_RATE, "too many useless frames" },
};

void guard_budget_init(GuardBudget *b, usec_t now) {
        for (unsigned i = 0; i < GUARD_BUDGET_MAX_; i++) {
                b->tokens[i] = budgets[i].burst;
                b->refilled[i] = now;
        }
}

static unsigned guard_budget_refill(GuardBudget *b, GuardBudgetKind kind, usec_t now) {
        usec_t earned = (now - b->refilled[kind]) * budgets[kind].rate / USEC_PER_SEC;

        if (earned > 0) {
                b->tokens[kind] = MIN(b->tokens[kind] + earned, (usec_t) MAX(budgets[kind].burst, b->tokens[kind]));
                b->refilled[kind] += earned * USEC_PER_SEC / budgets[kind].rate;
        }
        return b->tokens[kind];
}

bool guard_budget_is_full(const GuardBudget *b, usec_t now) {
        GuardBudget copy = *b;

        for (unsigned i = 0; i < GUARD_BUDGET_MAX_; i++)
                if (guard_budget_refill(&copy, i, now) < budgets[i].burst)
                        return false;
        return true;
}

void guard_init(Guard *g, bool is_server, GuardBudget *budget) {
        *g = (Guard){ .is_server = is_server, .budget = budget, .window = WINDOW_INITIAL };
        g->lanes[is_server ? GUARD_INCOMING : GUARD_OUTGOING].n_preface = PREFACE_SIZE;
}

static int guard_refuse(Guard *g, const char *error) {
        g->error = error;
        return -EPROTO;
}

/* The clock is read only when the bucket looks empty: most frames cost a decrement. */
static int guard_spend_many(Guard *g, GuardBudgetKind kind, unsigned n) {
        GuardBudget *b = g->budget;

        if (b->tokens[kind] < n && guard_budget_refill(b, kind, time_now(CLOCK_MONOTONIC)) < n)
                return guard_refuse(g, budgets[kind].error);
        b->tokens[kind] -= n;
        return 0;
}

static int guard_spend(Guard *g, GuardBudgetKind kind) {
        return guard_spend_many(g, kind, 1);
}

static GuardStream *guard_find_stream(Guard *g, uint32_t id) {
        for (unsigned i = 0; i < g->n_streams; i++)
                if (g->streams[i].id == id)
                        return &g->streams[i];
        return NULL;
}

static void guard_release(Guard *g, GuardStream *s) {
        g->budget->held -= s->held;
        s->held = 0;
}

/* True when it was open. */
static bool guard_close_stream(Guard *g, uint32_t id) {
        GuardStream *s = guard_find_stream(g, id);

        if (!s)
                return false;
        guard_release(g, s);
        *s = g->streams[--g->n_streams];
        return true;
}

void guard_done(Guard *g) {
        while (g->n_streams > 0)
                guard_release(g, &g->streams[--g->n_streams]);
}

/* A client's HEADERS on a stream that is new opens it; gRPC does not count before its SETTINGS are acknowledged. What
 * our own client opens is its business. */
static int guard_open_stream(Guard *g, uint32_t stream) {
        if (stream <= g->last_stream)
                return 0;
        if (g->n_streams >= GUARD_STREAMS_MAX)
                return g->is_server ? guard_refuse(g, "too many open streams") : 0;
        if (stream % 2 == 0)
                return guard_refuse(g, "a stream with an even number");
        g->last_stream = stream;
        g->streams[g->n_streams++] = (GuardStream){ .id = stream };
        return 0;
}

static void guard_begin_message(GuardStream *s) {
        s->n_prefix = 0;
        s->remaining = s->size;
}

/* A piece of a data frame: gRPC keeps it until the message is complete. What follows in the same piece is of the next
 * message, and is kept. */
static int guard_read_data(Guard *g, GuardStream *s, const uint8_t *p, size_t n) {
        while (n > 0) {
                size_t k = s->remaining > 0 ? MIN(n, s->remaining) : 1;

                s->held += k;
                g->budget->held += k;
                if (g->budget->held > GUARD_HELD_MAX)
                        return guard_refuse(g, "too much of unfinished messages");
                if (s->remaining > 0)
                        s->remaining -= k;
                else {
                        s->size = s->n_prefix == 0 ? 0 : s->size << 8 | *p; /* the first byte tells of compression */
                        if (++s->n_prefix == MESSAGE_PREFIX)
                                guard_begin_message(s);
                        if (s->remaining > GUARD_MESSAGE_MAX)
                                return guard_refuse(g, "a message that is too large");
                }
                if (s->remaining == 0 && s->n_prefix == 0)
                        guard_release(g, s);
                p += k;
                n -= k;
        }
        return 0;
}

/* What comes for a stream that we have ended is thrown away. */
static void guard_begin_data(Guard *g, GuardLane *l, uint32_t size, uint32_t stream) {
        GuardStream *s = guard_find_stream(g, stream);

        l->data = s ? stream : 0;
        if (!s || size == 0)
                return;
        s->held += DATA_COST;
        g->budget->held += DATA_COST;
}

static int guard_begin_block(Guard *g, GuardLane *l, uint32_t size, uint8_t flags) {
        l->block_size = size;
        l->n_continuations = 0;
        l->in_block = !(flags & FLAG_END_HEADERS);
        return size > GUARD_HEADER_BLOCK_MAX ? guard_refuse(g, "a header block that is too large") : 0;
}

static int guard_continue_block(Guard *g, GuardLane *l, uint32_t size, uint8_t flags) {
        if (!l->in_block)
                return guard_refuse(g, "a continuation of nothing");
        l->block_size += size;
        l->n_continuations++;
        l->in_block = !(flags & FLAG_END_HEADERS);
        if (l->block_size > GUARD_HEADER_BLOCK_MAX)
                return guard_refuse(g, "a header block that is too large");
        return l->n_continuations > GUARD_CONTINUATIONS_MAX ? guard_refuse(g, "too many continuations") : 0;
}

/* Frames that belong to the connection, or to a stream that exists or did. */
static int guard_check_stream(Guard *g, uint8_t type, uint32_t stream) {
        bool of_connection = type == FRAME_SETTINGS || type == FRAME_PING || type == FRAME_GOAWAY;
        bool of_stream = type == FRAME_DATA || type == FRAME_RST_STREAM || type == FRAME_HEADERS;

        if (of_connection && stream != 0)
                return guard_refuse(g, "a frame of the connection on a stream");
        if (of_stream && stream == 0)
                return guard_refuse(g, "a frame of a stream without one");
        if (g->is_server && stream > g->last_stream &&
                        (type == FRAME_DATA || type == FRAME_RST_STREAM || type == FRAME_WINDOW_UPDATE))
                return guard_refuse(g, "a frame on a stream that was never opened");
        return 0;
}

static int guard_check_incoming(Guard *g, GuardLane *l, uint8_t type, uint8_t flags, uint32_t size, uint32_t stream) {
        int r;

        g->n_frames++;
        if (size > GUARD_FRAME_MAX)
                return guard_refuse(g, "a frame that is too large");
        if (g->n_frames == 1 && type != FRAME_SETTINGS)
                return guard_refuse(g, "no settings at the beginning");
        if (l->in_block && type != FRAME_CONTINUATION)
                return guard_refuse(g, "a header block that is interrupted");
        r = guard_check_stream(g, type, stream);
        if (r < 0)
                return r;
        /* gRPC neither sends padding nor reads it. */
        if ((type == FRAME_DATA || type == FRAME_HEADERS) && (flags & FLAG_PADDED))
                return guard_refuse(g, "padding");

        switch (type) {
        case FRAME_DATA:
                if (!g->is_server && (flags & FLAG_END_STREAM)) /* servers end with HEADERS; gRPC closes it */
                        (void) guard_close_stream(g, stream);
                guard_begin_data(g, l, size, stream);
                return size == 0 && !(flags & FLAG_END_STREAM) ? guard_spend(g, GUARD_BUDGET_OTHER) : 0;
        case FRAME_HEADERS:
                if (!g->is_server && (flags & FLAG_END_STREAM))
                        (void) guard_close_stream(g, stream);
                r = g->is_server ? guard_open_stream(g, stream) : 0;
                return r < 0 ? r : guard_begin_block(g, l, size, flags);
        case FRAME_CONTINUATION:
                return guard_continue_block(g, l, size, flags);
        case FRAME_RST_STREAM:
                g->n_resets++;
                (void) guard_close_stream(g, stream);
                return guard_spend(g, GUARD_BUDGET_RST);
        case FRAME_SETTINGS:
                return g->n_settings++ < SETTINGS_FREE ? 0 : guard_spend(g, GUARD_BUDGET_SETTINGS);
        case FRAME_PING:
                return guard_spend(g, GUARD_BUDGET_PING);
        case FRAME_WINDOW_UPDATE:
                l->in_update = stream == 0 && size == sizeof(l->increment);
                l->increment = 0;
                return guard_spend(g, GUARD_BUDGET_WINDOW);
        case FRAME_PUSH_PROMISE:
                return guard_refuse(g, "a push promise");
        default:
                return guard_spend_many(g, GUARD_BUDGET_OTHER, 1 + size / 1024); /* gRPC reads it, to no end */
        }
}

static void guard_earn(Guard *g, GuardBudgetKind kind, unsigned n) {
        if (g->budget->tokens[kind] < budgets[kind].burst * 2)
                g->budget->tokens[kind] += n;
}

static int guard_check_outgoing(Guard *g, uint8_t type, uint8_t flags, uint32_t size, uint32_t stream) {
        switch (type) {
        case FRAME_DATA:
                g->window -= size;
                guard_earn(g, GUARD_BUDGET_WINDOW, GUARD_WINDOW_EARN);
                /* fall through */
        case FRAME_HEADERS:
                /* Clients measure the path with a ping for what they get: grpc-go for data, gRPC's C core for all. */
                guard_earn(g, GUARD_BUDGET_PING, 1);
                if (g->is_server && (flags & FLAG_END_STREAM))
                        (void) guard_close_stream(g, stream);
                return !g->is_server && type == FRAME_HEADERS ? guard_open_stream(g, stream) : 0;
        case FRAME_RST_STREAM:
                /* A client resets what it likes to; a server that has to reset so often is made to. What the peer has
                 * reset before has been paid for. */
                return guard_close_stream(g, stream) && g->is_server ? guard_spend(g, GUARD_BUDGET_RST) : 0;
        default:
                return 0;
        }
}

static int guard_check_frame(Guard *g, GuardDirection direction) {
        GuardLane *l = &g->lanes[direction];
        const uint8_t *h = l->header;
        uint32_t size = (uint32_t) h[0] << 16 | (uint32_t) h[1] << 8 | h[2];
        uint32_t stream = ((uint32_t) h[5] << 24 | (uint32_t) h[6] << 16 | (uint32_t) h[7] << 8 | h[8]) & 0x7fffffff;

        l->remaining = size;
        l->data = 0;
        return direction == GUARD_INCOMING ? guard_check_incoming(g, l, h[3], h[4], size, stream)
                                           : guard_check_outgoing(g, h[3], h[4], size, stream);
}

static int guard_check_preface(Guard *g, GuardLane *l, const uint8_t *p, size_t n) {
        if (memcmp(http2_preface + PREFACE_SIZE - l->n_preface, p, n) != 0)
                return guard_refuse(g, "not HTTP/2");
        l->n_preface -= n;
        return 0;
}

/* The increment of the connection's window, which may come in pieces. */
static int guard_read_update(Guard *g, GuardLane *l, const uint8_t *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                l->increment = l->increment << 8 | p[i];
        if (l->remaining > 0)
                return 0;
        l->in_update = false;
        g->window += l->increment & WINDOW_MAX;
        return g->window > WINDOW_MAX ? guard_refuse(g, "a window that is too large") : 0;
}

static int guard_read_payload(Guard *g, GuardLane *l, const uint8_t *p, size_t n) {
        GuardStream *s = guard_find_stream(g, l->data); /* it may have ended between two pieces */

        return s ? guard_read_data(g, s, p, n) : 0;
}

int guard_scan(Guard *g, GuardDirection direction, const uint8_t *p, size_t n) {
        GuardLane *l = &g->lanes[direction];
        int r = g->error ? -EPROTO : 0;

        while (n > 0 && r >= 0) {
                size_t k;

                if (l->n_preface > 0) {
                        k = MIN(n, l->n_preface);
                        r = guard_check_preface(g, l, p, k);
                } else if (l->remaining > 0) {
                        k = MIN(n, l->remaining);
                        l->remaining -= k;
                        if (l->in_update)
                                r = guard_read_update(g, l, p, k);
                        else if (l->data != 0)
                                r = guard_read_payload(g, l, p, k);
                } else {
                        k = MIN(n, sizeof(l->header) - l->n_header);
                        memcpy(l->header + l->n_header, p, k);
                        l->n_header += k;
                        if (l->n_header == sizeof(l->header)) {
                                l->n_header = 0;
                                r = guard_check_frame(g, direction);
                        }
                }
                p += k;
                n -= k;
        }
        return r < 0 ? r : 0;
}
