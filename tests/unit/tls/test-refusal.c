/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason to refuse a handshake has its own sentence on our side and its alert on the other. */
#include <time.h>
#include <valgrind/valgrind.h>

#include "raw.h"

typedef struct Case {
        const char *kind;
        int error;
        const char *sentence;
        int alert;
} Case;

#define PEER " (it names 'peer')"

/* Wrong whoever shows it. */
static const Case certificates[] = {
        { "expired", -EACCES, "the certificate has expired" PEER, GNUTLS_A_CERTIFICATE_EXPIRED },
        { "not-yet", -EACCES, "the certificate is not valid yet" PEER, GNUTLS_A_CERTIFICATE_EXPIRED },
        { "foreign", -EACCES, "the certificate is not signed by the CA" PEER, GNUTLS_A_BAD_CERTIFICATE },
        { "not-ca", -EACCES, "the certificate is not signed by the CA" PEER, GNUTLS_A_UNKNOWN_CA },
        { "expired-ca", -EACCES, "the certificate is not signed by the CA" PEER, GNUTLS_A_UNKNOWN_CA },
        { "weak-ca", -EACCES, "the certificate is not signed by the CA" PEER, GNUTLS_A_UNKNOWN_CA },
        { "chain-20", -EACCES, "the certificate chain is longer than 3", GNUTLS_A_BAD_CERTIFICATE },
        { "rsa1024", -EACCES, "the certificate has an RSA key of 1024 bits, 2048 to 8192 are accepted" PEER,
                        GNUTLS_A_BAD_CERTIFICATE },
        { "no-name", -EACCES, "the certificate has no DNS name (subjectAltName)", GNUTLS_A_BAD_CERTIFICATE },
        { "no-san", -EACCES, "the certificate has no DNS name (subjectAltName)", GNUTLS_A_BAD_CERTIFICATE },
        { "many-names", -EACCES, "the certificate has too many names", GNUTLS_A_BAD_CERTIFICATE },
        { "many-addresses", -EACCES, "the certificate has too many names", GNUTLS_A_BAD_CERTIFICATE },
        { "huge-san", -EACCES, "the certificate has too many names", GNUTLS_A_BAD_CERTIFICATE },
        { "wildcard", -EACCES, "the certificate has a DNS name that is not a plain host name",
                        GNUTLS_A_BAD_CERTIFICATE },
        { "nul-name", -EACCES, "the certificate has a DNS name that is not a plain host name",
                        GNUTLS_A_BAD_CERTIFICATE },
        { "blank-name", -EACCES, "the certificate has a DNS name that is not a plain host name",
                        GNUTLS_A_BAD_CERTIFICATE },
        { "odd-address", -EACCES, "the certificate has names that cannot be parsed", GNUTLS_A_BAD_CERTIFICATE },
        { "critical", -EACCES, "the certificate has an unknown critical extension" PEER,
                        GNUTLS_A_UNSUPPORTED_CERTIFICATE },
        { "too-deep", -EACCES, "the certificate is beyond what its CA may sign" PEER, GNUTLS_A_BAD_CERTIFICATE },
        { "dsa-ca", -EACCES, "the certificate has a key that is not Ed25519, ECDSA or RSA" PEER,
                        GNUTLS_A_UNSUPPORTED_CERTIFICATE },
        { "huge", -EMSGSIZE, "the handshake is larger than 64 KiB", GNUTLS_A_RECORD_OVERFLOW },
        { "revoked", -EACCES, "the certificate is revoked" PEER, GNUTLS_A_CERTIFICATE_REVOKED },
        { "revoked-ca", -EACCES, "the certificate is revoked" PEER, GNUTLS_A_CERTIFICATE_REVOKED },
};

static void check_with(const char *ca, TlsRole role, const Case *c, const char *priority, const char *alpn) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *ours = fixture_credentials("server", ca, "crl.pem");
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        _cleanup_raw_ Raw raw;
        Identity *i;
        char buf[16];
        int r;

        assert_int_equal(tls_session_new(ours, role, role == TLS_CLIENT ? "peer" : NULL, &s), 0);
        raw_init(&raw, role == TLS_CLIENT ? GNUTLS_SERVER : GNUTLS_CLIENT, c->kind, priority, alpn);
        r = raw_handshake(&raw, s);
        assert_string_equal(tls_session_get_error(s), c->sentence);
        assert_int_equal(r, c->error);
        if (c->alert >= 0)
                assert_int_equal(raw_get_alert(&raw), c->alert);
        /* It stays refused, whatever is asked of it. */
        assert_int_equal(tls_session_handshake(s), c->error);
        assert_int_equal(tls_session_read(s, buf, sizeof buf), c->error);
        assert_int_equal(tls_session_write(s, "x", 1), c->error);
        assert_int_equal(tls_session_get_identity(s, NULL, 0, &i), -ENOTCONN);
        tls_session_close(s);
        assert_int_equal(tls_session_output(s)->size, 0);
}

static void check(TlsRole role, const Case *c, const char *priority, const char *alpn) {
        check_with(NULL, role, c, priority, alpn);
}

/* CAs that we trust and that are no good. */
static void test_authorities(void **state) {
        static const Case expired = { "expired-ca", -EACCES, "the certificate has expired" PEER,
                GNUTLS_A_CERTIFICATE_EXPIRED };
        static const Case weak = { "weak-ca", -EACCES, "the certificate is signed with a weak key or algorithm" PEER,
                GNUTLS_A_BAD_CERTIFICATE };

        (void) state;
        check_with("and-expired-ca.pem", TLS_SERVER, &expired, NULL, "h2");
        check_with("and-weak-ca.pem", TLS_SERVER, &weak, NULL, "h2");
}

static double cpu_seconds(void) {
        struct timespec t;

        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* One use of such a key takes 38 seconds. Whoever used it would say here that the signature is wrong, for it is. */
static void test_key_that_is_never_used(void **state) {
        static const Case huge = { "huge-rsa", -EACCES,
                "the certificate has an RSA key of 100000 bits, 2048 to 8192 are accepted" PEER,
                GNUTLS_A_BAD_CERTIFICATE };
        double before = cpu_seconds();

        (void) state;
        check(TLS_SERVER, &huge, NULL, "h2");
        assert_true(cpu_seconds() - before < (RUNNING_ON_VALGRIND ? 10 : 1));
}

static void test_client_certificates(void **state) {
        static const Case use = { "server-only", -EACCES, "the certificate is not for a client (extendedKeyUsage)" PEER,
                GNUTLS_A_UNSUPPORTED_CERTIFICATE };
        static const Case code = { "code-only", -EACCES, "the certificate is not for a client (extendedKeyUsage)" PEER,
                GNUTLS_A_UNSUPPORTED_CERTIFICATE };
        static const Case none = { NULL, -EACCES, "no certificate", GNUTLS_A_CERTIFICATE_REQUIRED };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(certificates); i++)
                check(TLS_SERVER, certificates + i, NULL, "h2");
        check(TLS_SERVER, &use, NULL, "h2");
        check(TLS_SERVER, &code, NULL, "h2");
        check(TLS_SERVER, &none, NULL, "h2");
}

static void test_server_certificates(void **state) {
        static const Case use = { "client-only", -EACCES, "the certificate is not for a server (extendedKeyUsage)" PEER,
                GNUTLS_A_UNSUPPORTED_CERTIFICATE };
        static const Case name = { "server", -EACCES, "the certificate is not for 'peer' (it names 'server')",
                GNUTLS_A_BAD_CERTIFICATE };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(certificates); i++)
                check(TLS_CLIENT, certificates + i, NULL, "h2");
        check(TLS_CLIENT, &use, NULL, "h2");
        check(TLS_CLIENT, &name, NULL, "h2");
}

static void test_protocols(void **state) {
        static const Case no_h2 = { "good", -EPROTO, "HTTP/2 is not offered (ALPN h2)",
                GNUTLS_A_NO_APPLICATION_PROTOCOL };
        static const Case old = { "good", -EPROTO, "TLS 1.3 is not offered", GNUTLS_A_PROTOCOL_VERSION };
        static const Case cipher = { "good", -EPROTO, "no cipher suite in common", GNUTLS_A_HANDSHAKE_FAILURE };
        static const Case group = { "good", -EPROTO, "no key exchange in common", GNUTLS_A_HANDSHAKE_FAILURE };

        (void) state;
        check(TLS_SERVER, &no_h2, NULL, NULL);
        check(TLS_SERVER, &no_h2, NULL, "http/1.1");
        check(TLS_CLIENT, &no_h2, NULL, NULL);
        check(TLS_SERVER, &old, "NORMAL:-VERS-ALL:+VERS-TLS1.2", "h2");
        check(TLS_SERVER, &cipher, RAW_PRIORITY ":-CIPHER-ALL:+CHACHA20-POLY1305", "h2");
        check(TLS_SERVER, &group, RAW_PRIORITY ":-GROUP-ALL:+GROUP-SECP521R1", "h2");
}

/* A client offers nothing else, so the server can only refuse or break the rules. */
static void test_client_offers_only_tls13(void **state) {
        static const Case refused = { "good", -ECONNREFUSED, "the peer refused: Error in protocol version", -1 };

        (void) state;
        _cleanup_(tls_credentials_unrefp) TlsCredentials *ours = fixture_credentials("server", NULL, NULL);
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        _cleanup_raw_ Raw raw;

        assert_int_equal(tls_session_new(ours, TLS_CLIENT, "peer", &s), 0);
        raw_init(&raw, GNUTLS_SERVER, "good", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "h2");
        assert_int_equal(raw_handshake(&raw, s), 0);
        assert_true(gnutls_error_is_fatal(raw.result));
        assert_int_equal(gnutls_alert_send(raw.session, GNUTLS_AL_FATAL, GNUTLS_A_PROTOCOL_VERSION), 0);
        (void) raw_to_session(&raw, s);
        assert_int_equal(tls_session_handshake(s), refused.error);
        assert_string_equal(tls_session_get_error(s), refused.sentence);
}

/* In TLS 1.3 a client believes itself done before the server has judged it. */
static void test_our_client_hears_why(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("revoked", NULL, NULL),
                                                         *s = fixture_credentials("server", NULL, "crl.pem");
        _cleanup_(tls_session_freep) TlsSession *client = NULL, *server = NULL;
        char buf[16];

        (void) state;
        assert_int_equal(tls_session_new(c, TLS_CLIENT, "server", &client), 0);
        assert_int_equal(tls_session_new(s, TLS_SERVER, NULL, &server), 0);
        assert_int_equal(tls_session_handshake(client), 0);
        (void) fixture_move(client, server, SIZE_MAX);
        assert_int_equal(tls_session_handshake(server), 0);
        (void) fixture_move(server, client, SIZE_MAX);
        assert_int_equal(tls_session_handshake(client), 1);
        (void) fixture_move(client, server, SIZE_MAX);
        assert_int_equal(tls_session_handshake(server), -EACCES);
        assert_true(fixture_move(server, client, SIZE_MAX) > 0);
        assert_int_equal(tls_session_read(client, buf, sizeof buf), -ECONNREFUSED);
        assert_string_equal(tls_session_get_error(client), "the peer refused: Certificate was revoked");
}

static int feed(TlsSession *s, const void *p, size_t n) {
        assert_int_equal(buffer_append(tls_session_input(s), p, n), 0);
        return tls_session_handshake(s);
}

static void test_no_tls_at_all(void **state) {
        static const char *const texts[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "SSH-2.0-OpenSSH_9.2\r\n" };
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(tls_session_freep) TlsSession *s = NULL;

                assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &s), 0);
                assert_int_equal(feed(s, texts[i], strlen(texts[i])), -EPROTO);
                assert_string_equal(tls_session_get_error(s), "what came is no TLS handshake");
                assert_int_equal(buffer_head(tls_session_output(s))[0], 21);
        }
}

static void test_garbage(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);

        (void) state;
        srandom(2);
        for (int i = 0; i < 200; i++) {
                _cleanup_(tls_session_freep) TlsSession *s = NULL;
                uint8_t bytes[1000] = { 22, 3, 1, 3, 100 };
                int r = 0;

                for (size_t n = i % 2 ? 5 : 0; n < sizeof bytes; n++)
                        bytes[n] = random();
                assert_int_equal(tls_session_new(c, i % 4 < 2 ? TLS_SERVER : TLS_CLIENT, "server", &s), 0);
                for (int k = 0; k < 100 && r == 0; k++)
                        r = feed(s, bytes, sizeof bytes);
                assert_true(r < 0);
                assert_string_not_equal(tls_session_get_error(s), "");
        }
}

/* A peer that never comes to the point is cut off by the size of what it says. */
static void test_endless_handshake(void **state) {
        static const struct {
                const char *bytes;
                size_t size;
        } records[] = {
                { "\x14\x03\x03\x00\x01\x01", 6 },             /* change_cipher_spec for ever */
                { "\x16\x03\x01\x00\x04\x01\x00\xff\xff", 9 }, /* ever more pieces of one message */
        };
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(records); i++) {
                _cleanup_(tls_session_freep) TlsSession *s = NULL;
                int r = 0, n;

                assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &s), 0);
                for (n = 0; n < 100000 && r == 0; n++)
                        r = feed(s, records[i].bytes, records[i].size);
                assert_true(r < 0);
                assert_true(n * records[i].size <= TLS_HANDSHAKE_SIZE_MAX + records[i].size);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_authorities),
                cmocka_unit_test(test_key_that_is_never_used),
                cmocka_unit_test(test_client_certificates),
                cmocka_unit_test(test_server_certificates),
                cmocka_unit_test(test_protocols),
                cmocka_unit_test(test_client_offers_only_tls13),
                cmocka_unit_test(test_our_client_hears_why),
                cmocka_unit_test(test_no_tls_at_all),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_endless_handshake),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
