/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing in fibers: who waits, for how long, and what is left of the descriptor. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "event/io.h"

#define MUCH ((size_t) 1 << 20)

static sd_event *event;

static int setup(_unused_ void **state) {
        return sd_event_default(&event) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

static int teardown(_unused_ void **state) {
        sd_event_unref(event);
        return 0;
}

static void run_all(void) {
        while (fiber_count() > 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static void turn(void) {
        while (sd_event_run(event, 0) > 0)
                ;
}

typedef struct Transfer {
        Io *io;
        uint8_t *data;
        size_t n, done;
        usec_t deadline;
        ssize_t result;
        bool ended;
} Transfer;

static int read_all(void *userdata) {
        Transfer *t = userdata;

        do {
                t->result = io_read_wait(t->io, t->data + t->done, t->n - t->done, t->deadline);
                t->done += t->result > 0 ? (size_t) t->result : 0;
        } while (t->result > 0 && t->done < t->n);
        t->ended = true;
        return 0;
}

static int write_all(void *userdata) {
        Transfer *t = userdata;

        t->result = io_write_wait(t->io, t->data, t->n, t->deadline);
        t->io = io_free(t->io);
        t->ended = true;
        return 0;
}

static int wait_hangup(void *userdata) {
        Transfer *t = userdata;

        t->result = io_hangup_wait(t->io, t->deadline);
        t->ended = true;
        return 0;
}

static void make_pair(bool sockets, int ret[2]) {
        if (sockets)
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret), 0);
        else
                assert_int_equal(pipe2(ret, O_CLOEXEC), 0);
}

/* More than what fits between them goes through whole, and the reader sees the end. */
static void check_transfer(bool sockets) {
        _cleanup_free_ uint8_t *sent = mem_new(uint8_t, MUCH), *received = mem_new0(uint8_t, MUCH + 1);
        Transfer reader = { .data = received, .n = MUCH + 1, .deadline = USEC_INFINITY };
        Transfer writer = { .data = sent, .n = MUCH, .deadline = USEC_INFINITY };
        int pair[2];

        for (size_t i = 0; i < MUCH; i++)
                sent[i] = (uint8_t) (i * 31 + i / 251);
        make_pair(sockets, pair);
        assert_int_equal(io_new(pair[0], &reader.io), 0);
        assert_int_equal(io_new(pair[1], &writer.io), 0);
        assert_int_equal(fiber_start(NULL, write_all, &writer), 0);
        turn();
        assert_false(writer.ended); /* nobody reads yet */
        assert_int_equal(fiber_start(NULL, read_all, &reader), 0);
        run_all();
        assert_int_equal(writer.result, 0);
        assert_int_equal(reader.result, 0);
        assert_int_equal(reader.done, MUCH);
        assert_memory_equal(sent, received, MUCH);
        io_free(reader.io);
        assert_int_equal(fcntl(pair[0], F_GETFD), -1); /* it owned it */
}

static void test_transfer(_unused_ void **state) {
        check_transfer(false);
        check_transfer(true);
}

static void test_deadline_and_cancel(_unused_ void **state) {
        uint8_t byte, much[128 * 1024] = {};
        Transfer reader = { .data = &byte, .n = 1 }, writer = { .data = much, .n = sizeof(much) };
        Fiber *f = NULL;
        int pair[2];

        make_pair(false, pair);
        assert_int_equal(io_new(pair[0], &reader.io), 0);
        reader.deadline = time_now(CLOCK_MONOTONIC) + 5 * USEC_PER_MSEC;
        assert_int_equal(fiber_start(NULL, read_all, &reader), 0);
        run_all();
        assert_int_equal(reader.result, -ETIMEDOUT);

        reader.deadline = USEC_INFINITY;
        assert_int_equal(fiber_start(&f, read_all, &reader), 0);
        fiber_cancel(f);
        assert_int_equal(reader.result, -ECANCELED);

        assert_int_equal(io_new(pair[1], &writer.io), 0);
        writer.deadline = time_now(CLOCK_MONOTONIC) + 5 * USEC_PER_MSEC;
        assert_int_equal(fiber_start(NULL, write_all, &writer), 0);
        run_all();
        assert_int_equal(writer.result, -ETIMEDOUT);

        assert_int_equal(fiber_start(NULL, read_all, &reader), 0); /* and what was written is there */
        assert_int_equal(reader.result, 1);
        io_free(reader.io);
}

/* The other side goes while one waits, and before one begins. */
static void check_gone(bool sockets) {
        uint8_t much[1024 * 1024] = {};
        Transfer writer = { .data = much, .n = sizeof(much), .deadline = USEC_INFINITY }, again = writer;
        int pair[2];

        make_pair(sockets, pair);
        assert_int_equal(io_new(pair[1], &writer.io), 0);
        assert_int_equal(fiber_start(NULL, write_all, &writer), 0);
        turn();
        assert_false(writer.ended);
        assert_int_equal(close(pair[0]), 0);
        run_all();
        assert_in_set(-writer.result, ((LargestIntegralType[]){ EPIPE, ECONNRESET }), 2);

        make_pair(sockets, pair);
        assert_int_equal(io_new(pair[1], &again.io), 0);
        assert_int_equal(close(pair[0]), 0);
        assert_int_equal(fiber_start(NULL, write_all, &again), 0);
        assert_int_equal(again.result, -EPIPE);
}

static void test_gone(_unused_ void **state) {
        check_gone(false);
        check_gone(true);
}

static void test_hangup(_unused_ void **state) {
        Transfer t = { .deadline = USEC_INFINITY };
        int pair[2];

        for (int late = 0; late <= 1; late++) {
                t.ended = false;
                make_pair(late, pair);
                assert_int_equal(io_new(pair[1], &t.io), 0);
                assert_int_equal(fiber_start(NULL, wait_hangup, &t), 0);
                turn();
                assert_false(t.ended);
                assert_int_equal(close(pair[0]), 0);
                run_all();
                assert_int_equal(t.result, 0);
                assert_int_equal(fiber_start(NULL, wait_hangup, &t), 0); /* it stays gone */
                assert_int_equal(t.result, 0);
                t.io = io_free(t.io);
        }
}

/* Half a socket's peer may be gone: what it has said is read, and it still listens. */
static void test_half_close(_unused_ void **state) {
        uint8_t text[8];
        Transfer reader = { .data = text, .n = sizeof(text), .deadline = USEC_INFINITY };
        Transfer writer = { .data = (uint8_t *) text, .n = 1, .deadline = USEC_INFINITY };
        Transfer hangup = { .deadline = time_now(CLOCK_MONOTONIC) + 5 * USEC_PER_MSEC };
        int pair[2];

        make_pair(true, pair);
        assert_int_equal(io_new(pair[0], &reader.io), 0);
        assert_int_equal(write(pair[1], "abc", 3), 3);
        assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
        assert_int_equal(fiber_start(NULL, read_all, &reader), 0);
        run_all();
        assert_int_equal(reader.result, 0);
        assert_int_equal(reader.done, 3);
        hangup.io = writer.io = reader.io;
        assert_int_equal(fiber_start(NULL, wait_hangup, &hangup), 0);
        run_all();
        assert_int_equal(hangup.result, -ETIMEDOUT);
        assert_int_equal(fiber_start(NULL, write_all, &writer), 0);
        assert_int_equal(writer.result, 0);
        assert_int_equal(read(pair[1], text, sizeof(text)), 1);
        assert_int_equal(close(pair[1]), 0);
}

static void test_shared(_unused_ void **state) {
        uint8_t text[8] = "abc", much[512 * 1024] = {};
        Transfer reader = { .data = text, .n = 3, .deadline = USEC_INFINITY };
        Transfer writer = { .data = much, .n = sizeof(much), .deadline = USEC_INFINITY };
        Transfer drain = { .data = much, .n = sizeof(much), .deadline = USEC_INFINITY };
        int pair[2];

        make_pair(false, pair);
        assert_int_equal(io_new_shared(pair[0], &reader.io), 0);
        assert_int_equal(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fiber_start(NULL, read_all, &reader), 0);
        turn();
        assert_false(reader.ended);
        assert_int_equal(write(pair[1], "xyz", 3), 3);
        run_all();
        assert_memory_equal(text, "xyz", 3);

        assert_int_equal(io_new_shared(pair[1], &writer.io), 0);
        assert_int_equal(fiber_start(NULL, write_all, &writer), 0);
        turn();
        assert_false(writer.ended);
        drain.io = reader.io;
        assert_int_equal(fiber_start(NULL, read_all, &drain), 0);
        run_all();
        assert_int_equal(writer.result, 0);
        assert_int_equal(drain.done, sizeof(much));
        io_free(drain.io);
        assert_int_equal(close(pair[0]) + close(pair[1]), 0); /* still ours */
}

/* Many bytes at once, without making it non-blocking for who has it beside us. */
static void test_shared_pipe(_unused_ void **state) {
        uint8_t much[16 * PIPE_BUF] = {}, taken[16 * PIPE_BUF];
        int pair[2];
        Io *io;

        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        assert_int_equal(io_new_shared(pair[1], &io), 0);
        assert_int_not_equal(io_get_fd(io), pair[1]);
        assert_int_not_equal(fcntl(io_get_fd(io), F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(pair[1], F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(io_write_wait(io, much, sizeof(much), USEC_INFINITY), 0);
        assert_int_equal(read(pair[0], taken, sizeof(taken)), sizeof(taken));
        io_free(io);
        assert_int_equal(write(pair[1], "a", 1), 1); /* still ours */

        assert_int_equal(close(pair[0]), 0);
        assert_int_equal(io_new_shared(pair[1], &io), 0);
        assert_int_equal(io_write_wait(io, much, 1, USEC_INFINITY), -EPIPE);
        io_free(io);
        assert_int_equal(close(pair[1]), 0);
}

/* What never makes anybody wait cannot be polled, and need not be. */
static void test_file(_unused_ void **state) {
        char path[] = "/tmp/test-io-XXXXXX";
        uint8_t text[4] = "abc";
        Transfer t = { .data = text, .n = 3, .deadline = USEC_INFINITY };
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(io_new_shared(fd, &t.io), 0);
        assert_int_equal(fiber_start(NULL, write_all, &t), 0);
        assert_int_equal(t.result, 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(io_new(fd, &t.io), 0);
        t.n = 4;
        assert_int_equal(fiber_start(NULL, read_all, &t), 0);
        assert_int_equal(t.result, 0);
        assert_int_equal(t.done, 3);
        io_free(t.io);
        assert_int_equal(io_new(-EBADF, &t.io), -EBADF);
}

/* One event concerns both, and the first one that is woken ends everything. */
typedef struct Both {
        Io *io;
        Fiber *writer;
        Promise ended;
} Both;

static int read_and_end(void *userdata) {
        Both *both = userdata;
        uint8_t byte;

        assert_true(io_read_wait(both->io, &byte, 1, USEC_INFINITY) <= 0);
        fiber_cancel(both->writer);
        assert_int_equal(promise_wait(&both->ended), 0);
        both->io = io_free(both->io);
        return 0;
}

static int write_much(void *userdata) {
        _cleanup_free_ uint8_t *much = mem_new0(uint8_t, MUCH);
        Both *both = userdata;

        assert_int_equal(io_write_wait(both->io, much, MUCH, USEC_INFINITY), -ECANCELED);
        promise_resolve(&both->ended, 0);
        return 0;
}

static void test_freed_by_who_is_woken(_unused_ void **state) {
        Both both = {};
        int pair[2];

        make_pair(true, pair);
        assert_int_equal(io_new(pair[0], &both.io), 0);
        assert_int_equal(fiber_start(&both.writer, write_much, &both), 0);
        assert_int_equal(fiber_start(NULL, read_and_end, &both), 0);
        turn();
        assert_non_null(both.writer);
        assert_int_equal(close(pair[1]), 0);
        run_all();
        assert_null(both.io);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transfer),
                cmocka_unit_test(test_deadline_and_cancel),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_hangup),
                cmocka_unit_test(test_half_close),
                cmocka_unit_test(test_shared),
                cmocka_unit_test(test_shared_pipe),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_freed_by_who_is_woken),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
