/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs: who is meant, how many words, and the exit status of a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/verbs.h"

static void test_find(void **state) {
        (void) state;
        assert_string_equal(verb_find(NULL)->name, "list");
        assert_string_equal(verb_find("pause")->name, "pause");
        assert_null(verb_find("paus"));
        assert_null(verb_find(""));
}

static void test_suggest(void **state) {
        static const struct {
                const char *said, *meant;
        } rows[] = {
                { "lsit", "list" },
                { "strat", "start" },
                { "sto", "stop" },
                { "pasue", "pause" },
                { "resum", "resume" },
                { "wacth", "watch" },
                { "re", "resume" },
                { "satus", "status" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *meant = verb_suggest(rows[i].said);

                if (!streq_ptr(meant, rows[i].meant))
                        fail_msg("'%s' is taken for '%s'", rows[i].said, strempty(meant));
        }
        assert_null(verb_suggest("hibernate"));
        assert_null(verb_suggest("x"));
        assert_null(verb_suggest(""));
        assert_null(verb_suggest("a-word-that-is-longer-than-any-verb-will-ever-be"));
}

/* Every verb of the table takes what it says and refuses one word less or more. */
static void test_words_are_counted(void **state) {
        static const char *const names[] = { "list", "status", "watch", "start", "stop", "pause", "resume", "kill",
                "poweroff", "reboot", "suspend" };
        char *words[8] = {};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (size_t n = 0; n < 5; n++) {
                        const Verb *verb = verb_find(names[i]), *found = NULL;
                        bool fits = n >= verb->min_words && n <= verb->max_words;
                        Options o = { .words = words, .n_words = n + 1 };

                        for (size_t k = 0; k <= n; k++)
                                words[k] = (char *) (k == 0 ? names[i] : "word");
                        assert_int_equal(verb_from_options(&o, &found), fits ? CTL_OK : CTL_USAGE);
                        assert_ptr_equal(found, fits ? verb : NULL);
                }
}

/* A verb below another is found by its own word, and its words are counted behind that. */
static void test_verbs_below(void **state) {
        char *words[] = { (char *) "wifi", (char *) "connect", (char *) "home", (char *) "x", NULL };
        Options o = { .words = words, .n_words = 3 };
        const Verb *verb = NULL;
        size_t n;

        (void) state;
        assert_int_equal(verb_from_options(&o, &verb), CTL_OK);
        assert_string_equal(verb->name, "wifi connect");
        assert_string_equal(verb_get_word(verb), "connect");
        assert_ptr_equal(verb_get_rest(verb, &o, &n), words + 2);
        assert_int_equal(n, 1);
        for (o.n_words = 1; o.n_words <= 4; o.n_words++)
                assert_int_equal(verb_from_options(&o, &verb), o.n_words == 3 ? CTL_OK : CTL_USAGE);
        words[1] = (char *) "konnect";
        o.n_words = 3;
        assert_int_equal(verb_from_options(&o, &verb), CTL_USAGE);
        o.n_words = 0;
        assert_ptr_equal(verb_get_rest(verb_find("list"), &o, &n), words);
        assert_int_equal(n, 0);
}

static void test_arguments_are_for_applications(void **state) {
        char *arguments[] = { (char *) "x", NULL }, *start[] = { (char *) "start", (char *) "foot", NULL },
             *stop[] = { (char *) "stop", (char *) "foot", NULL };
        const Verb *verb;

        (void) state;
        assert_int_equal(verb_from_options(&(Options){ .words = start, .n_words = 2, .arguments = arguments }, &verb),
                        CTL_OK);
        assert_int_equal(verb_from_options(&(Options){ .words = stop, .n_words = 2, .arguments = arguments }, &verb),
                        CTL_USAGE);
        assert_int_equal(verb_from_options(&(Options){ .arguments = arguments }, &verb), CTL_USAGE);
        assert_int_equal(verb_from_options(&(Options){}, &verb), CTL_OK);
        assert_string_equal(verb->name, "list");
}

static void test_options_are_for_some(void **state) {
        static const struct {
                const char *verb;
                Options options;
                bool fits;
        } rows[] = {
                { "start", { .no_block = true }, true },
                { "suspend", { .no_block = true }, true },
                { "watch", { .no_block = true }, false },
                { "start", { .wait = "" }, true },
                { "pause", { .wait = "" }, false },
                { "status", { .watch = true }, true },
                { "list", { .watch = true }, false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Verb *verb = verb_find(rows[i].verb);
                char *words[] = { (char *) rows[i].verb, (char *) "x", NULL };
                Options o = rows[i].options;

                o.words = words;
                o.n_words = 1 + (verb->min_words > 0);
                assert_int_equal(verb_from_options(&o, &verb), rows[i].fits ? CTL_OK : CTL_USAGE);
        }
}

static void test_exit_statuses(void **state) {
        static const CtlExit special[RPC_CODE_MAX_] = {
                [RPC_NOT_FOUND] = CTL_NO_SUCH_NAME,
                [RPC_PERMISSION_DENIED] = CTL_NO_PERMISSION,
                [RPC_UNAUTHENTICATED] = CTL_NO_PERMISSION,
                [RPC_DEADLINE_EXCEEDED] = CTL_TIMEOUT,
        };

        (void) state;
        assert_int_equal(ctl_exit_from_code(RPC_OK), CTL_OK);
        for (RpcCode c = RPC_CANCELLED; c < RPC_CODE_MAX_; c++)
                assert_int_equal(ctl_exit_from_code(c), special[c] ? special[c] : CTL_FAILED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_suggest),
                cmocka_unit_test(test_words_are_counted),
                cmocka_unit_test(test_verbs_below),
                cmocka_unit_test(test_arguments_are_for_applications),
                cmocka_unit_test(test_options_are_for_some),
                cmocka_unit_test(test_exit_statuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
