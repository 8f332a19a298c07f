/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room have in common: a fake manager, a Bus to it, and calls that run in fibers while the test
 * itself stays on the loop's stack, turns the loop and changes the world. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "bus/bus-connection.h"
#include "bus/unit-job.h"
#include "event/fiber.h"
#include "fake/fake-systemd.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)

typedef struct Fixture {
        sd_event *event;
        FakeSystemd *fake;
        sd_bus *client;
        Bus *bus;
        char *directory; /* of the listening socket */
        char *socket;
} Fixture;

/* Turns the loop until the condition holds; the test fails when it does not come. */
#define TURN_UNTIL(fixture, condition)                                                                                 \
        do {                                                                                                           \
                const usec_t _end = time_now(CLOCK_MONOTONIC) + PATIENCE_USEC;                                         \
                while (!(condition)) {                                                                                 \
                        if (time_now(CLOCK_MONOTONIC) > _end)                                                          \
                                fail_msg("waited in vain for: %s", #condition);                                        \
                        assert_true(sd_event_run((fixture)->event, 100 * USEC_PER_MSEC) >= 0);                         \
                }                                                                                                      \
        } while (false)

/* Turns the loop until nothing happens any more for a good while, longer than any delay of the code under test. */
static inline _unused_ void turn_until_quiet(Fixture *f) {
        int r;

        do {
                r = sd_event_run(f->event, 30 * USEC_PER_MSEC);
                assert_true(r >= 0);
        } while (r > 0);
}

typedef struct Call Call;
typedef int (*operation_t)(Call *c);

/* A call in a fiber of its own. Lives in the test function. */
struct Call {
        Bus *bus;
        operation_t operation;
        const char *name;
        const void *argument;
        Fiber *fiber;
        bool done;
        int result;
        BusError error;
        UnitStatus status;
};

static inline void call_done(Call *c) {
        bus_error_done(&c->error);
        unit_status_done(&c->status);
}

static inline _unused_ int call_main(void *userdata) {
        Call *c = userdata;

        c->result = c->operation(c);
        c->done = true;
        return 0;
}

static inline _unused_ void call_start(Call *c) {
        assert_return_code(fiber_start(&c->fiber, call_main, c), 0);
}

#define CALL(fixture, op, unit)                                                                                        \
        { .bus = (fixture)->bus, .operation = op, .name = unit, .result = 4711 }

static inline _unused_ int op_start(Call *c) {
        return unit_job_wait(c->bus, UNIT_JOB_START, c->name, &c->error);
}

static inline _unused_ int op_stop(Call *c) {
        return unit_job_wait(c->bus, UNIT_JOB_STOP, c->name, &c->error);
}

static inline _unused_ int op_restart(Call *c) {
        return unit_job_wait(c->bus, UNIT_JOB_RESTART, c->name, &c->error);
}

static inline _unused_ int op_freeze(Call *c) {
        return unit_freeze_wait(c->bus, c->name, &c->error);
}

static inline _unused_ int op_thaw(Call *c) {
        return unit_thaw_wait(c->bus, c->name, &c->error);
}

static inline _unused_ int op_status(Call *c) {
        return unit_status_wait(c->bus, c->name, &c->status);
}

static inline _unused_ int op_connected(Call *c) {
        return bus_connected_wait(c->bus, USEC_INFINITY);
}

/* Runs one call to its end and returns its result. */
static inline _unused_ int call_run(Fixture *f, operation_t operation, const char *name) {
        _cleanup_(call_done) Call c = CALL(f, operation, name);

        call_start(&c);
        TURN_UNTIL(f, c.done);
        return c.result;
}

static inline _unused_ int fixture_begin(void **state) {
        Fixture *f = mem_new0(Fixture, 1);

        assert_non_null(f);
        assert_return_code(sd_event_default(&f->event), 0);
        fake_systemd_new(f->event, &f->fake);
        *state = f;
        return 0;
}

/* Peer to peer, connected. */
static inline _unused_ int fixture_setup(void **state) {
        Fixture *f;

        fixture_begin(state);
        f = *state;
        fake_systemd_connect(f->fake, &f->client);
        assert_return_code(bus_new_from_connection(f->event, f->client, &f->bus), 0);
        TURN_UNTIL(f, bus_is_connected(f->bus));
        return 0;
}

/* Over a socket, as in production, connected. */
static inline _unused_ int fixture_setup_listening(void **state) {
        char directory[] = "/tmp/givc-bus-XXXXXX", *address;
        Fixture *f;

        fixture_begin(state);
        f = *state;
        assert_non_null(mkdtemp(directory));
        f->directory = strdup(directory);
        f->socket = strf("%s/bus", directory);
        address = strf("unix:path=%s", f->socket);
        assert_non_null(address);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
        free(address);
        fake_systemd_listen(f->fake, f->socket);
        assert_return_code(bus_new(f->event, BUS_SYSTEM, &f->bus), 0);
        TURN_UNTIL(f, bus_is_connected(f->bus));
        return 0;
}

static inline _unused_ int fixture_teardown(void **state) {
        Fixture *f = *state;

        assert_int_equal(fiber_count(), 0);
        bus_unref(f->bus);
        sd_bus_close_unref(f->client);
        fake_systemd_free(f->fake);
        if (f->directory)
                assert_return_code(rmdir(f->directory), errno);
        free(f->directory);
        free(f->socket);
        sd_event_unref(f->event);
        free(f);
        return 0;
}
