/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/revoked.h"

#include "base/mem.h"
#include "base/str.h"

typedef struct Revoked {
        X509Serial serial;
        unsigned list; /* whose issuer it is */
} Revoked;

struct RevokedSet {
        Revoked *items;
        size_t n_items, n_allocated;
        gnutls_datum_t *issuers; /* raw names, one a list */
        unsigned n_issuers;
};

typedef struct Lists {
        gnutls_x509_crl_t *crls;
        unsigned n_crls;
} Lists;

static void lists_done(Lists *l) {
        for (unsigned i = 0; i < l->n_crls; i++)
                gnutls_x509_crl_deinit(l->crls[i]);
        gnutls_free(l->crls);
}

void revoked_set_free(RevokedSet *s) {
        if (!s)
                return;
        for (unsigned i = 0; i < s->n_issuers; i++)
                x509_datum_done(s->issuers + i);
        free(s->issuers);
        free(s->items);
        free(s);
}

static bool crl_is_signed(gnutls_x509_crl_t crl, const gnutls_x509_crt_t *cas, unsigned n_cas) {
        const unsigned late = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
        unsigned status;

        if (gnutls_x509_crl_verify(crl, cas, n_cas, 0, &status) < 0)
                return false;
        return (status & ~(late | GNUTLS_CERT_INVALID)) == 0 && ((status & late) || status == 0);
}

static int revoked_set_add(RevokedSet *s, const void *serial, size_t size, unsigned list) {
        void *items = s->items;
        int r;

        r = mem_grow(&items, &s->n_allocated, s->n_items + 1, sizeof(Revoked));
        if (r < 0)
                return r;
        s->items = items;
        s->items[s->n_items].list = list;
        r = x509_serial_from_bytes(serial, size, &s->items[s->n_items].serial);
        if (r < 0)
                return r;
        s->n_items++;
        return 0;
}

static int revoked_set_add_list(RevokedSet *s, gnutls_x509_crl_t crl) {
        gnutls_x509_crl_iter_t iter = NULL;
        int r;

        r = gnutls_x509_crl_get_raw_issuer_dn(crl, s->issuers + s->n_issuers);
        if (r < 0)
                return x509_errno(r);
        s->n_issuers++;
        do {
                uint8_t serial[X509_SERIAL_SIZE_MAX + 1];
                size_t size = sizeof serial;

                r = gnutls_x509_crl_iter_crt_serial(crl, &iter, serial, &size, NULL);
                if (r >= 0)
                        r = revoked_set_add(s, serial, size, s->n_issuers - 1);
                else if (r != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        r = x509_errno(r);
        } while (r >= 0);
        gnutls_x509_crl_iter_deinit(iter);
        return r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : r;
}

static int revoked_compare(const void *a, const void *b) {
        return strcmp(((const Revoked *) a)->serial.text, ((const Revoked *) b)->serial.text);
}

int revoked_set_new(const gnutls_datum_t *pem, const gnutls_x509_crt_t *cas, unsigned n_cas, RevokedSet **ret,
                const char **ret_reason) {
        _cleanup_(revoked_set_freep) RevokedSet *s = NULL;
        _cleanup_(lists_done) Lists lists = {};
        int r;

        r = gnutls_x509_crl_list_import2(&lists.crls, &lists.n_crls, pem, GNUTLS_X509_FMT_PEM, 0);
        if (r < 0) {
                *ret_reason = "holds no revocation list in PEM form";
                return x509_errno(r);
        }
        s = mem_new0(RevokedSet, 1);
        if (!s)
                return -ENOMEM;
        s->issuers = mem_new0(gnutls_datum_t, lists.n_crls);
        if (!s->issuers)
                return -ENOMEM;
        for (unsigned i = 0; i < lists.n_crls; i++) {
                if (!crl_is_signed(lists.crls[i], cas, n_cas)) {
                        *ret_reason = "holds a revocation list that is not signed by the CA";
                        return -EINVAL;
                }
                r = revoked_set_add_list(s, lists.crls[i]);
                if (r < 0) {
                        *ret_reason = "holds a revocation list that cannot be parsed";
                        return r;
                }
        }
        if (s->n_items > 0)
                qsort(s->items, s->n_items, sizeof(Revoked), revoked_compare);
        *ret = TAKE_PTR(s);
        return 0;
}

/* The first item with this serial, n_items when there is none. */
static size_t revoked_set_find(const RevokedSet *s, const char *serial) {
        size_t low = 0, high = s->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(s->items[middle].serial.text, serial) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < s->n_items && streq(s->items[low].serial.text, serial) ? low : s->n_items;
}

bool revoked_set_contains_serial(const RevokedSet *s, const char *serial) {
        return s && revoked_set_find(s, serial) < s->n_items;
}

bool revoked_set_contains(const RevokedSet *s, gnutls_x509_crt_t crt) {
        _cleanup_(x509_datum_done) gnutls_datum_t issuer = {};
        X509Serial serial;

        if (!s || s->n_items == 0)
                return false;
        /* What cannot be looked up cannot be shown to be fine. */
        if (x509_serial_from_certificate(crt, &serial) < 0 || gnutls_x509_crt_get_raw_issuer_dn(crt, &issuer) < 0)
                return true;
        for (size_t i = revoked_set_find(s, serial.text); i < s->n_items && streq(s->items[i].serial.text, serial.text);
                        i++) {
                const gnutls_datum_t *list = s->issuers + s->items[i].list;

                if (list->size == issuer.size && memcmp(list->data, issuer.data, issuer.size) == 0)
                        return true;
        }
        return false;
}
