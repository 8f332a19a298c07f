/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority of one's own: it makes certificates for VMs, and lists of those that are revoked. All of it
 * is PEM text; files are the caller's. Keys are P-256, signatures ECDSA with SHA-256 (RFC 5480). A certificate holds
 * its name as common name and SAN dNSName, its addresses as SAN iPAddresses, serverAuth and clientAuth, for it is both
 * at once here. */
#pragma once

#include <time.h>

#include "base/macro.h"

typedef struct TlsAuthority TlsAuthority;

/* New strings; the key is erased before it is freed. */
typedef struct TlsPair {
        char *cert, *key;
} TlsPair;

void tls_pair_done(TlsPair *p);

/* How far a certificate's validity begins in the past: clocks of VMs differ. */
#define TLS_BACKDATE_SECONDS 300

/* Makes a CA that signs certificates and lists, and no other CA, with a lifetime in seconds. 0; -EINVAL with a sentence
 * in *reterr (new string); -ENOMEM. */
int tls_authority_create(const char *name, time_t lifetime, TlsPair *ret, char **reterr) _warn_unused_;

/* From PEM text. 0; -EINVAL with a sentence in *reterr: no CA, not its key, expired; -ENOMEM. */
int tls_authority_open(const char *cert, const char *key, TlsAuthority **ret, char **reterr) _warn_unused_;
void tls_authority_free(TlsAuthority *a);
DEFINE_CLEANUP(TlsAuthority *, tls_authority_free)
time_t tls_authority_get_end(const TlsAuthority *a);

typedef struct TlsOrder {
        const char *name;
        char *const *addresses; /* as text, NULL-terminated; NULL: none */
        time_t lifetime;        /* seconds; not past the authority's own end */
        const char *key;        /* PEM of the key that it keeps; NULL: a new one */
} TlsOrder;

/* Whether certificates are issued to it: 0, or -EINVAL with a sentence in *reterr. */
int tls_authority_check_name(const char *name, char **reterr) _warn_unused_;
/* Issues a certificate. 0; -EINVAL with a sentence in *reterr; -ENOMEM. */
int tls_authority_issue(const TlsAuthority *a, const TlsOrder *order, TlsPair *ret, char **reterr) _warn_unused_;

/* A list of revoked certificates with these serials (hexadecimal, NULL-terminated, maybe none) added to those of the
 * list before (PEM, NULL: none), signed anew, to be renewed within lifetime seconds. 0; -EINVAL with a sentence in
 * *reterr; -ENOMEM. */
int tls_authority_revoke(const TlsAuthority *a, const char *list, char *const *serials, time_t lifetime, char **ret,
                char **reterr) _warn_unused_;
