/* SPDX-License-Identifier: Apache-2.0 */
/* GET against a real web server, which answers well, badly, never and without end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <systemd/sd-event.h>

#include "base/str.h"
#include "event/fiber.h"
#include "http/http.h"
#include "http/url.h"

#define ETAG "\"one\""
#define DATE "Sun, 22 Nov 2026 10:00:00 GMT"
#define LONG (60 * USEC_PER_SEC)

static sd_event *event;
static int server_fd;
static pid_t server;
static unsigned port, secure_port;

static int setup(_unused_ void **state) {
        int pair[2];
        char line[32] = {};

        if (sd_event_default(&event) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        server = fork();
        if (server == 0) {
                (void) dup2(pair[1], STDIN_FILENO);
                (void) dup2(pair[1], STDOUT_FILENO);
                (void) execl(SERVER, SERVER, NULL);
                _exit(127);
        }
        (void) close(pair[1]);
        server_fd = pair[0];
        return read(server_fd, line, sizeof(line) - 1) <= 0 || sscanf(line, "%u %u", &port, &secure_port) != 2;
}

static int teardown(_unused_ void **state) {
        (void) close(server_fd);
        (void) waitpid(server, NULL, 0);
        sd_event_unref(event);
        return 0;
}

typedef struct Get {
        HttpRequest request;
        HttpResponse response;
        char *url, *error;
        Fiber *fiber;
        int result;
} Get;

static int get_main(void *userdata) {
        Get *g = userdata;

        g->result = http_get_wait(&g->request, &g->response, &g->error);
        return 0;
}

static void get_start(Get *g, const char *url) {
        g->url = startswith(url, "http") || url[0] != '/' ? strdup(url) : strf("http://127.0.0.1:%u%s", port, url);
        assert_non_null(g->url);
        g->request.url = g->url;
        if (g->request.size_max == 0)
                g->request.size_max = 1000;
        if (g->request.deadline == 0)
                g->request.deadline = time_now(CLOCK_MONOTONIC) + LONG;
        assert_int_equal(fiber_start(&g->fiber, get_main, g), 0);
}

static void run_all(void) {
        while (fiber_count() > 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static void get_done(Get *g) {
        http_response_done(&g->response);
        free(g->url);
        free(g->error);
        *g = (Get){};
}

static void get(Get *g, const char *url) {
        get_start(g, url);
        run_all();
        assert_true((g->result >= 0) == !g->error);
}

static void assert_body(const Get *g, const char *text) {
        assert_int_equal(g->result, 0);
        assert_false(g->response.unchanged);
        assert_int_equal(g->response.body.size, strlen(text));
        assert_memory_equal(buffer_head(&g->response.body), text, strlen(text));
}

static void test_file(_unused_ void **state) {
        _cleanup_(get_done) Get g = {};

        get(&g, "/file");
        assert_body(&g, "text");
        assert_string_equal(g.response.etag, ETAG);
        assert_string_equal(g.response.last_modified, DATE);
}

static void test_file_without_tag_or_date(_unused_ void **state) {
        _cleanup_(get_done) Get g = { .request = { .etag = ETAG, .last_modified = DATE } };

        get(&g, "/plain");
        assert_body(&g, "text");
        assert_null(g.response.etag);
        assert_null(g.response.last_modified);
}

static void test_unchanged_by_tag(_unused_ void **state) {
        _cleanup_(get_done) Get g = { .request = { .etag = ETAG } };

        get(&g, "/tagged");
        assert_int_equal(g.result, 0);
        assert_true(g.response.unchanged);
        assert_int_equal(g.response.body.size, 0);
        assert_string_equal(g.response.etag, ETAG);
}

static void test_changed_tag(_unused_ void **state) {
        _cleanup_(get_done) Get g = { .request = { .etag = "\"two\"" } };

        get(&g, "/tagged");
        assert_body(&g, "text");
}

static void test_unchanged_by_date(_unused_ void **state) {
        _cleanup_(get_done) Get g = { .request = { .last_modified = DATE } };

        get(&g, "/dated");
        assert_int_equal(g.result, 0);
        assert_true(g.response.unchanged);
}

static void test_tag_is_not_a_header_of_its_own(_unused_ void **state) {
        _cleanup_(get_done) Get g = { .request = { .etag = "x\r\nIf-None-Match: " ETAG } };

        get(&g, "/tagged");
        assert_body(&g, "text");
}

static void test_largest_body(_unused_ void **state) {
        _cleanup_(get_done) Get g = { .request = { .size_max = 70000 } };

        get(&g, "/bytes/70000");
        assert_int_equal(g.result, 0);
        assert_int_equal(g.response.body.size, 70000);
}

static void test_redirection(_unused_ void **state) {
        _cleanup_(get_done) Get g = {};

        get(&g, "/moved/file");
        assert_body(&g, "text");
        assert_string_equal(g.response.etag, ETAG);
}

/* What must fail, with which error, and a word of the sentence. */
static void test_failures(_unused_ void **state) {
        static const struct {
                const char *url;
                int error;
                const char *word;
        } rows[] = {
                { "/nowhere", -ENOENT, "404" },
                { "/code/410", -ENOENT, "410" },
                { "/code/401", -EACCES, "401" },
                { "/code/403", -EACCES, "403" },
                { "/code/500", -EPROTO, "500" },
                { "/code/204", -EPROTO, "204" },
                { "/unchanged", -EPROTO, "304" },
                { "/bytes/1001", -EFBIG, "larger" },
                { "/endless", -EFBIG, "larger" },
                { "/headers", -EFBIG, "larger" },
                { "/loop", -ELOOP, "redirect" },
                { "/away/file:///etc/passwd", -EPROTO, "file" },
                { "/away/ftp://127.0.0.1/", -EPROTO, "ftp" },
                { "/away/gopher://127.0.0.1:PORT/1", -EPROTO, "gopher" },
                { "/cut", -ECONNRESET, "" },
                { "/nothing", -ECONNRESET, "" },
                { "/garbage", -EPROTO, "" },
                { "http://127.0.0.1:1/", -ECONNREFUSED, "Connection refused" },
                { "http://host.invalid/", -EHOSTUNREACH, "host.invalid" },
                { "file:///etc/passwd", -EINVAL, "no URL" },
                { "ftp://127.0.0.1/x", -EINVAL, "no URL" },
                { "127.0.0.1/file", -EINVAL, "no URL" },
                { "http://user:word@127.0.0.1/file", -EINVAL, "no URL" },
                { "", -EINVAL, "no URL" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(get_done) Get g = {};

                get(&g, rows[i].url);
                if (g.result != rows[i].error || !strstr(g.error, rows[i].word))
                        fail_msg("%s: %i, %s", rows[i].url, g.result, strempty(g.error));
                assert_int_equal(g.response.body.size, 0);
        }
}

static void test_unknown_certificate(_unused_ void **state) {
        _cleanup_free_ char *url = strf("https://127.0.0.1:%u/file", secure_port);
        _cleanup_(get_done) Get g = {};

        get(&g, url);
        assert_int_equal(g.result, -EKEYREJECTED);
}

static void test_from_http_to_https(_unused_ void **state) {
        _cleanup_free_ char *url = strf("/away/https://127.0.0.1:%u/file", secure_port);
        _cleanup_(get_done) Get g = {};

        get(&g, url);
        assert_int_equal(g.result, -EKEYREJECTED); /* it has gone there */
}

static void test_deadline(_unused_ void **state) {
        static const char *const paths[] = { "/slow", "/drips" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(get_done) Get g = { .request = { .size_max = SIZE_MAX } };

                g.request.deadline = time_now(CLOCK_MONOTONIC) + 100 * USEC_PER_MSEC;
                get(&g, paths[i]);
                assert_int_equal(g.result, -ETIMEDOUT);
                assert_non_null(strstr(g.error, "in time"));
        }
}

static void test_leaving(_unused_ void **state) {
        static const char *const urls[] = { "/slow", "/drips", "http://host.invalid/" };

        for (size_t i = 0; i < ELEMENTSOF(urls); i++)
                for (unsigned n_turns = 0; n_turns < 6; n_turns++) {
                        _cleanup_(get_done) Get g = { .request = { .size_max = SIZE_MAX } };

                        get_start(&g, urls[i]);
                        for (unsigned n = 0; n < n_turns && g.fiber; n++)
                                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
                        fiber_cancel(g.fiber);
                        run_all();
                        assert_true(g.result == -ECANCELED || g.result == -EHOSTUNREACH);
                }
}

static void test_many_at_once(_unused_ void **state) {
        Get gets[32] = {};

        for (size_t i = 0; i < ELEMENTSOF(gets); i++)
                get_start(&gets[i], i % 2 ? "/file" : "/loop");
        run_all();
        for (size_t i = 0; i < ELEMENTSOF(gets); i++) {
                assert_int_equal(gets[i].result, i % 2 ? 0 : -ELOOP);
                get_done(&gets[i]);
        }
}

static void test_urls(_unused_ void **state) {
        static const char *const good[] = { "http://a", "HTTPS://a.b:1/c?d#e", "https://[::1]/" };
        static const char *const bad[] = { "", "http", "http://", "http:///a", "file:///a", "a.b/c", "http://u@a/",
                "http://a b/", "http://a:99999/", "javascript:http://a" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(http_url_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (http_url_is_valid(bad[i]))
                        fail_msg("'%s' is none", bad[i]);
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(http_url_is_secure(good[i]) == (i > 0));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_file_without_tag_or_date),
                cmocka_unit_test(test_unchanged_by_tag),
                cmocka_unit_test(test_changed_tag),
                cmocka_unit_test(test_unchanged_by_date),
                cmocka_unit_test(test_tag_is_not_a_header_of_its_own),
                cmocka_unit_test(test_largest_body),
                cmocka_unit_test(test_redirection),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_unknown_certificate),
                cmocka_unit_test(test_from_http_to_https),
                cmocka_unit_test(test_deadline),
                cmocka_unit_test(test_leaving),
                cmocka_unit_test(test_many_at_once),
                cmocka_unit_test(test_urls),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
