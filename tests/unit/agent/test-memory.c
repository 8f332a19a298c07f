/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory in the agent: each allocation fails once, is reported as just that, and changes nothing. */
#include <unistd.h>

#include "agent/application.h"
#include "agent/config.h"
#include "agent/environment.h"
#include "agent/exposure.h"
#include "agent/feed.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "unit/failing.h"

static UnitStatus status_of(const char *name, const char *active) {
        return (UnitStatus){
                .name = (char *) name,
                .description = (char *) "A unit",
                .load_state = (char *) "loaded",
                .active_state = (char *) active,
                .sub_state = (char *) "any",
                .path = (char *) "/unit",
                .freezer_state = (char *) "running",
        };
}

/* A state that could not be taken over is the one from before. */
static int feed(_unused_ void *arg) {
        UnitStatus on = status_of("a.service", "active"), off = status_of("a.service", "inactive"),
                   other = status_of("b.service", "active");
        _cleanup_(feed_freep) Feed *f = NULL;
        _cleanup_(feed_reader_freep) FeedReader *reader = NULL;
        UnitStatus shown[4] = {};
        bool complete;
        int r, n;

        r = feed_new(&f);
        if (r < 0)
                return r;
        r = feed_update(f, &on, true);
        if (r < 0) {
                assert_int_equal(feed_count(f), 0);
                return r;
        }
        feed_set_synced(f);
        r = feed_update(f, &off, true);
        assert_string_equal(feed_get(f, "a.service")->active_state, r < 0 ? "active" : "inactive");
        if (r >= 0)
                r = feed_reader_new(f, &reader);
        if (r >= 0)
                r = feed_update(f, &other, false);
        if (r < 0)
                return r;
        assert_int_equal(feed_count(f), 2);
        n = feed_reader_take(reader, shown, ELEMENTSOF(shown), &complete);
        for (int i = 0; i < n; i++)
                unit_status_done(&shown[i]);
        return n < 0 ? n : 0;
}

static void test_feed(_unused_ void **state) {
        assert_true(each_failing(feed, NULL) > 20);
}

static int expose(void *arg) {
        Exposure *e = NULL;
        int r = exposure_new(arg, &e);

        assert_true((r == 0) == (e != NULL));
        exposure_free(e);
        return r;
}

static void test_exposure(_unused_ void **state) {
        char *services[] = { (char *) "a.service", (char *) "b.service", (char *) "a.service", NULL };
        Config config = { .services = services, .system_vms = services + 1 };

        config.identity.name = (char *) "net-vm";
        assert_true(each_failing(expose, &config) >= 4);
}

static int split(void *arg) {
        char **words = NULL;
        int r = application_split_command(arg, &words);

        assert_true((r == 0) == (words != NULL));
        strv_free(words);
        return r;
}

static int environment(void *arg) {
        char **filtered = NULL;
        int r = environment_for_applications(arg, true, &filtered);

        assert_true((r == 0) == (filtered != NULL));
        strv_free(filtered);
        return r;
}

static void test_start(_unused_ void **state) {
        char *own[] = { (char *) "PATH=/bin", (char *) "NOTIFY_SOCKET=/x", (char *) "HOME=/root", NULL };

        assert_true(each_failing(split, (char *) "/usr/bin/foot --title 'a b' -x \"c\"") >= 5);
        assert_true(each_failing(environment, own) >= 3);
}

static int load(void *arg) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;
        int r = config_load(arg, &c, &error);

        assert_true((r == 0) == (c != NULL));
        /* A file that cannot be read for that is one that cannot be read. */
        return r == -EINVAL && endswith(error, ": Cannot allocate memory") ? -ENOMEM : r;
}

static void test_config(_unused_ void **state) {
        static const char text[] =
                        "{\"identity\": {\"name\": \"net-vm\", \"type\": 8, \"subType\": 9, \"parent\": \"p\"},"
                        " \"network\": {\"admin\": {\"transport\": {\"name\": \"admin-vm\", \"addr\": "
                        "\"192.168.101.10\","
                        " \"port\": \"9001\", \"protocol\": \"tcp\"}}, \"agent\": {\"transport\": {\"name\": "
                        "\"net-vm\","
                        " \"addr\": \"192.168.101.1\", \"port\": \"9000\", \"protocol\": \"tcp\"}},"
                        " \"tls\": {\"enable\": false}}, \"capabilities\": {\"services\": [\"a.service\"],"
                        " \"applications\": [{\"name\": \"foot\", \"command\": \"/bin/foot\", \"args\": [\"url\"]}],"
                        " \"socketProxy\": {\"enable\": true, \"sockets\": [{\"server\": true, \"socket\": \"/run/s\","
                        " \"transport\": {\"name\": \"a\", \"addr\": \"1.2.3.4\", \"port\": \"1\", \"protocol\": "
                        "\"tcp\"}},"
                        " {\"server\": false, \"socket\": \"s\", \"transport\": null}]},"
                        " \"nothing\": 1}}";
        char path[] = "/tmp/givc-memory-XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
        assert_true(each_failing(load, path) > 20);
        (void) unlink(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_feed),
                cmocka_unit_test(test_exposure),
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_config),
        };

        return cmocka_run_group_tests_name("agent-memory", tests, NULL, NULL);
}
