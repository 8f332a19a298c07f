/* SPDX-License-Identifier: Apache-2.0 */
/* An authority as files of a directory:
 *
 *     ca-cert.pem, ca-key.pem      the authority's own
 *     crl.pem                      the certificates that it has revoked
 *     issued                       a line a certificate: serial, end in seconds since 1970, name
 *     NAME/cert.pem, key.pem       of a machine, with copies of ca-cert.pem and crl.pem: all that goes there
 *
 * Files are replaced whole, and keep owner and mode: daemons that watch them never see half of one. A certificate and
 * its key are both written beside, as cert.pem.next and key.pem.next, before either is renamed; whoever opens the
 * authority next finishes what was interrupted there. */
#pragma once

#include <errno.h>

#include "tls/authority.h"
#include "tls/certificate.h"

#define AUTHORITY_DIRECTORY_DEFAULT "/etc/givc/authority"
#define AUTHORITY_NEXT              ".next" /* behind the name of a file that is to take the place of it */
#define AUTHORITY_LIFETIME_DEFAULT  ((time_t) 10 * 365 * 24 * 3600)

typedef struct Authority {
        const char *directory; /* borrowed */
        char *ca, *list;       /* texts of ca-cert.pem and crl.pem */
        TlsAuthority *tls;
        int lock; /* of the directory: one at a time changes what is in it */
} Authority;

#define AUTHORITY_NONE ((Authority){ .lock = -EBADF })

/* All of these: 0, or a negative errno with a sentence in *reterr (new string) that names the file. They wait for the
 * disk. */

/* -EEXIST when the directory has one already. */
int authority_create(const char *directory, const char *name, time_t lifetime, char **reterr) _warn_unused_;
int authority_open(const char *directory, Authority *ret, char **reterr) _warn_unused_;
void authority_done(Authority *a);
/* A certificate, and the folder that it is in. -EEXIST when the machine has one. lifetime 0: as long as the authority,
 * but no longer than the default. */
int authority_issue(
                Authority *a, const char *name, char *const *addresses, time_t lifetime, char **reterr) _warn_unused_;
/* Another one for the same name and addresses. lifetime 0: as long as the one before; new_key: of another key, too. */
int authority_renew(Authority *a, const char *name, time_t lifetime, bool new_key, char **reterr) _warn_unused_;
/* Revokes all certificates of these machines that have not ended, and removes those in their folders. Without names the
 * list is only signed anew. */
int authority_revoke(Authority *a, char *const *names, char **reterr) _warn_unused_;

/* The machines that have a certificate, by name. New list in *ret. */
int authority_list(const char *directory, char ***ret, char **reterr) _warn_unused_;
/* "DIRECTORY/NAME/FILE"; without a name "DIRECTORY/FILE". New string, NULL when out of memory. */
char *authority_path(const char *directory, const char *name, const char *file) _warn_unused_;
