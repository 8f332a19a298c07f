/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/certificate.h"

#include <arpa/inet.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "tls/credentials.h"
#include "tls/x509.h"

typedef struct Certificates {
        gnutls_x509_crt_t *list;
        unsigned n;
} Certificates;

static void certificates_done(Certificates *c) {
        for (unsigned i = 0; i < c->n; i++)
                gnutls_x509_crt_deinit(c->list[i]);
        gnutls_free(c->list);
}

void tls_certificate_done(TlsCertificate *c) {
        free(c->subject);
        free(c->issuer);
        free(c->serial);
        strv_free(c->names);
        strv_free(c->addresses);
        *c = (TlsCertificate){};
}

static int certificates_parse(const char *name, const char *data, size_t size, Certificates *ret, char **reterr) {
        gnutls_datum_t pem = { (uint8_t *) data, (unsigned) size };
        int r;

        r = gnutls_x509_crt_list_import2(&ret->list, &ret->n, &pem, GNUTLS_X509_FMT_PEM, 0);
        if (r < 0) {
                *ret = (Certificates){};
                *reterr = strf("%s: holds no certificate in PEM form", name);
                return x509_errno(r);
        }
        return 0;
}

static int certificates_read(const char *path, Certificates *ret, char **reterr) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = file_read(path, TLS_FILE_SIZE_MAX, &data, &size);
        if (r < 0) {
                *reterr = strf("%s: %s", path, r == -EFBIG ? "is larger than 1 MiB" : strerror(-r));
                return r;
        }
        return certificates_parse(path, data, size, ret, reterr);
}

static int certificate_read_name(
                gnutls_x509_crt_t crt, int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned), char **ret) {
        gnutls_datum_t name = {};
        int r;

        r = get(crt, &name, 0);
        if (r < 0)
                return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : str_replace(ret, "");
        *ret = strndup((const char *) name.data, name.size);
        x509_datum_done(&name);
        return *ret ? 0 : -ENOMEM;
}

/* One that is too long to be a serial number is none. */
static int certificate_read_serial(gnutls_x509_crt_t crt, char **ret) {
        X509Serial serial;

        return str_replace(ret, x509_serial_from_certificate(crt, &serial) < 0 ? "" : serial.text);
}

static int certificate_add_alternative(TlsCertificate *c, int type, const void *p, size_t size) {
        char text[INET6_ADDRSTRLEN];
        _cleanup_free_ char *name = NULL;

        if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16))
                return strv_extend(&c->addresses,
                                inet_ntop(size == 4 ? AF_INET : AF_INET6, p, text, sizeof(text)) ? text : "");
        if (type != GNUTLS_SAN_DNSNAME)
                return 0;
        name = strndup(p, size);
        return name ? strv_extend(&c->names, name) : -ENOMEM;
}

static int certificate_read_alternatives(gnutls_x509_crt_t crt, TlsCertificate *c) {
        int r = 0;

        for (unsigned i = 0; r >= 0; i++) {
                char value[IDENTITY_NAME_SIZE_MAX + 1];
                size_t size = sizeof(value);

                r = gnutls_x509_crt_get_subject_alt_name(crt, i, value, &size, NULL);
                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        return 0;
                if (r == GNUTLS_E_SHORT_MEMORY_BUFFER)
                        r = 0; /* no name that anybody takes */
                else if (r < 0)
                        return x509_errno(r);
                else
                        r = certificate_add_alternative(c, r, value, size);
        }
        return r;
}

static bool certificate_is_signed_by(const Certificates *own, const Certificates *cas) {
        unsigned status;

        return gnutls_x509_crt_list_verify(own->list, (int) own->n, cas->list, (int) cas->n, NULL, 0,
                               GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 &&
                        status == 0;
}

static int certificate_fill(const Certificates *own, const Certificates *cas, TlsCertificate *ret) {
        _cleanup_(tls_certificate_done) TlsCertificate c = {};
        gnutls_x509_crt_t crt = own->list[0];
        int r;

        c.is_signed = cas && certificate_is_signed_by(own, cas);
        c.begin = gnutls_x509_crt_get_activation_time(crt);
        c.end = gnutls_x509_crt_get_expiration_time(crt);
        r = certificate_read_name(crt, gnutls_x509_crt_get_dn3, &c.subject);
        if (r >= 0)
                r = certificate_read_name(crt, gnutls_x509_crt_get_issuer_dn3, &c.issuer);
        if (r >= 0)
                r = certificate_read_serial(crt, &c.serial);
        if (r >= 0)
                r = certificate_read_alternatives(crt, &c);
        if (r < 0)
                return r;
        *ret = c;
        c = (TlsCertificate){};
        return 0;
}

int tls_certificate_read(const char *path, const char *ca, TlsCertificate *ret, char **reterr) {
        _cleanup_(certificates_done) Certificates own = {}, cas = {};
        int r;

        r = certificates_read(path, &own, reterr);
        if (r >= 0 && ca)
                r = certificates_read(ca, &cas, reterr);
        return r < 0 ? r : certificate_fill(&own, ca ? &cas : NULL, ret);
}

int tls_certificate_parse(const char *pem, const char *name, TlsCertificate *ret, char **reterr) {
        _cleanup_(certificates_done) Certificates own = {};
        int r;

        r = certificates_parse(name, pem, strlen(pem), &own, reterr);
        return r < 0 ? r : certificate_fill(&own, NULL, ret);
}
