/* SPDX-License-Identifier: Apache-2.0 */
/* One loaded state of the credential files: immutable, shared by reference between the credentials that offer it to new
 * sessions and the sessions that began with it. */
#pragma once

#include "tls/revoked.h"
#include "tls/session.h"
#include "tls/x509.h"

typedef struct TlsMaterial TlsMaterial;

/* paths are absolute. Errors: negative errno, mostly with a sentence in *reterr, which is NULL before. */
int tls_material_new(const TlsPaths *paths, TlsMaterial **ret, char **reterr) _warn_unused_;
TlsMaterial *tls_material_ref(TlsMaterial *m);
TlsMaterial *tls_material_unref(TlsMaterial *m);
DEFINE_CLEANUP(TlsMaterial *, tls_material_unref)

/* Both were loaded from files with the same contents. */
bool tls_material_equal(const TlsMaterial *a, const TlsMaterial *b);
const char *tls_material_get_name(const TlsMaterial *m);
const RevokedSet *tls_material_get_revoked(const TlsMaterial *m);
/* Configures a GnuTLS session with it; the session must not outlive m. A negative error of GnuTLS. */
int tls_material_apply(const TlsMaterial *m, gnutls_session_t session) _warn_unused_;
/* The GNUTLS_CERT_ bits for a chain, leaf first, that is to be used for a purpose (GNUTLS_KP_…); a negative error of
 * GnuTLS. */
int tls_material_verify(const TlsMaterial *m, gnutls_x509_crt_t *chain, unsigned n_chain, const char *purpose,
                unsigned *ret_status) _warn_unused_;

/* The credentials' current state (borrowed). */
TlsMaterial *tls_credentials_get_material(const TlsCredentials *c);
