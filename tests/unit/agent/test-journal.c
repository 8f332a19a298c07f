/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the journal: last words of one unit; which entries of which units, from where, in what words; what comes
 * later; who leaves. The journals are real files. */
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-messages.h>

#include "agent/journal.h"
#include "agent/journal-tail.h"
#include "base/strv.h"
#include "unit/agent/written.h"

#define UNIT  "foot@0.service"
#define FIELD "_SYSTEMD_UNIT=" UNIT
#define USER  "_SYSTEMD_USER_UNIT=" UNIT
#define PID   4711
#define ENDED "_PID=1\nUNIT=" UNIT "\nMESSAGE_ID=" SD_MESSAGE_UNIT_FAILURE_RESULT_STR

static sd_event *event;

static void loop_until(bool (*reached)(void *userdata), void *userdata) {
        const usec_t until = time_now(CLOCK_MONOTONIC) + WORLD_USEC;

        while (!reached(userdata)) {
                assert_true(time_now(CLOCK_MONOTONIC) < until);
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
        }
}

static bool nobody_reads(_unused_ void *userdata) {
        return journal_count_readers() == 0;
}

typedef struct Tail {
        bool user;
        usec_t since;
        int r;
        char **lines;
        Fiber *fiber;
} Tail;

static void tail_done(Tail *r) {
        strv_free(r->lines);
}
#define TAIL _cleanup_(tail_done) Tail

static int tail_main(void *userdata) {
        Tail *r = userdata;

        r->r = journal_tail_wait(UNIT, r->user, PID, r->since, &r->lines);
        return 0;
}

static bool tail_has_ended(void *userdata) {
        return !((Tail *) userdata)->fiber;
}

/* What it took. */
static usec_t read_tail(Tail *r) {
        const usec_t begin = time_now(CLOCK_MONOTONIC);

        assert_int_equal(fiber_start(&r->fiber, tail_main, r), 0);
        loop_until(tail_has_ended, r);
        return time_now(CLOCK_MONOTONIC) - begin;
}

static void test_tail_whose(_unused_ void **state) {
        const usec_t now = time_now(CLOCK_REALTIME);
        _cleanup_free_ char *mine = strf(USER "\n_UID=%u", geteuid());
        _cleanup_free_ char *other = strf(USER "\n_UID=%u", geteuid() + 1);
        TAIL system = { .since = now }, user = { .user = true, .since = now };

        written_add(FIELD, "first");
        written_add("_SYSTEMD_UNIT=foot@1.service", "somebody else");
        written_add("_PID=1\nUNIT=" UNIT, "of the manager");
        written_add(mine, "of a user");
        written_add(other, "of another user");
        written_add(FIELD "\n_UID=1234", "second");
        read_tail(&system);
        assert_int_equal(system.r, 0);
        assert_int_equal(strv_length(system.lines), 2);
        assert_string_equal(system.lines[0], "first");
        assert_string_equal(system.lines[1], "second");
        read_tail(&user);
        assert_int_equal(user.r, 0);
        assert_int_equal(strv_length(user.lines), 1);
        assert_string_equal(user.lines[0], "of a user");
}

/* Whose unit the journal does not know any more is known by its process. */
static void test_tail_buried(_unused_ void **state) {
        const usec_t now = time_now(CLOCK_REALTIME);
        _cleanup_free_ char *mine = strf("_PID=%u\n_UID=%u", PID, geteuid());
        _cleanup_free_ char *other = strf("_PID=%u\n_UID=%u", PID, geteuid() + 1);
        _cleanup_free_ char *elsewhere = strf("%s\n_SYSTEMD_USER_UNIT=foot@1.service\n_SYSTEMD_UNIT=x.service", mine);
        _cleanup_free_ char *stranger = strf("_PID=%u\n_UID=%u", PID + 1, geteuid());
        TAIL system = { .since = now }, user = { .user = true, .since = now };

        written_add_at(mine, "whoever had the number before", now - 1);
        written_add(stranger, "a stranger");
        written_add(elsewhere, "of another unit");
        written_add(other, "of another user");
        written_add(mine, "of nobody");
        read_tail(&user);
        assert_int_equal(user.r, 0);
        assert_int_equal(strv_length(user.lines), 1);
        assert_string_equal(user.lines[0], "of nobody");
        read_tail(&system);
        assert_int_equal(system.r, 0);
        assert_int_equal(strv_length(system.lines), 2);
}

static void test_tail_since(_unused_ void **state) {
        const usec_t now = time_now(CLOCK_REALTIME);
        TAIL r = { .since = now }, none = { .since = now + USEC_PER_SEC };

        written_add_at(FIELD, "last run", now - 1);
        written_add_at(FIELD, "this run", now);
        read_tail(&r);
        assert_int_equal(r.r, 0);
        assert_int_equal(strv_length(r.lines), 1);
        assert_string_equal(r.lines[0], "this run");
        assert_true(read_tail(&none) >= JOURNAL_WAIT_USEC);
        assert_int_equal(none.r, 0);
        assert_null(none.lines);
}

/* At most so many lines, of printable text, cut at a character. */
static void test_tail_bounds(_unused_ void **state) {
        TAIL r = { .since = 1 }, text = r;
        char longest[JOURNAL_LINE_SIZE_MAX + 100];
        FILE *f = written_open("one");

        for (unsigned i = 0; i < JOURNAL_LINES_MAX + 3; i++) {
                _cleanup_free_ char *line = strf("line %u", i);

                written_put(f, 0, FIELD, line, strlen(line));
        }
        written_close(f);
        read_tail(&r);
        assert_int_equal(strv_length(r.lines), JOURNAL_LINES_MAX);
        assert_string_equal(r.lines[0], "line 3");
        assert_string_equal(r.lines[JOURNAL_LINES_MAX - 1], "line 7");

        memset(longest, 'x', sizeof(longest));
        longest[sizeof(longest) - 1] = 0;
        memcpy(longest + JOURNAL_LINE_SIZE_MAX - 1, "é", strlen("é"));
        written_add(FIELD, "1");
        written_add(FIELD, "a\x1b[31m\nb\t\x7f");
        written_add(FIELD, "bad \xff\xc3 é");
        written_add(FIELD, longest);
        written_add(FIELD, "5");
        read_tail(&text);
        assert_int_equal(strv_length(text.lines), 5);
        assert_string_equal(text.lines[1], "a [31m b  ");
        assert_string_equal(text.lines[2], "bad ?? é");
        assert_int_equal(strlen(text.lines[3]), JOURNAL_LINE_SIZE_MAX - 1);
}

typedef struct Reading {
        JournalQuery query;
        Journal *journal;
        bool slow;    /* reads no more than the first */
        int r;        /* of the end, or 1 */
        char **lines; /* "UNIT: MESSAGE" */
        JournalEntry last;
        Fiber *fiber;
} Reading;

static void reading_done(Reading *r) {
        fiber_cancel(r->fiber);
        strv_free(r->lines);
        journal_entry_done(&r->last);
}
#define READING _cleanup_(reading_done) Reading

static int reading_main(void *userdata) {
        _cleanup_(journal_freep) Journal *journal = NULL;
        Reading *r = userdata;
        Promise never = {};

        r->r = journal_new(&r->query, &journal);
        while (r->r >= 0) {
                _cleanup_free_ char *line = NULL;
                JournalEntry e;

                r->r = journal_next_wait(journal, USEC_INFINITY, &e);
                if (r->r <= 0)
                        break;
                line = strf("%s: %s", e.unit, e.message);
                check(line && strv_extend(&r->lines, line) == 0);
                journal_entry_done(&r->last);
                r->last = e;
                if (r->slow)
                        r->r = promise_wait(&never);
        }
        return 0;
}

static bool reading_has_ended(void *userdata) {
        return !((Reading *) userdata)->fiber;
}

static void reading_start(Reading *r) {
        assert_int_equal(fiber_start(&r->fiber, reading_main, r), 0);
}

static void reading_run(Reading *r) {
        reading_start(r);
        loop_until(reading_has_ended, r);
}

typedef struct Count {
        const Reading *reading;
        size_t n;
} Count;

static bool has_lines(void *userdata) {
        const Count *c = userdata;

        return strv_length(c->reading->lines) >= c->n;
}

static void reading_wait_for(Reading *r, size_t n) {
        loop_until(has_lines, &(Count){ r, n });
        assert_int_equal(strv_length(r->lines), n);
}

/* The lines, NULL-terminated. */
static void assert_lines(const Reading *r, const char *const *lines) {
        size_t n = 0;

        for (; lines[n]; n++) {
                assert_true(n < strv_length(r->lines));
                assert_string_equal(r->lines[n], lines[n]);
        }
        assert_int_equal(strv_length(r->lines), n);
}
#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char *one_unit[] = { (char *) "a.service", NULL };
static char *all_units[] = { (char *) "a.service", (char *) "b.service", (char *) "foot", NULL };

static char *other_unit[] = { (char *) "other.service", NULL };

static bool journal_has_begun(_unused_ void *userdata) {
        READING r = { .query = { .names = other_unit } };

        reading_run(&r);
        return r.lines;
}

/* There are so many lines: how long it takes at least to read them. */
static usec_t read_tails(unsigned n_times, bool user, size_t n_lines) {
        usec_t least = USEC_INFINITY;

        for (unsigned i = 0; i < n_times; i++) {
                TAIL r = { .user = user, .since = 1 };
                const usec_t took = read_tail(&r);

                least = MIN(least, took);
                assert_int_equal(r.r, 0);
                assert_int_equal(strv_length(r.lines), n_lines);
        }
        return least;
}

/* What arrives late is waited for, and once the manager has said that the unit has failed, no longer than it comes. */
static void test_tail_late(_unused_ void **state) {
        TAIL late = { .since = 1 };
        FILE *f = written_open("one");

        written_put(f, 0, "_SYSTEMD_UNIT=other.service", "so", 2);
        (void) fflush(f);
        loop_until(journal_has_begun, NULL);
        assert_int_equal(fiber_start(&late.fiber, tail_main, &late), 0);
        written_put(f, 0, FIELD, "late", strlen("late"));
        written_put(f, 0, ENDED, "Failed", strlen("Failed"));
        written_put(f, 0, FIELD, "later", strlen("later"));
        (void) fflush(f);
        loop_until(tail_has_ended, &late);
        written_close(f);
        assert_int_equal(late.r, 0);
        assert_int_equal(strv_length(late.lines), 2);
        assert_string_equal(late.lines[1], "later");
        assert_true(read_tails(5, false, 2) < JOURNAL_WAIT_USEC);
}

/* Who is not the manager keeps no program from having its say, and one that has nothing to say is not waited for. */
static void test_tail_ended(_unused_ void **state) {
        _cleanup_free_ char *user = strf(
                        "_UID=%u\nUSER_UNIT=" UNIT "\nMESSAGE_ID=%s", geteuid(), SD_MESSAGE_UNIT_FAILURE_RESULT_STR);
        _cleanup_free_ char *liar = strf("_UID=%u\nUSER_UNIT=" UNIT "\nMESSAGE_ID=%s", geteuid() + 1,
                        SD_MESSAGE_UNIT_FAILURE_RESULT_STR);

        written_add(FIELD "\nMESSAGE_ID=" SD_MESSAGE_UNIT_FAILURE_RESULT_STR, "I have failed");
        written_add("_PID=77\nUNIT=" UNIT "\nMESSAGE_ID=" SD_MESSAGE_UNIT_FAILURE_RESULT_STR, "so it says");
        written_add("_PID=1\nUNIT=" UNIT, "Main process exited");
        written_add(liar, "Failed");
        assert_true(read_tails(1, false, 1) >= JOURNAL_WAIT_USEC);
        assert_true(read_tails(1, true, 0) >= JOURNAL_WAIT_USEC);
        written_add(ENDED, "Failed");
        written_add(user, "Failed");
        assert_true(read_tails(5, false, 1) < JOURNAL_WAIT_USEC);
        assert_true(read_tails(5, true, 0) < JOURNAL_WAIT_USEC);
}

static void write_some_at(usec_t base) {
        FILE *f = written_open("one");

        written_put(f, base + 1000, "_SYSTEMD_UNIT=a.service\nPRIORITY=3\n_PID=77\n_COMM=a-comm", "one", 3);
        written_put(f, base + 2000, "_SYSTEMD_UNIT=b.service", "two", 3);
        written_put(f, base + 3000, "_SYSTEMD_UNIT=secret.service", "never", 5);
        written_put(f, base + 4000, "_SYSTEMD_UNIT=init.scope\n_PID=1\nUNIT=a.service", "Started A.", 10);
        written_put(f, base + 5000, "_SYSTEMD_UNIT=secret.service\n_PID=99\nUNIT=a.service", "a lie", 5);
        written_put(f, base + 6000, "_SYSTEMD_UNIT=foot@12.service\nSYSLOG_IDENTIFIER=foot\n_COMM=sh", "three", 5);
        written_put(f, base + 7000, "_SYSTEMD_UNIT=foot@x.service", "no instance", 11);
        written_put(f, base + 8000, "_UID=0\nCOREDUMP_UNIT=foot@12.service\nPRIORITY=2", "dumped core", 11);
        written_put(f, base + 8500, "_UID=7\nCOREDUMP_UNIT=foot@12.service", "a lie, too", 10);
        written_put(f, base + 9000, "_SYSTEMD_UNIT=a.service\nPRIORITY=9\n_PID=x", "four", 4);
        written_put(f, base + 9500, "_SYSTEMD_UNIT=a.service", NULL, 0);
        written_close(f);
}

static void write_some(void) {
        write_some_at(0);
}

static void test_one_unit(_unused_ void **state) {
        READING all = { .query = { .names = one_unit } };

        write_some();
        reading_run(&all);
        assert_int_equal(all.r, 0);
        assert_lines(&all, LINES("a.service: one", "a.service: Started A.", "a.service: four"));
        assert_int_equal(all.last.usec, 9000);
        assert_int_equal(all.last.priority, LOG_INFO);
        assert_int_equal(all.last.pid, 0);
        assert_null(all.last.identifier);
        assert_non_null(all.last.cursor);
}

static void test_all_units(_unused_ void **state) {
        READING all = { .query = { .names = all_units, .instances = true } };
        READING app = { .query = { .names = all_units + 2, .instances = true, .has_n_lines = true, .n_lines = 1 } };

        write_some();
        reading_run(&all);
        assert_int_equal(all.r, 0);
        assert_lines(&all,
                        LINES("a.service: one", "b.service: two", "a.service: Started A.", "foot@12.service: three",
                                        "foot@12.service: dumped core", "a.service: four"));
        reading_run(&app);
        assert_lines(&app, LINES("foot@12.service: dumped core"));
        assert_int_equal(app.last.priority, LOG_CRIT);
}

static void test_from_where(_unused_ void **state) {
        READING last = { .query = { .names = all_units, .instances = true, .has_n_lines = true, .n_lines = 2 } };
        READING more = { .query = { .names = one_unit, .has_n_lines = true, .n_lines = 100 } };
        READING none = { .query = { .names = one_unit, .has_n_lines = true } };
        READING since = { .query = { .names = one_unit, .since_usec = 3500 } };
        READING both = { .query = { .names = one_unit, .since_usec = 3500, .has_n_lines = true, .n_lines = 100 } };
        READING later = { .query = { .names = one_unit, .since_usec = 9001 } };
        READING after = { .query = { .names = one_unit } };
        READING counted = { .query = { .names = one_unit, .has_n_lines = true, .n_lines = 5 } };
        READING nothing = { .query = { .names = one_unit } };
        READING nonsense = { .query = { .names = one_unit, .after = (char *) "nonsense" } };
        READING endless = { .query = { .names = one_unit } }; /* sd-journal would go through it for each entry */
        enum { PADDING = 1 << 20 };
        _cleanup_free_ char *padding = mem_new0(char, PADDING + 1), *padded = NULL;

        write_some();
        reading_run(&last);
        assert_lines(&last, LINES("foot@12.service: dumped core", "a.service: four"));
        reading_run(&more);
        assert_int_equal(strv_length(more.lines), 3);
        reading_run(&none);
        assert_int_equal(none.r, 0);
        assert_null(none.lines);
        reading_run(&since);
        assert_lines(&since, LINES("a.service: Started A.", "a.service: four"));
        reading_run(&both);
        assert_lines(&both, LINES("a.service: Started A.", "a.service: four"));
        reading_run(&later);
        assert_int_equal(later.r, 0);
        assert_null(later.lines);
        after.query.after = counted.query.after = last.last.cursor;
        write_some_at(10000);
        reading_run(&after);
        assert_lines(&after, LINES("a.service: one", "a.service: Started A.", "a.service: four"));
        reading_run(&counted);
        assert_int_equal(strv_length(counted.lines), 3);
        nothing.query.after = after.last.cursor;
        reading_run(&nothing);
        assert_int_equal(nothing.r, 0);
        assert_null(nothing.lines);
        reading_run(&nonsense);
        assert_int_equal(nonsense.r, -EINVAL);
        assert_non_null(padding);
        memset(padding, 'x', PADDING);
        padded = strf("%s;z=%s", after.last.cursor, padding);
        assert_non_null(padded);
        endless.query.after = padded;
        reading_run(&endless);
        assert_int_equal(endless.r, -EINVAL);
}

/* Bytes of all kinds, and long ones. */
static void test_messages(_unused_ void **state) {
        READING text = { .query = { .names = one_unit } }, cut = text;
        static char message[JOURNAL_MESSAGE_MAX + 10];
        FILE *f = written_open("one");

        written_put(f, 0, "_SYSTEMD_UNIT=a.service", "a\0b\xff\n\x1b[1mé", 11);
        written_close(f);
        reading_run(&text);
        assert_lines(&text, LINES("a.service: a?b?\n\x1b[1mé"));
        assert_false(text.last.cut);
        memset(message, 'x', sizeof(message));
        memcpy(message + JOURNAL_MESSAGE_MAX - 1, "é", strlen("é"));
        f = written_open("one");
        written_put(f, 0, "_SYSTEMD_UNIT=a.service", message, sizeof(message));
        written_close(f);
        reading_run(&cut);
        assert_true(cut.last.cut);
        assert_int_equal(strlen(cut.last.message), JOURNAL_MESSAGE_MAX - 1);
}

/* More than one batch, and all in order. */
static void test_many(_unused_ void **state) {
        READING r = { .query = { .names = one_unit, .has_n_lines = true, .n_lines = 2000 } };
        FILE *f = written_open("one");

        for (unsigned i = 0; i < 3000; i++) {
                _cleanup_free_ char *line = strf("line %u", i);

                written_put(f, 0, i % 3 ? "_SYSTEMD_UNIT=a.service" : "_SYSTEMD_UNIT=b.service", line, strlen(line));
        }
        written_close(f);
        reading_run(&r);
        assert_int_equal(r.r, 0);
        assert_int_equal(strv_length(r.lines), 2000);
        for (unsigned i = 0; i < 2000; i++) {
                _cleanup_free_ char *line = strf("a.service: line %u", i / 2 * 3 + 1 + i % 2);

                assert_string_equal(r.lines[i], line);
        }
}

/* What is there, and what comes, each once; also of an instance that nobody knew, and in a new file. */
static void test_follow(_unused_ void **state) {
        READING all = {
                .query = { .names = all_units, .instances = true, .follow = true, .has_n_lines = true, .n_lines = 1 }
        };
        READING one = { .query = { .names = one_unit, .follow = true, .has_n_lines = true } };
        FILE *f;

        write_some();
        reading_start(&all);
        reading_start(&one);
        reading_wait_for(&all, 1);
        written_add("_SYSTEMD_UNIT=foot@13.service", "five");
        reading_wait_for(&all, 2);
        written_add("_SYSTEMD_UNIT=secret.service", "never");
        f = written_open("two"); /* as after a rotation */
        written_put(f, 0, "_SYSTEMD_UNIT=a.service", "six", 3);
        written_close(f);
        reading_wait_for(&all, 3);
        reading_wait_for(&one, 1);
        assert_lines(&all, LINES("a.service: four", "foot@13.service: five", "a.service: six"));
        assert_lines(&one, LINES("a.service: six"));
        fiber_cancel(all.fiber);
        assert_null(all.fiber);
        assert_int_equal(all.r, -ECANCELED);
        journal_shutdown();
        assert_null(one.fiber);
        assert_int_equal(one.r, -ESHUTDOWN);
        loop_until(nobody_reads, NULL);
}

/* Into a journal of which there is only the directory. */
static void test_follow_from_nothing(_unused_ void **state) {
        READING r = { .query = { .names = one_unit, .follow = true } };
        READING none = { .query = { .names = one_unit } };

        reading_run(&none);
        assert_int_equal(none.r, -ENOENT);
        written_add("_SYSTEMD_UNIT=other.service", "there is a journal");
        reading_start(&r);
        written_add("_SYSTEMD_UNIT=a.service", "one");
        reading_wait_for(&r, 1);
        written_add("_SYSTEMD_UNIT=a.service", "two");
        reading_wait_for(&r, 2);
        assert_lines(&r, LINES("a.service: one", "a.service: two"));
}

static void test_unreadable(_unused_ void **state) {
        READING r = { .query = { .names = one_unit } };
        _cleanup_free_ char *file = strf("%s/one.journal", written_directory);
        const uid_t before = geteuid();

        write_some();
        assert_int_equal(chmod(written_directory, 0755), 0);
        assert_int_equal(chmod(file, 0), 0);
        if (before == 0)
                assert_int_equal(seteuid(65534), 0);
        reading_run(&r);
        assert_int_equal(seteuid(before), 0);
        assert_int_equal(r.r, -EACCES);
}

/* Only so many read, who leaves is not waited for, and last words are heard all the same. */
static void test_leaving(_unused_ void **state) {
        static Reading readers[JOURNAL_READERS_MAX];
        READING more = { .query = { .names = one_unit } };
        TAIL tail = { .since = 1 };

        write_some();
        written_add(FIELD, "last words");
        for (unsigned i = 0; i < JOURNAL_READERS_MAX; i++) {
                readers[i] = (Reading){ .query = { .names = one_unit, .follow = true }, .slow = i % 2 };
                reading_start(&readers[i]);
        }
        assert_int_equal(journal_count_readers(), JOURNAL_READERS_MAX);
        reading_run(&more);
        assert_int_equal(more.r, -EBUSY);
        read_tail(&tail);
        assert_int_equal(tail.r, 0);
        assert_int_equal(strv_length(tail.lines), 1);
        for (unsigned i = 0; i < JOURNAL_READERS_MAX; i++) {
                if (i % 3)
                        reading_wait_for(&readers[i], i % 2 ? 1 : 3);
                reading_done(&readers[i]);
                assert_null(readers[i].fiber);
        }
        loop_until(nobody_reads, NULL);
        reading_run(&more);
        assert_int_equal(more.r, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, written_setup, written_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_tail_whose),
                TEST(test_tail_buried),
                TEST(test_tail_since),
                TEST(test_tail_bounds),
                TEST(test_tail_late),
                TEST(test_tail_ended),
                TEST(test_one_unit),
                TEST(test_all_units),
                TEST(test_from_where),
                TEST(test_messages),
                TEST(test_many),
                TEST(test_follow),
                TEST(test_follow_from_nothing),
                TEST(test_unreadable),
                TEST(test_leaving),
        };
        int r;

        if (sd_event_default(&event) < 0)
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        sd_event_unref(event);
        return r;
}
