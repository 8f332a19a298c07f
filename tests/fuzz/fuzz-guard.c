/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in both directions: the frame guard comes to the same verdict and state however they are cut, and keeps
 * its word about what it lets through. The clock is ours: it goes on with each piece of the input. */
#include <string.h>

#include "rpc/guard.h"
#include "words.h"

#define PREFACE        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS_EMPTY "\0\0\0\4\0\0\0\0\0"
#define PIECE_USEC     (3 * USEC_PER_MSEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static usec_t now;

usec_t time_now(_unused_ clockid_t clock) {
        return now;
}

typedef struct Run {
        Guard guard;
        GuardBudget budget;
} Run;

static int scan_cut(Guard *g, GuardDirection direction, const uint8_t *p, size_t n, size_t cut) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i += MIN(cut, n - i))
                r = guard_scan(g, direction, p + i, MIN(cut, n - i));
        return r;
}

static void check_state(const Guard *g, int r) {
        check(r == (g->error ? -EPROTO : 0));
        check(g->n_streams <= GUARD_STREAMS_MAX);
        check(g->error || g->window <= INT32_MAX);
        for (unsigned i = 0; i < g->n_streams; i++) {
                check(g->streams[i].id % 2 == 1 && g->streams[i].id <= g->last_stream);
                for (unsigned k = 0; k < i; k++)
                        check(g->streams[i].id != g->streams[k].id);
        }
        for (unsigned d = 0; d < GUARD_DIRECTION_MAX_ && !g->error; d++)
                check(g->lanes[d].n_header < sizeof(g->lanes[d].header) && g->lanes[d].remaining < 1 << 24);
        check(g->error || g->budget->held <= GUARD_HELD_MAX + 64);
        check(g->error || g->lanes[GUARD_INCOMING].remaining <= GUARD_FRAME_MAX);
        check(g->error || g->lanes[GUARD_INCOMING].block_size <= GUARD_HEADER_BLOCK_MAX);
}

static void check_same(const Run *a, const Run *b) {
        Guard x = a->guard, y = b->guard;

        check(x.error == y.error);
        if (x.error)
                return; /* what is left of the piece that held the fault is nobody's */
        x.budget = y.budget = NULL;
        check(memcmp(&x, &y, sizeof(x)) == 0);
        check(memcmp(&a->budget, &b->budget, sizeof(a->budget)) == 0);
}

/* The first byte: role, whether the connection has begun in order, how the second run cuts. Then pieces: a byte with
 * direction and length, and as many bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Run runs[2];
        bool is_server, begun;
        size_t cut;

        if (size < 1)
                return 0;
        is_server = data[0] & 1;
        begun = data[0] & 2;
        cut = (data[0] >> 2) + 1;
        now = USEC_PER_SEC;
        memset(runs, 0, sizeof(runs));
        for (size_t i = 0; i < ELEMENTSOF(runs); i++) {
                guard_budget_init(&runs[i].budget, now);
                guard_init(&runs[i].guard, is_server, &runs[i].budget);
                if (begun && is_server)
                        check(guard_scan(&runs[i].guard, GUARD_INCOMING, (const uint8_t *) PREFACE,
                                              sizeof(PREFACE) - 1) == 0);
                if (begun)
                        check(guard_scan(&runs[i].guard, GUARD_INCOMING, (const uint8_t *) SETTINGS_EMPTY,
                                              sizeof(SETTINGS_EMPTY) - 1) == 0);
        }
        for (size_t i = 1; i < size;) {
                GuardDirection direction = data[i] >> 7;
                size_t n = MIN((size_t) (data[i] & 0x7f), size - i - 1);
                int r;

                r = guard_scan(&runs[0].guard, direction, data + i + 1, n);
                check(scan_cut(&runs[1].guard, direction, data + i + 1, n, cut) == (n > 0 ? r : 0));
                check_state(&runs[0].guard, r);
                check_same(&runs[0], &runs[1]);
                i += 1 + n;
                now += PIECE_USEC;
        }
        return 0;
}
