/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a certificate in DER: either an identity whose every word is in order, or a refusal. */
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "base/strv.h"
#include "tls/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
        if (!good)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(identity_freep) Identity *i = NULL;
        int r;

        r = identity_new_certificate(data, size, NULL, 0, &i);
        if (r < 0) {
                check(!i && (r == -EINVAL || r == -ENODATA || r == -E2BIG || r == -EILSEQ || r == -ENOMEM));
                return 0;
        }
        check(identity_get_kind(i) == IDENTITY_CERTIFICATE);
        check(streq(identity_get_principal(i), identity_get_dns_names(i)[0]));
        check(strv_length(identity_get_dns_names(i)) <= IDENTITY_NAMES_MAX);
        for (char *const *n = identity_get_dns_names(i); *n; n++) {
                check(**n && strlen(*n) <= IDENTITY_NAME_SIZE_MAX);
                check((*n)[strspn(*n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == 0);
                check(identity_has_dns_name(i, *n));
        }
        check(!isempty(identity_get_serial(i)));
        check(streq(identity_get_key(i), identity_get_principal(i)));
        check(!identity_is_at_own_address(i));
        return 0;
}
