/* SPDX-License-Identifier: Apache-2.0 */
/* Policies from a repository: how git is run and ended, and what of its answer is taken. git is the test itself, behind
 * a manager that exists only here. */
#include "unit/bus/fixture.h"

#include <fcntl.h>
#include <signal.h>

#include "admin/policy-source.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/strv.h"

static char *vms[] = { (char *) "app-vm", NULL };
static ConfigPolicy items[] = { { .name = (char *) "proxy", .vms = vms }, { .name = (char *) "other", .vms = vms } };
static const ConfigPolicies config = {
        .source = POLICY_SOURCE_GIT_URL,
        .url = (char *) "git://h/r",
        .ref = (char *) "refs/heads/main",
        .policies = items,
        .n_policies = ELEMENTSOF(items),
};

typedef struct Work {
        Fixture *fixture;
        Policies policies;
        char store[32];
        unsigned n_changes;
} Work;

static void on_change(void *userdata) {
        Work *w = userdata;

        w->n_changes++;
}

static void work_init(Fixture *f, Work *w) {
        *w = (Work){ .fixture = f, .store = "/tmp/givc-policies-XXXXXX" };
        assert_non_null(mkdtemp(w->store));
        assert_int_equal(policies_init(&w->policies, &config, w->store, on_change, w), 0);
        assert_int_equal(policy_sources_start(&w->policies, f->bus), 0);
}

static void work_done(Work *w) {
        _cleanup_free_ char *command = strf("rm -r %s", w->store);

        policy_sources_stop(&w->policies);
        turn_until_quiet(w->fixture);
        policies_done(&w->policies);
        assert_int_equal(system(command), 0);
}

static FakeUnit *git(Work *w) {
        return fake_systemd_find_by_prefix(w->fixture->fake, "givc-policies-");
}

/* Then nobody knows it any more. */
static void answer(Work *w, const char *out, const char *err, int status) {
        FakeUnit *u;

        TURN_UNTIL(w->fixture, git(w) && streq(git(w)->active_state, "active"));
        u = git(w);
        assert_int_equal(fd_write_all(u->stdio[1], out, strlen(out)), 0);
        assert_int_equal(fd_write_all(u->stdio[2], err, strlen(err)), 0);
        for (size_t i = 0; i < 3; i++)
                u->stdio[i] = fd_close(u->stdio[i]);
        turn_until_quiet(w->fixture);
        fake_unit_exit(w->fixture->fake, u->name, status);
        TURN_UNTIL(w->fixture, !git(w));
}

static bool is(const Work *w, size_t i, const char *text) {
        const PolicyContent *c = w->policies.items[i].content;

        return text ? c && c->size == strlen(text) && memcmp(c->data, text, c->size) == 0 : !c;
}

static const char *reason(const Work *w) {
        return strempty(w->policies.sources[0].reason);
}

static void test_fetch(void **state) {
        static const char *const words[] = { "sh", "-c", NULL, "givc-policies", "git://h/r", "refs/heads/main", NULL,
                "vm-policies/proxy/", "vm-policies/other/" };
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        for (int round = 0; round < 2; round++) {
                TURN_UNTIL(f, git(&w));
                assert_true(git(&w)->n_walls > 20 && git(&w)->collect);
                assert_true(git(&w)->tasks_max > 0 && git(&w)->memory_max > 0);
                assert_int_equal(git(&w)->runtime_max_usec, POLICY_FETCH_USEC);
                assert_true(strv_contains(git(&w)->environment, "GIT_ALLOW_PROTOCOL=http:https:git"));
                assert_int_equal(strv_length(git(&w)->argv), ELEMENTSOF(words));
                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        if (words[i])
                                assert_string_equal(git(&w)->argv[i], words[i]);
                assert_string_equal(git(&w)->argv[6], round ? "abc" : "none");
                answer(&w, round ? "abc\n" : "abc\nblob 3 100644 vm-policies/proxy/p.conf\none\n", "", 0);
                TURN_UNTIL(f, is(&w, 0, "one") && is(&w, 1, NULL) && w.n_changes == 1);
                assert_string_equal(w.policies.items[0].file, "p.conf");
                assert_string_equal(reason(&w), "");
                policy_sources_poll(&w.policies);
        }
        work_done(&w);
}

#define ONE   "blob 3 100644 vm-policies/proxy/p\none\n"
#define OTHER "blob 2 100644 vm-policies/other/o\nhi\n"

/* What is no good changes nothing, but for the policies that are good; it is asked for again as a whole. */
static void test_no_good(void **state) {
        static const struct {
                const char *out, *err, *reason;
                int status;
                bool other;
        } rows[] = {
                { "", "x\nfatal: no \033[2Jhost\n\n", "'git://h/r': git: fatal: no ?[2Jhost.", 1, false },
                { "", "", "'git://h/r': git: exit-code, status 3.", 3, false },
                { "", "", "'git://h/r': git has said something else than a list of files.", 0, false },
                { "abc\nblob 3 100644 vm-policies/proxy/p\non", "",
                                "'git://h/r': git has said something else than a list of files.", 0, false },
                { "abc\n" ONE "blob 3 100644 vm-policies/proxy/q\ntwo\n" OTHER, "",
                                "'vm-policies/proxy' has more than one file.", 0, true },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Work w;

                work_init(f, &w);
                answer(&w, rows[i].out, rows[i].err, rows[i].status);
                TURN_UNTIL(f, *reason(&w));
                assert_string_equal(reason(&w), rows[i].reason);
                assert_true(is(&w, 0, NULL) && is(&w, 1, rows[i].other ? "hi" : NULL));
                assert_int_equal(policy_sources_failing(&w.policies), 2);
                policy_sources_poll(&w.policies);
                TURN_UNTIL(f, git(&w));
                assert_string_equal(git(&w)->argv[6], "none");
                answer(&w, "abc\n" ONE, "", 0);
                TURN_UNTIL(f, is(&w, 0, "one") && policy_sources_failing(&w.policies) == 0);
                work_done(&w);
        }
}

/* Files elsewhere, below, or that are none, are nobody's. */
static void test_other_files(void **state) {
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        answer(&w,
                        "abc\nblob 1 100644 vm-policies/proxy/sub/p\nx\nblob 1 120000 vm-policies/proxy/link\nx\n"
                        "blob 1 100644 proxy/p\nx\nblob 1 100644 vm-policies/proxy2/p\nx\n" OTHER,
                        "", 0);
        TURN_UNTIL(f, is(&w, 1, "hi"));
        assert_true(is(&w, 0, NULL));
        work_done(&w);
}

/* It is ended as soon as it is too much. */
static void test_too_much(void **state) {
        static char chunk[65536];
        Fixture *f = *state;
        FakeUnit *u;
        Work w;

        work_init(f, &w);
        TURN_UNTIL(f, git(&w) && streq(git(&w)->active_state, "active"));
        u = git(&w);
        assert_int_equal(fcntl(u->stdio[1], F_SETFL, O_NONBLOCK), 0);
        while (!*reason(&w)) {
                (void) !write(u->stdio[1], chunk, sizeof(chunk));
                assert_true(sd_event_run(f->event, 0) >= 0);
        }
        assert_string_equal(reason(&w), "'git://h/r': git has more to say than it may.");
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StopUnit") == 1);
        work_done(&w);
}

static void test_stop_while_it_runs(void **state) {
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        TURN_UNTIL(f, git(&w) && streq(git(&w)->active_state, "active"));
        work_done(&w);
        assert_int_equal(fake_systemd_count_calls(f->fake, "StopUnit"), 1);
}

/* The connection to the manager is lost in the middle of it, and comes back. */
static void test_manager_away(void **state) {
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        TURN_UNTIL(f, git(&w) && streq(git(&w)->active_state, "active"));
        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, !bus_is_connected(f->bus));
        TURN_UNTIL(f, bus_is_connected(f->bus));
        answer(&w, "abc\n" ONE, "", 0);
        TURN_UNTIL(f, is(&w, 0, "one"));
        work_done(&w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup_listening, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_fetch),
                TEST(test_no_good),
                TEST(test_other_files),
                TEST(test_too_much),
                TEST(test_stop_while_it_runs),
                TEST(test_manager_away),
        };

        log_set_level(LOG_CRIT);
        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("admin-policy-git", tests, NULL, NULL);
}
