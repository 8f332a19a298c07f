/* SPDX-License-Identifier: Apache-2.0 */
/* The frame guard on bytes alone: what passes, what does not, and that portions do not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rpc/guard.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION, UNKNOWN = 42 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

typedef struct Wire {
        Guard guard;
        GuardBudget budget;
        int result;
} Wire;

static void feed(Wire *w, GuardDirection d, const void *p, size_t n) {
        if (w->result >= 0)
                w->result = guard_scan(&w->guard, d, p, n);
}

/* A frame with a payload of zeroes, or of p. */
static void frame_with(
                Wire *w, GuardDirection d, uint8_t type, uint8_t flags, uint32_t stream, const void *p, uint32_t size) {
        const uint8_t header[9] = { size >> 16, size >> 8, size, type, flags, stream >> 24, stream >> 16, stream >> 8,
                stream };
        static const uint8_t zeroes[64 * 1024];

        feed(w, d, header, sizeof(header));
        if (p)
                feed(w, d, p, size);
        else
                for (uint32_t i = 0; i < size; i += MIN(size - i, (uint32_t) sizeof(zeroes)))
                        feed(w, d, zeroes, MIN(size - i, (uint32_t) sizeof(zeroes)));
}

static void in(Wire *w, uint8_t type, uint8_t flags, uint32_t stream, uint32_t size) {
        frame_with(w, GUARD_INCOMING, type, flags, stream, NULL, size);
}

static void out(Wire *w, uint8_t type, uint8_t flags, uint32_t stream, uint32_t size) {
        frame_with(w, GUARD_OUTGOING, type, flags, stream, NULL, size);
}

static Wire server(void) {
        return (Wire){};
}

/* The guard keeps a pointer to the budget: the wire must stand where it is used. */
static void begin(Wire *w) {
        guard_budget_init(&w->budget, time_now(CLOCK_MONOTONIC));
        guard_init(&w->guard, true, &w->budget);
        feed(w, GUARD_INCOMING, PREFACE, strlen(PREFACE));
        in(w, SETTINGS, 0, 0, 36);
        in(w, SETTINGS, ACK, 0, 0);
        assert_int_equal(w->result, 0);
}

static void expect_refused(Wire *w, const char *why) {
        assert_int_equal(w->result, -EPROTO);
        if (!strstr(w->guard.error, why))
                fail_msg("refused for '%s', not for '%s'", w->guard.error, why);
        w->result = 0;
        in(w, DATA, 0, 1, 0); /* for ever */
        assert_int_equal(w->result, -EPROTO);
}

static void test_ordinary_calls(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        for (uint32_t i = 1; i < 20001; i += 2) {
                in(&w, HEADERS, END_HEADERS, i, 60);
                in(&w, DATA, END_STREAM, i, 100);
                in(&w, WINDOW, 0, 0, 4);
                out(&w, HEADERS, END_HEADERS, i, 30);
                out(&w, DATA, 0, i, 100);
                out(&w, HEADERS, END_HEADERS | END_STREAM, i, 30);
        }
        assert_int_equal(w.result, 0);
        assert_int_equal(w.guard.n_streams, 0);
}

static void test_portions(_unused_ void **state) {
        static const uint8_t frames[] = {
                0, 0, 6, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, /* settings */
                0, 0, 3, 1, 4, 0, 0, 0, 1, 1, 2, 3,          /* headers */
                0, 0, 2, 0, 1, 0, 0, 0, 1, 1, 2,             /* data */
                0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0,       /* window update */
        };
        uint8_t bytes[sizeof(PREFACE) - 1 + sizeof(frames)];

        memcpy(bytes, PREFACE, sizeof(PREFACE) - 1);
        memcpy(bytes + sizeof(PREFACE) - 1, frames, sizeof(frames));
        for (size_t portion = 1; portion <= sizeof(bytes); portion++) {
                Wire w = server();

                guard_budget_init(&w.budget, time_now(CLOCK_MONOTONIC));
                guard_init(&w.guard, true, &w.budget);
                for (size_t i = 0; i < sizeof(bytes); i += portion)
                        feed(&w, GUARD_INCOMING, bytes + i, MIN(portion, sizeof(bytes) - i));
                assert_int_equal(w.result, 0);
                assert_int_equal(w.guard.n_frames, 4);
                assert_int_equal(w.guard.n_streams, 1);
                assert_int_equal(w.guard.window, 65535 + 256);
        }
}

static void test_not_http2(_unused_ void **state) {
        Wire w = server();

        guard_budget_init(&w.budget, time_now(CLOCK_MONOTONIC));
        guard_init(&w.guard, true, &w.budget);
        feed(&w, GUARD_INCOMING, "PRI * HTT", 9);
        assert_int_equal(w.result, 0);
        feed(&w, GUARD_INCOMING, "X", 1);
        expect_refused(&w, "not HTTP/2");
}

static void test_no_settings_first(_unused_ void **state) {
        Wire w = server();

        guard_budget_init(&w.budget, time_now(CLOCK_MONOTONIC));
        guard_init(&w.guard, true, &w.budget);
        feed(&w, GUARD_INCOMING, PREFACE, strlen(PREFACE));
        in(&w, PING, 0, 0, 8);
        expect_refused(&w, "no settings");
}

static void test_header_block(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        in(&w, HEADERS, 0, 1, GUARD_HEADER_BLOCK_MAX - 1);
        in(&w, CONTINUATION, END_HEADERS, 1, 1);
        assert_int_equal(w.result, 0); /* just so much */
        in(&w, HEADERS, 0, 3, GUARD_HEADER_BLOCK_MAX);
        in(&w, CONTINUATION, 0, 3, 1);
        expect_refused(&w, "header block that is too large");
}

static void test_continuations(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        in(&w, HEADERS, 0, 1, 1);
        for (unsigned i = 0; i < GUARD_CONTINUATIONS_MAX; i++)
                in(&w, CONTINUATION, 0, 1, 0);
        assert_int_equal(w.result, 0);
        in(&w, CONTINUATION, 0, 1, 0);
        expect_refused(&w, "too many continuations");
}

static void test_streams(_unused_ void **state) {
        Wire w = server();
        uint32_t stream = 1;

        begin(&w);
        for (unsigned i = 0; i < GUARD_STREAMS_MAX; i++, stream += 2)
                in(&w, HEADERS, END_HEADERS, stream, 10);
        out(&w, HEADERS, END_HEADERS | END_STREAM, 1, 10); /* one ends, and ends again: counted once */
        out(&w, RST, 0, 1, 4);
        in(&w, RST, 0, 1, 4);
        in(&w, HEADERS, END_HEADERS, stream, 10);
        assert_int_equal(w.result, 0);
        assert_int_equal(w.guard.n_streams, GUARD_STREAMS_MAX);
        in(&w, HEADERS, END_HEADERS | END_STREAM, 3, 10); /* trailers are not a new stream */
        assert_int_equal(w.result, 0);
        in(&w, HEADERS, END_HEADERS, stream + 2, 10);
        expect_refused(&w, "too many open streams");
}

/* What a frame must not be, each on a fresh connection with stream 1 open. */
static void test_violations(_unused_ void **state) {
        static const struct {
                uint8_t type, flags;
                uint32_t stream, size;
                const char *why;
        } violations[] = {
                { DATA, 0, 0, 1, "without one" },
                { HEADERS, END_HEADERS, 0, 1, "without one" },
                { RST, 0, 0, 4, "without one" },
                { HEADERS, END_HEADERS, 2, 1, "even number" },
                { DATA, 0, 3, 1, "never opened" },
                { RST, 0, 3, 4, "never opened" },
                { WINDOW, 0, 3, 4, "never opened" },
                { PING, 0, 1, 8, "on a stream" },
                { SETTINGS, 0, 1, 6, "on a stream" },
                { GOAWAY, 0, 1, 8, "on a stream" },
                { DATA, PADDED, 1, 8, "padding" },
                { PUSH, END_HEADERS, 1, 8, "push promise" },
                { CONTINUATION, END_HEADERS, 1, 8, "continuation of nothing" },
                { DATA, 0, 1, GUARD_FRAME_MAX + 1, "too large" },
        };

        for (size_t i = 0; i < ELEMENTSOF(violations); i++) {
                Wire w = server();

                begin(&w);
                in(&w, HEADERS, END_HEADERS, 1, 10);
                in(&w, violations[i].type, violations[i].flags, violations[i].stream, violations[i].size);
                expect_refused(&w, violations[i].why);
        }
}

static void test_interrupted_block(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        in(&w, HEADERS, 0, 1, 10);
        in(&w, PING, 0, 0, 8);
        expect_refused(&w, "interrupted");
}

static void test_window(_unused_ void **state) {
        static const uint8_t all[] = { 0x7f, 0xff, 0xff, 0xff };
        Wire w = server();

        begin(&w);
        frame_with(&w, GUARD_INCOMING, WINDOW, 0, 0, all, 4);
        expect_refused(&w, "window that is too large");
}

/* Each budget lasts for its burst and one more frame is too many; the clock gives some back. */
static void test_budgets(_unused_ void **state) {
        static const struct {
                uint8_t type;
                uint32_t size, stream;
                unsigned burst;
                GuardBudgetKind kind;
                const char *why;
        } budgets[] = {
                { RST, 4, 1, GUARD_RST_BURST, GUARD_BUDGET_RST, "too many resets" },
                { PING, 8, 0, GUARD_PING_BURST, GUARD_BUDGET_PING, "too many pings" },
                { SETTINGS, 0, 0, GUARD_SETTINGS_BURST, GUARD_BUDGET_SETTINGS, "too many settings" },
                { WINDOW, 4, 0, 2000, GUARD_BUDGET_WINDOW, "too many window updates" },
                { PRIORITY, 5, 1, 1000, GUARD_BUDGET_OTHER, "too many useless" },
                { UNKNOWN, 5, 1, 1000, GUARD_BUDGET_OTHER, "too many useless" },
                { DATA, 0, 1, 1000, GUARD_BUDGET_OTHER, "too many useless" },
        };

        for (size_t i = 0; i < ELEMENTSOF(budgets); i++) {
                Wire w = server();
                usec_t future = time_now(CLOCK_MONOTONIC) + 3600 * USEC_PER_SEC;

                begin(&w);
                in(&w, HEADERS, END_HEADERS, 1, 10);
                /* nothing comes back meanwhile: the budget thinks that it was filled in an hour */
                w.budget.refilled[budgets[i].kind] = future;
                for (unsigned k = 0; k < budgets[i].burst; k++)
                        in(&w, budgets[i].type, 0, budgets[i].stream, budgets[i].size);
                assert_int_equal(w.result, 0);
                assert_false(guard_budget_is_full(&w.budget, future));
                assert_true(guard_budget_is_full(&w.budget, future + 3600 * USEC_PER_SEC));
                w.budget.refilled[budgets[i].kind] = time_now(CLOCK_MONOTONIC);
                in(&w, budgets[i].type, 0, budgets[i].stream, budgets[i].size);
                expect_refused(&w, budgets[i].why);

                /* another connection of the same peer begins with what is left */
                guard_init(&w.guard, true, &w.budget);
                w.result = 0;
                feed(&w, GUARD_INCOMING, PREFACE, strlen(PREFACE));
                in(&w, SETTINGS, 0, 0, 0);
                in(&w, SETTINGS, ACK, 0, 0);
                in(&w, HEADERS, END_HEADERS, 1, 10);
                assert_int_equal(w.result, 0);
                w.budget.refilled[budgets[i].kind] = time_now(CLOCK_MONOTONIC);
                in(&w, budgets[i].type, 0, budgets[i].stream, budgets[i].size);
                expect_refused(&w, budgets[i].why);
        }
}

static void test_server_resets_count(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        w.budget.refilled[GUARD_BUDGET_RST] = time_now(CLOCK_MONOTONIC) + 3600 * USEC_PER_SEC;
        for (uint32_t i = 0; i < GUARD_RST_BURST; i++) {
                in(&w, HEADERS, END_HEADERS, 2 * i + 1, 10);
                out(&w, RST, 0, 2 * i + 1, 4);
        }
        assert_int_equal(w.result, 0);
        in(&w, HEADERS, END_HEADERS, 2 * GUARD_RST_BURST + 1, 10);
        w.budget.refilled[GUARD_BUDGET_RST] = time_now(CLOCK_MONOTONIC);
        out(&w, RST, 0, 2 * GUARD_RST_BURST + 1, 4);
        expect_refused(&w, "too many resets");
}

/* A client that pings for each answer is honest, also where the answers are refusals without data. */
static void test_pings_for_answers(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        w.budget.refilled[GUARD_BUDGET_PING] = time_now(CLOCK_MONOTONIC) + 3600 * USEC_PER_SEC;
        for (uint32_t i = 1; i < 4001; i += 2) {
                in(&w, HEADERS, END_HEADERS | END_STREAM, i, 60);
                out(&w, HEADERS, END_HEADERS | END_STREAM, i, 30);
                in(&w, PING, 0, 0, 8);
        }
        assert_int_equal(w.result, 0);
}

static void test_large_useless_frames(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        w.budget.refilled[GUARD_BUDGET_OTHER] = time_now(CLOCK_MONOTONIC) + 3600 * USEC_PER_SEC;
        for (unsigned i = 0; i < 15; i++)
                in(&w, UNKNOWN, 0, 1, 64 * 1024);
        assert_int_equal(w.result, 0);
        w.budget.refilled[GUARD_BUDGET_OTHER] = time_now(CLOCK_MONOTONIC);
        in(&w, UNKNOWN, 0, 1, 64 * 1024);
        expect_refused(&w, "too many useless");
}

/* A call that its client cancels costs one reset, though gRPC answers with another. */
static void test_cancelled_calls_cost_once(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        w.budget.refilled[GUARD_BUDGET_RST] = time_now(CLOCK_MONOTONIC) + 3600 * USEC_PER_SEC;
        for (uint32_t i = 0; i < GUARD_RST_BURST; i++) {
                in(&w, HEADERS, END_HEADERS, 2 * i + 1, 10);
                in(&w, RST, 0, 2 * i + 1, 4);
                out(&w, RST, 0, 2 * i + 1, 4);
        }
        assert_int_equal(w.result, 0);
        assert_int_equal(w.budget.tokens[GUARD_BUDGET_RST], 0);
}

static void test_client(_unused_ void **state) {
        Wire w = {};

        guard_budget_init(&w.budget, time_now(CLOCK_MONOTONIC));
        guard_init(&w.guard, false, &w.budget);
        feed(&w, GUARD_OUTGOING, PREFACE, strlen(PREFACE));
        out(&w, SETTINGS, 0, 0, 36);
        in(&w, SETTINGS, 0, 0, 36);
        for (uint32_t i = 1; i < 2001; i += 2) { /* a client may reset as it likes */
                out(&w, HEADERS, END_HEADERS, i, 10);
                in(&w, HEADERS, END_HEADERS, i, 10);
                in(&w, DATA, 0, i, 100);
                out(&w, RST, 0, i, 4);
        }
        assert_int_equal(w.result, 0);
        in(&w, HEADERS, 0, 2001, GUARD_HEADER_BLOCK_MAX + 1); /* a server can attack as well */
        expect_refused(&w, "header block that is too large");
}

/* Five bytes that announce a message of that size. */
static void in_message(Wire *w, uint32_t stream, uint32_t size) {
        const uint8_t prefix[] = { 0, size >> 24, size >> 16, size >> 8, size };

        frame_with(w, GUARD_INCOMING, DATA, 0, stream, prefix, sizeof(prefix));
}

static void test_message_too_large(_unused_ void **state) {
        Wire w = server();

        begin(&w);
        in(&w, HEADERS, END_HEADERS, 1, 10);
        in_message(&w, 1, GUARD_MESSAGE_MAX);
        in(&w, DATA, 0, 1, GUARD_MESSAGE_MAX / 16 - 1);
        for (unsigned i = 1; i < 16; i++)
                in(&w, DATA, 0, 1, GUARD_MESSAGE_MAX / 16);
        assert_int_equal(w.result, 0);
        assert_in_range(w.budget.held, GUARD_MESSAGE_MAX, GUARD_MESSAGE_MAX + 17 * 64 + 5);
        in(&w, DATA, 0, 1, 1);
        assert_int_equal(w.budget.held, 0);
        in(&w, PING, 0, 0, 8); /* no part of a message */
        in_message(&w, 1, GUARD_MESSAGE_MAX + 1);
        expect_refused(&w, "message that is too large");
}

/* Sizes that come in pieces, of one byte and across frames. */
static void test_message_in_pieces(_unused_ void **state) {
        static const uint8_t message[] = { 0, 0, 0, 1, 2 };
        Wire w = server();

        begin(&w);
        in(&w, HEADERS, END_HEADERS, 1, 10);
        for (unsigned i = 0; i < sizeof(message); i++)
                frame_with(&w, GUARD_INCOMING, DATA, 0, 1, message + i, 1);
        for (unsigned i = 1; i < 258; i++)
                in(&w, DATA, 0, 1, 1);
        assert_in_range(w.budget.held, 258 + 5, 258 * 100); /* many frames weigh more than their bytes */
        in(&w, DATA, 0, 1, 1);
        assert_int_equal(w.result, 0);
        assert_int_equal(w.budget.held, 0);
}

/* A message ends and the next one begins in one frame: the latter is held, however it arrives. */
static void test_messages_in_one_piece(_unused_ void **state) {
        uint8_t payload[10 + 5 + 1000] = { 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 16, 0 };
        uint64_t held = 0;

        for (size_t cut = 1; cut <= sizeof(payload); cut += 7) {
                uint8_t header[9] = { 0, sizeof(payload) >> 8, sizeof(payload) & 0xff, DATA, 0, 0, 0, 0, 1 };
                Wire w = server();

                begin(&w);
                in(&w, HEADERS, END_HEADERS, 1, 10);
                feed(&w, GUARD_INCOMING, header, sizeof(header));
                for (size_t i = 0; i < sizeof(payload); i += cut)
                        feed(&w, GUARD_INCOMING, payload + i, MIN(cut, sizeof(payload) - i));
                assert_int_equal(w.result, 0);
                assert_in_range(w.budget.held, 1000, 1000 + 5 + 64);
                held = held == 0 ? w.budget.held : held;
                assert_int_equal(w.budget.held, held);
        }
}

/* The unfinished messages of all connections of a peer count together, as long as they are there. */
static void test_messages_held(_unused_ void **state) {
        Wire w = server(), v = server();
        uint32_t stream = 1;

        begin(&w);
        begin(&v);
        guard_init(&v.guard, true, &w.budget);
        feed(&v, GUARD_INCOMING, PREFACE, strlen(PREFACE));
        in(&v, SETTINGS, 0, 0, 36);
        for (; stream < 2 * 15; stream += 2) {
                in(&w, HEADERS, END_HEADERS, stream, 10);
                in_message(&w, stream, RPC_MESSAGE_MAX);
                for (unsigned i = 0; i < 4; i++)
                        in(&w, DATA, 0, stream, RPC_MESSAGE_MAX / 4 - 1);
        }
        assert_int_equal(w.result, 0);
        out(&w, RST, 0, 1, 4);                             /* ends one */
        out(&w, HEADERS, END_HEADERS | END_STREAM, 3, 10); /* and another, whose client does not know yet */
        in(&w, DATA, 0, 3, 100000);
        in(&w, RST, 0, 5, 4);
        assert_int_equal(w.result, 0);
        assert_in_range(w.budget.held, 12 * (RPC_MESSAGE_MAX - 4), 12 * (RPC_MESSAGE_MAX + 1000));
        for (stream = 1; stream < 2 * 5 && v.result >= 0; stream += 2) {
                in(&v, HEADERS, END_HEADERS, stream, 10);
                in_message(&v, stream, RPC_MESSAGE_MAX);
                for (unsigned i = 0; i < 4; i++)
                        in(&v, DATA, 0, stream, RPC_MESSAGE_MAX / 4 - 1);
        }
        expect_refused(&v, "unfinished messages");
        guard_done(&v.guard);
        assert_in_range(w.budget.held, 12 * (RPC_MESSAGE_MAX - 4), 12 * (RPC_MESSAGE_MAX + 1000));
        guard_done(&w.guard);
        assert_int_equal(w.budget.held, 0);
}

static void test_client_messages(_unused_ void **state) {
        Wire w = {};

        guard_budget_init(&w.budget, time_now(CLOCK_MONOTONIC));
        guard_init(&w.guard, false, &w.budget);
        feed(&w, GUARD_OUTGOING, PREFACE, strlen(PREFACE));
        in(&w, SETTINGS, 0, 0, 36);
        for (uint32_t i = 1; i < 3000; i += 6) { /* however a server ends its calls, they are not counted any more */
                for (uint32_t k = 0; k < 6; k += 2) {
                        out(&w, HEADERS, END_HEADERS, i + k, 10);
                        in_message(&w, i + k, 10);
                }
                in(&w, HEADERS, END_HEADERS | END_STREAM, i, 10);
                in(&w, DATA, END_STREAM, i + 2, 10);
                out(&w, RST, 0, i + 4, 4);
        }
        assert_int_equal(w.result, 0);
        assert_int_equal(w.guard.n_streams, 0);
        assert_int_equal(w.budget.held, 0);
        out(&w, HEADERS, END_HEADERS, 4001, 10);
        in_message(&w, 4001, GUARD_MESSAGE_MAX + 1);
        expect_refused(&w, "message that is too large");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ordinary_calls),
                cmocka_unit_test(test_portions),
                cmocka_unit_test(test_not_http2),
                cmocka_unit_test(test_no_settings_first),
                cmocka_unit_test(test_header_block),
                cmocka_unit_test(test_continuations),
                cmocka_unit_test(test_streams),
                cmocka_unit_test(test_violations),
                cmocka_unit_test(test_interrupted_block),
                cmocka_unit_test(test_window),
                cmocka_unit_test(test_budgets),
                cmocka_unit_test(test_server_resets_count),
                cmocka_unit_test(test_cancelled_calls_cost_once),
                cmocka_unit_test(test_pings_for_answers),
                cmocka_unit_test(test_large_useless_frames),
                cmocka_unit_test(test_client),
                cmocka_unit_test(test_message_too_large),
                cmocka_unit_test(test_message_in_pieces),
                cmocka_unit_test(test_messages_in_one_piece),
                cmocka_unit_test(test_messages_held),
                cmocka_unit_test(test_client_messages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
