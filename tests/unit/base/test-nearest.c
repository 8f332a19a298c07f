/* SPDX-License-Identifier: Apache-2.0 */
/* Words that were meant, and words that were not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "base/str.h"

static const char *find(const char *said) {
        static const char *const words[] = { "list", "start", "StartVM", "StartApplication", "ip", "VmName",
                "a-word-that-is-longer-than-what-anybody-would-look-for" };
        Nearest n = nearest_begin(said, strlen(said));

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                nearest_consider(&n, words[i], strlen(words[i]));
        return n.word;
}

static void test_slips(void **state) {
        static const struct {
                const char *said, *meant;
        } rows[] = {
                { "lsit", "list" },       /* swapped */
                { "lst", "list" },        /* left out */
                { "listt", "list" },      /* put in */
                { "kist", "list" },       /* replaced */
                { "StartVm", "StartVM" }, /* case costs nothing */
                { "startvm", "StartVM" },
                { "VMName", "VmName" },
                { "strat", "start" },
                { "StratAplication", "StartApplication" },
                { "IP", "ip" },
                { "i", NULL }, /* too short to tell */
                { "", NULL },
                { "hibernate", NULL },
                { "a-word-that-is-longer-than-what-anybody-would-look-fo", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!streq_ptr(find(rows[i].said), rows[i].meant))
                        fail_msg("'%s' is taken for '%s'", rows[i].said, strempty(find(rows[i].said)));
}

static void test_the_first_of_equals(void **state) {
        Nearest n = nearest_begin("Stop1", 5);

        (void) state;
        nearest_consider(&n, "Stop2", 5);
        nearest_consider(&n, "Stop3", 5);
        assert_string_equal(n.word, "Stop2");
        nearest_consider(&n, "stop1", 5);
        assert_string_equal(n.word, "stop1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_slips),
                cmocka_unit_test(test_the_first_of_equals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
