/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, in pieces of any size, from a peer that has not proved anything: a session asks for more or refuses for
 * good. The first byte of the input chooses the role and the size of the pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tls/session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static TlsCredentials *credentials;

static void check(bool good) {
        if (!good)
                __builtin_trap();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        char directory[] = "/tmp/givc-fuzz-XXXXXX", command[256];

        (void) argc;
        (void) argv;
        check(mkdtemp(directory));
        (void) snprintf(command, sizeof command, "/usr/bin/python3 tests/certs/make-certs %s peer=", directory);
        check(system(command) == 0);
        (void) snprintf(command, sizeof command, "%s/peer", directory);
        check(setenv("CREDENTIALS_DIRECTORY", command, 1) == 0);
        check(tls_credentials_new(&(TlsPaths){ "ca-cert.pem", "cert.pem", "key.pem" }, &credentials, NULL) == 0);
        (void) snprintf(command, sizeof command, "rm -r %s", directory);
        check(system(command) == 0);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(tls_session_freep) TlsSession *s = NULL;
        size_t piece;
        char buf[64];
        int r = 0;

        if (size < 1)
                return 0;
        piece = data[0] >> 1 ? data[0] >> 1 : SIZE_MAX;
        check(tls_session_new(credentials, data[0] & 1 ? TLS_CLIENT : TLS_SERVER, "peer", &s) == 0);
        r = tls_session_handshake(s);
        for (size_t i = 1; i < size && r == 0; i += MIN(piece, size - i)) {
                check(buffer_append(tls_session_input(s), data + i, MIN(piece, size - i)) == 0);
                r = tls_session_handshake(s);
                check(r <= 0);
                /* Whoever waits has taken all there was. */
                check(r < 0 || tls_session_input(s)->size == 0);
        }
        check((r < 0) == !isempty(tls_session_get_error(s)));
        check(tls_session_read(s, buf, sizeof buf) == (r < 0 ? r : -ENOTCONN));
        check(tls_session_write(s, "x", 1) < 0);
        return 0;
}
