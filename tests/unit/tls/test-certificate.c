/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate file is said to hold, for good ones and for each kind that is bad. */
#include <gnutls/gnutls.h>

#include "base/strv.h"
#include "fixture.h"
#include "tls/certificate.h"

static int read_kind(const char *kind, const char *ca, TlsCertificate *ret, char **reterr) {
        _cleanup_free_ char *file = strf("%s/cert.pem", kind), *path = fixture_path(file),
                            *ca_path = ca ? fixture_path(ca) : NULL;

        return tls_certificate_read(path, ca_path, ret, reterr);
}

static void test_good(void **state) {
        _cleanup_(tls_certificate_done) TlsCertificate c = {};

        (void) state;
        assert_int_equal(read_kind("good", "ca-cert.pem", &c, NULL), 0);
        assert_string_equal(c.subject, "CN=peer");
        assert_string_equal(c.issuer, "CN=Test CA");
        assert_int_equal(strv_length(c.names), 1);
        assert_string_equal(c.names[0], "peer");
        assert_int_equal(strv_length(c.addresses), 1);
        assert_string_equal(c.addresses[0], "192.168.101.5");
        assert_true(c.begin < time(NULL) && c.end > time(NULL));
        assert_true(c.is_signed);
}

static void test_signed_by_whom(void **state) {
        static const struct {
                const char *kind, *ca;
                bool is_signed;
        } rows[] = {
                { "good", NULL, false },
                { "foreign", "ca-cert.pem", false },
                { "chain-3", "ca-cert.pem", true },
                { "expired", "ca-cert.pem", true },
                { "not-ca", "ca-cert.pem", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(tls_certificate_done) TlsCertificate c = {};

                assert_int_equal(read_kind(rows[i].kind, rows[i].ca, &c, NULL), 0);
                if (c.is_signed != rows[i].is_signed)
                        fail_msg("%s by %s: %d", rows[i].kind, rows[i].ca, c.is_signed);
        }
}

static void test_odd_ones(void **state) {
        static const struct {
                const char *kind;
                size_t n_names, n_addresses;
        } rows[] = {
                { "no-name", 0, 1 },
                { "no-san", 0, 0 },
                { "two-names", 2, 1 },
                { "many-names", 17, 1 },
                { "many-addresses", 1, 17 },
                { "v6-address", 1, 1 },
                { "odd-address", 1, 0 },
                { "huge-rsa", 1, 1 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(tls_certificate_done) TlsCertificate c = {};
                _cleanup_free_ char *error = NULL;

                if (read_kind(rows[i].kind, NULL, &c, &error) < 0)
                        fail_msg("%s: %s", rows[i].kind, error);
                if (strv_length(c.names) != rows[i].n_names || strv_length(c.addresses) != rows[i].n_addresses)
                        fail_msg("%s: %zu names, %zu addresses", rows[i].kind, strv_length(c.names),
                                        strv_length(c.addresses));
        }
}

static void check_error(const char *path, const char *ca, int error, const char *says) {
        _cleanup_free_ char *said = NULL;
        TlsCertificate c = {};

        assert_int_equal(tls_certificate_read(path, ca, &c, &said), error);
        assert_string_equal(said, says);
        assert_null(c.names);
}

static void test_errors(void **state) {
        _cleanup_free_ char *good = fixture_path("good/cert.pem"), *key = fixture_path("good/key.pem"),
                            *says = strf("%s: holds no certificate in PEM form", key);

        (void) state;
        check_error("/nowhere/x.pem", NULL, -ENOENT, "/nowhere/x.pem: No such file or directory");
        check_error(good, "/nowhere/ca.pem", -ENOENT, "/nowhere/ca.pem: No such file or directory");
        check_error(key, NULL, -EINVAL, says);
        check_error(good, key, -EINVAL, says);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_signed_by_whom),
                cmocka_unit_test(test_odd_ones),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
