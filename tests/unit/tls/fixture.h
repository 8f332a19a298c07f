/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of tls share: the certificates of tests/certs in a directory of their own, and two sessions back to
 * back. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "tls/credentials.h"
#include "tls/identity.h"
#include "tls/session.h"

static char fixture_directory[] = "/tmp/givc-tls-XXXXXX";

static inline void fixture_run(const char *const argv[]) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) execvp(argv[0], (char *const *) argv);
                _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static inline int fixture_setup(void **state) {
        (void) state;
        if (!mkdtemp(fixture_directory))
                return -1;
        fixture_run((const char *[]){
                        "/usr/bin/python3", "tests/certs/make-certs", "--kinds", fixture_directory, NULL });
        return 0;
}

static inline int fixture_teardown(void **state) {
        (void) state;
        fixture_run((const char *[]){ "rm", "-rf", fixture_directory, NULL });
        return 0;
}

static inline char *fixture_path(const char *name) {
        char *p = strf("%s/%s", fixture_directory, name);

        assert_non_null(p);
        return p;
}

/* The credentials of a kind, trusting the CA in the file ca (NULL: the common one), with a revocation list or NULL. */
static inline TlsCredentials *fixture_credentials(const char *kind, const char *ca, const char *crl) {
        _cleanup_free_ char *ca_path = fixture_path(ca ?: "ca-cert.pem"),
                            *cert = strf("%s/%s/cert.pem", fixture_directory, kind),
                            *key = strf("%s/%s/key.pem", fixture_directory, kind),
                            *crl_path = crl ? fixture_path(crl) : NULL, *error = NULL;
        TlsCredentials *c = NULL;
        int r;

        r = tls_credentials_new(&(TlsPaths){ ca_path, cert, key, crl_path }, &c, &error);
        if (r < 0)
                fail_msg("%s: %s", kind, error);
        return c;
}

/* The leaf of a kind as DER; free with free(). */
static inline uint8_t *fixture_der(const char *kind, size_t *ret_size) {
        _cleanup_free_ char *path = strf("%s/%s/cert.pem", fixture_directory, kind), *pem = NULL;
        gnutls_datum_t der;
        uint8_t *copy;
        size_t size;

        assert_int_equal(file_read(path, TLS_FILE_SIZE_MAX, &pem, &size), 0);
        assert_int_equal(gnutls_pem_base64_decode2("CERTIFICATE", &(gnutls_datum_t){ (uint8_t *) pem, size }, &der), 0);
        copy = mem_dup(der.data, der.size);
        *ret_size = der.size;
        gnutls_free(der.data);
        return copy;
}

/* Moves at most limit bytes of what one session wants to send to the other. Returns how many. */
static inline size_t fixture_move(TlsSession *from, TlsSession *to, size_t limit) {
        Buffer *out = tls_session_output(from);
        size_t n = MIN(out->size, limit);

        assert_int_equal(buffer_append(tls_session_input(to), buffer_head(out), n), 0);
        buffer_consume(out, n);
        return n;
}
