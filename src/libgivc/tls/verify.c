/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/verify.h"

#include <stdarg.h>
#include <stdio.h>

/* In order of precedence: what the CA did not sign says nothing true about dates or purposes. */
static const struct {
        unsigned status;
        gnutls_alert_description_t alert;
        const char *text;
} reasons[] = {
        { GNUTLS_CERT_SIGNER_NOT_FOUND, GNUTLS_A_UNKNOWN_CA, "is not signed by the CA" },
        { GNUTLS_CERT_SIGNER_NOT_CA, GNUTLS_A_UNKNOWN_CA, "is signed by a certificate that is no CA" },
        { GNUTLS_CERT_SIGNATURE_FAILURE, GNUTLS_A_BAD_CERTIFICATE, "is not signed by the CA" },
        { GNUTLS_CERT_INSECURE_ALGORITHM, GNUTLS_A_BAD_CERTIFICATE, "is signed with a weak key or algorithm" },
        { GNUTLS_CERT_EXPIRED, GNUTLS_A_CERTIFICATE_EXPIRED, "has expired" },
        { GNUTLS_CERT_NOT_ACTIVATED, GNUTLS_A_CERTIFICATE_EXPIRED, "is not valid yet" },
        { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, GNUTLS_A_BAD_CERTIFICATE, "is beyond what its CA may sign" },
        { GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, GNUTLS_A_UNSUPPORTED_CERTIFICATE, "has an unknown critical extension" },
        { GNUTLS_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED, "is revoked" },
};

typedef struct PeerChain {
        gnutls_x509_crt_t crts[TLS_CHAIN_DEPTH_MAX];
        unsigned n_crts;
} PeerChain;

static void peer_chain_done(PeerChain *c) {
        for (unsigned i = 0; i < c->n_crts; i++)
                gnutls_x509_crt_deinit(c->crts[i]);
}

static int _printf_(4, 5) refuse(
                TlsRefusal *reterr, gnutls_alert_description_t alert, const Identity *who, const char *fmt, ...) {
        size_t n;
        va_list ap;

        reterr->alert = alert;
        va_start(ap, fmt);
        (void) vsnprintf(reterr->text, sizeof reterr->text, fmt, ap);
        va_end(ap);
        n = strlen(reterr->text);
        if (who)
                (void) snprintf(reterr->text + n, sizeof reterr->text - n, " (it names '%s')",
                                identity_get_principal(who));
        return alert == GNUTLS_A_INTERNAL_ERROR ? -ENOMEM : -EACCES;
}

static int peer_chain_import(PeerChain *c, const gnutls_datum_t *ders, unsigned n_ders, TlsRefusal *reterr) {
        int r;

        if (n_ders == 0)
                return refuse(reterr, GNUTLS_A_CERTIFICATE_REQUIRED, NULL, "no certificate");
        if (n_ders > TLS_CHAIN_DEPTH_MAX)
                return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, NULL, "the certificate chain is longer than %d",
                                TLS_CHAIN_DEPTH_MAX);
        for (unsigned i = 0; i < n_ders; i++) {
                r = gnutls_x509_crt_init(c->crts + i);
                if (r < 0)
                        return refuse(reterr, GNUTLS_A_INTERNAL_ERROR, NULL, "out of memory");
                c->n_crts++;
                r = gnutls_x509_crt_import(c->crts[i], ders + i, GNUTLS_X509_FMT_DER);
                if (r < 0)
                        return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, NULL, "the certificate cannot be parsed");
        }
        return 0;
}

static int refuse_name(TlsRefusal *reterr, int error) {
        const char *text;

        switch (error) {
        case -ENOMEM:
                return refuse(reterr, GNUTLS_A_INTERNAL_ERROR, NULL, "out of memory");
        case -ENODATA:
                text = "the certificate has no DNS name (subjectAltName)";
                break;
        case -E2BIG:
                text = "the certificate has too many names";
                break;
        case -EILSEQ:
                text = "the certificate has a DNS name that is not a plain host name";
                break;
        default:
                text = "the certificate has names that cannot be parsed";
        }
        return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, NULL, "%s", text);
}

/* Before any signature is checked: a huge RSA key would make that take seconds. */
static int check_keys(const PeerChain *c, const Identity *who, TlsRefusal *reterr) {
        for (unsigned i = 0; i < c->n_crts; i++) {
                unsigned bits = 0;
                int r;

                r = x509_check_key(c->crts[i], &bits);
                if (r == -ERANGE)
                        return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, who,
                                        "the certificate has an RSA key of %u bits, %u to %u are accepted", bits,
                                        X509_RSA_BITS_MIN, X509_RSA_BITS_MAX);
                if (r < 0)
                        return refuse(reterr, GNUTLS_A_UNSUPPORTED_CERTIFICATE, who,
                                        "the certificate has a key that is not Ed25519, ECDSA or RSA");
        }
        return 0;
}

static int check_chain(const TlsMaterial *m, PeerChain *c, TlsRole peer_role, const Identity *who, TlsRefusal *reterr) {
        const char *purpose = peer_role == TLS_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
        unsigned status = 0;

        if (tls_material_verify(m, c->crts, c->n_crts, purpose, &status) < 0)
                return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, who, "the certificate cannot be verified");
        for (unsigned i = 0; i < c->n_crts; i++)
                if (revoked_set_contains(tls_material_get_revoked(m), c->crts[i]))
                        status |= GNUTLS_CERT_REVOKED;
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (status & reasons[i].status)
                        return refuse(reterr, reasons[i].alert, who, "the certificate %s", reasons[i].text);
        if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
                return refuse(reterr, GNUTLS_A_UNSUPPORTED_CERTIFICATE, who,
                                "the certificate is not for a %s (extendedKeyUsage)",
                                peer_role == TLS_SERVER ? "server" : "client");
        if (status != 0)
                return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, who, "the certificate is not valid");
        return 0;
}

int tls_verify_peer(const TlsMaterial *m, TlsRole peer_role, const char *server_name, const gnutls_datum_t *ders,
                unsigned n_ders, TlsRefusal *reterr) {
        _cleanup_(peer_chain_done) PeerChain chain = {};
        _cleanup_(identity_freep) Identity *who = NULL;
        int r, named;

        r = peer_chain_import(&chain, ders, n_ders, reterr);
        if (r < 0)
                return r;
        /* Only the leaf says who the peer is. What is wrong with its names is said after what is wrong with its
         * signature. */
        named = identity_new_x509(chain.crts[0], NULL, 0, &who);
        r = check_keys(&chain, who, reterr);
        if (r < 0)
                return r;
        r = check_chain(m, &chain, peer_role, who, reterr);
        if (r < 0)
                return r;
        if (named < 0)
                return refuse_name(reterr, named);
        if (server_name && !identity_has_dns_name(who, server_name))
                return refuse(reterr, GNUTLS_A_BAD_CERTIFICATE, who, "the certificate is not for '%s'", server_name);
        return 0;
}
