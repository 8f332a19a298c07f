/* SPDX-License-Identifier: Apache-2.0 */
/* A peer made of bare GnuTLS, which may do what our sessions never do: no certificate or a bad one, no ALPN, an old
 * version, empty records, floods of key updates. */
#pragma once

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "fixture.h"

typedef struct Raw {
        gnutls_session_t session;
        gnutls_certificate_credentials_t credentials;
        Buffer input, output;
        int result; /* of the handshake: 0 done, GNUTLS_E_AGAIN, or why it failed */
} Raw;

static inline void raw_done(Raw *r) {
        gnutls_deinit(r->session);
        gnutls_certificate_free_credentials(r->credentials);
        buffer_done(&r->input);
        buffer_done(&r->output);
}
#define _cleanup_raw_ _cleanup_(raw_done)

static inline ssize_t raw_pull(gnutls_transport_ptr_t userdata, void *p, size_t size) {
        Raw *r = userdata;
        size_t n = MIN(size, r->input.size);

        if (n == 0) {
                gnutls_transport_set_errno(r->session, EAGAIN);
                return -1;
        }
        memcpy(p, buffer_head(&r->input), n);
        buffer_consume(&r->input, n);
        return n;
}

static inline int raw_pull_timeout(gnutls_transport_ptr_t userdata, unsigned ms) {
        (void) ms;
        return ((Raw *) userdata)->input.size > 0;
}

static inline ssize_t raw_push(gnutls_transport_ptr_t userdata, const void *p, size_t size) {
        assert_int_equal(buffer_append(&((Raw *) userdata)->output, p, size), 0);
        return size;
}

#define RAW_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* flags: GNUTLS_CLIENT or GNUTLS_SERVER. kind: whose certificate, NULL for none. priority NULL: RAW_PRIORITY. */
static inline void raw_init(Raw *r, unsigned flags, const char *kind, const char *priority, const char *alpn) {
        *r = (Raw){ .result = GNUTLS_E_AGAIN };
        assert_int_equal(gnutls_init(&r->session, flags | GNUTLS_NONBLOCK | GNUTLS_FORCE_CLIENT_CERT), 0);
        assert_int_equal(gnutls_priority_set_direct(r->session, priority ?: RAW_PRIORITY, NULL), 0);
        assert_int_equal(gnutls_certificate_allocate_credentials(&r->credentials), 0);
        if (kind) {
                _cleanup_free_ char *cert = strf("%s/%s/cert.pem", fixture_directory, kind),
                                    *key = strf("%s/%s/key.pem", fixture_directory, kind);

                gnutls_certificate_set_flags(r->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
                assert_true(gnutls_certificate_set_x509_key_file(r->credentials, cert, key, GNUTLS_X509_FMT_PEM) >= 0);
        }
        assert_int_equal(gnutls_credentials_set(r->session, GNUTLS_CRD_CERTIFICATE, r->credentials), 0);
        if (alpn)
                assert_int_equal(gnutls_alpn_set_protocols(
                                                 r->session, &(gnutls_datum_t){ (uint8_t *) alpn, strlen(alpn) }, 1, 0),
                                0);
        if (flags & GNUTLS_SERVER)
                gnutls_certificate_server_set_request(r->session, GNUTLS_CERT_REQUEST);
        gnutls_transport_set_ptr(r->session, r);
        gnutls_transport_set_pull_function(r->session, raw_pull);
        gnutls_transport_set_pull_timeout_function(r->session, raw_pull_timeout);
        gnutls_transport_set_push_function(r->session, raw_push);
}

static inline size_t raw_to_session(Raw *r, TlsSession *s) {
        size_t n = r->output.size;

        assert_int_equal(buffer_append(tls_session_input(s), buffer_head(&r->output), n), 0);
        buffer_consume(&r->output, n);
        return n;
}

static inline size_t raw_from_session(Raw *r, TlsSession *s) {
        Buffer *out = tls_session_output(s);
        size_t n = out->size;

        assert_int_equal(buffer_append(&r->input, buffer_head(out), n), 0);
        buffer_consume(out, n);
        return n;
}

/* Runs the handshake of both until neither has anything to say; the result of the session's. */
static inline int raw_handshake(Raw *r, TlsSession *s) {
        int result;
        size_t moved;

        do {
                if (r->result == GNUTLS_E_AGAIN)
                        r->result = gnutls_handshake(r->session);
                moved = raw_to_session(r, s);
                result = tls_session_handshake(s);
                moved += raw_from_session(r, s);
        } while (moved > 0);
        return result;
}

/* The alert that the session sent: it stands in the raw peer's input after the handshake. */
static inline int raw_get_alert(Raw *r) {
        char buf[16];
        int result = r->result;

        if (result == 0)
                result = gnutls_record_recv(r->session, buf, sizeof buf);
        return result == GNUTLS_E_FATAL_ALERT_RECEIVED ? (int) gnutls_alert_get(r->session) : -1;
}

/* A key to write records with by hand, from where the session stands; the session itself must not write any more. */
typedef struct RawWriter {
        gnutls_aead_cipher_hd_t cipher;
        uint8_t iv[12];
        uint64_t sequence;
} RawWriter;

static inline RawWriter raw_writer(Raw *r) {
        gnutls_datum_t mac, iv, key;
        RawWriter w = {};
        uint8_t sequence[8];

        assert_int_equal(gnutls_record_get_state(r->session, 0, &mac, &iv, &key, sequence), 0);
        assert_int_equal(iv.size, sizeof w.iv);
        memcpy(w.iv, iv.data, sizeof w.iv);
        for (size_t i = 0; i < sizeof sequence; i++)
                w.sequence = w.sequence << 8 | sequence[i];
        assert_int_equal(gnutls_aead_cipher_init(&w.cipher, gnutls_cipher_get(r->session), &key), 0);
        return w;
}

/* One record of an inner type (RFC 8446 5.2), with n bytes of content and none of padding. */
static inline void raw_write_record(Raw *r, RawWriter *w, uint8_t type, const void *p, size_t n) {
        uint8_t inner[256], record[5 + 256 + 16], nonce[12];
        size_t size = sizeof record - 5;

        assert_true(n < sizeof inner);
        if (n > 0)
                memcpy(inner, p, n);
        inner[n] = type;
        memcpy(nonce, w->iv, sizeof nonce);
        for (size_t i = 0; i < 8; i++)
                nonce[4 + i] ^= w->sequence >> (56 - 8 * i);
        w->sequence++;
        memcpy(record, (uint8_t[]){ 23, 3, 3, 0, n + 1 + 16 }, 5);
        assert_int_equal(gnutls_aead_cipher_encrypt(w->cipher, nonce, sizeof nonce, record, 5, 16, inner, n + 1,
                                         record + 5, &size),
                        0);
        assert_int_equal(buffer_append(&r->output, record, 5 + size), 0);
}
