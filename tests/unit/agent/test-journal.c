/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of a unit: whose, since when, how many, how long one waits for them, and who leaves meanwhile. */
#include "agent/journal.h"
#include "base/strv.h"
#include "fake/fake-journal.h"
#include "unit/agent/world.h"

#define UNIT  "foot@0.service"
#define FIELD "_SYSTEMD_UNIT=" UNIT
#define USER  "_SYSTEMD_USER_UNIT=" UNIT

typedef struct Reader {
        bool user;
        usec_t since;
        int r;
        char **lines;
        Fiber *fiber;
} Reader;

static void reader_done(Reader *r) {
        strv_free(r->lines);
}
#define READER _cleanup_(reader_done) Reader

static int reader_main(void *userdata) {
        Reader *r = userdata;

        r->r = journal_tail_wait(UNIT, r->user, r->since, &r->lines);
        return 0;
}

static void loop_until(bool (*reached)(void *userdata), void *userdata) {
        const usec_t until = time_now(CLOCK_MONOTONIC) + WORLD_USEC;
        sd_event *event = NULL;

        assert_true(sd_event_default(&event) >= 0);
        while (!reached(userdata)) {
                assert_true(time_now(CLOCK_MONOTONIC) < until);
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
        }
        sd_event_unref(event);
}

static bool reader_has_ended(void *userdata) {
        return !((Reader *) userdata)->fiber;
}

static bool somebody_reads(_unused_ void *userdata) {
        return fake_journal_count_open() > 0;
}

static bool nobody_reads(_unused_ void *userdata) {
        return fake_journal_count_open() == 0 && fake_journal_count_held() == 0;
}

static bool all_are_held(void *userdata) {
        return fake_journal_count_held() == *(unsigned *) userdata;
}

/* What it took. */
static usec_t read_lines(Reader *r) {
        const usec_t begin = time_now(CLOCK_MONOTONIC);

        assert_int_equal(fiber_start(&r->fiber, reader_main, r), 0);
        loop_until(reader_has_ended, r);
        return time_now(CLOCK_MONOTONIC) - begin;
}

static void test_whose(_unused_ void **state) {
        const usec_t now = time_now(CLOCK_MONOTONIC);
        READER system = { .since = now }, user = { .user = true, .since = now };

        fake_journal_add(FIELD, 0, "first");
        fake_journal_add("_SYSTEMD_UNIT=foot@1.service", 0, "somebody else");
        fake_journal_add(USER, geteuid(), "of a user");
        fake_journal_add(USER, geteuid() + 1, "of another user");
        fake_journal_add(FIELD, 1234, "second");
        read_lines(&system);
        assert_int_equal(system.r, 0);
        assert_int_equal(strv_length(system.lines), 2);
        assert_string_equal(system.lines[0], "first");
        assert_string_equal(system.lines[1], "second");
        read_lines(&user);
        assert_int_equal(user.r, 0);
        assert_int_equal(strv_length(user.lines), 1);
        assert_string_equal(user.lines[0], "of a user");
}

static void test_since(_unused_ void **state) {
        const usec_t now = time_now(CLOCK_MONOTONIC);
        READER r = { .since = now }, none = { .since = now + USEC_PER_SEC };

        fake_journal_add_at(FIELD, 0, "last boot", now + 5 * USEC_PER_SEC, false);
        fake_journal_add_at(FIELD, 0, "last run", now - 1, true);
        fake_journal_add_at(FIELD, 0, "this run", now, true);
        read_lines(&r);
        assert_int_equal(r.r, 0);
        assert_int_equal(strv_length(r.lines), 1);
        assert_string_equal(r.lines[0], "this run");
        assert_true(read_lines(&none) >= JOURNAL_WAIT_USEC);
        assert_int_equal(none.r, 0);
        assert_null(none.lines);
}

/* At most so many lines, of printable text, cut at a character. */
static void test_bounds(_unused_ void **state) {
        READER r = { .since = time_now(CLOCK_MONOTONIC) }, text = r;
        char longest[JOURNAL_LINE_SIZE_MAX + 100];

        for (unsigned i = 0; i < JOURNAL_LINES_MAX + 3; i++) {
                _cleanup_free_ char *line = strf("line %u", i);

                fake_journal_add(FIELD, 0, line);
        }
        read_lines(&r);
        assert_int_equal(strv_length(r.lines), JOURNAL_LINES_MAX);
        assert_string_equal(r.lines[0], "line 3");
        assert_string_equal(r.lines[JOURNAL_LINES_MAX - 1], "line 7");

        memset(longest, 'x', sizeof(longest));
        longest[sizeof(longest) - 1] = 0;
        memcpy(longest + JOURNAL_LINE_SIZE_MAX - 1, "é", strlen("é"));
        fake_journal_reset();
        fake_journal_add(FIELD, 0, "a\x1b[31m\nb\t\x7f");
        fake_journal_add(FIELD, 0, "bad \xff\xc3 é");
        fake_journal_add(FIELD, 0, longest);
        fake_journal_add(FIELD, 0, "");
        read_lines(&text);
        assert_int_equal(strv_length(text.lines), 4);
        assert_string_equal(text.lines[0], "a [31m b  ");
        assert_string_equal(text.lines[1], "bad ?? ??");
        assert_int_equal(strlen(text.lines[2]), JOURNAL_LINE_SIZE_MAX - 1);
        assert_string_equal(text.lines[3], "");
}

/* What arrives late is waited for, and once there are lines, no longer than they come. */
static void test_late(_unused_ void **state) {
        READER late = { .since = time_now(CLOCK_MONOTONIC) }, there = late;
        const usec_t begin = time_now(CLOCK_MONOTONIC);

        assert_int_equal(fiber_start(&late.fiber, reader_main, &late), 0);
        loop_until(somebody_reads, NULL);
        fake_journal_add(FIELD, 0, "late");
        loop_until(reader_has_ended, &late);
        assert_int_equal(late.r, 0);
        assert_int_equal(strv_length(late.lines), 1);
        assert_true(time_now(CLOCK_MONOTONIC) - begin < JOURNAL_WAIT_USEC);
        assert_true(read_lines(&there) < JOURNAL_WAIT_USEC);
        assert_int_equal(strv_length(there.lines), 1);
}

static void test_errors(_unused_ void **state) {
        READER r = { .since = time_now(CLOCK_MONOTONIC) }, odd = r;

        fake_journal_fail(-EACCES);
        read_lines(&r);
        assert_int_equal(r.r, -EACCES);
        assert_null(r.lines);
        fake_journal_fail(0);
        fake_journal_add(FIELD, 0, NULL);
        read_lines(&odd);
        assert_int_equal(odd.r, 0);
        assert_null(odd.lines);
}

/* Who leaves does not wait for the disk; what is read for nobody counts until it ends. */
static void test_leaving(_unused_ void **state) {
        Reader readers[JOURNAL_READERS_MAX] = {};
        READER more = {}, after = {};
        unsigned n = JOURNAL_READERS_MAX;

        fake_journal_hold(true);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(fiber_start(&readers[i].fiber, reader_main, &readers[i]), 0);
        loop_until(all_are_held, &n);
        read_lines(&more);
        assert_int_equal(more.r, -EBUSY);
        for (unsigned i = 0; i < n; i++) {
                fiber_cancel(readers[i].fiber);
                assert_null(readers[i].fiber);
                assert_int_equal(readers[i].r, -ECANCELED);
                assert_null(readers[i].lines);
        }
        fake_journal_add(FIELD, 0, "text");
        fake_journal_hold(false);
        loop_until(nobody_reads, NULL);
        read_lines(&after);
        while (after.r == -EBUSY) /* the last step of a thread is that it is not counted any more */
                read_lines(&after);
        assert_int_equal(after.r, 0);
        assert_int_equal(strv_length(after.lines), 1);
}

static int setup(_unused_ void **state) {
        fake_journal_reset();
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_whose, setup),
                cmocka_unit_test_setup(test_since, setup),
                cmocka_unit_test_setup(test_bounds, setup),
                cmocka_unit_test_setup(test_late, setup),
                cmocka_unit_test_setup(test_errors, setup),
                cmocka_unit_test_setup_teardown(test_leaving, setup, setup),
        };
        sd_event *event = NULL;
        int r;

        if (sd_event_default(&event) < 0)
                return 1;
        r = cmocka_run_group_tests(tests, NULL, setup);
        sd_event_unref(event);
        return r;
}
