/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/x509.h"

#include <string.h>

int x509_errno(int error) {
        return error == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

int x509_serial_from_bytes(const void *p, size_t size, X509Serial *ret) {
        static const char digits[] = "0123456789abcdef";
        const uint8_t *bytes = p;
        char *t = ret->text;

        /* The sign of an ASN.1 integer may need a zero byte that the number itself does not have. */
        while (size > 1 && *bytes == 0) {
                bytes++;
                size--;
        }
        if (size == 0 || size > X509_SERIAL_SIZE_MAX)
                return -EINVAL;
        for (size_t i = 0; i < size; i++) {
                *t++ = digits[bytes[i] >> 4];
                *t++ = digits[bytes[i] & 15];
        }
        *t = 0;
        return 0;
}

int x509_serial_from_certificate(gnutls_x509_crt_t crt, X509Serial *ret) {
        uint8_t bytes[X509_SERIAL_SIZE_MAX + 1];
        size_t size = sizeof bytes;

        if (gnutls_x509_crt_get_serial(crt, bytes, &size) < 0)
                return -EINVAL;
        return x509_serial_from_bytes(bytes, size, ret);
}

static bool char_is_alphanumeric(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool x509_name_is_valid(const void *p, size_t size) {
        const uint8_t *s = p;
        size_t label = 0;

        if (size == 0 || size > IDENTITY_NAME_SIZE_MAX)
                return false;
        for (size_t i = 0; i < size; i++) {
                if (s[i] == '.') {
                        if (label == 0 || s[i - 1] == '-')
                                return false;
                        label = 0;
                        continue;
                }
                if (!char_is_alphanumeric(s[i]) && s[i] != '_' && (s[i] != '-' || label == 0))
                        return false;
                if (++label > 63)
                        return false;
        }
        return label > 0 && s[size - 1] != '-';
}

int x509_check_key(gnutls_x509_crt_t crt, unsigned *ret_bits) {
        switch (gnutls_x509_crt_get_pk_algorithm(crt, ret_bits)) {
        case GNUTLS_PK_RSA:
        case GNUTLS_PK_RSA_PSS:
                return *ret_bits < X509_RSA_BITS_MIN || *ret_bits > X509_RSA_BITS_MAX ? -ERANGE : 0;
        case GNUTLS_PK_ECDSA:
        case GNUTLS_PK_EDDSA_ED25519:
                return 0;
        default:
                return -EOPNOTSUPP;
        }
}
