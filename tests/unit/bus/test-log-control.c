/* SPDX-License-Identifier: Apache-2.0 */
/* org.freedesktop.LogControl1, asked from the other end of the connection. */
#include "unit/bus/fixture.h"

#include "base/log.h"
#include "bus/log-control.h"
#include "event/log-target.h"
#include "fake/fake-internal.h"

#define NAME "org.givc.Test"

typedef struct Answer {
        bool done;
        char *text;  /* a property's value */
        char *error; /* its name */
} Answer;

static void answer_done(Answer *a) {
        free(a->text);
        free(a->error);
}

static int on_answer(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        Answer *a = userdata;
        const char *text;

        a->done = true;
        if (e)
                a->error = strdup(e->name);
        else if (sd_bus_message_read(m, "v", "s", &text) > 0)
                a->text = strdup(text);
        return 0;
}

static sd_bus *other_end(Fixture *f) {
        return LIST_ITEM(f->fake->connections.next, FakeConnection, connections)->bus;
}

static sd_bus_message *new_call(Fixture *f, const char *member, const char *property) {
        sd_bus_message *m = NULL;

        assert_return_code(sd_bus_message_new_method_call(other_end(f), &m, NAME, "/org/freedesktop/LogControl1",
                                           "org.freedesktop.DBus.Properties", member),
                        0);
        assert_return_code(sd_bus_message_append(m, "ss", "org.freedesktop.LogControl1", property), 0);
        return m;
}

static void run(Fixture *f, sd_bus_message *m, Answer *a) {
        sd_bus_slot *slot = NULL;

        *a = (Answer){};
        assert_return_code(sd_bus_call_async(other_end(f), &slot, m, on_answer, a, 0), 0);
        TURN_UNTIL(f, a->done);
        sd_bus_slot_unref(slot);
        sd_bus_message_unref(m);
}

static void expect(Fixture *f, const char *property, const char *value) {
        _cleanup_(answer_done) Answer a = {};

        run(f, new_call(f, "Get", property), &a);
        if (a.error)
                fail_msg("%s %s", property, a.error);
        assert_non_null(a.text);
        assert_string_equal(a.text, value);
}

/* NULL: it works; else the error. */
static void set(Fixture *f, const char *property, const char *value, const char *error) {
        _cleanup_(answer_done) Answer a = {};
        sd_bus_message *m = new_call(f, "Set", property);

        assert_return_code(sd_bus_message_append(m, "v", "s", value), 0);
        run(f, m, &a);
        if (error)
                assert_string_equal(strempty(a.error), error);
        else
                assert_null(a.error);
}

static unsigned n_lines;

static void sink(_unused_ int level, _unused_ const LogField *fields, _unused_ const char *text) {
        n_lines++;
}

static void test_level(void **state) {
        static const char *const words[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
        _cleanup_(log_control_freep) LogControl *c = NULL;
        Fixture *f = *state;

        log_set_sink(sink);
        assert_return_code(log_control_new(f->bus, NAME, "test", &c), 0);
        expect(f, "LogLevel", "info");
        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++) {
                set(f, "LogLevel", words[level], NULL);
                expect(f, "LogLevel", words[level]);
                assert_int_equal(log_get_level(), level);
        }
        n_lines = 0;
        log_debug("seen");
        assert_int_equal(n_lines, 1);
        set(f, "LogLevel", "info", NULL);
        n_lines = 0;
        log_debug("not seen");
        assert_int_equal(n_lines, 0);
        set(f, "LogLevel", "loud", SD_BUS_ERROR_INVALID_ARGS);
        expect(f, "LogLevel", "info");
        log_set_sink(NULL);
}

static void test_target(void **state) {
        _cleanup_(log_control_freep) LogControl *c = NULL;
        Fixture *f = *state;

        assert_return_code(log_control_new(f->bus, NAME, "test", &c), 0);
        expect(f, "LogTarget", "console");
        set(f, "LogTarget", "null", NULL);
        expect(f, "LogTarget", "null");
        set(f, "LogTarget", "kmsg", SD_BUS_ERROR_INVALID_ARGS);
        expect(f, "LogTarget", "null");
        set(f, "LogTarget", "journal", NULL);
        expect(f, "LogTarget", "journal");
        set(f, "LogTarget", "auto", NULL);
        expect(f, "LogTarget", "console");
        expect(f, "SyslogIdentifier", "test");
        set(f, "SyslogIdentifier", "other", SD_BUS_ERROR_PROPERTY_READ_ONLY);
}

/* Made while there is no bus, there again after each loss of it, and gone when it is freed. */
static void test_comes_and_goes_with_the_bus(void **state) {
        _cleanup_(log_control_freep) LogControl *c = NULL;
        _cleanup_(answer_done) Answer a = {};
        Fixture *f = *state;

        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, !bus_is_connected(f->bus));
        assert_return_code(log_control_new(f->bus, NAME, "test", &c), 0);
        for (unsigned i = 0; i < 3; i++) {
                TURN_UNTIL(f, bus_is_connected(f->bus));
                expect(f, "SyslogIdentifier", "test");
                fake_systemd_leave(f->fake);
                TURN_UNTIL(f, !bus_is_connected(f->bus));
                fake_systemd_return(f->fake);
                TURN_UNTIL(f, bus_is_connected(f->bus));
                expect(f, "SyslogIdentifier", "test");
                fake_systemd_disconnect(f->fake);
                TURN_UNTIL(f, !bus_is_connected(f->bus));
        }
        TURN_UNTIL(f, bus_is_connected(f->bus));
        c = log_control_free(c);
        run(f, new_call(f, "Get", "LogLevel"), &a);
        assert_string_equal(strempty(a.error), SD_BUS_ERROR_UNKNOWN_OBJECT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_level, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_target, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(
                                test_comes_and_goes_with_the_bus, fixture_setup_listening, fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
