/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions in memory: what handshakes succeed, what each refusal says, and that bytes come through whole. */
#include <gnutls/gnutls.h>

#include "raw.h"

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
        static const char *const kinds[] = { "good", "ed25519", "p384", "rsa2048", "no-use", "two-names", "chain-2",
                "chain-3", "mapped-address", "v6-address", "big" };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_pair_ Pair as_client = pair_connect(kinds[i], "server"),
                                    as_server = pair_connect("server", kinds[i]);

                transfer(as_client.client, as_client.server, "from the client");
                transfer(as_client.server, as_client.client, "from the server");
                transfer(as_server.client, as_server.server, "there");
                transfer(as_server.server, as_server.client, "and back");
        }
        { _cleanup_pair_ Pair p = pair_connect("client-only", "server-only"); }
}

static void test_identity(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        _cleanup_(identity_freep) Identity *peer = NULL, *server = NULL;

        (void) state;
        assert_int_equal(tls_session_get_identity(p.server, NULL, 0, &peer), 0);
        assert_string_equal(identity_get_principal(peer), "peer");
        assert_int_equal(identity_get_kind(peer), IDENTITY_CERTIFICATE);
        assert_int_equal(tls_session_get_identity(p.client, NULL, 0, &server), 0);
        assert_string_equal(identity_get_principal(server), "server");
}

/* Any way of cutting the bytes gives the same handshake and the same data. */
static void test_pieces(void **state) {
        static const size_t chunks[] = { 1, 2, 5, 7, 1000, SIZE_MAX };
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("chain-3", NULL, NULL),
                                                         *s = fixture_credentials("server", NULL, NULL);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
                _cleanup_pair_ Pair p = pair_new(c, s, "server");
                char buf[64] = "";
                size_t n = 0;

                pair_run(&p, chunks[i]);
                assert_int_equal(p.client_result, 1);
                assert_int_equal(p.server_result, 1);
                assert_int_equal(tls_session_write(p.client, "one piece after another", 23), 0);
                while (fixture_move(p.client, p.server, chunks[i]) > 0) {
                        ssize_t k = tls_session_read(p.server, buf + n, sizeof buf - n);

                        assert_true(k == -EAGAIN || k > 0);
                        n += k > 0 ? k : 0;
                }
                assert_int_equal(n, 23);
                assert_string_equal(buf, "one piece after another");
        }
}

static uint8_t pattern(size_t i) {
        return (i * 2654435761u) >> 13;
}

/* Many records, messages of odd sizes, read in other odd sizes, with the stream cut in between. */
static void test_bulk(void **state) {
        const size_t total = 8 * 1024 * 1024 + 13;
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        _cleanup_free_ uint8_t *in = malloc(200000), *out = malloc(70001);
        size_t sent = 0, received = 0, message = 1;

        (void) state;
        while (received < total) {
                if (sent < total) {
                        size_t n = MIN(message, total - sent);

                        for (size_t i = 0; i < n; i++)
                                in[i] = pattern(sent + i);
                        assert_int_equal(tls_session_write(p.client, in, n), 0);
                        sent += n;
                        message = message * 3 % 199999 + 1;
                }
                (void) fixture_move(p.client, p.server, 65537);
                for (ssize_t n; (n = tls_session_read(p.server, out, 70001)) != -EAGAIN; received += n) {
                        assert_true(n > 0);
                        for (ssize_t i = 0; i < n; i++)
                                if (out[i] != pattern(received + i))
                                        fail_msg("byte %zu is wrong", received + i);
                }
        }
        assert_int_equal(received, total);
        assert_int_equal(tls_session_output(p.client)->size, 0);
}

static void test_read_many_records_at_once(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        char buf[1000];

        (void) state;
        for (int i = 0; i < 100; i++)
                assert_int_equal(tls_session_write(p.server, "0123456789", 10), 0);
        (void) fixture_move(p.server, p.client, SIZE_MAX);
        assert_int_equal(tls_session_read(p.client, buf, 995), 995);
        assert_int_equal(tls_session_read(p.client, buf, sizeof buf), 5);
        assert_memory_equal(buf, "56789", 5);
        assert_int_equal(tls_session_read(p.client, buf, sizeof buf), -EAGAIN);
        assert_int_equal(tls_session_read(p.client, buf, 0), 0);
}

static void test_empty_write(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");

        (void) state;
        assert_int_equal(tls_session_write(p.client, "", 0), 0);
        assert_int_equal(tls_session_output(p.client)->size, 0);
}

/* The end of each direction is its own: what was under way still arrives. */
static void test_close(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        char buf[16] = "";

        (void) state;
        assert_int_equal(tls_session_write(p.client, "last", 4), 0);
        tls_session_close(p.client);
        tls_session_close(p.client);
        assert_int_equal(tls_session_write(p.client, "more", 4), -ENOTCONN);
        (void) fixture_move(p.client, p.server, SIZE_MAX);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), 4);
        assert_string_equal(buf, "last");
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), 0);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), 0);
        transfer(p.server, p.client, "answer");
        tls_session_close(p.server);
        (void) fixture_move(p.server, p.client, SIZE_MAX);
        assert_int_equal(tls_session_read(p.client, buf, sizeof buf), 0);
        assert_string_equal(tls_session_get_error(p.client), "");
}

/* Cut off without close_notify: there is no end, only nothing more. */
static void test_truncation(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        char buf[16];

        (void) state;
        assert_int_equal(tls_session_write(p.client, "whole", 5), 0);
        assert_int_equal(fixture_move(p.client, p.server, 20), 20);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), -EAGAIN);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), -EAGAIN);
}

static void test_corruption(void **state) {
        _cleanup_pair_ Pair p = pair_connect("good", "server");
        char buf[16] = "";

        (void) state;
        assert_int_equal(tls_session_write(p.client, "good", 4), 0);
        (void) fixture_move(p.client, p.server, SIZE_MAX);
        assert_int_equal(tls_session_write(p.client, "evil", 4), 0);
        buffer_head(tls_session_output(p.client))[8] ^= 1;
        (void) fixture_move(p.client, p.server, SIZE_MAX);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), 4);
        assert_string_equal(buf, "good");
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), -EPROTO);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), -EPROTO);
        assert_int_equal(tls_session_write(p.server, "x", 1), -EPROTO);
        assert_string_not_equal(tls_session_get_error(p.server), "");
        /* The alert goes out, and a close_notify does not follow it. */
        assert_true(fixture_move(p.server, p.client, SIZE_MAX) > 0);
        tls_session_close(p.server);
        assert_int_equal(tls_session_output(p.server)->size, 0);
        assert_int_equal(tls_session_read(p.client, buf, sizeof buf), -ECONNREFUSED);
        assert_string_equal(tls_session_get_error(p.client), "the peer refused: Bad record MAC");
}

static void test_before_the_handshake(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, NULL);
        _cleanup_pair_ Pair p = pair_new(c, c, "peer");
        Identity *i;
        char buf[16];

        (void) state;
        assert_int_equal(tls_session_handshake(p.server), 0);
        assert_int_equal(tls_session_read(p.server, buf, sizeof buf), -ENOTCONN);
        assert_int_equal(tls_session_write(p.server, "x", 1), -ENOTCONN);
        assert_int_equal(tls_session_get_identity(p.server, NULL, 0, &i), -ENOTCONN);
        tls_session_close(p.server);
        assert_int_equal(tls_session_output(p.server)->size, 0);
        assert_null(tls_session_free(NULL));
}

static void test_server_names(void **state) {
        static const char *const bad[] = { NULL, "", "*.example", "a..b", "-a", "a b", "a\nb" };
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, NULL);
        TlsSession *s = NULL;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(tls_session_new(c, TLS_CLIENT, bad[i], &s), -EINVAL);
        assert_null(s);
        assert_int_equal(tls_session_new(c, TLS_CLIENT, "192.168.101.5", &s), 0);
        tls_session_free(s);
}

/* The second name counts as well, and DNS knows no case. */
static void test_server_name_matches(void **state) {
        static const char *const names[] = { "peer", "other", "PEER" };
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, NULL),
                                                         *s = fixture_credentials("two-names", NULL, NULL);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_pair_ Pair p = pair_new(c, s, names[i]);

                pair_run(&p, SIZE_MAX);
                assert_int_equal(p.client_result, 1);
        }
}

static void test_key_update(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        _cleanup_raw_ Raw raw;
        char buf[64];

        (void) state;
        assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &s), 0);
        raw_init(&raw, GNUTLS_CLIENT, "good", NULL, "h2");
        assert_int_equal(raw_handshake(&raw, s), 1);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(gnutls_session_key_update(raw.session, GNUTLS_KU_PEER), 0);
                assert_int_equal(gnutls_record_send(raw.session, "after", 5), 5);
                (void) raw_to_session(&raw, s);
                assert_int_equal(tls_session_read(s, buf, sizeof buf), 5);
                assert_int_equal(tls_session_write(s, "answer", 6), 0);
                (void) raw_from_session(&raw, s);
                ssize_t n = gnutls_record_recv(raw.session, buf, sizeof buf);
                if (n == GNUTLS_E_AGAIN) /* behind the key update */
                        n = gnutls_record_recv(raw.session, buf, sizeof buf);
                assert_int_equal(n, 6);
        }
}

/* Both cost the sender as much as us, and both end. */
static void test_key_update_flood(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        _cleanup_raw_ Raw raw;
        ssize_t n = -EAGAIN;
        char buf[64];
        int i;

        (void) state;
        assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &s), 0);
        raw_init(&raw, GNUTLS_CLIENT, "good", NULL, "h2");
        assert_int_equal(raw_handshake(&raw, s), 1);
        for (i = 0; i < 10000 && n == -EAGAIN; i++) {
                assert_int_equal(gnutls_session_key_update(raw.session, 0), 0);
                (void) raw_to_session(&raw, s);
                n = tls_session_read(s, buf, sizeof buf);
        }
        assert_true(i < 10000);
        assert_int_equal(n, -EPROTO);
        assert_string_not_equal(tls_session_get_error(s), "");
}

static void test_empty_records(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        _cleanup_raw_ Raw raw;
        RawWriter w;
        char buf[64];
        ssize_t n = -EAGAIN;
        int i;

        (void) state;
        assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &s), 0);
        raw_init(&raw, GNUTLS_CLIENT, "good", NULL, "h2");
        assert_int_equal(raw_handshake(&raw, s), 1);
        w = raw_writer(&raw);
        /* A few are allowed, and they are not the end of the stream. */
        for (i = 0; i < 3; i++)
                raw_write_record(&raw, &w, 23, NULL, 0);
        raw_write_record(&raw, &w, 23, "x", 1);
        (void) raw_to_session(&raw, s);
        assert_int_equal(tls_session_read(s, buf, sizeof buf), 1);
        for (i = 0; i < 100000 && n == -EAGAIN; i++) {
                raw_write_record(&raw, &w, 23, NULL, 0);
                (void) raw_to_session(&raw, s);
                n = tls_session_read(s, buf, sizeof buf);
        }
        assert_true(i > 200 && i < 10000);
        assert_int_equal(n, -EMSGSIZE);
        assert_string_equal(tls_session_get_error(s), "64 KiB of records without data");
        gnutls_aead_cipher_deinit(w.cipher);
}

/* Records that have no business after the handshake. */
static void test_strange_records(void **state) {
        static const struct {
                uint8_t type;
                const char *data;
                size_t size;
        } cases[] = {
                { 20, "\1", 1 },                /* change_cipher_spec, encrypted */
                { 22, "\1\0\0\2\3\3", 6 },      /* a second ClientHello: renegotiation is of the past */
                { 22, "\13\0\0\4\0\0\0\0", 8 }, /* Certificate that nobody asked for */
                { 24, "\1\0\20ping", 7 },       /* heartbeat */
                { 99, "x", 1 },                 /* no such type */
                { 21, "\2\50", 2 },             /* fatal alert */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("server", NULL, NULL);
                _cleanup_(tls_session_freep) TlsSession *s = NULL;
                _cleanup_raw_ Raw raw;
                RawWriter w;
                char buf[64];
                ssize_t n;

                assert_int_equal(tls_session_new(c, TLS_SERVER, NULL, &s), 0);
                raw_init(&raw, GNUTLS_CLIENT, "good", NULL, "h2");
                assert_int_equal(raw_handshake(&raw, s), 1);
                w = raw_writer(&raw);
                raw_write_record(&raw, &w, cases[i].type, cases[i].data, cases[i].size);
                (void) raw_to_session(&raw, s);
                n = tls_session_read(s, buf, sizeof buf);
                if (n >= 0 || n == -EAGAIN)
                        fail_msg("type %u case %zu: %zd", cases[i].type, i, n);
                assert_string_not_equal(tls_session_get_error(s), "");
                gnutls_aead_cipher_deinit(w.cipher);
        }
}

/* Random changes to the bytes of both sides never crash, hang or make a session that was not agreed on. */
static void test_mangled(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, NULL),
                                                         *s = fixture_credentials("server", NULL, NULL);

        int n_done = 0;

        (void) state;
        srandom(1);
        for (int i = 0; i < 300; i++) {
                _cleanup_pair_ Pair p = pair_new(c, s, "server");
                TlsSession *victim = i % 2 ? p.client : p.server;
                Buffer *b;

                if (i % 2) {
                        (void) tls_session_handshake(p.client);
                        (void) fixture_move(p.client, p.server, SIZE_MAX);
                        assert_int_equal(tls_session_handshake(p.server), 0);
                        (void) fixture_move(p.server, p.client, SIZE_MAX);
                } else {
                        (void) tls_session_handshake(p.client);
                        (void) fixture_move(p.client, p.server, SIZE_MAX);
                }
                b = tls_session_input(victim);
                buffer_head(b)[random() % b->size] ^= 1 << random() % 8;
                pair_run(&p, SIZE_MAX);
                /* The header of a record says some things twice, which nobody looks at: then it is a session like
                 * any. */
                if (p.client_result == 1 && p.server_result == 1) {
                        transfer(p.client, p.server, "works");
                        n_done++;
                }
        }
        assert_true(n_done < 30);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_key_kinds),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_bulk),
                cmocka_unit_test(test_read_many_records_at_once),
                cmocka_unit_test(test_empty_write),
                cmocka_unit_test(test_close),
                cmocka_unit_test(test_truncation),
                cmocka_unit_test(test_corruption),
                cmocka_unit_test(test_before_the_handshake),
                cmocka_unit_test(test_server_names),
                cmocka_unit_test(test_server_name_matches),
                cmocka_unit_test(test_key_update),
                cmocka_unit_test(test_key_update_flood),
                cmocka_unit_test(test_empty_records),
                cmocka_unit_test(test_strange_records),
                cmocka_unit_test(test_mangled),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
