/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a peer's certificates are good enough to talk to it, and the sentence and alert when they are not. */
#pragma once

#include "tls/material.h"

typedef struct TlsRefusal {
        gnutls_alert_description_t alert;
        char text[400];
} TlsRefusal;

/* peer_role is what the peer claims to be. server_name, when not NULL, must be among its SAN dNSNames. 0, or a negative
 * errno with *reterr filled. */
int tls_verify_peer(const TlsMaterial *m, TlsRole peer_role, const char *server_name, const gnutls_datum_t *ders,
                unsigned n_ders, TlsRefusal *reterr) _warn_unused_;
