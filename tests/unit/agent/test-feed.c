/* SPDX-License-Identifier: Apache-2.0 */
/* The feed and its readers: whatever a reader is told, in order, is the feed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/feed.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/fiber.h"

static void update_load(Feed *f, const char *name, const char *state, const char *load, bool pinned) {
        const UnitStatus status = { .name = (char *) name,
                .description = (char *) "",
                .load_state = (char *) load,
                .active_state = (char *) state,
                .sub_state = (char *) "",
                .path = (char *) "/",
                .freezer_state = (char *) "running" };

        assert_int_equal(feed_update(f, &status, pinned), 0);
}

static void update(Feed *f, const char *name, const char *state) {
        update_load(f, name, state, "loaded", false);
}

static void gone(Feed *f, const char *name) {
        update_load(f, name, "inactive", "not-found", false);
}

/* Takes the first look, in parts of max, as text: "name=state …". */
static char *take(FeedReader *reader, size_t max) {
        _cleanup_free_ UnitStatus *statuses = mem_new0(UnitStatus, max);
        char *text = strdup("");
        bool complete = false;
        int n;

        while (!complete) {
                n = feed_reader_take(reader, statuses, max, &complete);
                assert_true(n >= 0);
                for (int i = 0; i < n; i++) {
                        char *longer = strf("%s%s=%s ", text, statuses[i].name, statuses[i].active_state);

                        free(text);
                        text = longer;
                        unit_status_done(&statuses[i]);
                }
        }
        return text;
}

#define assert_take(reader, max, expected)                                                                             \
        do {                                                                                                           \
                _cleanup_free_ char *_text = take(reader, max);                                                        \
                assert_string_equal(_text, expected);                                                                  \
        } while (false)

/* A reader in a fiber of its own: follows the feed and writes down what it is told. */
typedef struct Follower {
        FeedReader *reader;
        Fiber *fiber;
        char *text;
        int result;
        unsigned max; /* changes; then it leaves */
} Follower;

static int follower_main(void *userdata) {
        static const char marks[] = { [FEED_ADDED] = '+', [FEED_CHANGED] = '~', [FEED_REMOVED] = '-' };
        Follower *f = userdata;

        f->result = feed_reader_ready_wait(f->reader);
        if (f->result >= 0)
                f->text = take(f->reader, 2);
        for (; f->result >= 0 && f->max > 0; f->max--) {
                FeedChange change;
                char *longer;

                f->result = feed_reader_next_wait(f->reader, &change);
                if (f->result < 0)
                        break;
                longer = strf("%s%c%s=%s ", f->text, marks[change.kind], change.status.name,
                                strempty(change.status.active_state));
                free(f->text);
                f->text = longer;
                unit_status_done(&change.status);
        }
        f->reader = feed_reader_free(f->reader);
        return 0;
}

static void follow(Feed *feed, Follower *f) {
        f->result = 1;
        if (f->max == 0)
                f->max = 1000;
        assert_int_equal(feed_reader_new(feed, &f->reader), 0);
        assert_int_equal(fiber_start(&f->fiber, follower_main, f), 0);
}

static void test_snapshot_and_changes(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        Follower f = {};

        assert_int_equal(feed_new(&feed), 0);
        update(feed, "a", "active");
        follow(feed, &f);
        /* Nothing is told before all is known. */
        assert_null(f.text);
        update(feed, "b", "inactive");
        update(feed, "a", "failed");
        assert_null(f.text);
        feed_set_synced(feed);
        assert_string_equal(f.text, "a=failed b=inactive ");
        update(feed, "a", "active");
        update(feed, "a", "active"); /* the same: not told */
        update(feed, "c", "active");
        gone(feed, "b");
        gone(feed, "b");
        gone(feed, "never-there");
        assert_string_equal(f.text, "a=failed b=inactive ~a=active +c=active -b= ");
        assert_int_equal(feed_count(feed), 2);
        assert_string_equal(feed_get(feed, "c")->active_state, "active");
        assert_null(feed_get(feed, "b"));
        feed_close(feed);
        assert_int_equal(f.result, -ESHUTDOWN);
        assert_null(f.fiber);
        free(f.text);
}

static void test_empty(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        Follower f = {};

        assert_int_equal(feed_new(&feed), 0);
        follow(feed, &f);
        feed_set_synced(feed);
        assert_string_equal(f.text, "");
        fiber_cancel(f.fiber);
        assert_int_equal(f.result, -ECANCELED);
        free(f.text);
}

static void test_pinned(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;

        assert_int_equal(feed_new(&feed), 0);
        update_load(feed, "a", "inactive", "not-found", true);
        assert_int_equal(feed_count(feed), 1);
        update_load(feed, "a", "active", "loaded", true);
        update_load(feed, "a", "inactive", "not-found", true);
        assert_string_equal(feed_get(feed, "a")->load_state, "not-found");
}

/* A reader that does not read is told the last state of each unit, once. */
static void test_coalescing(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        _cleanup_(feed_reader_freep) FeedReader *slow = NULL;
        Follower f = { .max = 4 };

        assert_int_equal(feed_new(&feed), 0);
        update(feed, "a", "active");
        update(feed, "b", "active");
        update(feed, "c", "active");
        feed_set_synced(feed);
        assert_int_equal(feed_reader_new(feed, &slow), 0);
        assert_take(slow, 10, "a=active b=active c=active ");
        for (unsigned i = 0; i < 1000; i++) {
                _cleanup_free_ char *text = strf("state-%u", i), *brief = strf("brief-%u", i);

                update(feed, "a", text);
                update(feed, "d", text);
                /* Came and went unseen: nothing is kept of it. */
                update(feed, brief, "active");
                gone(feed, brief);
        }
        gone(feed, "b");
        gone(feed, "c");
        update(feed, "c", "again");
        f.reader = TAKE_PTR(slow);
        assert_int_equal(fiber_start(&f.fiber, follower_main, &f), 0);
        /* The first look finds nothing new, since "a", told before, is first. */
        assert_string_equal(f.text, "~a=state-999 +d=state-999 -b= ~c=again ");
        assert_null(f.fiber);
        free(f.text);
}

/* A change during the first look comes after it, and a unit is in one part only. */
static void test_change_between_parts(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        _cleanup_(feed_reader_freep) FeedReader *reader = NULL;
        UnitStatus part[2] = {};
        bool complete = true;
        Follower f = { .max = 2 };

        assert_int_equal(feed_new(&feed), 0);
        feed_set_synced(feed);
        update(feed, "a", "1");
        update(feed, "b", "1");
        update(feed, "c", "1");
        update(feed, "d", "1");
        assert_int_equal(feed_reader_new(feed, &reader), 0);
        assert_int_equal(feed_reader_take(reader, part, 2, &complete), 2);
        assert_false(complete);
        assert_string_equal(part[0].name, "a");
        assert_string_equal(part[1].name, "b");
        unit_status_done(&part[0]);
        unit_status_done(&part[1]);
        update(feed, "a", "2"); /* told already */
        update(feed, "c", "2"); /* to be told */
        gone(feed, "b");        /* told already */
        gone(feed, "d");        /* to be told */
        assert_take(reader, 2, "c=2 ");
        f.reader = TAKE_PTR(reader);
        assert_int_equal(fiber_start(&f.fiber, follower_main, &f), 0);
        assert_string_equal(f.text, "~a=2 -b= ");
        free(f.text);
}

/* One reader that leaves because of what it is told does not disturb the others. */
static void test_leaving_while_told(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        Follower f[5] = { {}, { .max = 1 }, { .max = 1 }, {}, { .max = 1 } };

        assert_int_equal(feed_new(&feed), 0);
        feed_set_synced(feed);
        for (size_t i = 0; i < ELEMENTSOF(f); i++)
                follow(feed, &f[i]);
        update(feed, "a", "1");
        update(feed, "a", "2");
        for (size_t i = 0; i < ELEMENTSOF(f); i++)
                assert_string_equal(f[i].text, f[i].max > 0 ? "+a=1 ~a=2 " : "+a=1 ");
        feed_close(feed);
        for (size_t i = 0; i < ELEMENTSOF(f); i++) {
                assert_null(f[i].fiber);
                free(f[i].text);
        }
        assert_int_equal(fiber_count(), 0);
}

static void test_limit(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;

        assert_int_equal(feed_new(&feed), 0);
        for (unsigned i = 0; i < FEED_UNITS_MAX + 10; i++) {
                _cleanup_free_ char *name = strf("unit-%u", i);

                update(feed, name, "active");
        }
        assert_int_equal(feed_count(feed), FEED_UNITS_MAX);
        /* Known ones still change and leave. */
        update(feed, "unit-1", "failed");
        assert_string_equal(feed_get(feed, "unit-1")->active_state, "failed");
        gone(feed, "unit-1");
        update(feed, "another", "active");
        assert_non_null(feed_get(feed, "another"));
}

static void test_closed(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        Follower f = {};

        assert_int_equal(feed_new(&feed), 0);
        feed_close(feed);
        follow(feed, &f);
        assert_int_equal(f.result, -ESHUTDOWN);
}

typedef struct Sleeper {
        Feed *feed;
        usec_t deadline;
        Fiber *fiber;
        int result;
} Sleeper;

static int sleeper_main(void *userdata) {
        _cleanup_(feed_reader_freep) FeedReader *reader = NULL;
        Sleeper *s = userdata;

        assert_int_equal(feed_reader_new(s->feed, &reader), 0);
        s->result = feed_reader_sleep_wait(reader, s->deadline);
        return 0;
}

/* Changes do not wake it, the deadline, the end of the feed and a cancellation do. */
static void test_sleep(_unused_ void **state) {
        _cleanup_(feed_freep) Feed *feed = NULL;
        const usec_t now = time_now(CLOCK_MONOTONIC);
        Sleeper past, short_, long_, canceled;
        sd_event *event = NULL;

        assert_true(sd_event_default(&event) >= 0);
        assert_int_equal(feed_new(&feed), 0);
        past = (Sleeper){ feed, now, .result = 1 };
        short_ = (Sleeper){ feed, now + 50 * USEC_PER_MSEC, .result = 1 };
        long_ = canceled = (Sleeper){ feed, USEC_INFINITY, .result = 1 };
        assert_int_equal(fiber_start(&past.fiber, sleeper_main, &past), 0);
        assert_int_equal(fiber_start(&short_.fiber, sleeper_main, &short_), 0);
        assert_int_equal(fiber_start(&long_.fiber, sleeper_main, &long_), 0);
        assert_int_equal(fiber_start(&canceled.fiber, sleeper_main, &canceled), 0);
        update(feed, "a", "1");
        update(feed, "b", "1");
        fiber_cancel(canceled.fiber);
        assert_int_equal(canceled.result, -ECANCELED);
        while (past.fiber || short_.fiber)
                assert_true(sd_event_run(event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(past.result, 0);
        assert_int_equal(short_.result, 0);
        assert_true(time_now(CLOCK_MONOTONIC) >= short_.deadline);
        assert_non_null(long_.fiber);
        feed_close(feed);
        assert_null(long_.fiber);
        assert_int_equal(long_.result, -ESHUTDOWN);
        sd_event_unref(event);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_snapshot_and_changes),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_pinned),
                cmocka_unit_test(test_coalescing),
                cmocka_unit_test(test_change_between_parts),
                cmocka_unit_test(test_leaving_while_told),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_closed),
                cmocka_unit_test(test_sleep),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
