/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the agent's variables its applications get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/environment.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

static void test_filter(_unused_ void **state) {
        static const char *const passed[] = { "PATH=/bin", "WAYLAND_DISPLAY=wayland-0",
                "XDG_RUNTIME_DIR=/run/user/1000", "LANG=C.UTF-8", "EMPTY=", "A1_=x=y", "LINES=a\nb", "LISTEN=x",
                "WATCHDOG=x", "MAINPIDS=1", "_=x", "NAME_TAG=é" };
        static const char *const kept[] = { "INVOCATION_ID=1", "NOTIFY_SOCKET=/run/n", "LISTEN_PID=1", "LISTEN_FDS=1",
                "LISTEN_FDNAMES=a:b", "WATCHDOG_PID=1", "WATCHDOG_USEC=1", "CREDENTIALS_DIRECTORY=/run/c",
                "JOURNAL_STREAM=8:1", "SYSTEMD_EXEC_PID=1", "MANAGERPID=1", "RUNTIME_DIRECTORY=/run/x", "GIVC_LOG=x",
                "MEMORY_PRESSURE_WATCH=/x", "BASH_FUNC_f%%=() { :; }", "1A=x", "=x", "NOVALUE", "BAD=\xff" };
        static const char *const configuration[] = { "NAME=x", "TYPE=1", "HOST_KEY=/k" };
        char *own[64] = {};
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                own[n++] = (char *) kept[i];
        for (size_t i = 0; i < ELEMENTSOF(passed); i++)
                own[n++] = (char *) passed[i];
        for (size_t i = 0; i < ELEMENTSOF(configuration); i++)
                own[n++] = (char *) configuration[i];
        assert_true(n < ELEMENTSOF(own));
        for (int configured = 0; configured < 2; configured++) {
                _cleanup_strv_free_ char **l = NULL;

                assert_int_equal(environment_for_applications(own, configured, &l), 0);
                for (size_t i = 0; i < ELEMENTSOF(passed); i++)
                        assert_string_equal(l[i], passed[i]);
                assert_int_equal(strv_length(l), ELEMENTSOF(passed) + (configured ? 0 : ELEMENTSOF(configuration)));
        }
}

static void test_empty(_unused_ void **state) {
        char *none[] = { NULL }, **l = NULL;

        assert_int_equal(environment_for_applications(NULL, false, &l), 0);
        assert_null(l);
        assert_int_equal(environment_for_applications(none, true, &l), 0);
        assert_null(l);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_filter),
                cmocka_unit_test(test_empty),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
