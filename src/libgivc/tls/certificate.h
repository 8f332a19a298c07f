/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate file says, for people: nothing here decides whom to trust. */
#pragma once

#include <time.h>

#include "base/macro.h"

typedef struct TlsCertificate {
        char *subject, *issuer; /* distinguished names */
        char *serial;           /* hexadecimal, as identity_get_serial() */
        char **names;           /* SAN dNSNames; the first is the principal */
        char **addresses;       /* SAN iPAddresses as text */
        time_t begin, end;      /* of its validity, (time_t) -1 when that cannot be parsed */
        bool is_signed;         /* by one of the CA file's, if there is such a file */
} TlsCertificate;

/* The first certificate in a PEM file. ca is the file of its authority, or NULL. Strings are as they stand there, so
 * that they may hold anything. 0, or a negative errno with a sentence in *reterr (new string) that names the file. */
int tls_certificate_read(const char *path, const char *ca, TlsCertificate *ret, char **reterr) _warn_unused_;
/* The same of PEM text that is called name in sentences. */
int tls_certificate_parse(const char *pem, const char *name, TlsCertificate *ret, char **reterr) _warn_unused_;
void tls_certificate_done(TlsCertificate *c);
