/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that are watched notice each way in which people and machines replace files. */
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "base/time.h"
#include "fixture.h"
#include "tls/file-watch.h"

#define LIMIT (10 * USEC_PER_SEC)

typedef struct Context {
        sd_event *event;
        TlsCredentials *credentials;
        unsigned n_changed, n_failed;
        char *error;
        bool drop; /* the reference in the callback */
} Context;

static void on_changed(void *userdata) {
        Context *c = userdata;

        c->n_changed++;
        if (c->drop)
                c->credentials = tls_credentials_unref(c->credentials);
}

static void on_failed(const char *error, void *userdata) {
        Context *c = userdata;

        c->n_failed++;
        free(c->error);
        c->error = strdup(error);
}

static void context_done(Context *c) {
        tls_credentials_unref(c->credentials);
        sd_event_unref(c->event);
        free(c->error);
}
#define _cleanup_context_ _cleanup_(context_done)

static void shell(const char *script) {
        _cleanup_free_ char *s = strf("set -e; cd %s; %s", fixture_directory, script);

        fixture_run((const char *[]){ "sh", "-c", s, NULL });
}

/* Watches DIR/{ca-cert,cert,key}.pem, made by the script. */
static void context_init(Context *c, const char *dir, const char *script) {
        shell(script);
        *c = (Context){};
        assert_int_equal(sd_event_new(&c->event), 0);
        c->credentials = fixture_credentials(dir, NULL, NULL);
        assert_int_equal(tls_credentials_watch(c->credentials, c->event, on_changed, c), 0);
        tls_credentials_on_failure(c->credentials, on_failed, c);
}

static void wait_for(Context *c, const unsigned *counter, unsigned n) {
        usec_t deadline = time_now(CLOCK_MONOTONIC) + LIMIT;

        while (*counter < n) {
                if (time_now(CLOCK_MONOTONIC) > deadline)
                        fail_msg("nothing happened (%s)", c->error ?: "no error");
                assert_true(sd_event_run(c->event, LIMIT) >= 0);
        }
}

static void wait_changed(Context *c, unsigned n) {
        wait_for(c, &c->n_changed, n);
        assert_int_equal(c->n_changed, n);
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        (void) s;
        (void) usec;
        ++*(unsigned *) userdata;
        return 0;
}

/* Lets pass the time in which a change would have been reported. */
static void wait_quiet(Context *c) {
        unsigned n = 0;

        assert_int_equal(sd_event_add_time_relative(
                                         c->event, NULL, CLOCK_MONOTONIC, 3 * FILE_WATCH_QUIET_USEC, 1, on_time, &n),
                        0);
        wait_for(c, &n, 1);
}

#define COPY(kind, dir) "cp " kind "/ca-cert.pem " kind "/cert.pem " kind "/key.pem " dir ";"

static void test_written_in_place(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "place", "mkdir place;" COPY("good", "place"));
        shell(COPY("ed25519", "place"));
        wait_changed(&c, 1);
        shell(COPY("p384", "place"));
        wait_changed(&c, 2);
}

static void test_renamed_over(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "rename", "mkdir rename;" COPY("good", "rename"));
        for (unsigned i = 1; i <= 3; i++) {
                shell(i % 2 ? "for f in cert key; do cp ed25519/$f.pem rename/.$f.tmp; mv rename/.$f.tmp "
                              "rename/$f.pem; done"
                            : "for f in cert key; do cp good/$f.pem rename/.$f.tmp; mv rename/.$f.tmp rename/$f.pem; "
                              "done");
                wait_changed(&c, i);
        }
}

/* Kubernetes: files are links through ..data, which is renamed over. */
static void test_data_link_swapped(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "kube",
                        "mkdir -p kube/..1 kube/..2;" COPY("good", "kube/..1")
                                        COPY("ed25519", "kube/..2") "ln -s ..1 kube/..data; for f in ca-cert cert key; "
                                                                    "do ln -s ..data/$f.pem kube/$f.pem; done");
        shell("ln -s ..2 kube/..tmp; mv -T kube/..tmp kube/..data");
        wait_changed(&c, 1);
        shell("ln -s ..1 kube/..tmp; mv -T kube/..tmp kube/..data");
        wait_changed(&c, 2);
}

/* NixOS: links of links, absolute ones, one of which is replaced far above. */
static void test_static_link_swapped(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "etc/givc",
                        "mkdir -p store/1/etc/givc store/2/etc/givc etc;" COPY("good", "store/1/etc/givc") COPY(
                                        "ed25519",
                                        "store/2/etc/givc") "ln -s $PWD/store/1 current; ln -s $PWD/current/etc "
                                                            "static; ln -s ../static/./givc/ etc/givc");
        shell("ln -s $PWD/store/2 tmp; mv -T tmp current");
        wait_changed(&c, 1);
        /* What is watched now is the new way: the old store no longer matters, the new one does. */
        shell(COPY("p384", "store/1/etc/givc"));
        wait_quiet(&c);
        assert_int_equal(c.n_changed, 1);
        shell(COPY("p384", "store/2/etc/givc"));
        wait_changed(&c, 2);
}

static void test_directory_replaced(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "whole/dir",
                        "mkdir -p whole/dir whole/new;" COPY("good", "whole/dir") COPY("ed25519", "whole/new"));
        shell("mv whole/dir whole/old; mv whole/new whole/dir");
        wait_changed(&c, 1);
        shell(COPY("p384", "whole/dir"));
        wait_changed(&c, 2);
}

/* Gone for a while, then back with other contents. */
static void test_removed_and_created(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "gone", "mkdir gone;" COPY("good", "gone"));
        shell("rm -r gone");
        wait_for(&c, &c.n_failed, 1);
        assert_non_null(strstr(c.error, "gone/cert.pem: No such file or directory"));
        assert_int_equal(c.n_changed, 0);
        assert_string_equal(tls_credentials_get_name(c.credentials), "peer");
        shell("mkdir gone; " COPY("ed25519", "gone"));
        wait_for(&c, &c.n_changed, 1);
}

static void test_half_written(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "half", "mkdir half;" COPY("good", "half"));
        shell("cp ed25519/cert.pem half");
        wait_for(&c, &c.n_failed, 1);
        assert_non_null(strstr(c.error, "half/key.pem: does not belong to the certificate in"));
        assert_int_equal(c.n_changed, 0);
        shell("cp ed25519/key.pem half");
        wait_changed(&c, 1);
        assert_int_equal(c.n_failed, 1);
}

/* Many writes in a row are one change; the same contents and other files are none. */
static void test_quiet(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "quiet", "mkdir quiet;" COPY("good", "quiet"));
        shell(COPY("ed25519", "quiet") COPY("p384", "quiet") COPY("rsa2048", "quiet"));
        wait_changed(&c, 1);
        shell(COPY("rsa2048", "quiet") "touch quiet/cert.pem; echo > quiet/other; mkdir quiet/more; echo > next-to-it");
        wait_quiet(&c);
        assert_int_equal(c.n_changed, 1);
        assert_int_equal(c.n_failed, 0);
}

/* Without somebody to tell, a failure is quiet; and the callback may give up the credentials. */
static void test_dropped_in_callback(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "drop", "mkdir drop;" COPY("good", "drop"));
        tls_credentials_on_failure(c.credentials, NULL, NULL);
        shell("echo > drop/key.pem");
        wait_quiet(&c);
        assert_int_equal(c.n_changed, 0);
        c.drop = true;
        shell(COPY("ed25519", "drop"));
        wait_changed(&c, 1);
        assert_null(c.credentials);
}

/* Watching again replaces the callback. */
static void test_watched_twice(void **state) {
        _cleanup_context_ Context c, other = {};

        (void) state;
        context_init(&c, "twice", "mkdir twice;" COPY("good", "twice"));
        assert_int_equal(tls_credentials_watch(c.credentials, c.event, on_changed, &other), 0);
        shell(COPY("ed25519", "twice"));
        wait_for(&c, &other.n_changed, 1);
        assert_int_equal(c.n_changed, 0);
}

static void test_link_loop(void **state) {
        _cleanup_context_ Context c;

        (void) state;
        context_init(&c, "loop", "mkdir loop;" COPY("good", "loop"));
        shell("ln -sf key.pem loop/key.pem");
        wait_for(&c, &c.n_failed, 1);
        assert_non_null(strstr(c.error, "loop/key.pem: Too many levels of symbolic links"));
        shell("rm loop/key.pem; " COPY("ed25519", "loop"));
        wait_changed(&c, 1);
}

static void test_revocation_list(void **state) {
        _cleanup_context_ Context c = {};

        (void) state;
        shell("mkdir lists; cp crl-empty.pem lists/crl.pem");
        assert_int_equal(sd_event_new(&c.event), 0);
        c.credentials = fixture_credentials("server", NULL, "lists/crl.pem");
        assert_int_equal(tls_credentials_watch(c.credentials, c.event, on_changed, &c), 0);
        shell("cp crl.pem lists/crl.pem");
        wait_changed(&c, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written_in_place),
                cmocka_unit_test(test_renamed_over),
                cmocka_unit_test(test_data_link_swapped),
                cmocka_unit_test(test_static_link_swapped),
                cmocka_unit_test(test_directory_replaced),
                cmocka_unit_test(test_removed_and_created),
                cmocka_unit_test(test_half_written),
                cmocka_unit_test(test_quiet),
                cmocka_unit_test(test_dropped_in_callback),
                cmocka_unit_test(test_watched_twice),
                cmocka_unit_test(test_link_loop),
                cmocka_unit_test(test_revocation_list),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
