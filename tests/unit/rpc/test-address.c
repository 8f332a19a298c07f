/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: each form and each error of the text; stale sockets, modes, addresses that are not there yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/address.h"

static char directory[] = "/tmp/givc-address-XXXXXX";

static int setup(_unused_ void **state) {
        return mkdtemp(directory) ? 0 : -1;
}

static int teardown(_unused_ void **state) {
        return rmdir(directory);
}

/* Text → address → text; the second form is the canonical one. */
static void test_forms(_unused_ void **state) {
        static const struct {
                const char *text, *canonical;
        } forms[] = {
                { "tcp:192.168.101.10:9001", "tcp:192.168.101.10:9001" },
                { "192.168.101.10:9001", "tcp:192.168.101.10:9001" },
                { "[::1]:9001", "tcp:[::1]:9001" },
                { "tcp:[fe80::1]:1", "tcp:[fe80::1]:1" },
                { "[fe80::1%eth0]:1", "tcp:[fe80::1%eth0]:1" },
                { "tcp:admin-vm:65535", "tcp:admin-vm:65535" },
                { "unix:/run/givc/admin.sock", "unix:/run/givc/admin.sock" },
                { "/run/givc/admin.sock", "unix:/run/givc/admin.sock" },
                { "./admin.sock", "unix:./admin.sock" },
                { "@abstract", "unix:@abstract" },
                { "vsock:3:9000", "vsock:3:9000" },
                { "vsock:host:9000", "vsock:2:9000" },
                { "vsock:local:9000", "vsock:1:9000" },
                { "vsock:any:9000", "vsock:any:9000" },
                { "vsock:4294967295:9000", "vsock:any:9000" },
                { "sd-listen", "sd-listen" },
                { "SD_LISTEN", "sd-listen" },
                { "sd_listen", "sd-listen" },
                { "sd-listen-unix", "sd-listen" },
                { "sd-listen:grpc", "sd-listen:grpc" },
                { "sd-listen:*", "sd-listen:*" },
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_free_ char *error = NULL, *text = NULL;
                RpcAddress a = {}, copy = {};

                assert_int_equal(rpc_address_parse(forms[i].text, &a, &error), 0);
                assert_null(error);
                assert_int_equal(rpc_address_copy(&a, &copy), 0);
                text = rpc_address_to_string(&copy);
                assert_string_equal(text, forms[i].canonical);
                rpc_address_done(&a);
                rpc_address_done(&copy);
        }
}

static void test_refused(_unused_ void **state) {
        static const struct {
                const char *text, *why;
        } refused[] = {
                { "", "expected HOST:PORT" },
                { "9001", "expected HOST:PORT" },
                { ":9001", "expected HOST:PORT" },
                { "1.2.3.4:0", "the port is not a number from 1 to 65535" },
                { "1.2.3.4:65536", "the port is not a number from 1 to 65535" },
                { "1.2.3.4:http", "the port is not a number from 1 to 65535" },
                { "::1:9001", "an IPv6 address is written in brackets" },
                { "[::1:9001", "a '[' without its ']'" },
                { "[]:9001", "a '[' without its ']'" },
                { "[1.2.3.4]:9001", "not an IPv6 address between the brackets" },
                { "[fe80::1%]:1", "not an IPv6 address between the brackets" },
                { "[fe80::1%0123456789abcdef]:1", "not an IPv6 address between the brackets" },
                { "[%eth0]:1", "not an IPv6 address between the brackets" },
                { "unix:", "the socket has no name" },
                { "@", "the socket has no name" },
                { "vsock:3", "expected vsock:CID:PORT" },
                { "vsock:x:9000", "the CID is not a number, host, local or any" },
                { "vsock:4294967296:9000", "the CID is not a number" },
                { "vsock:3:0", "the port is not a number above 0" },
                { "sd-listen:", "the name after sd-listen: is empty" },
                { "sd-listenx", "expected sd-listen, sd-listen:NAME or sd-listen:*" },
                { "1.2.3.4:90\n01", "characters that cannot be printed" },
        };
        char text[200];

        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                _cleanup_free_ char *error = NULL;
                RpcAddress a;

                assert_int_equal(rpc_address_parse(refused[i].text, &a, &error), -EINVAL);
                if (!error || !strstr(error, refused[i].why))
                        fail_msg("'%s' is refused with '%s'", refused[i].text, strempty(error));
        }
        memset(text, 'x', sizeof(text));
        text[0] = '/';
        text[sizeof(text) - 1] = 0;
        assert_int_equal(rpc_address_parse(text, &(RpcAddress){}, NULL), -EINVAL);
}

static void test_transport(_unused_ void **state) {
        static const struct {
                const char *protocol, *address, *port, *canonical;
        } transports[] = {
                { "tcp", "192.168.101.1", "9000", "tcp:192.168.101.1:9000" },
                { "tcp", "fd00::1", "9000", "tcp:[fd00::1]:9000" },
                { "tcp", "[fd00::1]", "9000", "tcp:[fd00::1]:9000" },
                { "unix", "/run/x", "", "unix:/run/x" },
                { "abstract", "x", "", "unix:@x" },
                { "vsock", "3", "9000", "vsock:3:9000" },
        };
        _cleanup_free_ char *error = NULL;

        for (size_t i = 0; i < ELEMENTSOF(transports); i++) {
                _cleanup_free_ char *text = NULL;
                RpcAddress a;

                assert_int_equal(rpc_address_from_transport(transports[i].protocol, transports[i].address,
                                                 transports[i].port, &a, NULL),
                                0);
                text = rpc_address_to_string(&a);
                assert_string_equal(text, transports[i].canonical);
                rpc_address_done(&a);
        }
        assert_int_equal(rpc_address_from_transport("udp", "x", "1", &(RpcAddress){}, &error), -EINVAL);
        assert_non_null(strstr(error, "the protocol is not tcp, unix, abstract or vsock"));
}

static int listen_for(const char *text, mode_t mode, gid_t group) {
        RpcAddress a;
        int fd;

        assert_int_equal(rpc_address_parse(text, &a, NULL), 0);
        fd = rpc_address_listen(&a, mode, group);
        rpc_address_done(&a);
        return fd;
}

static int listen_at(const char *text, mode_t mode) {
        return listen_for(text, mode, (gid_t) -1);
}

static int connect_to(const char *text) {
        RpcAddress a;
        int fd;

        assert_int_equal(rpc_address_parse(text, &a, NULL), 0);
        fd = rpc_address_connect(&a);
        rpc_address_done(&a);
        return fd;
}

static void test_unix(_unused_ void **state) {
        _cleanup_free_ char *path = strf("%s/s", directory), *text = strf("unix:%s/s", directory);
        _cleanup_close_ int fd = -EBADF, peer = -EBADF, accepted = -EBADF;
        struct stat st;

        assert_int_equal(connect_to(text), -ENOENT);
        fd = listen_at(text, 0600);
        assert_true(fd >= 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        peer = connect_to(text);
        assert_true(peer >= 0);
        accepted = accept(fd, NULL, NULL);
        assert_true(accepted >= 0);
        assert_int_equal(listen_at(text, 0), -EADDRINUSE); /* somebody answers there */
        fd = fd_close(fd);
        assert_int_equal(connect_to(text), -ECONNREFUSED);
        fd = listen_at(text, 0); /* nobody did: it was stale */
        assert_true(fd >= 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(unlink(path), 0);
}

static void test_unix_other_file(_unused_ void **state) {
        _cleanup_free_ char *path = strf("%s/f", directory), *text = strf("unix:%s/f", directory);
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        (void) fclose(f);
        assert_int_equal(listen_at(text, 0), -EEXIST);
        assert_int_equal(access(path, F_OK), 0); /* not ours to remove */
        assert_int_equal(unlink(path), 0);
}

/* Whoever may not give it to a group can do without at once: nothing is in the way that it may not look into. */
static void test_unix_other_group(_unused_ void **state) {
        _cleanup_free_ char *path = strf("%s/g", directory), *text = strf("unix:%s/g", directory);
        const uid_t before = geteuid();
        int refused, fd;

        assert_int_equal(chmod(directory, 0777), 0);
        if (before == 0)
                assert_int_equal(seteuid(65534), 0);
        refused = listen_for(text, 0, 4269);
        fd = listen_at(text, 0);
        assert_int_equal(seteuid(before), 0);
        assert_int_equal(refused, -EPERM);
        assert_true(fd >= 0);
        (void) fd_close(fd);
        assert_int_equal(unlink(path), 0);
}

static void test_abstract(_unused_ void **state) {
        _cleanup_free_ char *text = strf("@givc-test-%d", getpid());
        _cleanup_close_ int fd = listen_at(text, 0), peer = connect_to(text);

        assert_true(fd >= 0);
        assert_true(peer >= 0);
        assert_int_equal(listen_at(text, 0), -EADDRINUSE);
}

static void test_tcp(_unused_ void **state) {
        _cleanup_close_ int foreign = -EBADF, v6 = -EBADF;

        foreign = listen_at("198.51.100.7:9", 0); /* no interface has this one, yet */
        assert_true(foreign >= 0);
        v6 = listen_at("[::1]:39001", 0);
        assert_true(v6 >= 0 || v6 == -EADDRNOTAVAIL || v6 == -EAFNOSUPPORT);
        assert_int_equal(listen_at("some-host:9001", 0), -EINVAL);
        assert_int_equal(connect_to("some-host:9001"), -EINVAL);
        assert_int_equal(listen_at("sd-listen:x", 0), -EINVAL);
}

static void test_sockaddr(_unused_ void **state) {
        struct sockaddr_in in = {
                .sin_family = AF_INET, .sin_port = htons(9001), .sin_addr.s_addr = htonl(0xC0A8650A)
        };
        struct sockaddr_in6 in6 = {
                .sin6_family = AF_INET6, .sin6_port = htons(9001), .sin6_addr = IN6ADDR_LOOPBACK_INIT
        };
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 1024 };
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        const struct {
                const void *sa;
                socklen_t size;
                const char *text;
        } all[] = {
                { &in, sizeof(in), "192.168.101.10:9001" },
                { &in6, sizeof(in6), "[::1]:9001" },
                { &vm, sizeof(vm), "vsock:3:1024" },
                { &un, sizeof(sa_family_t), "unix" },
                { &un, 0, "unknown" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_free_ char *text = rpc_sockaddr_to_string(all[i].sa, all[i].size);

                assert_string_equal(text, all[i].text);
        }
        assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.1", &in6.sin6_addr), 1);
        {
                _cleanup_free_ char *text = rpc_sockaddr_to_string((struct sockaddr *) &in6, sizeof(in6));

                assert_string_equal(text, "10.0.0.1:9001");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_transport),
                cmocka_unit_test(test_unix),
                cmocka_unit_test(test_unix_other_file),
                cmocka_unit_test(test_unix_other_group),
                cmocka_unit_test(test_abstract),
                cmocka_unit_test(test_tcp),
                cmocka_unit_test(test_sockaddr),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
