/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/material.h"

#include <gnutls/crypto.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

/* TLS 1.3 alone. AES-GCM alone: it has instructions of its own, and 128 bits cost less than 256. The signatures with
 * RSA PKCS#1 are there for those in certificates; TLS 1.3 itself never signs so. */
#define PRIORITY                                                                                                       \
        "NONE:+VERS-TLS1.3:+AES-128-GCM:+AES-256-GCM:+AEAD:+COMP-NULL:+CTYPE-X509:+ECDHE-ECDSA:+ECDHE-RSA:"            \
        "+GROUP-X25519:+GROUP-SECP256R1:+SIGN-EDDSA-ED25519:+SIGN-ECDSA-SECP256R1-SHA256:"                             \
        "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-SHA256:"       \
        "+SIGN-RSA-PSS-SHA384:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:"                \
        "+SIGN-RSA-SHA512:%SERVER_PRECEDENCE"

#define DIGEST_SIZE 32

struct TlsMaterial {
        unsigned n_ref;
        gnutls_certificate_credentials_t credentials;
        gnutls_x509_trust_list_t trust; /* owned by credentials once it is there */
        gnutls_priority_t priority;
        RevokedSet *revoked;
        char *name;
        uint8_t digest[DIGEST_SIZE];
};

typedef struct Chain {
        gnutls_x509_crt_t *crts;
        unsigned n_crts;
} Chain;

static void chain_done(Chain *c) {
        for (unsigned i = 0; i < c->n_crts; i++)
                gnutls_x509_crt_deinit(c->crts[i]);
        gnutls_free(c->crts);
        *c = (Chain){};
}

/* A whole file, wiped when it is given up because it may be a key. */
typedef struct File {
        const char *path;
        char *data;
        size_t size;
} File;

static void file_done(File *f) {
        if (f->data)
                gnutls_memset(f->data, 0, f->size);
        free(f->data);
}

static gnutls_datum_t file_datum(const File *f) {
        return (gnutls_datum_t){ (uint8_t *) f->data, f->size };
}

TlsMaterial *tls_material_ref(TlsMaterial *m) {
        m->n_ref++;
        return m;
}

TlsMaterial *tls_material_unref(TlsMaterial *m) {
        if (!m || --m->n_ref > 0)
                return NULL;
        if (m->credentials)
                gnutls_certificate_free_credentials(m->credentials);
        else if (m->trust)
                gnutls_x509_trust_list_deinit(m->trust, true);
        if (m->priority)
                gnutls_priority_deinit(m->priority);
        revoked_set_free(m->revoked);
        free(m->name);
        free(m);
        return NULL;
}

static int fail(char **reterr, int error, const char *path, const char *reason) {
        *reterr = strf("%s: %s", path, reason);
        return error;
}

static int fail_time(char **reterr, const char *path, const char *what, time_t t) {
        char when[64] = "an unknown time";
        struct tm tm;

        if (gmtime_r(&t, &tm))
                (void) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm);
        *reterr = strf("%s: %s %s", path, what, when);
        return -EKEYEXPIRED;
}

static int material_read(gnutls_hash_hd_t hash, File *f, char **reterr) {
        uint64_t size;
        int r;

        r = file_read_regular(f->path, TLS_FILE_SIZE_MAX, &f->data, &f->size);
        if (r == -EFBIG)
                return fail(reterr, r, f->path, "is larger than 1 MiB");
        if (r == -EMEDIUMTYPE)
                return fail(reterr, r, f->path, "is not a regular file");
        if (r < 0)
                return fail(reterr, r, f->path, strerror(-r));
        size = f->size;
        if (gnutls_hash(hash, &size, sizeof size) < 0 || gnutls_hash(hash, f->data, f->size) < 0)
                return -ENOMEM;
        return 0;
}

static int check_time(gnutls_x509_crt_t crt, const char *path, char **reterr) {
        time_t now = time(NULL), from = gnutls_x509_crt_get_activation_time(crt),
               until = gnutls_x509_crt_get_expiration_time(crt);

        if (from == (time_t) -1 || until == (time_t) -1)
                return fail(reterr, -EINVAL, path, "holds a certificate whose validity cannot be parsed");
        if (now < from)
                return fail_time(reterr, path, "is not valid before", from);
        if (now > until)
                return fail_time(reterr, path, "expired on", until);
        return 0;
}

/* Of several CAs one may have run out: that is how a CA is replaced. */
static int check_cas(const Chain *cas, const char *path, char **reterr) {
        int r = 0;

        for (unsigned i = 0; i < cas->n_crts; i++)
                if (gnutls_x509_crt_get_ca_status(cas->crts[i], NULL) <= 0)
                        return fail(reterr, -EINVAL, path, "holds a certificate that is not a CA's");
        for (unsigned i = 0; i < cas->n_crts; i++) {
                _cleanup_free_ char *reason = NULL;

                r = check_time(cas->crts[i], path, &reason);
                if (r >= 0)
                        return 0;
                if (i + 1 == cas->n_crts)
                        *reterr = TAKE_PTR(reason);
        }
        return r;
}

static int import_chain(const File *f, Chain *c, char **reterr) {
        gnutls_datum_t pem = file_datum(f);
        int r;

        r = gnutls_x509_crt_list_import2(&c->crts, &c->n_crts, &pem, GNUTLS_X509_FMT_PEM, 0);
        if (r < 0) {
                *c = (Chain){};
                return fail(reterr, x509_errno(r), f->path, "holds no certificate in PEM form");
        }
        return 0;
}

static int material_load_cas(TlsMaterial *m, const File *ca, const File *crl, char **reterr) {
        _cleanup_(chain_done) Chain cas = {};
        gnutls_datum_t pem = file_datum(crl);
        const char *reason = "cannot be read";
        unsigned n_owned;
        int r;

        r = import_chain(ca, &cas, reterr);
        if (r < 0)
                return r;
        r = check_cas(&cas, ca->path, reterr);
        if (r < 0)
                return r;
        if (crl->path) {
                r = revoked_set_new(&pem, cas.crts, cas.n_crts, &m->revoked, &reason);
                if (r < 0)
                        return fail(reterr, r, crl->path, reason);
        }

        r = gnutls_x509_trust_list_init(&m->trust, 0);
        if (r < 0)
                return x509_errno(r);
        r = gnutls_x509_trust_list_add_cas(m->trust, cas.crts, cas.n_crts, 0);
        n_owned = MAX(r, 0); /* by the list, even when there was no memory for the others */
        cas.n_crts -= n_owned;
        memmove(cas.crts, cas.crts + n_owned, cas.n_crts * sizeof *cas.crts);
        return cas.n_crts > 0 ? fail(reterr, -ENOMEM, ca->path, "is more than there is memory for") : 0;
}

static int check_own_chain(const Chain *chain, const char *path, char **reterr) {
        if (chain->n_crts > TLS_CHAIN_DEPTH_MAX)
                return fail(reterr, -EINVAL, path, "holds more than 3 certificates");
        for (unsigned i = 0; i < chain->n_crts; i++) {
                unsigned bits = 0;
                int r;

                r = x509_check_key(chain->crts[i], &bits);
                if (r == -ERANGE)
                        *reterr = strf("%s: has an RSA key of %u bits, %u to %u are accepted", path, bits,
                                        X509_RSA_BITS_MIN, X509_RSA_BITS_MAX);
                if (r == -EOPNOTSUPP)
                        *reterr = strf("%s: has a key that is not Ed25519, ECDSA or RSA", path);
                if (r < 0)
                        return -EINVAL;
        }
        return check_time(chain->crts[0], path, reterr);
}

static int import_key(const File *f, gnutls_x509_privkey_t *ret, char **reterr) {
        _cleanup_(gnutls_x509_privkey_deinitp) gnutls_x509_privkey_t key = NULL;
        gnutls_datum_t pem = file_datum(f);
        int r;

        r = gnutls_x509_privkey_init(&key);
        if (r < 0)
                return x509_errno(r);
        r = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (r == GNUTLS_E_DECRYPTION_FAILED)
                return fail(reterr, -EINVAL, f->path, "is encrypted, and nobody is here to give a password");
        if (r < 0)
                return fail(reterr, x509_errno(r), f->path, "holds no private key in PEM form");
        *ret = TAKE_PTR(key);
        return 0;
}

static int material_set_name(TlsMaterial *m, gnutls_x509_crt_t crt) {
        _cleanup_(identity_freep) Identity *i = NULL;

        /* A client of a server without TLS names may have none; a peer that wants one will say so. */
        if (identity_new_x509(crt, NULL, 0, &i) < 0)
                return 0;
        m->name = strdup(identity_get_principal(i));
        return m->name ? 0 : -ENOMEM;
}

static int material_load_pair(TlsMaterial *m, const File *cert, const File *key, char **reterr) {
        _cleanup_(gnutls_x509_privkey_deinitp) gnutls_x509_privkey_t private = NULL;
        _cleanup_(chain_done) Chain chain = {};
        int r;

        r = import_chain(cert, &chain, reterr);
        if (r < 0)
                return r;
        r = check_own_chain(&chain, cert->path, reterr);
        if (r < 0)
                return r;
        r = import_key(key, &private, reterr);
        if (r < 0)
                return r;

        r = gnutls_certificate_allocate_credentials(&m->credentials);
        if (r < 0)
                return x509_errno(r);
        gnutls_certificate_set_trust_list(m->credentials, m->trust, 0);
        r = gnutls_certificate_set_x509_key(m->credentials, chain.crts, chain.n_crts, private);
        if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
                *reterr = strf("%s: does not belong to the certificate in %s", key->path, cert->path);
                return -EINVAL;
        }
        if (r < 0)
                return fail(reterr, x509_errno(r), cert->path, gnutls_strerror(r));
        return material_set_name(m, chain.crts[0]);
}

static int material_load(TlsMaterial *m, gnutls_hash_hd_t hash, const TlsPaths *paths, char **reterr) {
        _cleanup_(file_done) File ca = { paths->ca }, cert = { paths->cert }, key = { paths->key },
                                  crl = { paths->crl };
        File *files[] = { &ca, &cert, &key, &crl };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                if (!files[i]->path)
                        continue;
                r = material_read(hash, files[i], reterr);
                if (r < 0)
                        return r;
        }
        r = material_load_cas(m, &ca, &crl, reterr);
        if (r < 0)
                return r;
        return material_load_pair(m, &cert, &key, reterr);
}

int tls_material_new(const TlsPaths *paths, TlsMaterial **ret, char **reterr) {
        _cleanup_(tls_material_unrefp) TlsMaterial *m = NULL;
        gnutls_hash_hd_t hash;
        int r;

        m = mem_new(TlsMaterial, 1);
        if (!m)
                return -ENOMEM;
        *m = (TlsMaterial){ .n_ref = 1 };
        r = gnutls_priority_init(&m->priority, PRIORITY, NULL);
        if (r < 0)
                return x509_errno(r);
        r = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
        if (r < 0)
                return x509_errno(r);
        r = material_load(m, hash, paths, reterr);
        gnutls_hash_deinit(hash, m->digest);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

bool tls_material_equal(const TlsMaterial *a, const TlsMaterial *b) {
        return memcmp(a->digest, b->digest, DIGEST_SIZE) == 0;
}

const char *tls_material_get_name(const TlsMaterial *m) {
        return m->name;
}

const RevokedSet *tls_material_get_revoked(const TlsMaterial *m) {
        return m->revoked;
}

int tls_material_apply(const TlsMaterial *m, gnutls_session_t session) {
        int r;

        r = gnutls_priority_set(session, m->priority);
        if (r < 0)
                return r;
        return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, m->credentials);
}

int tls_material_verify(const TlsMaterial *m, gnutls_x509_crt_t *chain, unsigned n_chain, const char *purpose,
                unsigned *ret_status) {
        gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (uint8_t *) purpose };

        return gnutls_x509_trust_list_verify_crt2(m->trust, chain, n_chain, &data, 1,
                        GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), ret_status, NULL);
}
