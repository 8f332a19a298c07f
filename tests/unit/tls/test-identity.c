/* SPDX-License-Identifier: Apache-2.0 */
/* What an identity says of each kind of peer and of certificates, good and strange. */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <time.h>

#include "base/strv.h"
#include "fixture.h"

static struct sockaddr_in v4(const char *text) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9000) };

        assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
        return a;
}

static struct sockaddr_in6 v6(const char *text) {
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(9000) };

        assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
        return a;
}

static IdentityAddress address(const char *text) {
        IdentityAddress a;

        assert_int_equal(identity_address_from_string(text, &a), 0);
        return a;
}

static Identity *certificate(const char *kind, const void *peer, socklen_t peer_size) {
        _cleanup_free_ uint8_t *der = NULL;
        Identity *i = NULL;
        size_t size;

        der = fixture_der(kind, &size);
        assert_int_equal(identity_new_certificate(der, size, peer, peer_size, &i), 0);
        return i;
}

static void test_certificate(void **state) {
        struct sockaddr_in peer = v4("192.168.101.5");
        _cleanup_(identity_freep) Identity *i = certificate("good", &peer, sizeof peer);
        IdentityAddress a, own = address("192.168.101.5"), other = address("192.168.101.6");

        (void) state;
        assert_int_equal(identity_get_kind(i), IDENTITY_CERTIFICATE);
        assert_string_equal(identity_get_principal(i), "peer");
        assert_string_equal(identity_get_key(i), "peer");
        assert_string_equal(identity_to_string(i), "peer (192.168.101.5)");
        assert_int_equal(strv_length(identity_get_dns_names(i)), 1);
        assert_true(identity_has_dns_name(i, "peer"));
        assert_true(identity_has_dns_name(i, "Peer"));
        assert_false(identity_has_dns_name(i, "pee"));
        assert_false(identity_has_dns_name(i, ""));
        assert_true(identity_has_address(i, &own));
        assert_false(identity_has_address(i, &other));
        assert_true(identity_is_at_own_address(i));
        assert_true(identity_get_address(i, &a));
        assert_memory_equal(&a, &own, sizeof a);
        assert_false(identity_get_vsock_cid(i, &(unsigned){ 0 }));
        assert_null(identity_get_ucred(i));
        assert_true(identity_get_expiry(i) > time(NULL) + 3600 * 24 * 365);
}

/* The serial number as openssl prints it, in lower case. */
static void test_serial(void **state) {
        _cleanup_free_ char *command = strf("openssl x509 -in %s/good/cert.pem -noout -serial", fixture_directory);
        _cleanup_(identity_freep) Identity *i = certificate("good", NULL, 0);
        char line[128] = "";
        FILE *f;

        (void) state;
        f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(pclose(f), 0);
        line[strcspn(line, "\n")] = 0;
        for (char *p = line; *p; p++)
                if (*p >= 'A' && *p <= 'F')
                        *p += 'a' - 'A';
        assert_string_equal(
                        strchr(line, '=') + 1 + (strchr(line, '=')[1] == '0' && strchr(line, '=')[2] == '0' ? 2 : 0),
                        identity_get_serial(i));
}

static void test_elsewhere(void **state) {
        struct sockaddr_in peer = v4("192.168.101.30");
        _cleanup_(identity_freep) Identity *i = certificate("good", &peer, sizeof peer);

        (void) state;
        assert_false(identity_is_at_own_address(i));
        assert_string_equal(identity_to_string(i), "peer (192.168.101.30)");
}

/* ::ffff:192.168.101.5 and 192.168.101.5 are one address, in the certificate and on the socket. */
static void test_mapped_addresses(void **state) {
        struct sockaddr_in6 mapped = v6("::ffff:192.168.101.5");
        struct sockaddr_in plain = v4("192.168.101.5");
        _cleanup_(identity_freep) Identity *a = certificate("good", &mapped, sizeof mapped),
                                           *b = certificate("mapped-address", &plain, sizeof plain);
        IdentityAddress got;

        (void) state;
        assert_true(identity_is_at_own_address(a));
        assert_true(identity_is_at_own_address(b));
        assert_true(identity_get_address(a, &got));
        assert_int_equal(got.family, AF_INET);
        assert_string_equal(identity_to_string(a), "peer (192.168.101.5)");
}

static void test_v6(void **state) {
        struct sockaddr_in6 own = v6("fd00::5"), other = v6("fd00::6");
        _cleanup_(identity_freep) Identity *a = certificate("v6-address", &own, sizeof own),
                                           *b = certificate("v6-address", &other, sizeof other);

        (void) state;
        assert_true(identity_is_at_own_address(a));
        assert_false(identity_is_at_own_address(b));
        assert_string_equal(identity_to_string(b), "peer (fd00::6)");
}

static void test_certificate_on_other_sockets(void **state) {
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = 7, .svm_port = 9000 };
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        _cleanup_(identity_freep) Identity *v = certificate("good", &vm, sizeof vm),
                                           *u = certificate("good", &un, sizeof un.sun_family),
                                           *n = certificate("good", NULL, 0);
        IdentityAddress a;
        unsigned cid;

        (void) state;
        assert_true(identity_is_at_own_address(v));
        assert_true(identity_get_vsock_cid(v, &cid));
        assert_int_equal(cid, 7);
        assert_string_equal(identity_to_string(v), "peer (vsock CID 7)");
        assert_true(identity_is_at_own_address(u));
        assert_false(identity_get_address(u, &a));
        assert_string_equal(identity_to_string(u), "peer (unix socket)");
        /* Nobody knows where it is, so it is nowhere that its certificate names. */
        assert_false(identity_is_at_own_address(n));
        assert_string_equal(identity_to_string(n), "peer");
}

static void test_many(void **state) {
        _cleanup_(identity_freep) Identity *i = certificate("two-names", NULL, 0);

        (void) state;
        assert_string_equal(identity_get_principal(i), "peer");
        assert_int_equal(strv_length(identity_get_dns_names(i)), 2);
        assert_true(identity_has_dns_name(i, "other"));
}

static void test_refused(void **state) {
        static const struct {
                const char *kind;
                int error;
        } cases[] = {
                { "no-name", -ENODATA },
                { "no-san", -ENODATA },
                { "many-names", -E2BIG },
                { "many-addresses", -E2BIG },
                { "huge-san", -E2BIG },
                { "wildcard", -EILSEQ },
                { "nul-name", -EILSEQ },
                { "blank-name", -EILSEQ },
                { "odd-address", -EINVAL },
                { "two-extensions", -EINVAL },
                { "empty-name", -EINVAL },
        };
        Identity *none = NULL;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ uint8_t *der = NULL;
                size_t size;
                int r;

                der = fixture_der(cases[i].kind, &size);
                r = identity_new_certificate(der, size, NULL, 0, &none);
                if (r != cases[i].error)
                        fail_msg("%s: %d instead of %d", cases[i].kind, r, cases[i].error);
        }
        assert_null(none);
        assert_int_equal(identity_new_certificate("", 0, NULL, 0, &none), -EINVAL);
        assert_int_equal(identity_new_certificate("\x30\x03\x02\x01\x01", 5, NULL, 0, &none), -EINVAL);
}

/* No prefix of a certificate is one, and a changed byte is never more than a refusal. */
static void test_mangled(void **state) {
        _cleanup_free_ uint8_t *der = NULL;
        size_t size;

        (void) state;
        der = fixture_der("two-names", &size);
        for (size_t n = 0; n < size; n++) {
                Identity *i = NULL;

                assert_int_equal(identity_new_certificate(der, n, NULL, 0, &i), -EINVAL);
        }
        for (size_t n = 0; n < size; n++) {
                _cleanup_(identity_freep) Identity *i = NULL;

                der[n] ^= 0xff;
                if (identity_new_certificate(der, size, NULL, 0, &i) >= 0)
                        assert_non_null(identity_get_principal(i));
                der[n] ^= 0xff;
        }
}

static void test_unix(void **state) {
        struct ucred ucred = { .pid = 812, .uid = 1000, .gid = 100 };
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        _cleanup_(identity_freep) Identity *i = NULL;
        IdentityAddress a;

        (void) state;
        assert_int_equal(identity_new_plain((struct sockaddr *) &un, sizeof un.sun_family, &ucred, &i), 0);
        assert_int_equal(identity_get_kind(i), IDENTITY_UNIX);
        assert_null(identity_get_principal(i));
        assert_string_equal(identity_get_key(i), "uid:1000");
        assert_string_equal(identity_to_string(i), "uid 1000, pid 812");
        assert_int_equal(identity_get_ucred(i)->gid, 100);
        assert_int_equal(strv_length(identity_get_dns_names(i)), 0);
        assert_non_null(identity_get_dns_names(i));
        assert_false(identity_has_dns_name(i, "peer"));
        assert_false(identity_get_address(i, &a));
        assert_true(identity_is_at_own_address(i));
        assert_string_equal(identity_get_serial(i), "");
        assert_int_equal(identity_get_expiry(i), 0);
}

static void check_plain(const void *peer, socklen_t size, const char *key, const char *text, bool at_own) {
        _cleanup_(identity_freep) Identity *i = NULL;

        assert_int_equal(identity_new_plain(peer, size, NULL, &i), 0);
        assert_int_equal(identity_get_kind(i), IDENTITY_PLAIN);
        assert_null(identity_get_principal(i));
        assert_null(identity_get_ucred(i));
        assert_string_equal(identity_get_key(i), key);
        assert_string_equal(identity_to_string(i), text);
        assert_int_equal(identity_is_at_own_address(i), at_own);
}

static void test_plain(void **state) {
        struct sockaddr_in four = v4("192.168.101.30");
        struct sockaddr_in6 six = v6("fe80::1"), mapped = v6("::ffff:10.0.0.1");
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = 3 };
        struct sockaddr_un un = { .sun_family = AF_UNIX };

        (void) state;
        check_plain(&four, sizeof four, "192.168.101.30", "192.168.101.30 without certificate", false);
        check_plain(&six, sizeof six, "fe80::1", "fe80::1 without certificate", false);
        check_plain(&mapped, sizeof mapped, "10.0.0.1", "10.0.0.1 without certificate", false);
        check_plain(&vm, sizeof vm, "vsock:3", "vsock CID 3 without certificate", true);
        check_plain(&un, sizeof un, "unix socket", "unix socket without certificate", true);
        check_plain(NULL, 0, "unknown", "unknown peer without certificate", false);
        /* A size that the family does not fit into. */
        check_plain(&four, 4, "unknown", "unknown peer without certificate", false);
        check_plain(&six, sizeof four, "unknown", "unknown peer without certificate", false);
        check_plain(&four, 1, "unknown", "unknown peer without certificate", false);
        check_plain(&(struct sockaddr){ .sa_family = AF_NETLINK }, sizeof four, "unknown",
                        "unknown peer without certificate", false);
}

static void test_address_from_string(void **state) {
        static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4",
                "::g", "fe80::1%eth0", "[::1]", "peer", "1.2.3.4:80", "::ffff:1.2.3" };
        IdentityAddress a;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(identity_address_from_string(bad[i], &a), -EINVAL);
        assert_int_equal(identity_address_from_string("1.2.3.4", &a), 0);
        assert_int_equal(a.family, AF_INET);
        assert_memory_equal(a.bytes, "\1\2\3\4", 4);
        assert_int_equal(identity_address_from_string("::ffff:1.2.3.4", &a), 0);
        assert_int_equal(a.family, AF_INET);
        assert_int_equal(identity_address_from_string("::1", &a), 0);
        assert_int_equal(a.family, AF_INET6);
        assert_int_equal(a.bytes[15], 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_certificate),
                cmocka_unit_test(test_serial),
                cmocka_unit_test(test_elsewhere),
                cmocka_unit_test(test_mapped_addresses),
                cmocka_unit_test(test_v6),
                cmocka_unit_test(test_certificate_on_other_sockets),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_mangled),
                cmocka_unit_test(test_unix),
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_address_from_string),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
