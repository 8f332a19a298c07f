/* SPDX-License-Identifier: Apache-2.0 */
/* What a program proves itself with: CA certificate, own certificate and key, optional revocation list. Shared by
 * reference; sessions that exist keep what they began with, new ones get what was loaded last. */
#pragma once

#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct TlsCredentials TlsCredentials;

typedef struct TlsPaths {
        const char *ca, *cert, *key; /* PEM files. A relative name is looked for in $CREDENTIALS_DIRECTORY */
        const char *crl;             /* PEM revocation list, or NULL. Past its next update it stays in force */
} TlsPaths;

#define TLS_FILE_SIZE_MAX (1024 * 1024)

/* Loads and checks the files: the key belongs to the certificate, the certificate is valid now, the list is signed
 * by the CA. It reads files, so it is for start-up. Errors: negative errno, with a sentence that names the file and
 * the reason in *reterr (new string). */
int tls_credentials_new(const TlsPaths *paths, TlsCredentials **ret, char **reterr) _warn_unused_;
TlsCredentials *tls_credentials_ref(TlsCredentials *c);
TlsCredentials *tls_credentials_unref(TlsCredentials *c);
DEFINE_CLEANUP(TlsCredentials *, tls_credentials_unref)

/* Reads the files again. On an error the old ones stay in use and *reterr says why. 1 when they changed, 0 when not. */
int tls_credentials_reload(TlsCredentials *c, char **reterr);
/* Watches the directories of the files (inotify) and reloads when they have been quiet for a moment after a change.
 * changed(userdata) is called after each successful reload that changed something. */
int tls_credentials_watch(
                TlsCredentials *c, sd_event *e, void (*changed)(void *userdata), void *userdata) _warn_unused_;
/* failed(error, userdata) is called when files that changed cannot be used; the old ones stay. Without it the
 * sentence goes to the debug log. */
void tls_credentials_on_failure(TlsCredentials *c, void (*failed)(const char *error, void *userdata), void *userdata);
/* Own certificate's first SAN dNSName (borrowed until the next reload), or NULL. */
const char *tls_credentials_get_name(const TlsCredentials *c);
/* True when the certificate with this serial (hexadecimal, as identity_get_serial) is on the current revocation
 * list. */
bool tls_credentials_is_revoked(const TlsCredentials *c, const char *serial);
