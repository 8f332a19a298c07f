/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of ours fails once: whatever was half built goes away, nothing crashes, and the next try works.
 * Those inside of GnuTLS do not fail here: libtasn1 and GMP do not survive it. */
#include <gnutls/gnutls.h>

#include "fixture.h"

/* Counts down to the allocation that fails; negative: none does. */
static long countdown = -1;

#ifndef __SANITIZE_ADDRESS__
static bool fails(void) {
        return countdown >= 0 && countdown-- == 0;
}

/* Hidden as all of a program's symbols are: libraries go on with those of libc. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
        return fails() ? NULL : __libc_realloc(p, size);
}

char *strndup(const char *s, size_t n) {
        size_t size = strnlen(s, n);
        char *copy = malloc(size + 1);

        if (!copy)
                return NULL;
        copy[size] = 0;
        return memcpy(copy, s, size);
}

char *strdup(const char *s) {
        return strndup(s, strlen(s));
}
#endif

/* Runs step with the first, the second, … allocation failing, until it needs no more of them. */
static void exhaust(int (*step)(void *userdata), void *userdata, long n_least) {
        long n;
        int r;

        for (n = 0; n < 100000; n++) {
                countdown = n;
                r = step(userdata);
                if (countdown >= 0)
                        break;
                countdown = -1;
        }
        countdown = -1;
        assert_int_equal(r, 0);
#ifdef __SANITIZE_ADDRESS__
        (void) n_least;
#else
        assert_true(n >= n_least);
#endif
}

typedef struct Der {
        uint8_t *data;
        size_t size;
} Der;

static int step_identity(void *userdata) {
        _cleanup_(identity_freep) Identity *i = NULL;
        const Der *der = userdata;
        int r;

        r = identity_new_certificate(der->data, der->size, NULL, 0, &i);
        if (r < 0 && i)
                return 1;
        return r;
}

static void test_identity(void **state) {
        Der der;

        (void) state;
        der.data = fixture_der("two-names", &der.size);
        exhaust(step_identity, &der, 5);
        free(der.data);
}

static int step_plain(void *userdata) {
        _cleanup_(identity_freep) Identity *i = NULL;

        return identity_new_plain(NULL, 0, userdata, &i);
}

static void test_plain(void **state) {
        (void) state;
        exhaust(step_plain, &(struct ucred){ .uid = 1 }, 1);
}

static int step_credentials(void *userdata) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = NULL;
        _cleanup_free_ char *error = NULL;

        return tls_credentials_new(userdata, &c, &error);
}

static void test_credentials(void **state) {
        _cleanup_free_ char *ca = fixture_path("two-cas.pem"), *cert = fixture_path("chain-3/cert.pem"),
                            *key = fixture_path("chain-3/key.pem"), *crl = fixture_path("crl.pem");

        (void) state;
        exhaust(step_credentials, &(TlsPaths){ ca, cert, key, crl }, 15);
}

static int step_reload(void *userdata) {
        return tls_credentials_reload(userdata, NULL);
}

static void test_reload(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, "crl.pem");

        (void) state;
        exhaust(step_reload, c, 10);
        assert_string_equal(tls_credentials_get_name(c), "peer");
}

static int step_watch(void *userdata) {
        _cleanup_(sd_event_unrefp) sd_event *e = NULL;
        int r;

        r = sd_event_new(&e);
        return r < 0 ? r : tls_credentials_watch(userdata, e, NULL, NULL);
}

static void test_watch(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, "crl.pem");

        (void) state;
        exhaust(step_watch, c, 20);
}

static int step_session(void *userdata) {
        _cleanup_(tls_session_freep) TlsSession *s = NULL, *c = NULL;
        int r;

        r = tls_session_new(userdata, TLS_SERVER, NULL, &s);
        return r < 0 ? r : tls_session_new(userdata, TLS_CLIENT, "peer", &c);
}

static void test_session(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, NULL);

        (void) state;
        exhaust(step_session, c, 3);
}

/* A whole connection: a failure at any point is an error of one of both sides, never a wrong success. */
static int step_connection(void *userdata) {
        _cleanup_(tls_session_freep) TlsSession *s = NULL, *c = NULL;
        _cleanup_(identity_freep) Identity *i = NULL;
        int client = 0, server = 0, r;
        char buf[32];

        if (tls_session_new(userdata, TLS_SERVER, NULL, &s) < 0 ||
                        tls_session_new(userdata, TLS_CLIENT, "peer", &c) < 0)
                return -ENOMEM;
        for (int round = 0; round < 4 && client >= 0 && server >= 0; round++) {
                client = tls_session_handshake(c);
                if (buffer_append(tls_session_input(s), buffer_head(tls_session_output(c)),
                                    tls_session_output(c)->size) < 0)
                        return -ENOMEM;
                buffer_consume(tls_session_output(c), tls_session_output(c)->size);
                server = tls_session_handshake(s);
                if (buffer_append(tls_session_input(c), buffer_head(tls_session_output(s)),
                                    tls_session_output(s)->size) < 0)
                        return -ENOMEM;
                buffer_consume(tls_session_output(s), tls_session_output(s)->size);
        }
        if (client <= 0 || server <= 0)
                return -EPROTO;
        r = tls_session_get_identity(s, NULL, 0, &i);
        if (r >= 0)
                r = tls_session_write(c, "hello", 5);
        if (r >= 0)
                r = buffer_append(
                                tls_session_input(s), buffer_head(tls_session_output(c)), tls_session_output(c)->size);
        if (r >= 0)
                r = tls_session_read(s, buf, sizeof buf) == 5 ? 0 : -EPROTO;
        tls_session_close(s);
        return r;
}

static void test_connection(void **state) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = fixture_credentials("good", NULL, "crl.pem");

        (void) state;
        exhaust(step_connection, c, 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_credentials),
                cmocka_unit_test(test_reload),
                cmocka_unit_test(test_watch),
                cmocka_unit_test(test_session),
                cmocka_unit_test(test_connection),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
