/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's state: copies, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/unit-status.h"

static const UnitStatus example = { (char *) "n", (char *) "d", (char *) "loaded", (char *) "active",
        (char *) "running", (char *) "p", (char *) "running" };

static void test_copy(_unused_ void **state) {
        UnitStatus a = example;
        char **fields[] = { &a.name, &a.description, &a.load_state, &a.active_state, &a.sub_state, &a.path,
                &a.freezer_state };
        _cleanup_(unit_status_done) UnitStatus b = {};

        assert_return_code(unit_status_copy(&a, &b), 0);
        assert_true(unit_status_equal(&a, &b));
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                char *saved = *fields[i];

                *fields[i] = (char *) "other";
                assert_false(unit_status_equal(&a, &b));
                *fields[i] = saved;
        }
        unit_status_done(&b);
        unit_status_done(&b);
}

static void test_copy_cuts_at_a_character(_unused_ void **state) {
        _cleanup_(unit_status_done) UnitStatus copy = {};
        char text[UNIT_TEXT_MAX + 8];
        UnitStatus s = example;

        memset(text, 'a', sizeof(text));
        memcpy(text + UNIT_TEXT_MAX - 1, "\xc3\xa4 and on", 7); /* its second byte is the one too many */
        text[sizeof(text) - 1] = 0;
        s.description = text;
        assert_return_code(unit_status_copy(&s, &copy), 0);
        assert_int_equal(strlen(copy.description), UNIT_TEXT_MAX - 1);
        assert_string_equal(copy.name, "n");
        assert_true(unit_status_equal(&s, &copy));
        text[UNIT_TEXT_MAX - 1] = 0;
        assert_true(unit_status_equal(&s, &copy));
        text[UNIT_TEXT_MAX - 2] = 'b';
        assert_false(unit_status_equal(&s, &copy));
}

static void test_nothing(_unused_ void **state) {
        _cleanup_(unit_status_done) UnitStatus copy = {};

        assert_return_code(unit_status_copy(&(UnitStatus){}, &copy), 0);
        assert_string_equal(copy.freezer_state, "");
        assert_true(unit_status_equal(&copy, &(UnitStatus){}));
        assert_false(unit_status_is_active(&(UnitStatus){}));
        assert_false(unit_status_is_running(&(UnitStatus){}));
        assert_false(unit_status_is_frozen(&(UnitStatus){}));
        assert_false(unit_status_is_inactive_or_failed(&(UnitStatus){}));
}

static void test_words(_unused_ void **state) {
        static const struct {
                const char *load, *active, *sub;
                bool is_active, is_running, is_exited;
        } rows[] = {
                { "loaded", "active", "running", true, true, false },
                { "loaded", "active", "exited", true, false, false },
                { "masked", "active", "running", true, false, false },
                { "loaded", "reloading", "reload", true, false, false },
                { "loaded", "refreshing", "refresh", true, false, false },
                { "loaded", "activating", "start", false, false, false },
                { "loaded", "deactivating", "stop-sigterm", false, false, false },
                { "loaded", "failed", "failed", false, false, true },
                { "not-found", "inactive", "dead", false, false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const UnitStatus s = { .load_state = (char *) rows[i].load,
                        .active_state = (char *) rows[i].active,
                        .sub_state = (char *) rows[i].sub };

                assert_int_equal(unit_status_is_active(&s), rows[i].is_active);
                assert_int_equal(unit_status_is_running(&s), rows[i].is_running);
                assert_int_equal(unit_status_is_inactive_or_failed(&s), rows[i].is_exited);
        }
        assert_true(unit_status_is_frozen(&(UnitStatus){ .freezer_state = (char *) "frozen" }));
        assert_false(unit_status_is_frozen(&example));
}

static void test_not_found(_unused_ void **state) {
        const UnitStatus s = unit_status_not_found("a.service");

        assert_string_equal(s.name, "a.service");
        assert_string_equal(s.load_state, "not-found");
        assert_true(unit_status_is_inactive_or_failed(&s));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_copy),
                cmocka_unit_test(test_copy_cuts_at_a_character),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_not_found),
        };

        return cmocka_run_group_tests_name("base-unit-status", tests, NULL, NULL);
}
