/* SPDX-License-Identifier: Apache-2.0 */
/* What the program before this one printed, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/reference.h"

static void test_strings(void **state) {
        static const struct {
                const char *text, *rust;
        } rows[] = {
                { "", "\"\"" },
                { "plain", "\"plain\"" },
                { "it's", "\"it's\"" },
                { "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"" },
                { "\t\r\n", "\"\\t\\r\\n\"" },
                { "\033[2J\177", "\"\\u{1b}[2J\\u{7f}\"" },
                { "\xc2\x9bm", "\"\\u{9b}m\"" },
                { "ä€", "\"ä€\"" },
                { "\xc2", "\"\xc2\"" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = NULL;
                size_t n;
                FILE *f = open_memstream(&text, &n);

                assert_non_null(f);
                rust_print_string(f, rows[i].text);
                assert_int_equal(fclose(f), 0);
                assert_string_equal(text, rows[i].rust);
        }
}

/* Words that Rust's enumerations do not have must not look like structure. */
static void test_words_of_a_newer_admin(void **state) {
        Admin__QueryListItem item = ADMIN__QUERY_LIST_ITEM__INIT, *items[] = { &item };
        Admin__QueryListResponse list = ADMIN__QUERY_LIST_RESPONSE__INIT;
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *f;

        (void) state;
        item.vmstatus = (char *) "Running,\n}";
        list.list = items;
        list.n_list = 1;
        f = open_memstream(&text, &n);
        assert_non_null(f);
        assert_int_equal(reference_print_list(f, &list, false), 0);
        assert_int_equal(fclose(f), 0);
        assert_non_null(strstr(text, "status: \"Running,\\n}\",\n"));
        assert_non_null(strstr(text, "trust_level: \"\",\n"));
        assert_non_null(strstr(text, "vm_name: None,\n"));
}

static void test_events(void **state) {
        Admin__WatchItem event = ADMIN__WATCH_ITEM__INIT;
        Admin__QueryListItem item = ADMIN__QUERY_LIST_ITEM__INIT;
        static const char *const begins[] = { "", "", "{\"UnitRegistered\":{", "{\"UnitStatusChanged\":{",
                "{\"UnitShutdown\":{", "" };

        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(begins); i++) {
                _cleanup_free_ char *text = NULL;
                size_t n;
                FILE *f = open_memstream(&text, &n);

                assert_non_null(f);
                event.status_case = i;
                event.added = &item;
                if (i != ADMIN__WATCH_ITEM__STATUS_INITIAL)
                        assert_int_equal(reference_print_event(f, &event, true), 0);
                assert_int_equal(fclose(f), 0);
                assert_non_null(startswith(text, begins[i]));
                assert_int_equal(n > 0, begins[i][0] != 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strings),
                cmocka_unit_test(test_words_of_a_newer_admin),
                cmocka_unit_test(test_events),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
