/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: replaced or as they were, whatever the disk says. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

static char directory[] = "/tmp/test-file-XXXXXX";

static char *in(const char *name) {
        char *path = strf("%s/%s", directory, name);

        assert_non_null(path);
        return path;
}

static unsigned count_files(const char *path) {
        DIR *d = opendir(path);
        unsigned n = 0;

        while (d && readdir(d))
                n++;
        if (d)
                (void) closedir(d);
        return n - 2;
}

static void test_replaced(_unused_ void **state) {
        _cleanup_free_ char *path = in("file"), *left = in("file.new"), *text = NULL, *again = NULL;
        struct stat st;
        size_t size;

        assert_int_equal(file_write(left, "torn", 4, 0600), 0); /* by a crash */
        assert_int_equal(file_write(path, "one\0", 4, 0644), 0);
        assert_int_equal(file_read(path, 100, &text, &size), 0);
        assert_int_equal(size, 4);
        assert_int_equal(file_write(path, "", 0, 0600), 0);
        assert_int_equal(file_read(path, 100, &again, &size), 0);
        assert_int_equal(size, 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(count_files(directory), 1);
        assert_int_equal(unlink(path), 0);
}

static void test_refused(_unused_ void **state) {
        _cleanup_free_ char *path = in("file"), *way = in("file.new"), *nowhere = in("none/file"), *text = NULL;

        assert_int_equal(file_write(nowhere, "x", 1, 0644), -ENOENT);
        assert_int_equal(file_write(path, "old", 3, 0644), 0);
        assert_int_equal(mkdir(way, 0700), 0);
        assert_int_equal(file_write(path, "new", 3, 0644), -EEXIST);
        assert_int_equal(rmdir(way), 0);
        assert_int_equal(file_read(path, 100, &text, NULL), 0);
        assert_string_equal(text, "old");
        assert_int_equal(unlink(path), 0);
}

/* In a mount namespace of its own, as root of one: exits with what file_write() says on a file system of 64 KiB that
 * has the old content, and is then full or can only be read. */
static int write_on_small_disk(const char *flags) {
        _cleanup_free_ char *path = in("file"), *fill = in("fill"), *text = NULL;
        static char much[256 * 1024];
        int r, fd;

        if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
                return EPERM;
        if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
                        mount("tmpfs", directory, "tmpfs", 0, "size=64k") < 0)
                return EPERM;
        if (file_write(path, "old", 3, 0644) < 0)
                return 255;
        if (streq(flags, "full")) {
                fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                while (write(fd, much, 4096) > 0)
                        ;
        } else if (mount("none", directory, "none", MS_REMOUNT | MS_RDONLY, NULL) < 0)
                return EPERM;
        r = file_write(path, "new content", 11, 0644);
        if (file_read(path, 100, &text, NULL) < 0 || !streq(text, "old"))
                return 255;
        if (count_files(directory) != (streq(flags, "full") ? 2 : 1))
                return 255;
        return -r;
}

static void check_small_disk(const char *flags, int error) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(write_on_small_disk(flags));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == EPERM)
                skip(); /* nobody here may mount anything */
        assert_int_equal(WEXITSTATUS(status), error);
}

static void test_full(_unused_ void **state) {
        check_small_disk("full", ENOSPC);
}

static void test_read_only(_unused_ void **state) {
        check_small_disk("read-only", EROFS);
}

static mode_t mode_of(const char *path) {
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_mode;
}

static void test_directories(_unused_ void **state) {
        _cleanup_free_ char *top = in("a"), *below = in("a/b"), *asked = in("a/b/c//"), *file = in("a/b/c/file");
        _cleanup_free_ char *under = in("a/b/c/file/d");
        mode_t mask = umask(0077);

        assert_int_equal(directory_make(asked, 0750), 0);
        assert_int_equal(mode_of(top), S_IFDIR | 0755);
        assert_int_equal(mode_of(below), S_IFDIR | 0755);
        assert_int_equal(mode_of(asked), S_IFDIR | 0750);
        assert_int_equal(directory_make(asked, 0700), 0);
        assert_int_equal(mode_of(asked), S_IFDIR | 0750);
        assert_int_equal(directory_make("", 0700), -ENOENT);
        assert_int_equal(file_write(file, "", 0, 0600), 0);
        assert_int_equal(directory_make(under, 0700), -ENOTDIR);
        (void) umask(mask);
        assert_int_equal(unlink(file) | rmdir(asked) | rmdir(below) | rmdir(top), 0);
}

static int make_directory(_unused_ void **state) {
        return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(_unused_ void **state) {
        return rmdir(directory);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replaced),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_read_only),
                cmocka_unit_test(test_directories),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
