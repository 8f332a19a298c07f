/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are replaced: the old one or the new one, and nothing beside it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <systemd/sd-event.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/fiber.h"
#include "event/file.h"

static sd_event *event;
static char directory[] = "/tmp/test-file-XXXXXX", path[64], other[64];

static int setup(_unused_ void **state) {
        if (sd_event_default(&event) < 0 || !mkdtemp(directory))
                return -1;
        (void) snprintf(path, sizeof(path), "%s/file", directory);
        (void) snprintf(other, sizeof(other), "%s/other", directory);
        return 0;
}

static int teardown(_unused_ void **state) {
        (void) unlink(path);
        (void) unlink(other);
        sd_event_unref(event);
        return rmdir(directory); /* nothing is left in it */
}

typedef struct Replace {
        const char *path, *text;
        Fiber *fiber;
        int result;
        FileFlags flags;
} Replace;

static int replace_main(void *userdata) {
        Replace *r = userdata;

        r->result = file_replace_wait(r->path, r->text, strlen(r->text), 0640, r->flags);
        return 0;
}

static void run_all(void) {
        while (fiber_count() > 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static int replace(const char *name, const char *text) {
        Replace r = { .path = name, .text = text };

        assert_int_equal(fiber_start(&r.fiber, replace_main, &r), 0);
        run_all();
        return r.result;
}

static void assert_file(const char *name, const char *text) {
        _cleanup_free_ char *content = NULL;
        struct stat st;

        assert_int_equal(file_read(name, 100, &content, NULL), 0);
        assert_string_equal(content, text);
        assert_int_equal(lstat(name, &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0640);
}

static void test_replace(_unused_ void **state) {
        _cleanup_close_ int fd = -EBADF;
        char old[8] = "";

        assert_int_equal(replace(path, "first"), 1);
        assert_file(path, "first");
        assert_int_equal(replace(path, "first"), 0);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(replace(path, "other"), 1);
        assert_file(path, "other");
        assert_int_equal(read(fd, old, sizeof(old)), 5);
        assert_string_equal(old, "first");
        assert_int_equal(replace(path, ""), 1);
        assert_file(path, "");
}

/* The file that it led to is another one's. */
static void test_link(_unused_ void **state) {
        assert_int_equal(replace(other, "kept"), 1);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink(other, path), 0);
        assert_int_equal(replace(path, "kept"), 1);
        assert_int_equal(replace(path, "new"), 1);
        assert_file(path, "new");
        assert_file(other, "kept");
}

/* Its directory is made, and it is alone in it but for what is on its way. */
static void test_directory(_unused_ void **state) {
        static const char *const left[] = { "a", "a/b", "a/b/sub", "a/b/.old.1", "a/b/link" };
        _cleanup_free_ char *first = strf("%s/a/b/first", directory), *second = strf("%s/a/b/second", directory);
        Replace r = { .path = first, .text = "x", .flags = FILE_IN_DIRECTORY | FILE_ALONE };
        mode_t before = umask(0077);
        struct stat st;

        assert_int_equal(fiber_start(&r.fiber, replace_main, &r), 0);
        run_all();
        assert_int_equal(r.result, 1);
        for (size_t i = 0; i < ELEMENTSOF(left); i++) {
                _cleanup_free_ char *name = strf("%s/%s", directory, left[i]);

                if (i == 2)
                        assert_int_equal(mkdir(name, 0700), 0);
                else if (i == 3)
                        assert_int_equal(replace(name, "on its way"), 1);
                else if (i == 4)
                        assert_int_equal(symlink("/etc/passwd", name), 0);
                else
                        assert_true(stat(name, &st) == 0 && st.st_mode == (S_IFDIR | 0755));
        }
        r.path = second;
        assert_int_equal(fiber_start(&r.fiber, replace_main, &r), 0);
        run_all();
        assert_int_equal(r.result, 1);
        assert_file(second, "x");
        assert_int_equal(access(first, F_OK), -1);
        assert_int_equal(unlink(second), 0);
        for (size_t i = ELEMENTSOF(left); i > 0; i--) {
                _cleanup_free_ char *name = strf("%s/%s", directory, left[i - 1]);

                assert_int_equal(remove(name), 0);
        }
        (void) umask(before);
}

static void test_failures(_unused_ void **state) {
        _cleanup_free_ char *below = strf("%s/none/file", directory);
        Replace r = { .path = "file", .text = "x" };

        assert_int_equal(replace(below, "x"), -ENOENT);
        assert_int_equal(replace("/proc/self/file", "x"), -ENOENT);
        assert_int_equal(fiber_start(&r.fiber, replace_main, &r), 0);
        assert_int_equal(r.result, -EINVAL);
        assert_int_equal(replace(directory, "x"), -EISDIR);
}

/* Each is written whole, and one of them stays. */
static void test_at_once(_unused_ void **state) {
        Replace replaces[] = {
                { .path = path, .text = "first of them all" },
                { .path = path, .text = "second" },
                { .path = path, .text = "third" },
        };
        _cleanup_free_ char *content = NULL;

        for (size_t i = 0; i < ELEMENTSOF(replaces); i++)
                assert_int_equal(fiber_start(&replaces[i].fiber, replace_main, &replaces[i]), 0);
        run_all();
        for (size_t i = 0; i < ELEMENTSOF(replaces); i++)
                assert_int_equal(replaces[i].result, 1);
        assert_int_equal(file_read(path, 100, &content, NULL), 0);
        assert_true(streq(content, replaces[0].text) || streq(content, replaces[1].text) ||
                        streq(content, replaces[2].text));
}

static void test_cancel(_unused_ void **state) {
        Replace r = { .path = path, .text = "canceled" };
        _cleanup_free_ char *content = NULL;

        assert_int_equal(fiber_start(&r.fiber, replace_main, &r), 0);
        fiber_cancel(r.fiber);
        run_all();
        assert_true(r.result == -ECANCELED || r.result == 1); /* the thread may have been faster */
        while (file_read(path, 100, &content, NULL) < 0 || !streq(content, "canceled")) {
                free(content);
                content = NULL;
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replace),
                cmocka_unit_test(test_link),
                cmocka_unit_test(test_directory),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_at_once),
                cmocka_unit_test(test_cancel),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
