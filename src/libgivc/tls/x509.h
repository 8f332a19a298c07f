/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share on top of GnuTLS: owning its objects, serial numbers, host names. Nobody outside
 * of the room includes it. */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "base/macro.h"
#include "tls/identity.h"

#define X509_SERIAL_SIZE_MAX 32 /* bytes; RFC 5280 allows 20 */
#define X509_RSA_BITS_MIN    2048
#define X509_RSA_BITS_MAX    8192

DEFINE_CLEANUP(gnutls_x509_crt_t, gnutls_x509_crt_deinit)
DEFINE_CLEANUP(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit)
DEFINE_CLEANUP(gnutls_subject_alt_names_t, gnutls_subject_alt_names_deinit)

typedef struct X509Serial {
        char text[2 * X509_SERIAL_SIZE_MAX + 1]; /* lower case, without the zero bytes that stand in front */
} X509Serial;

/* A datum that GnuTLS allocated. */
static inline void x509_datum_done(gnutls_datum_t *d) {
        gnutls_free(d->data);
        *d = (gnutls_datum_t){};
}

/* A negative error of GnuTLS as a negative errno: -ENOMEM or -EINVAL. */
int x509_errno(int error);
/* Big-endian bytes of a serial number to text; 0, or -EINVAL when it is empty or too long. */
int x509_serial_from_bytes(const void *p, size_t size, X509Serial *ret) _warn_unused_;
int x509_serial_from_certificate(gnutls_x509_crt_t crt, X509Serial *ret) _warn_unused_;
/* Letters, digits, '-' and '_' in labels of at most 63, joined by dots, at most IDENTITY_NAME_SIZE_MAX in all. */
bool x509_name_is_valid(const void *p, size_t size);
/* The certificate's key is of a kind and size that is accepted: 0, -EOPNOTSUPP for another kind, -ERANGE for an RSA key
 * that is too small or too large, with its bits. */
int x509_check_key(gnutls_x509_crt_t crt, unsigned *ret_bits) _warn_unused_;

/* identity_new_certificate() over a certificate that is parsed already. */
int identity_new_x509(
                gnutls_x509_crt_t crt, const struct sockaddr *peer, socklen_t peer_size, Identity **ret) _warn_unused_;
