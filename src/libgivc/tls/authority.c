/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/authority.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "tls/x509.h"

#define SERIAL_SIZE      16 /* bytes, random: unique without a counter (RFC 5280, 4.1.2.2) */
#define COMMON_NAME_MAX  64 /* ub-common-name of RFC 5280 */
#define X509_VERSION     3
#define CRL_VERSION      2
#define PATH_LENGTH_NONE 0 /* no CA below */

DEFINE_CLEANUP(gnutls_x509_crl_t, gnutls_x509_crl_deinit)

struct TlsAuthority {
        gnutls_x509_crt_t crt;
        gnutls_x509_privkey_t key;
};

void tls_pair_done(TlsPair *p) {
        free(p->cert);
        if (p->key)
                explicit_bzero(p->key, strlen(p->key));
        free(p->key);
        *p = (TlsPair){};
}

/* What GnuTLS says, as a sentence about what was tried. */
static int refuse(int error, const char *what, char **reterr) {
        int r = x509_errno(error);

        return r == -ENOMEM ? r : str_refuse(reterr, "%s: %s", what, gnutls_strerror(error));
}

static int take_text(gnutls_datum_t *d, char **ret) {
        *ret = strndup((const char *) d->data, d->size);
        gnutls_memset(d->data, 0, d->size);
        x509_datum_done(d);
        return *ret ? 0 : -ENOMEM;
}

static gnutls_datum_t datum_of(const char *text) {
        return (gnutls_datum_t){ (unsigned char *) text, (unsigned) strlen(text) };
}

static int key_generate(gnutls_x509_privkey_t *ret) {
        _cleanup_(gnutls_x509_privkey_deinitp) gnutls_x509_privkey_t key = NULL;
        int r;

        r = gnutls_x509_privkey_init(&key);
        if (r >= 0)
                r = gnutls_x509_privkey_generate(
                                key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        if (r >= 0)
                *ret = TAKE_PTR(key);
        return r;
}

static int key_import(const char *pem, gnutls_x509_privkey_t *ret) {
        _cleanup_(gnutls_x509_privkey_deinitp) gnutls_x509_privkey_t key = NULL;
        gnutls_datum_t d = datum_of(pem);
        int r;

        r = gnutls_x509_privkey_init(&key);
        if (r >= 0)
                r = gnutls_x509_privkey_import2(key, &d, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
        if (r >= 0)
                *ret = TAKE_PTR(key);
        return r;
}

static int set_serial(gnutls_x509_crt_t crt) {
        uint8_t serial[SERIAL_SIZE];
        int r;

        r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
        if (r < 0)
                return r;
        serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and of full length */
        return gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
}

static int set_key_identifier(gnutls_x509_crt_t crt) {
        uint8_t id[64];
        size_t size = sizeof(id);
        int r;

        r = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, id, &size);
        return r < 0 ? r : gnutls_x509_crt_set_subject_key_id(crt, id, size);
}

static int set_authority_identifier(gnutls_x509_crt_t crt, gnutls_x509_crt_t authority) {
        uint8_t id[64];
        size_t size = sizeof(id);
        int r;

        r = gnutls_x509_crt_get_subject_key_id(authority, id, &size, NULL);
        if (r < 0)
                return 0; /* an authority of elsewhere may have none */
        return gnutls_x509_crt_set_authority_key_id(crt, id, size);
}

/* What every certificate has. */
static int certificate_new(gnutls_x509_privkey_t key, const char *name, time_t end, gnutls_x509_crt_t *ret) {
        _cleanup_(gnutls_x509_crt_deinitp) gnutls_x509_crt_t crt = NULL;
        int r;

        r = gnutls_x509_crt_init(&crt);
        if (r >= 0)
                r = gnutls_x509_crt_set_version(crt, X509_VERSION);
        if (r >= 0)
                r = set_serial(crt);
        if (r >= 0)
                r = gnutls_x509_crt_set_activation_time(crt, time(NULL) - TLS_BACKDATE_SECONDS);
        if (r >= 0)
                r = gnutls_x509_crt_set_expiration_time(crt, end);
        if (r >= 0)
                r = gnutls_x509_crt_set_dn_by_oid(
                                crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned) strnlen(name, COMMON_NAME_MAX));
        if (r >= 0)
                r = gnutls_x509_crt_set_key(crt, key);
        if (r >= 0)
                r = set_key_identifier(crt);
        if (r >= 0)
                *ret = TAKE_PTR(crt);
        return r;
}

static int pair_export(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, TlsPair *ret) {
        _cleanup_(tls_pair_done) TlsPair pair = {};
        gnutls_datum_t d = {};
        int r;

        r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &d);
        if (r < 0 || take_text(&d, &pair.cert) < 0)
                return -ENOMEM;
        r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &d);
        if (r < 0 || take_text(&d, &pair.key) < 0)
                return -ENOMEM;
        *ret = pair;
        pair = (TlsPair){};
        return 0;
}

static int check_lifetime(time_t lifetime, char **reterr) {
        return lifetime > 0 ? 0 : str_refuse(reterr, "A certificate has to be valid for some time.");
}

int tls_authority_create(const char *name, time_t lifetime, TlsPair *ret, char **reterr) {
        _cleanup_(gnutls_x509_privkey_deinitp) gnutls_x509_privkey_t key = NULL;
        _cleanup_(gnutls_x509_crt_deinitp) gnutls_x509_crt_t crt = NULL;
        int r;

        if (isempty(name) || !str_is_printable(name) || strlen(name) > COMMON_NAME_MAX)
                return str_refuse(reterr, "An authority is named by 1 to %i printable bytes.", COMMON_NAME_MAX);
        r = check_lifetime(lifetime, reterr);
        if (r < 0)
                return r;
        r = key_generate(&key);
        if (r >= 0)
                r = certificate_new(key, name, time(NULL) + lifetime, &crt);
        if (r >= 0)
                r = gnutls_x509_crt_set_basic_constraints(crt, true, PATH_LENGTH_NONE);
        if (r >= 0)
                r = gnutls_x509_crt_set_key_usage(
                                crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE);
        if (r >= 0)
                r = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
        return r < 0 ? refuse(r, "Cannot make an authority", reterr) : pair_export(crt, key, ret);
}

static bool key_belongs_to(gnutls_x509_privkey_t key, gnutls_x509_crt_t crt) {
        uint8_t a[64], b[64];
        size_t a_size = sizeof(a), b_size = sizeof(b);

        return gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, a, &a_size) >= 0 &&
                        gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, b, &b_size) >= 0 && a_size == b_size &&
                        memcmp(a, b, a_size) == 0;
}

static int authority_check(const TlsAuthority *a, char **reterr) {
        time_t now = time(NULL);

        if (gnutls_x509_crt_get_ca_status(a->crt, NULL) <= 0)
                return str_refuse(reterr, "The authority's certificate is not one of an authority.");
        if (!key_belongs_to(a->key, a->crt))
                return str_refuse(reterr, "The authority's key is not that of its certificate.");
        if (gnutls_x509_crt_get_expiration_time(a->crt) <= now)
                return str_refuse(reterr, "The authority's certificate has expired.");
        return 0;
}

int tls_authority_open(const char *cert, const char *key, TlsAuthority **ret, char **reterr) {
        _cleanup_(tls_authority_freep) TlsAuthority *a = mem_new0(TlsAuthority, 1);
        gnutls_datum_t d = datum_of(cert);
        int r;

        if (!a)
                return -ENOMEM;
        r = gnutls_x509_crt_init(&a->crt);
        if (r >= 0)
                r = gnutls_x509_crt_import(a->crt, &d, GNUTLS_X509_FMT_PEM);
        if (r < 0)
                return refuse(r, "The authority's certificate cannot be read", reterr);
        r = key_import(key, &a->key);
        if (r < 0)
                return refuse(r, "The authority's key cannot be read", reterr);
        r = authority_check(a, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

void tls_authority_free(TlsAuthority *a) {
        if (!a)
                return;
        gnutls_x509_crt_deinit(a->crt);
        gnutls_x509_privkey_deinit(a->key);
        free(a);
}

time_t tls_authority_get_end(const TlsAuthority *a) {
        return gnutls_x509_crt_get_expiration_time(a->crt);
}

static int set_addresses(gnutls_x509_crt_t crt, char *const *addresses, char **reterr) {
        size_t n = 0;

        STRV_FOREACH(s, addresses) {
                IdentityAddress address;
                int r;

                if (++n > IDENTITY_NAMES_MAX)
                        return str_refuse(reterr, "A certificate has %i addresses at most.", IDENTITY_NAMES_MAX);
                if (identity_address_from_string(*s, &address) < 0)
                        return str_refuse(reterr, "'%s' is not an IP address.", *s);
                r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address.bytes,
                                address.family == AF_INET ? 4 : 16, GNUTLS_FSAN_APPEND);
                if (r < 0)
                        return refuse(r, *s, reterr);
        }
        return 0;
}

static int set_usage(gnutls_x509_crt_t crt) {
        int r;

        r = gnutls_x509_crt_set_basic_constraints(crt, false, -1);
        if (r >= 0)
                r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
        if (r >= 0)
                r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, false);
        if (r >= 0)
                r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, false);
        return r;
}

int tls_authority_check_name(const char *name, char **reterr) {
        if (x509_name_is_valid(strempty(name), strlen(strempty(name))))
                return 0;
        return str_refuse(reterr, "'%s' is not a host name.", strempty(name));
}

static int order_check(const TlsAuthority *a, const TlsOrder *order, char **reterr) {
        int r = tls_authority_check_name(order->name, reterr);

        if (r < 0)
                return r;
        if (order->lifetime > tls_authority_get_end(a) - time(NULL))
                return str_refuse(reterr, "The certificate would be valid for longer than its authority.");
        return check_lifetime(order->lifetime, reterr);
}

int tls_authority_issue(const TlsAuthority *a, const TlsOrder *order, TlsPair *ret, char **reterr) {
        _cleanup_(gnutls_x509_privkey_deinitp) gnutls_x509_privkey_t key = NULL;
        _cleanup_(gnutls_x509_crt_deinitp) gnutls_x509_crt_t crt = NULL;
        int r;

        r = order_check(a, order, reterr);
        if (r < 0)
                return r;
        r = order->key ? key_import(order->key, &key) : key_generate(&key);
        if (r < 0)
                return refuse(r, order->key ? "The key cannot be read" : "Cannot make a key", reterr);
        r = certificate_new(key, order->name, time(NULL) + order->lifetime, &crt);
        if (r >= 0)
                r = gnutls_x509_crt_set_subject_alt_name(
                                crt, GNUTLS_SAN_DNSNAME, order->name, (unsigned) strlen(order->name), GNUTLS_FSAN_SET);
        if (r >= 0)
                r = set_usage(crt);
        if (r >= 0)
                r = set_authority_identifier(crt, a->crt);
        if (r < 0)
                return refuse(r, "Cannot make a certificate", reterr);
        r = set_addresses(crt, order->addresses, reterr);
        if (r < 0)
                return r;
        r = gnutls_x509_crt_sign2(crt, a->crt, a->key, GNUTLS_DIG_SHA256, 0);
        return r < 0 ? refuse(r, "Cannot sign the certificate", reterr) : pair_export(crt, key, ret);
}

/* The number of a list grows with each, and two of one second differ (RFC 5280, 5.2.3). */
static int list_set_number(gnutls_x509_crl_t crl) {
        struct timespec now;
        uint8_t number[8];
        uint64_t n;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        n = (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
        for (size_t i = 0; i < sizeof(number); i++)
                number[i] = (uint8_t) (n >> (56 - 8 * i));
        return gnutls_x509_crl_set_number(crl, number, sizeof(number));
}

static bool list_has(gnutls_x509_crl_t crl, const uint8_t *serial, size_t size) {
        int n = gnutls_x509_crl_get_crt_count(crl);

        for (int i = 0; i < n; i++) {
                uint8_t other[X509_SERIAL_SIZE_MAX + 1];
                size_t other_size = sizeof(other);

                if (gnutls_x509_crl_get_crt_serial(crl, (unsigned) i, other, &other_size, NULL) >= 0 &&
                                other_size == size && memcmp(other, serial, size) == 0)
                        return true;
        }
        return false;
}

static int list_add(gnutls_x509_crl_t crl, const char *text, char **reterr) {
        uint8_t serial[X509_SERIAL_SIZE_MAX + 1];
        size_t size = sizeof(serial);
        gnutls_datum_t hex = datum_of(text);
        int r;

        r = gnutls_hex_decode(&hex, serial, &size);
        if (r < 0 || size == 0)
                return str_refuse(reterr, "'%s' is not a serial number.", text);
        if (list_has(crl, serial, size))
                return 0;
        r = gnutls_x509_crl_set_crt_serial(crl, serial, size, time(NULL));
        return r < 0 ? refuse(r, text, reterr) : 0;
}

static int list_open(const TlsAuthority *a, const char *pem, gnutls_x509_crl_t *ret, char **reterr) {
        _cleanup_(gnutls_x509_crl_deinitp) gnutls_x509_crl_t crl = NULL;
        unsigned status = 0;
        int r;

        r = gnutls_x509_crl_init(&crl);
        if (r >= 0 && pem) {
                gnutls_datum_t d = datum_of(pem);

                r = gnutls_x509_crl_import(crl, &d, GNUTLS_X509_FMT_PEM);
                if (r >= 0)
                        r = gnutls_x509_crl_verify(crl, &a->crt, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);
        }
        if (r < 0)
                return refuse(r, "The revocation list cannot be read", reterr);
        if (status & (GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND))
                return str_refuse(reterr, "The revocation list is not one of this authority.");
        *ret = TAKE_PTR(crl);
        return 0;
}

static int list_sign(const TlsAuthority *a, gnutls_x509_crl_t crl, time_t lifetime) {
        uint8_t id[64];
        size_t size = sizeof(id);
        int r;

        r = gnutls_x509_crl_set_version(crl, CRL_VERSION);
        if (r >= 0)
                r = gnutls_x509_crl_set_this_update(crl, time(NULL));
        if (r >= 0)
                r = gnutls_x509_crl_set_next_update(crl, time(NULL) + lifetime);
        if (r >= 0)
                r = list_set_number(crl);
        if (r >= 0 && gnutls_x509_crt_get_subject_key_id(a->crt, id, &size, NULL) >= 0)
                r = gnutls_x509_crl_set_authority_key_id(crl, id, size);
        return r < 0 ? r : gnutls_x509_crl_sign2(crl, a->crt, a->key, GNUTLS_DIG_SHA256, 0);
}

int tls_authority_revoke(const TlsAuthority *a, const char *list, char *const *serials, time_t lifetime, char **ret,
                char **reterr) {
        _cleanup_(gnutls_x509_crl_deinitp) gnutls_x509_crl_t crl = NULL;
        gnutls_datum_t d = {};
        int r;

        r = list_open(a, list, &crl, reterr);
        STRV_FOREACH(s, serials)
                if (r >= 0)
                        r = list_add(crl, *s, reterr);
        if (r < 0)
                return r;
        r = list_sign(a, crl, lifetime);
        if (r >= 0)
                r = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &d);
        return r < 0 ? refuse(r, "Cannot sign the revocation list", reterr) : take_text(&d, ret);
}
