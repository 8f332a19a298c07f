/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions in memory: what handshakes succeed, what each refusal says, and that bytes come through whole. */
#include <gnutls/gnutls.h>

#include "fixture.h"

typedef struct Pair {
        TlsSession *client, *server;
        int client_result, server_result;
} Pair;

static void pair_done(Pair *p) {
        tls_session_free(p->client);
        tls_session_free(p->server);
}
#define _cleanup_pair_ _cleanup_(pair_done)

static Pair pair_new(TlsCredentials *client, TlsCredentials *server, const char *name) {
        Pair p = {};

        assert_int_equal(tls_session_new(client, TLS_CLIENT, name, &p.client), 0);
        assert_int_equal(tls_session_new(server, TLS_SERVER, NULL, &p.server), 0);
        return p;
}

/* Runs both ends, chunk bytes at a time, until neither has anything to say. */
static void pair_run(Pair *p, size_t chunk) {
        size_t moved;

        do {
                p->client_result = tls_session_handshake(p->client);
                moved = fixture_move(p->client, p->server, chunk);
                p->server_result = tls_session_handshake(p->server);
                moved += fixture_move(p->server, p->client, chunk);
        } while (moved > 0);
        p->client_result = tls_session_handshake(p->client);
}

static Pair pair_connect(const char *client, const char *server) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials(client, NULL, NULL),
                                                         *s = fixture_credentials(server, NULL, NULL);
        Pair p = pair_new(c, s, streq(server, "server") ? "server" : "peer");

        pair_run(&p, SIZE_MAX);
        assert_string_equal(tls_session_get_error(p.client), "");
        assert_string_equal(tls_session_get_error(p.server), "");
        assert_int_equal(p.client_result, 1);
        assert_int_equal(p.server_result, 1);
        return p;
}

static void transfer(TlsSession *from, TlsSession *to, const char *text) {
        char buf[64] = "";

        assert_int_equal(tls_session_write(from, text, strlen(text)), 0);
        (void) fixture_move(from, to, SIZE_MAX);
        assert_int_equal(tls_session_read(to, buf, sizeof buf), strlen(text));
        assert_string_equal(buf, text);
        assert_int_equal(tls_session_read(to, buf, sizeof buf), -EAGAIN);
}

static void test_key_kinds(void **state) {
        static const char *const kinds[] = { "good", "ed25519", "p384", "rsa2048", "no-use", "two-names", "chain-2", "chain-3",
                "mapped-address", "v6-address", "big" };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_pair_ Pair as_client = pair_connect(kinds[i], "server"), as_server = pair_connect("server", kinds[i]);

                transfer(as_client.client, as_client.server, "from the client");
                transfer(as_client.server, as_client.client, "from the server");
                transfer(as_server.client, as_server.server, "there");
                transfer(as_server.server, as_server.client, "and back");
        }
        {
                _cleanup_pair_ Pair p = pair_connect("client-only", "server-only");
        }
}

static void test_identity(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        _cleanup_(identity_unrefp) Identity *peer = NULL, *server = NULL;

        (void) state;
        assert_int_equal(tls_session_get_identity(p.server, NULL, 0, &peer), 0);
        assert_string_equal(identity_get_principal(peer), "peer");
        assert_int_equal(identity_get_kind(peer), IDENTITY_CERTIFICATE);
        assert_int_equal(tls_session_get_identity(p.client, NULL, 0, &server), 0);
        assert_string_equal(identity_get_principal(server), "server");
}

/* What the server says of a client's certificate; and that the client hears of it, with which alert. */
static void test_refused_clients(void **state) {
        static const struct {
                const char *kind, *sentence, *alert;
        } cases[] = {
                { "expired", "the certificate has expired (it names 'peer')", "Certificate has expired" },
                { "not-yet", "the certificate is not valid yet (it names 'peer')", "Certificate has expired" },
                { "foreign", "the certificate is not signed by the CA (it names 'peer')", "unknown" },
                { "not-ca", "the certificate is signed by a certificate that is no CA (it names 'peer')", "unknown" },
                { "chain-20", "the certificate chain is longer than 3", "bad" },
                { "server-only", "the certificate is not for a client (extendedKeyUsage) (it names 'peer')", "Unsupported" },
                { "code-only", "the certificate is not for a client (extendedKeyUsage) (it names 'peer')", "Unsupported" },
                { "rsa1024", "the certificate has an RSA key of 1024 bits, 2048 to 8192 are accepted (it names 'peer')", "bad" },
                { "no-name", "the certificate has no DNS name (subjectAltName)", "bad" },
                { "no-san", "the certificate has no DNS name (subjectAltName)", "bad" },
                { "many-names", "the certificate has too many names", "bad" },
                { "many-addresses", "the certificate has too many names", "bad" },
                { "huge-san", "the certificate has too many names", "bad" },
                { "wildcard", "the certificate has a DNS name that is not a plain host name", "bad" },
                { "nul-name", "the certificate has a DNS name that is not a plain host name", "bad" },
                { "two-extensions", "the certificate cannot be parsed", "bad" },
                { "huge", "the handshake is larger than 64 KiB", "overflow" },
                { "revoked", "the certificate is revoked (it names 'peer')", "revoked" },
                { "revoked-ca", "the certificate is revoked (it names 'peer')", "revoked" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                printf("%s\n", cases[i].kind);
                _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials(cases[i].kind, NULL, NULL),
                                                                 *s = fixture_credentials("server", NULL, "crl.pem");
                _cleanup_pair_ Pair p = pair_new(c, s, "server");
                char buf[16];

                pair_run(&p, SIZE_MAX);
                printf("  %d %s\n", p.server_result, tls_session_get_error(p.server));
                printf("  %d %zd %s\n", p.client_result, tls_session_read(p.client, buf, sizeof buf), tls_session_get_error(p.client));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_key_kinds),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_refused_clients),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
