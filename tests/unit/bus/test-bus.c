/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: coming, going, coming back; who is told; calls and their deadlines. */
#include "unit/bus/fixture.h"

#include <stdio.h>
#include <sys/stat.h>

typedef struct Ear {
        BusListener listener;
        unsigned n_come, n_go;
        Bus *bus;
        struct Ear *remove[2]; /* from within the callback */
} Ear;

static void on_connection(bool connected, void *userdata) {
        Ear *ear = userdata;

        assert_int_equal(bus_is_connected(ear->bus), connected);
        assert_int_equal(bus_get_connection(ear->bus) != NULL, connected);
        if (connected)
                ear->n_come++;
        else
                ear->n_go++;
        for (size_t i = 0; i < ELEMENTSOF(ear->remove); i++)
                if (ear->remove[i])
                        bus_remove_listener(ear->bus, &ear->remove[i]->listener);
}

static void ear_add(Ear *ear, Bus *b) {
        ear->bus = b;
        ear->listener = (BusListener){ .on_connection = on_connection, .userdata = ear };
        bus_add_listener(b, &ear->listener);
}

static void test_peer(void **state) {
        Fixture *f = *state;
        Ear ear = {};

        assert_int_equal(bus_get_scope(f->bus), BUS_SYSTEM);
        assert_non_null(bus_get_connection(f->bus));
        ear_add(&ear, f->bus);
        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, ear.n_go == 1);
        turn_until_quiet(f);
        assert_false(bus_is_connected(f->bus));
        assert_int_equal(ear.n_come, 0);
        assert_int_equal(call_run(f, op_connected, NULL), -ENOTCONN);
        bus_remove_listener(f->bus, &ear.listener);
        bus_remove_listener(f->bus, &ear.listener);
}

static void test_peer_refused(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_connected, NULL);

        fake_systemd_connect(f->fake, &f->client);
        fake_systemd_fail_next(f->fake, "Subscribe", "org.freedesktop.DBus.Error.AccessDenied", "no");
        assert_return_code(bus_new_from_connection(f->event, f->client, &f->bus), 0);
        c.bus = f->bus;
        call_start(&c);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -ENOTCONN);
}

/* The socket is not there when we begin, and goes and comes later. */
static void test_socket_comes_late(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_connected, NULL);
        Ear ear = {};

        fake_systemd_unlisten(f->fake);
        fake_systemd_disconnect(f->fake);
        ear_add(&ear, f->bus);
        TURN_UNTIL(f, ear.n_go == 1);
        turn_until_quiet(f);
        call_start(&c);
        turn_until_quiet(f);
        assert_false(c.done);
        fake_systemd_listen(f->fake, f->socket);
        TURN_UNTIL(f, ear.n_come == 1);
        assert_true(c.done);
        assert_int_equal(c.result, 0);
        assert_int_equal(call_run(f, op_connected, NULL), 0);
        assert_int_equal(fake_systemd_count_connections(f->fake), 1);
        bus_remove_listener(f->bus, &ear.listener);
}

static void test_reconnects(void **state) {
        Fixture *f = *state;
        const usec_t begin = time_now(CLOCK_MONOTONIC);
        Ear ear = {};

        ear_add(&ear, f->bus);
        for (unsigned i = 1; i <= 8; i++) {
                fake_systemd_disconnect(f->fake);
                TURN_UNTIL(f, ear.n_go == i);
                TURN_UNTIL(f, ear.n_come == i);
                assert_int_equal(fake_systemd_count_connections(f->fake), 1);
                assert_int_equal(fake_systemd_count_calls(f->fake, "Subscribe"), i + 1);
        }
        /* Each success makes the next wait short again: doubling would have taken over six seconds. */
        assert_true(time_now(CLOCK_MONOTONIC) - begin < 4 * USEC_PER_SEC);
        bus_remove_listener(f->bus, &ear.listener);
}

static void test_manager_leaves(void **state) {
        Fixture *f = *state;
        Ear ear = {};

        ear_add(&ear, f->bus);
        for (unsigned i = 1; i <= 3; i++) {
                fake_systemd_leave(f->fake);
                TURN_UNTIL(f, ear.n_go == i);
                turn_until_quiet(f);
                assert_int_equal(call_run(f, op_status, "a.service"), -ENOTCONN);
                fake_systemd_return(f->fake);
                TURN_UNTIL(f, ear.n_come == i);
                assert_int_equal(call_run(f, op_status, "a.service"), 0);
                assert_int_equal(fake_systemd_count_calls(f->fake, "Subscribe"), i + 1);
        }
        /* And leaves while it is asked for our subscription. */
        fake_systemd_leave(f->fake);
        TURN_UNTIL(f, ear.n_go == 4);
        fake_systemd_hold(f->fake, "Subscribe");
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Subscribe") == 5);
        fake_systemd_leave(f->fake);
        turn_until_quiet(f);
        assert_int_equal(ear.n_come, 3);
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, ear.n_come == 4);
        assert_int_equal(ear.n_go, 4);
        bus_remove_listener(f->bus, &ear.listener);
}

/* The bus is there before the manager, as after a restart of the bus. */
static void test_manager_comes_late(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_connected, NULL);

        fake_systemd_leave(f->fake);
        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, fake_systemd_count_connections(f->fake) == 1);
        turn_until_quiet(f);
        assert_false(bus_is_connected(f->bus));
        call_start(&c);
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);
}

static void test_subscription_refused(void **state) {
        Fixture *f = *state;
        unsigned n = fake_systemd_count_calls(f->fake, "Subscribe");

        fake_systemd_fail_next(f->fake, "Subscribe", "org.freedesktop.DBus.Error.LimitsExceeded", "no");
        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Subscribe") == n + 2);
        TURN_UNTIL(f, bus_is_connected(f->bus));
        /* Being subscribed already is as good. */
        fake_systemd_fail_next(f->fake, "Subscribe", "org.freedesktop.systemd1.AlreadySubscribed", "yes");
        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Subscribe") == n + 3);
        TURN_UNTIL(f, bus_is_connected(f->bus));
        turn_until_quiet(f);
        assert_int_equal(fake_systemd_count_calls(f->fake, "Subscribe"), n + 3);
}

static void test_listeners(void **state) {
        Ear a = {}, b = {}, c = {}, d = {};
        Fixture *f = *state;

        ear_add(&a, f->bus);
        ear_add(&b, f->bus);
        ear_add(&c, f->bus);
        ear_add(&d, f->bus);
        b.remove[0] = &b; /* itself */
        b.remove[1] = &c; /* and who is next */
        fake_systemd_leave(f->fake);
        TURN_UNTIL(f, !bus_is_connected(f->bus));
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, bus_is_connected(f->bus));
        assert_int_equal(a.n_go + a.n_come, 2);
        assert_int_equal(b.n_go + b.n_come, 1);
        assert_int_equal(c.n_go + c.n_come, 0);
        assert_int_equal(d.n_go + d.n_come, 2);
        bus_remove_listener(f->bus, &a.listener);
        bus_remove_listener(f->bus, &d.listener);
}

static int list_units_wait(Call *c, usec_t patience_usec) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *answer = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus_get_connection(c->bus), &m, "org.freedesktop.systemd1",
                        "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "ListUnits");
        if (r < 0)
                return r;
        return bus_call_wait(c->bus, m, time_now(CLOCK_MONOTONIC) + patience_usec, &c->error, &answer);
}

static int op_list_units(Call *c) {
        return list_units_wait(c, PATIENCE_USEC);
}

static int op_list_units_in_50_ms(Call *c) {
        return list_units_wait(c, 50 * USEC_PER_MSEC);
}

static void test_deadline(void **state) {
        Fixture *f = *state;
        usec_t begin, least = USEC_INFINITY;

        assert_int_equal(call_run(f, op_list_units, NULL), 0);
        fake_systemd_hold(f->fake, "ListUnits");
        for (unsigned i = 0; i < 5; i++) { /* a machine may be slow at times */
                begin = time_now(CLOCK_MONOTONIC);
                assert_int_equal(call_run(f, op_list_units_in_50_ms, NULL), -ETIMEDOUT);
                least = MIN(least, time_now(CLOCK_MONOTONIC) - begin);
        }
        assert_in_range(least, 50 * USEC_PER_MSEC, 150 * USEC_PER_MSEC);
        fake_systemd_release(f->fake); /* the late answer is for nobody */
        turn_until_quiet(f);
}

static void test_call_errors(void **state) {
        _cleanup_(call_done) Call c = {};
        Fixture *f = *state;

        c = (Call) CALL(f, op_list_units, NULL);
        fake_systemd_fail_next(f->fake, "ListUnits", "org.freedesktop.DBus.Error.AccessDenied", "Not for you.");
        call_start(&c);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -EACCES);
        assert_string_equal(c.error.name, "org.freedesktop.DBus.Error.AccessDenied");
        assert_string_equal(c.error.message, "Not for you.");
}

static int op_canceled_before(Call *c) {
        fiber_cancel(fiber_current());
        assert_int_equal(op_start(c), -ECANCELED);
        assert_int_equal(op_status(c), -ECANCELED);
        assert_int_equal(op_freeze(c), -ECANCELED);
        return 0;
}

/* No new wait begins in a fiber that was cancelled, and nothing is sent. */
static void test_canceled_before(void **state) {
        Fixture *f = *state;
        unsigned n = fake_systemd_count_calls(f->fake, "");

        assert_int_equal(call_run(f, op_canceled_before, "a.service"), 0);
        turn_until_quiet(f);
        assert_int_equal(fake_systemd_count_calls(f->fake, ""), n);
}

/* The owner lets go of the bus while others wait: they keep it until they have returned. */
static void test_unref_while_waiting(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_status, "a.service");

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        fake_systemd_hold(f->fake, "ListUnitsByNames");
        call_start(&d);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "ListUnitsByNames") == 1);
        f->bus = bus_unref(f->bus);
        fake_systemd_release(f->fake);
        TURN_UNTIL(f, d.done);
        assert_int_equal(d.result, 0);
        fake_job_finish(f->fake, "a.service", "done");
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);
}

/* The user's bus, at a path that an address has to escape. */
static void test_user_bus(void **state) {
        Fixture *f = *state;
        _cleanup_free_ char *directory = strf("%s/a b,c;d=%%é", f->directory), *path = strf("%s/bus", directory);
        Bus *user;

        assert_return_code(mkdir(directory, 0700), errno);
        unsetenv("DBUS_SESSION_BUS_ADDRESS");
        setenv("XDG_RUNTIME_DIR", directory, 1);
        fake_systemd_unlisten(f->fake);
        fake_systemd_listen(f->fake, path);
        assert_return_code(bus_new(f->event, BUS_USER, &user), 0);
        assert_int_equal(bus_get_scope(user), BUS_USER);
        TURN_UNTIL(f, bus_is_connected(user));
        bus_unref(user);
        fake_systemd_unlisten(f->fake);
        assert_return_code(rmdir(directory), errno);
}

/* Without a bus nothing fails but the calls, and nothing leaks when it never comes. */
static void test_never_there(void **state) {
        Fixture *f = *state;

        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
        assert_return_code(bus_new(f->event, BUS_SYSTEM, &f->bus), 0);
        assert_false(bus_is_connected(f->bus));
        assert_null(bus_get_connection(f->bus));
        assert_int_equal(call_run(f, op_status, "a.service"), -ENOTCONN);
        assert_int_equal(call_run(f, op_start, "a.service"), -ENOTCONN);
        f->bus = bus_unref(f->bus);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", "nonsense", 1);
        assert_return_code(bus_new(f->event, BUS_SYSTEM, &f->bus), 0);
        assert_int_equal(call_run(f, op_status, "a.service"), -ENOTCONN);
}

int main(void) {
#define PEER(t)    cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
#define BROKER(t)  cmocka_unit_test_setup_teardown(t, fixture_setup_listening, fixture_teardown)
#define NOTHING(t) cmocka_unit_test_setup_teardown(t, fixture_begin, fixture_teardown)
        const struct CMUnitTest tests[] = {
                PEER(test_peer),
                NOTHING(test_peer_refused),
                BROKER(test_socket_comes_late),
                BROKER(test_reconnects),
                BROKER(test_manager_leaves),
                BROKER(test_manager_comes_late),
                BROKER(test_subscription_refused),
                BROKER(test_listeners),
                PEER(test_deadline),
                PEER(test_call_errors),
                PEER(test_canceled_before),
                PEER(test_unref_while_waiting),
                BROKER(test_user_bus),
                NOTHING(test_never_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
