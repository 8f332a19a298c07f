/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/session.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <sys/uio.h>

#include "base/str.h"
#include "tls/verify.h"

#define RECORD_SIZE_MAX     16384
#define RECORD_OVERHEAD_MAX 64 /* header, content type and tag, with room to spare */

struct TlsSession {
        gnutls_session_t gnutls;
        TlsMaterial *material;
        TlsRole role;
        char *server_name;

        Buffer input, output;
        size_t barren_size; /* input since there was plain text: handshake, tickets, key updates, empty records */

        bool verified : 1; /* the peer's certificate */
        bool done : 1;     /* the handshake */
        bool ended : 1;    /* the peer's close_notify came */
        bool closed : 1;   /* ours went */
        int error;         /* negative errno of the first failure; it stays */
        TlsRefusal refusal;
};

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *p, size_t size) {
        TlsSession *s = userdata;
        size_t n = MIN(size, s->input.size);

        if (n == 0) {
                gnutls_transport_set_errno(s->gnutls, EAGAIN);
                return -1;
        }
        if (n > TLS_HANDSHAKE_SIZE_MAX - s->barren_size) {
                gnutls_transport_set_errno(s->gnutls, EMSGSIZE);
                return -1;
        }
        s->barren_size += n;
        memcpy(p, buffer_head(&s->input), n);
        buffer_consume(&s->input, n);
        return n;
}

static int on_pull_timeout(gnutls_transport_ptr_t userdata, unsigned _unused_ ms) {
        const TlsSession *s = userdata;

        return s->input.size > 0;
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const giovec_t *iov, int n_iov) {
        TlsSession *s = userdata;
        size_t total = 0;
        uint8_t *tail;

        for (int i = 0; i < n_iov; i++)
                total += iov[i].iov_len;
        tail = buffer_reserve(&s->output, total);
        if (!tail) {
                gnutls_transport_set_errno(s->gnutls, ENOMEM);
                return -1;
        }
        for (int i = 0; i < n_iov; i++) {
                memcpy(tail, iov[i].iov_base, iov[i].iov_len);
                tail += iov[i].iov_len;
        }
        buffer_commit(&s->output, total);
        return total;
}

/* CertificateVerify has come and was not looked at. Checking the chain now, and not after it as GnuTLS would, means
 * that a stranger's key is never used for anything: one use of an RSA key of 100,000 bits takes GMP 38 seconds. */
static int on_certificate_verify(gnutls_session_t gnutls, unsigned _unused_ type, unsigned _unused_ post,
                unsigned incoming, const gnutls_datum_t _unused_ *message) {
        TlsSession *s = gnutls_session_get_ptr(gnutls);
        TlsRole peer_role = s->role == TLS_SERVER ? TLS_CLIENT : TLS_SERVER;
        const gnutls_datum_t *ders;
        unsigned n_ders = 0;
        int r;

        if (!incoming)
                return 0;
        ders = gnutls_certificate_get_peers(gnutls, &n_ders);
        r = tls_verify_peer(s->material, peer_role, s->server_name, ders, ders ? n_ders : 0, &s->refusal);
        if (r < 0) {
                s->error = r;
                return GNUTLS_E_CERTIFICATE_ERROR;
        }
        s->verified = true;
        return 0;
}

static int session_configure(TlsSession *s) {
        static const gnutls_datum_t h2 = { (uint8_t *) "h2", 2 };
        IdentityAddress address;
        int r;

        gnutls_session_set_ptr(s->gnutls, s);
        gnutls_transport_set_ptr(s->gnutls, s);
        gnutls_transport_set_pull_function(s->gnutls, on_pull);
        gnutls_transport_set_pull_timeout_function(s->gnutls, on_pull_timeout);
        gnutls_transport_set_vec_push_function(s->gnutls, on_push);
        gnutls_handshake_set_timeout(s->gnutls, 0);
        gnutls_handshake_set_max_packet_length(s->gnutls, TLS_HANDSHAKE_SIZE_MAX);
        gnutls_handshake_set_hook_function(
                        s->gnutls, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY, GNUTLS_HOOK_PRE, on_certificate_verify);

        r = tls_material_apply(s->material, s->gnutls);
        if (r < 0)
                return r;
        r = gnutls_alpn_set_protocols(s->gnutls, &h2, 1, GNUTLS_ALPN_MANDATORY);
        if (r < 0)
                return r;
        if (s->role == TLS_SERVER) {
                gnutls_certificate_server_set_request(s->gnutls, GNUTLS_CERT_REQUIRE);
                return 0;
        }
        /* RFC 6066 allows no addresses in SNI. */
        if (identity_address_from_string(s->server_name, &address) >= 0)
                return 0;
        return gnutls_server_name_set(s->gnutls, GNUTLS_NAME_DNS, s->server_name, strlen(s->server_name));
}

int tls_session_new(TlsCredentials *credentials, TlsRole role, const char *server_name, TlsSession **ret) {
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS | GNUTLS_FORCE_CLIENT_CERT;
        int r;

        if (role == TLS_CLIENT && (!server_name || !x509_name_is_valid(server_name, strlen(server_name))))
                return -EINVAL;
        s = mem_new0(TlsSession, 1);
        if (!s)
                return -ENOMEM;
        s->role = role;
        s->material = tls_material_ref(tls_credentials_get_material(credentials));
        if (role == TLS_CLIENT) {
                s->server_name = strdup(server_name);
                if (!s->server_name)
                        return -ENOMEM;
        }
        r = gnutls_init(&s->gnutls, flags | (role == TLS_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT));
        if (r >= 0)
                r = session_configure(s);
        if (r < 0)
                return x509_errno(r);
        *ret = TAKE_PTR(s);
        return 0;
}

TlsSession *tls_session_free(TlsSession *s) {
        if (!s)
                return NULL;
        if (s->gnutls)
                gnutls_deinit(s->gnutls);
        tls_material_unref(s->material);
        buffer_done(&s->input);
        buffer_done(&s->output);
        free(s->server_name);
        free(s);
        return NULL;
}

Buffer *tls_session_input(TlsSession *s) {
        return &s->input;
}

Buffer *tls_session_output(TlsSession *s) {
        return &s->output;
}

const char *tls_session_get_error(const TlsSession *s) {
        return s->refusal.text;
}

/* What GnuTLS says in one word as a sentence for people. */
static const struct {
        int code, error;
        gnutls_alert_description_t alert;
        const char *text;
} failures[] = {
        { GNUTLS_E_MEMORY_ERROR, -ENOMEM, GNUTLS_A_INTERNAL_ERROR, "out of memory" },
        { GNUTLS_E_PUSH_ERROR, -ENOMEM, GNUTLS_A_INTERNAL_ERROR, "out of memory" },
        { GNUTLS_E_NO_CERTIFICATE_FOUND, -EACCES, GNUTLS_A_CERTIFICATE_REQUIRED, "no certificate" },
        { GNUTLS_E_CERTIFICATE_REQUIRED, -EACCES, GNUTLS_A_CERTIFICATE_REQUIRED, "no certificate" },
        { GNUTLS_E_NO_APPLICATION_PROTOCOL, -EPROTO, GNUTLS_A_NO_APPLICATION_PROTOCOL,
                        "HTTP/2 is not offered (ALPN h2)" },
        { GNUTLS_E_UNSUPPORTED_VERSION_PACKET, -EPROTO, GNUTLS_A_PROTOCOL_VERSION, "TLS 1.3 is not offered" },
        { GNUTLS_E_NO_CIPHER_SUITES, -EPROTO, GNUTLS_A_HANDSHAKE_FAILURE, "no cipher suite in common" },
        { GNUTLS_E_NO_COMMON_KEY_SHARE, -EPROTO, GNUTLS_A_HANDSHAKE_FAILURE, "no key exchange in common" },
        { GNUTLS_E_HANDSHAKE_TOO_LARGE, -EMSGSIZE, GNUTLS_A_RECORD_OVERFLOW, "the handshake is larger than 64 KiB" },
};

static int session_refuse(TlsSession *s, int error, int alert, const char *text) {
        const char *dot = endswith(text, ".");

        s->error = error;
        (void) snprintf(s->refusal.text, sizeof s->refusal.text, "%.*s",
                        (int) (dot ? dot - text : (ptrdiff_t) strlen(text)), text);
        (void) gnutls_alert_send(s->gnutls, GNUTLS_AL_FATAL, alert);
        return error;
}

/* Records the first failure and puts the alert about it into the output. */
static int session_fail(TlsSession *s, int code) {
        int level;

        if (code == GNUTLS_E_NO_CIPHER_SUITES && gnutls_protocol_get_version(s->gnutls) != GNUTLS_TLS1_3)
                code = GNUTLS_E_UNSUPPORTED_VERSION_PACKET;

        if (code == GNUTLS_E_CERTIFICATE_ERROR && !isempty(s->refusal.text)) {
                (void) gnutls_alert_send(s->gnutls, GNUTLS_AL_FATAL, s->refusal.alert);
                return s->error;
        }
        if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) {
                const char *name = gnutls_alert_get_name(gnutls_alert_get(s->gnutls));

                (void) snprintf(s->refusal.text, sizeof s->refusal.text, "the peer refused: %s",
                                name ?: "unknown alert");
                return s->error = -ECONNREFUSED;
        }
        if (code == GNUTLS_E_UNEXPECTED_PACKET && !s->done)
                return session_refuse(s, -EPROTO, GNUTLS_A_UNEXPECTED_MESSAGE, "what came is no TLS handshake");
        if (code == GNUTLS_E_PULL_ERROR && s->done)
                return session_refuse(s, -EMSGSIZE, GNUTLS_A_UNEXPECTED_MESSAGE, "64 KiB of records without data");
        if (code == GNUTLS_E_PULL_ERROR)
                code = GNUTLS_E_HANDSHAKE_TOO_LARGE;
        for (size_t i = 0; i < ELEMENTSOF(failures); i++)
                if (failures[i].code == code)
                        return session_refuse(s, failures[i].error, failures[i].alert, failures[i].text);
        return session_refuse(s, -EPROTO, gnutls_error_to_alert(code, &level), gnutls_strerror(code));
}

static bool session_has_h2(TlsSession *s) {
        gnutls_datum_t selected;

        return gnutls_alpn_get_selected_protocol(s->gnutls, &selected) >= 0 && selected.size == 2 &&
                        memcmp(selected.data, "h2", 2) == 0;
}

/* GnuTLS says "again" not only when there is no more input but also behind each record that completes nothing.
 * before: how much input there was. */
static bool session_wants_input(const TlsSession *s, size_t before) {
        return s->input.size == 0 || s->input.size == before;
}

int tls_session_handshake(TlsSession *s) {
        size_t before;
        int r;

        if (s->error < 0)
                return s->error;
        if (s->done)
                return 1;
        do {
                before = s->input.size;
                r = gnutls_handshake(s->gnutls);
        } while (r < 0 && !gnutls_error_is_fatal(r) && !session_wants_input(s, before));
        if (r < 0)
                return gnutls_error_is_fatal(r) ? session_fail(s, r) : 0;
        /* GnuTLS takes a peer that does not speak of ALPN at all for one that has no objection. */
        if (!session_has_h2(s))
                return session_fail(s, GNUTLS_E_NO_APPLICATION_PROTOCOL);
        if (!s->verified)
                return session_fail(s, GNUTLS_E_NO_CERTIFICATE_FOUND);
        s->done = true;
        s->barren_size = 0;
        return 1;
}

int tls_session_get_identity(TlsSession *s, const struct sockaddr *peer, socklen_t peer_size, Identity **ret) {
        const gnutls_datum_t *ders;
        unsigned n_ders = 0;

        if (!s->done)
                return -ENOTCONN;
        ders = gnutls_certificate_get_peers(s->gnutls, &n_ders);
        if (!ders || n_ders == 0)
                return -ENODATA;
        return identity_new_certificate(ders[0].data, ders[0].size, peer, peer_size, ret);
}

ssize_t tls_session_read(TlsSession *s, void *p, size_t size) {
        uint8_t *out = p;
        size_t n = 0;

        if (!s->done)
                return s->error < 0 ? s->error : -ENOTCONN;
        while (n < size && !s->ended && s->error == 0) {
                size_t before = s->input.size;
                ssize_t k;

                /* GnuTLS would find out the same, at the price of a small record. */
                if (before == 0 && gnutls_record_check_pending(s->gnutls) == 0)
                        break;
                k = gnutls_record_recv(s->gnutls, out + n, size - n);

                if (k > 0) {
                        n += k;
                        s->barren_size = 0;
                } else if (k == 0)
                        s->ended = true;
                else if (gnutls_error_is_fatal(k))
                        (void) session_fail(s, k);
                else if (session_wants_input(s, before))
                        break;
        }
        /* What came before the end or the failure is delivered first. */
        if (n > 0 || size == 0)
                return n;
        return s->ended ? 0 : s->error < 0 ? s->error : -EAGAIN;
}

int tls_session_write(TlsSession *s, const void *p, size_t size) {
        const uint8_t *in = p;

        if (s->error < 0)
                return s->error;
        if (!s->done || s->closed)
                return -ENOTCONN;
        if (!buffer_reserve(&s->output, size + (size / RECORD_SIZE_MAX + 1) * RECORD_OVERHEAD_MAX))
                return -ENOMEM;
        while (size > 0) {
                ssize_t n = gnutls_record_send(s->gnutls, in, MIN(size, (size_t) RECORD_SIZE_MAX));

                if (n < 0)
                        return session_fail(s, n);
                in += n;
                size -= n;
        }
        return 0;
}

void tls_session_close(TlsSession *s) {
        if (!s->done || s->closed || s->error < 0)
                return;
        s->closed = true;
        (void) gnutls_bye(s->gnutls, GNUTLS_SHUT_WR);
}
