/* SPDX-License-Identifier: Apache-2.0 */
/* Loading credential files, what is said about bad ones, and replacing them while sessions live. */
#include <gnutls/gnutls.h>
#include <sys/stat.h>

#include "fixture.h"

static void write_file(const char *path, const void *p, size_t n) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_int_equal(fwrite(p, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
}

static void copy_file(const char *from, const char *to) {
        _cleanup_free_ char *source = fixture_path(from), *target = fixture_path(to), *data = NULL;
        size_t size;

        assert_int_equal(file_read(source, TLS_FILE_SIZE_MAX, &data, &size), 0);
        write_file(target, data, size);
}

/* Makes DIR/{ca-cert,cert,key}.pem of a kind's files. */
static void make_place(const char *dir, const char *kind) {
        static const char *const files[] = { "ca-cert.pem", "cert.pem", "key.pem" };
        _cleanup_free_ char *path = fixture_path(dir);

        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *from = strf("%s/%s", kind, files[i]), *to = strf("%s/%s", dir, files[i]);

                copy_file(from, to);
        }
}

/* What loading says; paths are below the fixture's directory, the sentence without it. */
static void check_error(
                const char *ca, const char *cert, const char *key, const char *crl, int error, const char *sentence) {
        _cleanup_free_ char *ca_path = fixture_path(ca), *cert_path = fixture_path(cert), *key_path = fixture_path(key),
                            *crl_path = crl ? fixture_path(crl) : NULL, *said = NULL;
        TlsCredentials *c = NULL;
        const char *p;
        int r;

        r = tls_credentials_new(&(TlsPaths){ ca_path, cert_path, key_path, crl_path }, &c, &said);
        assert_null(c);
        assert_non_null(said);
        p = startswith(said, fixture_directory);
        if (!p || strncmp(p + 1, sentence, strlen(sentence)) != 0)
                fail_msg("'%s' instead of '%s'", said, sentence);
        assert_int_equal(r, error);
        /* Nobody has to listen. */
        assert_int_equal(tls_credentials_new(&(TlsPaths){ ca_path, cert_path, key_path, crl_path }, &c, NULL), error);
}

static void test_errors(void **state) {
        static const char encrypted[] =
                        "openssl pkey -in %s/good/key.pem -aes128 -passout pass:x -out %s/encrypted.pem";
        _cleanup_free_ char *command = strf(encrypted, fixture_directory, fixture_directory),
                            *big = fixture_path("big-file.pem"), *half = fixture_path("half.pem"),
                            *empty = fixture_path("empty.pem");

        (void) state;
        fixture_run((const char *[]){ "sh", "-c", command, NULL });
        write_file(big, "", 0);
        assert_int_equal(truncate(big, TLS_FILE_SIZE_MAX + 1), 0);
        write_file(empty, "", 0);
        write_file(half, "-----BEGIN CERTIFICATE-----\nMIIB", 32);

        check_error("none.pem", "good/cert.pem", "good/key.pem", NULL, -ENOENT, "none.pem: No such file or directory");
        check_error("ca-cert.pem", "none.pem", "good/key.pem", NULL, -ENOENT, "none.pem: No such file");
        check_error("ca-cert.pem", "good/cert.pem", "none.pem", NULL, -ENOENT, "none.pem: No such file");
        check_error("ca-cert.pem", "good/cert.pem", "good/key.pem", "none.pem", -ENOENT, "none.pem: No such file");
        check_error("ca-cert.pem", "good", "good/key.pem", NULL, -EISDIR, "good: Is a directory");
        check_error("ca-cert.pem", "big-file.pem", "good/key.pem", NULL, -EFBIG, "big-file.pem: is larger than 1 MiB");
        check_error("good/key.pem", "good/cert.pem", "good/key.pem", NULL, -EINVAL,
                        "good/key.pem: holds no certificate in PEM");
        check_error("ca-cert.pem", "half.pem", "good/key.pem", NULL, -EINVAL,
                        "half.pem: holds no certificate in PEM form");
        check_error("ca-cert.pem", "empty.pem", "good/key.pem", NULL, -EINVAL,
                        "empty.pem: holds no certificate in PEM form");
        check_error("good/cert.pem", "good/cert.pem", "good/key.pem", NULL, -EINVAL,
                        "good/cert.pem: holds a certificate that is not a CA's");
        check_error("expired-ca/ca-cert.pem", "good/cert.pem", "good/key.pem", NULL, -EKEYEXPIRED,
                        "expired-ca/ca-cert.pem: expired on 20");
        check_error("ca-cert.pem", "expired/cert.pem", "expired/key.pem", NULL, -EKEYEXPIRED,
                        "expired/cert.pem: expired on 20");
        check_error("ca-cert.pem", "not-yet/cert.pem", "not-yet/key.pem", NULL, -EKEYEXPIRED,
                        "not-yet/cert.pem: is not valid before 20");
        check_error("ca-cert.pem", "rsa1024/cert.pem", "rsa1024/key.pem", NULL, -EINVAL,
                        "rsa1024/cert.pem: has an RSA key of 1024 bits, 2048 to 8192 are accepted");
        check_error("ca-cert.pem", "dsa-ca/cert.pem", "dsa-ca/key.pem", NULL, -EINVAL,
                        "dsa-ca/cert.pem: has a key that is not Ed25519, ECDSA or RSA");
        check_error("ca-cert.pem", "chain-20/cert.pem", "chain-20/key.pem", NULL, -EINVAL,
                        "chain-20/cert.pem: holds more than 3 certificates");
        check_error("ca-cert.pem", "good/cert.pem", "good/cert.pem", NULL, -EINVAL,
                        "good/cert.pem: holds no private key in PEM");
        check_error("ca-cert.pem", "good/cert.pem", "encrypted.pem", NULL, -EINVAL, "encrypted.pem: is encrypted");
        check_error("ca-cert.pem", "good/cert.pem", "good/key.pem", "good/cert.pem", -EINVAL,
                        "good/cert.pem: holds no revocation list in PEM form");
        check_error("ca-cert.pem", "good/cert.pem", "good/key.pem", "crl-garbage.pem", -EINVAL,
                        "crl-garbage.pem: holds no rev");
        check_error("ca-cert.pem", "good/cert.pem", "good/key.pem", "crl-foreign.pem", -EINVAL,
                        "crl-foreign.pem: holds a revocation list that is not signed by the CA");
        check_error("ca-cert.pem", "good/cert.pem", "good/key.pem", "crl-other.pem", -EINVAL,
                        "crl-other.pem: holds a revocation list that is not signed by the CA");
}

static void test_mismatch(void **state) {
        _cleanup_free_ char *ca = fixture_path("ca-cert.pem"), *cert = fixture_path("good/cert.pem"),
                            *key = fixture_path("server/key.pem"), *error = NULL, *expected = NULL;
        TlsCredentials *c = NULL;

        (void) state;
        assert_int_equal(tls_credentials_new(&(TlsPaths){ ca, cert, key, NULL }, &c, &error), -EINVAL);
        expected = strf("%s: does not belong to the certificate in %s", key, cert);
        assert_string_equal(error, expected);
}

static void check_path_error(const TlsPaths *paths, const char *sentence) {
        _cleanup_free_ char *error = NULL;
        TlsCredentials *c = NULL;

        assert_int_equal(tls_credentials_new(paths, &c, &error), -EINVAL);
        assert_string_equal(error, sentence);
}

static void test_paths(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = NULL;
        _cleanup_free_ char *directory = fixture_path("good");

        (void) state;
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        check_path_error(&(TlsPaths){ "ca.pem", "/b", "/c" },
                        "ca.pem: is relative, and $CREDENTIALS_DIRECTORY is not set");
        check_path_error(&(TlsPaths){ "/a", "/b", "/c", "crl" },
                        "crl: is relative, and $CREDENTIALS_DIRECTORY is not set");
        check_path_error(&(TlsPaths){ NULL, "/b", "/c" }, "No CA certificate file is given");
        check_path_error(&(TlsPaths){ "/a", "", "/c" }, "No certificate file is given");
        check_path_error(&(TlsPaths){ "/a", "/b" }, "No key file is given");
        check_path_error(&(TlsPaths){ "/a", "/b", "/c", "" }, "No revocation list file is given");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
        assert_int_equal(tls_credentials_new(&(TlsPaths){ "ca-cert.pem", "cert.pem", "key.pem" }, &c, NULL), 0);
        assert_string_equal(tls_credentials_get_name(c), "peer");
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_int_equal(tls_credentials_reload(c, NULL), 0);
}

static void test_name(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *two = fixture_credentials("two-names", NULL, NULL),
                                                         *none = fixture_credentials("no-san", NULL, NULL), *ref = NULL;

        (void) state;
        assert_string_equal(tls_credentials_get_name(two), "peer");
        assert_null(tls_credentials_get_name(none));
        ref = tls_credentials_ref(two);
        assert_null(tls_credentials_unref(ref));
        ref = NULL;
        assert_string_equal(tls_credentials_get_name(two), "peer");
        assert_null(tls_credentials_ref(NULL));
        assert_null(tls_credentials_unref(NULL));
}

static TlsCredentials *place_credentials(const char *dir, const char *crl) {
        return fixture_credentials(dir, NULL, crl);
}

static int handshake(TlsCredentials *client, TlsCredentials *server, const char *name, TlsSession **ret_client,
                TlsSession **ret_server) {
        size_t moved;
        int r;

        assert_int_equal(tls_session_new(client, TLS_CLIENT, name, ret_client), 0);
        assert_int_equal(tls_session_new(server, TLS_SERVER, NULL, ret_server), 0);
        do {
                (void) tls_session_handshake(*ret_client);
                moved = fixture_move(*ret_client, *ret_server, SIZE_MAX);
                r = tls_session_handshake(*ret_server);
                moved += fixture_move(*ret_server, *ret_client, SIZE_MAX);
        } while (moved > 0);
        return r;
}

static char *peer_serial(TlsSession *s) {
        _cleanup_(identity_freep) Identity *i = NULL;

        assert_int_equal(tls_session_get_identity(s, NULL, 0, &i), 0);
        return strdup(identity_get_serial(i));
}

static void echo(TlsSession *a, TlsSession *b) {
        char buf[8];

        assert_int_equal(tls_session_write(a, "hello", 5), 0);
        (void) fixture_move(a, b, SIZE_MAX);
        assert_int_equal(tls_session_read(b, buf, sizeof buf), 5);
}

/* R10: sessions go on with what they began with, new ones get the new certificate, bad files change nothing. */
static void test_reload(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *client = fixture_credentials("server", NULL, NULL), *c = NULL;
        _cleanup_(tls_session_freep) TlsSession *c1 = NULL, *s1 = NULL, *half = NULL, *c2 = NULL, *s2 = NULL,
                                                *c3 = NULL, *s3 = NULL;
        _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL, *error = NULL;

        (void) state;
        make_place("reload", "good");
        c = place_credentials("reload", NULL);
        assert_int_equal(handshake(client, c, "peer", &c1, &s1), 1);
        assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &half), 0);
        assert_int_equal(tls_credentials_reload(c, &error), 0);
        assert_null(error);

        copy_file("ed25519/cert.pem", "reload/cert.pem"); /* half of a pair */
        assert_int_equal(tls_credentials_reload(c, &error), -EINVAL);
        assert_non_null(strstr(error, "key.pem: does not belong to the certificate in"));
        assert_int_equal(tls_credentials_reload(c, NULL), -EINVAL);
        assert_int_equal(handshake(client, c, "peer", &c2, &s2), 1);
        copy_file("ed25519/key.pem", "reload/key.pem");
        assert_int_equal(tls_credentials_reload(c, NULL), 1);
        assert_int_equal(handshake(client, c, "peer", &c3, &s3), 1);

        first = peer_serial(c1);
        second = peer_serial(c2);
        third = peer_serial(c3);
        assert_string_equal(first, second);
        assert_string_not_equal(first, third);
        echo(c1, s1);
        echo(s1, c1);
        echo(c3, s3);
}

/* The credentials may be gone while sessions live. */
static void test_sessions_outlive_credentials(void **state) {
        TlsCredentials *client = fixture_credentials("server", NULL, NULL),
                       *server = fixture_credentials("good", NULL, NULL);
        _cleanup_(tls_session_freep) TlsSession *c = NULL, *s = NULL;

        (void) state;
        assert_int_equal(handshake(client, server, "peer", &c, &s), 1);
        tls_credentials_unref(client);
        tls_credentials_unref(server);
        echo(c, s);
        echo(s, c);
}

static void test_revocation(void **state) {
        static const struct {
                const char *crl;
                bool revoked;
        } lists[] = { { "crl.pem", true }, { "crl-old.pem", true }, { "crl-empty.pem", false }, { NULL, false } };
        _cleanup_(identity_freep) Identity *revoked = NULL, *good = NULL;
        _cleanup_free_ uint8_t *revoked_der = NULL, *good_der = NULL;
        size_t revoked_size, good_size;

        (void) state;
        revoked_der = fixture_der("revoked", &revoked_size);
        good_der = fixture_der("good", &good_size);
        assert_int_equal(identity_new_certificate(revoked_der, revoked_size, NULL, 0, &revoked), 0);
        assert_int_equal(identity_new_certificate(good_der, good_size, NULL, 0, &good), 0);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                _cleanup_(tls_credentials_unrefp) TlsCredentials *peer = fixture_credentials("revoked", NULL, NULL),
                                                                 *c = fixture_credentials("server", NULL, lists[i].crl);
                _cleanup_(tls_session_freep) TlsSession *client = NULL, *server = NULL;

                assert_int_equal(tls_credentials_is_revoked(c, identity_get_serial(revoked)), lists[i].revoked);
                assert_false(tls_credentials_is_revoked(c, identity_get_serial(good)));
                assert_false(tls_credentials_is_revoked(c, ""));
                assert_int_equal(handshake(peer, c, "server", &client, &server), lists[i].revoked ? -EACCES : 1);
        }
}

/* Of two CAs each speaks for its own certificates: the same serial number may be revoked by the other one. */
static void test_revocation_is_by_issuer(void **state) {
        _cleanup_(tls_credentials_unrefp)
                        TlsCredentials *peer = fixture_credentials("good", NULL, NULL),
                                       *c = fixture_credentials("server", "two-cas.pem", "crl-other.pem");
        _cleanup_(tls_session_freep) TlsSession *client = NULL, *server = NULL;

        (void) state;
        assert_int_equal(handshake(peer, c, "server", &client, &server), 1);
}

static void test_many_revoked(void **state) {
        static const char script[] =
                        "import sys; sys.path.insert(0, 'tests'); from certs import Authority; d = sys.argv[1];"
                        "Authority.load(d).write_crl(d + '/crl-many.pem', range(100, 20100, 2))";
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = NULL;

        (void) state;
        fixture_run((const char *[]){ "/usr/bin/python3", "-c", script, fixture_directory, NULL });
        c = fixture_credentials("server", NULL, "crl-many.pem");
        for (int i = 0; i < 20300; i++) {
                char serial[16];

                (void) snprintf(serial, sizeof serial, i < 256 ? "%02x" : i < 4096 ? "0%x" : "%x", i);
                if (tls_credentials_is_revoked(c, serial) != (i >= 100 && i < 20100 && i % 2 == 0))
                        fail_msg("%d", i);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_mismatch),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_name),
                cmocka_unit_test(test_reload),
                cmocka_unit_test(test_sessions_outlive_credentials),
                cmocka_unit_test(test_revocation),
                cmocka_unit_test(test_revocation_is_by_issuer),
                cmocka_unit_test(test_many_revoked),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
