/* SPDX-License-Identifier: Apache-2.0 */
/* Peers for the tests of who may do what: certificates of a fleet, made once, and connections from anywhere. */
#pragma once

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "tls/identity.h"

static char peers_directory[] = "/tmp/givc-peers-XXXXXX";

static inline int peers_run(const char *const argv[]) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                (void) execvp(argv[0], (char *const *) argv);
                _exit(127);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* A certificate of nobody: it has no name that counts. */
static inline int peers_make_nameless(void) {
        return peers_run((const char *[]){ "/usr/bin/python3", "-c",
                        "import pathlib, sys; sys.path.insert(0, 'tests'); from certs import Authority; "
                        "Authority('CA').issue('peer', names=[]).write(pathlib.Path(sys.argv[1]) / 'nameless')",
                        peers_directory, NULL });
}

static inline int peers_setup(void **state) {
        (void) state;
        if (!mkdtemp(peers_directory))
                return -1;
        return peers_run((const char *[]){ "/usr/bin/python3", "tests/certs/make-certs", peers_directory,
                        "admin-vm=192.168.101.10,127.0.0.1", "ghaf-host=192.168.101.2", "gui-vm=192.168.101.3",
                        "app-vm=192.168.101.5,127.0.0.1", "bad-vm=192.168.101.99", NULL });
}

static inline int peers_teardown(void **state) {
        (void) state;
        return peers_run((const char *[]){ "rm", "-rf", peers_directory, NULL });
}

static inline struct sockaddr_in peers_ipv4(const char *address) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(40000) };

        assert_int_equal(inet_pton(AF_INET, address, &sa.sin_addr), 1);
        return sa;
}

static unsigned peers_cid = 7; /* of who comes over a vsock */

/* What is made of a connection with this certificate from there; NULL: over a vsock. */
static inline int peer_identify(const char *name, const char *from, Identity **ret) {
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = peers_cid, .svm_port = 40000 };
        struct sockaddr_in in = from ? peers_ipv4(from) : (struct sockaddr_in){};
        _cleanup_free_ char *path = strf("%s/%s/cert.pem", peers_directory, name), *pem = NULL;
        gnutls_datum_t der;
        size_t size;
        int r;

        assert_int_equal(file_read(path, 65536, &pem, &size), 0);
        assert_int_equal(gnutls_pem_base64_decode2("CERTIFICATE", &(gnutls_datum_t){ (uint8_t *) pem, size }, &der), 0);
        r = identity_new_certificate(der.data, der.size, from ? (struct sockaddr *) &in : (struct sockaddr *) &vm,
                        from ? sizeof(in) : sizeof(vm), ret);
        gnutls_free(der.data);
        return r;
}

static inline Identity *peer_certified(const char *name, const char *from) {
        Identity *identity = NULL;

        assert_int_equal(peer_identify(name, from, &identity), 0);
        return identity;
}

static inline Identity *peer_plain(const char *from) {
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = 7, .svm_port = 40000 };
        struct sockaddr_in in = from ? peers_ipv4(from) : (struct sockaddr_in){};
        Identity *identity = NULL;

        assert_int_equal(identity_new_plain(from ? (struct sockaddr *) &in : (struct sockaddr *) &vm,
                                         from ? sizeof(in) : sizeof(vm), NULL, &identity),
                        0);
        return identity;
}

static inline Identity *peer_local(uid_t uid, gid_t gid) {
        struct ucred ucred = { .pid = 1, .uid = uid, .gid = gid };
        Identity *identity = NULL;

        assert_int_equal(identity_new_plain(NULL, 0, &ucred, &identity), 0);
        return identity;
}
