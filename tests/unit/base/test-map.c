/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, lists, files, log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "base/time.h"

static void test_map(_unused_ void **state) {
        _cleanup_(map_freep) Map *m = map_new();
        int values[100], sum = 0, n = 0;
        char key[16];

        for (int i = 0; i < 100; i++) {
                values[i] = i;
                (void) snprintf(key, sizeof(key), "key %d", i);
                assert_int_equal(map_put(m, key, &values[i]), 0);
                assert_int_equal(map_put(m, key, &values[i]), -EEXIST);
        }
        assert_int_equal(map_size(m), 100);
        assert_ptr_equal(map_get(m, "key 42"), &values[42]);
        assert_null(map_get(m, "key 100"));
        MAP_FOREACH(v, m, int) {
                assert_int_equal(*v, n++); /* in order of insertion */
                if (*v % 2)
                        assert_ptr_equal(map_remove(m, (snprintf(key, sizeof(key), "key %d", *v), key)), v);
        }
        MAP_FOREACH(v, m, int)
                sum += *v;
        assert_int_equal(sum, 2450);
        assert_null(map_remove(m, "key 1"));
}

typedef struct Item {
        int value;
        List items;
} Item;

static void test_list(_unused_ void **state) {
        Item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 }, never = {};
        int sum = 0;
        List head;

        list_init(&head);
        assert_true(list_is_empty(&head));
        list_append(&head, &a.items);
        list_append(&head, &b.items);
        list_append(&head, &c.items);
        LIST_FOREACH(i, &head, Item, items) {
                sum = sum * 10 + i->value;
                list_remove(&i->items);
        }
        assert_int_equal(sum, 123);
        assert_true(list_is_empty(&head));
        list_remove(&a.items);
        list_remove(&never.items);
}

static void test_file_read(_unused_ void **state) {
        _cleanup_free_ char *text = NULL;
        char path[] = "/tmp/givc-test-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);
        char block[3000];
        size_t size;

        memset(block, 'x', sizeof(block));
        for (int i = 0; i < 4; i++)
                assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
        assert_int_equal(file_read(path, 11999, &text, NULL), -EFBIG);
        assert_int_equal(file_read(path, 12000, &text, &size), 0);
        assert_int_equal(size, 12000);
        assert_int_equal(strlen(text), 12000);
        free(TAKE_PTR(text));
        assert_int_equal(file_read_regular(path, 11999, &text, NULL), -EFBIG);
        assert_int_equal(file_read_regular(path, 12000, &text, &size), 0);
        assert_int_equal(size, 12000);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(file_read(path, 10, &text, NULL), -ENOENT);
        assert_int_equal(file_read("/", 10, &text, NULL), -EISDIR);
        assert_int_equal(file_read_regular(path, 10, &text, NULL), -ENOENT);
        assert_int_equal(file_read_regular("/", 10, &text, NULL), -EISDIR);
        assert_int_equal(file_read_regular("/dev/null", 10, &text, NULL), -EMEDIUMTYPE);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(file_read_regular(path, 10, &text, NULL), -EMEDIUMTYPE);
        assert_int_equal(unlink(path), 0);
}

static char last_text[4096], last_field[64], second_field[64];
static int last_level = -1;
static unsigned n_lines;

static void sink(int level, const LogField *fields, const char *text) {
        n_lines++;
        last_level = level;
        (void) snprintf(last_text, sizeof(last_text), "%s", text);
        (void) snprintf(last_field, sizeof(last_field), "%s", fields && fields->key ? strempty(fields->value) : "");
        second_field[0] = 0;
        if (fields && fields[0].key && fields[1].key)
                (void) snprintf(second_field, sizeof(second_field), "%s=%s", fields[1].key, strempty(fields[1].value));
}

static void test_log(_unused_ void **state) {
        log_set_sink(sink);
        log_info("one\nline %d", 1);
        assert_string_equal(last_text, "one line 1");
        log_info("clears %s the screen", "\033[2J");
        assert_string_equal(last_text, "clears  [2J the screen");
        assert_int_equal(log_error_errno(-ENOENT, "Cannot read '%s'", "x"), -ENOENT);
        assert_string_equal(last_text, "Cannot read 'x': No such file or directory");
        assert_string_equal(last_field, "2");
        last_level = -1;
        log_debug("not this");
        assert_int_equal(last_level, -1);
        log_set_level(LOG_DEBUG);
        log_debug("but this");
        assert_int_equal(last_level, LOG_DEBUG);
        log_set_level(LOG_INFO);
        log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_VM", "net-vm" }), "%0*d", 4000, 1);
        assert_string_equal(last_field, "net-vm");
        assert_true(strlen(last_text) < 4000); /* cut, not overrun */
        log_set_sink(NULL);
        assert_int_equal(log_level_from_string("givc=debug"), LOG_DEBUG);
        assert_int_equal(log_level_from_string("loud"), -EINVAL);
        assert_string_equal(log_level_to_string(LOG_ERR), "err");
        assert_string_equal(log_level_to_string(LOG_WARNING), "warning");
        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++)
                assert_int_equal(log_level_from_string(log_level_to_string(level)), level);
}

static void test_log_of_one_peer(_unused_ void **state) {
        log_set_sink(sink);
        n_lines = 0;
        for (unsigned i = 0; i < 10 * LOG_LINES_PER_SUBJECT_MAX; i++)
                log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_VM", "x-vm" }, { "GIVC_PEER", "bad-vm" }), "Refused");
        assert_int_equal(n_lines, LOG_LINES_PER_SUBJECT_MAX);
        assert_string_equal(last_text, "Too many lines about 'bad-vm', leaving out more for a minute");
        assert_string_equal(last_field, MESSAGE_LIMIT_REACHED);
        assert_string_equal(second_field, "GIVC_PEER=bad-vm");
        for (unsigned i = 0; i < LOG_LINES_PER_SUBJECT_MAX; i++)
                log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_VM", "off-vm" }), "Started");
        assert_string_equal(second_field, "GIVC_VM=off-vm");
        n_lines = LOG_LINES_PER_SUBJECT_MAX;
        /* Others, errors, and what is about nobody */
        log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_PEER", "gui-vm" }), "Refused");
        log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_VM", "x-vm" }), "Refused");
        log_write(LOG_ERR, LOG_FIELDS({ "GIVC_PEER", "bad-vm" }), "Broken");
        log_notice("Hello");
        assert_int_equal(n_lines, LOG_LINES_PER_SUBJECT_MAX + 4);
        log_set_sink(NULL);
}

static void test_time(_unused_ void **state) {
        assert_true(usec_add(1, 2) == 3);
        assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 5) == USEC_INFINITY);
        assert_true(time_now(CLOCK_MONOTONIC) > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_map),
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_file_read),
                cmocka_unit_test(test_log),
                cmocka_unit_test(test_log_of_one_peer),
                cmocka_unit_test(test_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
