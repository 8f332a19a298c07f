/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that revocation lists name, sorted for lookup: GnuTLS walks a list from its beginning for each
 * handshake. */
#pragma once

#include "tls/x509.h"

typedef struct RevokedSet RevokedSet;

/* Reads PEM lists, each of which must be signed by one of the CAs. A list that is past its next update stays in
 * force: it is better than none, and refusing every peer would not make it newer. -EINVAL with a reason for people
 * (static). */
int revoked_set_new(const gnutls_datum_t *pem, const gnutls_x509_crt_t *cas, unsigned n_cas, RevokedSet **ret,
                const char **ret_reason) _warn_unused_;
void revoked_set_free(RevokedSet *s);
DEFINE_CLEANUP(RevokedSet *, revoked_set_free)

/* A NULL set contains nothing. By serial alone, or by serial and issuer. */
bool revoked_set_contains_serial(const RevokedSet *s, const char *serial);
bool revoked_set_contains(const RevokedSet *s, gnutls_x509_crt_t crt);
