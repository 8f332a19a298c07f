/* SPDX-License-Identifier: Apache-2.0 */
/* An authority of one's own: what it issues is good enough for our own handshakes, and what it revokes is revoked. */
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/strv.h"
#include "fixture.h"
#include "tls/authority.h"
#include "tls/certificate.h"
#include "tls/credentials.h"

#define DAY ((time_t) 24 * 60 * 60)

typedef struct Made {
        char directory[64];
        TlsPair ca;
        TlsAuthority *authority;
} Made;

static char *put(const Made *m, const char *name, const char *text) {
        char *path = strf("%s/%s", m->directory, name);

        assert_non_null(path);
        assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
        return path;
}

static int set_up(void **state) {
        Made *m = calloc(1, sizeof(Made));
        _cleanup_free_ char *error = NULL;

        snprintf(m->directory, sizeof(m->directory), "/tmp/test-authority-XXXXXX");
        assert_non_null(mkdtemp(m->directory));
        assert_int_equal(tls_authority_create("Some CA", 30 * DAY, &m->ca, &error), 0);
        assert_int_equal(tls_authority_open(m->ca.cert, m->ca.key, &m->authority, &error), 0);
        *state = m;
        return 0;
}

static int tear_down(void **state) {
        Made *m = *state;
        _cleanup_free_ char *command = strf("rm -r %s", m->directory);

        tls_authority_free(m->authority);
        tls_pair_done(&m->ca);
        assert_int_equal(system(command), 0);
        free(m);
        return 0;
}

static void issue(const Made *m, const TlsOrder *order, TlsPair *ret) {
        _cleanup_free_ char *error = NULL;

        if (tls_authority_issue(m->authority, order, ret, &error) < 0)
                fail_msg("%s", error);
}

static TlsCredentials *load(const Made *m, const TlsPair *pair, const char *list) {
        _cleanup_free_ char *ca = put(m, "ca.pem", m->ca.cert), *cert = put(m, "cert.pem", pair->cert),
                            *key = put(m, "key.pem", pair->key), *crl = list ? put(m, "crl.pem", list) : NULL,
                            *error = NULL;
        TlsCredentials *c = NULL;

        if (tls_credentials_new(&(TlsPaths){ ca, cert, key, crl }, &c, &error) < 0)
                fail_msg("%s", error);
        return c;
}

static void test_issued(void **state) {
        char *const addresses[] = { (char *) "192.168.101.5", (char *) "fd00::5", NULL };
        const TlsOrder order = { "app-vm", addresses, 7 * DAY, NULL };
        _cleanup_(tls_certificate_done) TlsCertificate c = {};
        _cleanup_(tls_credentials_unrefp) TlsCredentials *credentials = NULL;
        _cleanup_(tls_pair_done) TlsPair pair = {};
        _cleanup_free_ char *path = NULL, *ca = NULL;
        const Made *m = *state;

        issue(m, &order, &pair);
        credentials = load(m, &pair, NULL);
        assert_string_equal(tls_credentials_get_name(credentials), "app-vm");
        path = put(m, "cert.pem", pair.cert);
        ca = put(m, "ca.pem", m->ca.cert);
        assert_int_equal(tls_certificate_read(path, ca, &c, NULL), 0);
        assert_true(c.is_signed);
        assert_string_equal(c.subject, "CN=app-vm");
        assert_string_equal(c.issuer, "CN=Some CA");
        assert_true(strv_length(c.names) == 1 && strv_length(c.addresses) == 2);
        assert_string_equal(c.addresses[1], "fd00::5");
        assert_true(c.begin <= time(NULL) - TLS_BACKDATE_SECONDS && c.begin > time(NULL) - DAY);
        assert_true(c.end > time(NULL) + 6 * DAY && c.end <= time(NULL) + 7 * DAY);
}

static void test_the_key_stays(void **state) {
        const Made *m = *state;
        _cleanup_(tls_pair_done) TlsPair first = {}, second = {}, other = {};

        issue(m, &(TlsOrder){ "app-vm", NULL, DAY, NULL }, &first);
        issue(m, &(TlsOrder){ "app-vm", NULL, DAY, first.key }, &second);
        issue(m, &(TlsOrder){ "app-vm", NULL, DAY, NULL }, &other);
        assert_string_equal(first.key, second.key);
        assert_string_not_equal(first.cert, second.cert);
        assert_string_not_equal(first.key, other.key);
        tls_credentials_unref(load(m, &second, NULL));
}

static char *serial_of(const Made *m, const TlsPair *pair) {
        _cleanup_(tls_certificate_done) TlsCertificate c = {};
        _cleanup_free_ char *path = put(m, "cert.pem", pair->cert);

        assert_int_equal(tls_certificate_read(path, NULL, &c, NULL), 0);
        return TAKE_PTR(c.serial);
}

static void test_revoked(void **state) {
        const Made *m = *state;
        _cleanup_(tls_pair_done) TlsPair good = {}, one = {}, two = {};
        _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL, *error = NULL;
        char *serials[3];
        TlsCredentials *c;

        issue(m, &(TlsOrder){ "good-vm", NULL, DAY, NULL }, &good);
        issue(m, &(TlsOrder){ "one-vm", NULL, DAY, NULL }, &one);
        issue(m, &(TlsOrder){ "two-vm", NULL, DAY, NULL }, &two);
        serials[0] = serial_of(m, &one);
        serials[1] = serial_of(m, &two);
        serials[2] = serial_of(m, &good);
        assert_int_equal(tls_authority_revoke(m->authority, NULL, NULL, DAY, &first, &error), 0);
        c = load(m, &good, first);
        assert_false(tls_credentials_is_revoked(c, serials[0]));
        tls_credentials_unref(c);
        assert_int_equal(
                        tls_authority_revoke(m->authority, first, (char *[]){ serials[0], NULL }, DAY, &second, &error),
                        0);
        /* Twice is once. */
        assert_int_equal(tls_authority_revoke(m->authority, second, (char *[]){ serials[1], serials[0], NULL }, DAY,
                                         &third, &error),
                        0);
        c = load(m, &good, third);
        assert_true(tls_credentials_is_revoked(c, serials[0]));
        assert_true(tls_credentials_is_revoked(c, serials[1]));
        assert_false(tls_credentials_is_revoked(c, serials[2]));
        tls_credentials_unref(c);
        for (size_t i = 0; i < ELEMENTSOF(serials); i++)
                free(serials[i]);
}

/* The sentence is read after what stands before it was called, and taken. */
static void assert_refused(int r, char **error, const char *expected) {
        assert_int_equal(r, -EINVAL);
        assert_non_null(*error);
        if (!strstr(*error, expected))
                fail_msg("'%s' does not say '%s'", *error, expected);
        free(*error);
        *error = NULL;
}

static void test_orders_that_are_refused(void **state) {
        char *const bad[] = { (char *) "10.0.0.300", NULL };
        char *many[IDENTITY_NAMES_MAX + 2] = {};
        const Made *m = *state;
        const struct {
                TlsOrder order;
                const char *says;
        } rows[] = {
                { { "", NULL, DAY, NULL }, "'' is not a host name" },
                { { "*.vm", NULL, DAY, NULL }, "'*.vm' is not a host name" },
                { { "a b", NULL, DAY, NULL }, "not a host name" },
                { { "app-vm", bad, DAY, NULL }, "'10.0.0.300' is not an IP address" },
                { { "app-vm", many, DAY, NULL }, "addresses at most" },
                { { "app-vm", NULL, 0, NULL }, "valid for some time" },
                { { "app-vm", NULL, 31 * DAY, NULL }, "longer than its authority" },
                { { "app-vm", NULL, DAY, "no key" }, "The key cannot be read" },
        };

        for (size_t i = 0; i < IDENTITY_NAMES_MAX + 1; i++)
                many[i] = (char *) "10.0.0.1";
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                TlsPair pair = {};
                char *error = NULL;

                assert_refused(tls_authority_issue(m->authority, &rows[i].order, &pair, &error), &error, rows[i].says);
                assert_null(pair.cert);
        }
}

static void test_authorities_that_are_refused(void **state) {
        const Made *m = *state;
        _cleanup_(tls_pair_done) TlsPair leaf = {}, other = {}, pair = {};
        _cleanup_free_ char *list = NULL, *again = NULL;
        TlsAuthority *a = NULL;
        char *error = NULL;

        issue(m, &(TlsOrder){ "app-vm", NULL, DAY, NULL }, &leaf);
        assert_int_equal(tls_authority_create("Other CA", DAY, &other, &error), 0);
        assert_refused(tls_authority_open("", m->ca.key, &a, &error), &error, "certificate cannot be read");
        assert_refused(tls_authority_open(m->ca.cert, "", &a, &error), &error, "key cannot be read");
        assert_refused(tls_authority_open(m->ca.cert, other.key, &a, &error), &error, "not that of its certificate");
        assert_refused(tls_authority_open(leaf.cert, leaf.key, &a, &error), &error, "not one of an authority");
        assert_refused(tls_authority_create("", DAY, &pair, &error), &error, "is named by");
        assert_refused(tls_authority_create("a\nb", DAY, &pair, &error), &error, "is named by");
        assert_refused(tls_authority_create("a", -1, &pair, &error), &error, "valid for some time");
        assert_int_equal(tls_authority_open(other.cert, other.key, &a, &error), 0);
        assert_int_equal(tls_authority_revoke(a, NULL, NULL, DAY, &list, &error), 0);
        assert_refused(tls_authority_revoke(m->authority, list, NULL, DAY, &again, &error), &error,
                        "not one of this authority");
        assert_refused(tls_authority_revoke(m->authority, "junk", NULL, DAY, &again, &error), &error, "cannot be read");
        assert_refused(tls_authority_revoke(
                                       m->authority, NULL, (char *[]){ (char *) "xyz", NULL }, DAY, &again, &error),
                        &error, "'xyz' is not a serial number");
        tls_authority_free(a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_issued, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_the_key_stays, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_revoked, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_orders_that_are_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_authorities_that_are_refused, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
