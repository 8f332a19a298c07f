/* SPDX-License-Identifier: Apache-2.0 */
/* Who is the host: named, the first, and over the end of the admin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/host.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static char directory[32], *path;
static unsigned n_notices, n_warnings;

static void sink(int level, _unused_ const LogField *fields, _unused_ const char *text) {
        n_notices += level == LOG_NOTICE;
        n_warnings += level == LOG_WARNING;
}

static int setup(_unused_ void **state) {
        strcpy(directory, "/tmp/givc-host-XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        path = strf("%s/" HOST_FILE, directory);
        n_notices = n_warnings = 0;
        log_set_sink(sink);
        return path ? 0 : -1;
}

static int teardown(_unused_ void **state) {
        log_set_sink(NULL);
        (void) unlink(path);
        (void) rmdir(path);
        (void) rmdir(directory);
        free(path);
        return 0;
}

static void write_file(const char *text) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void assert_kept(const char *text) {
        _cleanup_free_ char *kept = NULL;
        size_t size;

        if (!text) {
                assert_int_equal(access(path, F_OK), -1);
                return;
        }
        assert_int_equal(file_read(path, 4096, &kept, &size), 0);
        assert_string_equal(kept, text);
}

static void test_first(_unused_ void **state) {
        _cleanup_(host_done) Host h = {};

        assert_int_equal(host_init(&h, NULL, NULL), 0);
        assert_null(h.name);
        host_registered(&h, "ghaf-host");
        host_registered(&h, "ghaf-host");
        host_registered(&h, "app-vm");
        assert_string_equal(h.name, "ghaf-host");
        assert_int_equal(n_notices, 1);
        assert_int_equal(n_warnings, 0);
}

static void test_kept(_unused_ void **state) {
        _cleanup_(host_done) Host first = {}, second = {};

        assert_int_equal(host_init(&first, NULL, directory), 0);
        assert_null(first.name);
        assert_kept(NULL);
        host_registered(&first, "ghaf-host");
        assert_kept("ghaf-host\n");
        assert_int_equal(host_init(&second, NULL, directory), 0);
        assert_string_equal(second.name, "ghaf-host");
        host_registered(&second, "app-vm");
        assert_string_equal(second.name, "ghaf-host");
        assert_kept("ghaf-host\n");
        assert_int_equal(n_notices, 1);
        assert_int_equal(n_warnings, 0);
}

/* What is configured now goes before what happened once, and leaves it alone. */
static void test_named(_unused_ void **state) {
        _cleanup_(host_done) Host h = {};

        write_file("old-host\n");
        assert_int_equal(host_init(&h, "ghaf-host", directory), 0);
        assert_string_equal(h.name, "ghaf-host");
        host_registered(&h, "ghaf-host");
        assert_kept("old-host\n");
        assert_int_equal(n_notices, 0);
}

static void test_unreadable(_unused_ void **state) {
        static const char *const texts[] = { "", "\n", "two words\n", "../x\n", "x/y" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(host_done) Host h = {};

                write_file(texts[i]);
                assert_int_equal(host_init(&h, NULL, directory), 0);
                assert_null(h.name);
                assert_int_equal(n_warnings, i + 1);
                host_registered(&h, "ghaf-host");
                assert_kept("ghaf-host\n");
        }
        assert_int_equal(n_warnings, ELEMENTSOF(texts));
}

static void test_cannot_be_kept(_unused_ void **state) {
        _cleanup_(host_done) Host h = {};

        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(host_init(&h, NULL, directory), 0);
        assert_int_equal(n_warnings, 1);
        host_registered(&h, "ghaf-host");
        assert_string_equal(h.name, "ghaf-host");
        assert_int_equal(n_warnings, 2);
        assert_string_equal(h.name, "ghaf-host");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rmdir(directory), 0); /* nothing is left in it */
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                HOST_TEST(test_first),
                HOST_TEST(test_kept),
                HOST_TEST(test_named),
                HOST_TEST(test_unreadable),
                HOST_TEST(test_cannot_be_kept),
        };

        return cmocka_run_group_tests_name("admin-host", tests, NULL, NULL);
}
