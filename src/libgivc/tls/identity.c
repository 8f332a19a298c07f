/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/identity.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "tls/x509.h"

/* More than IDENTITY_NAMES_MAX names of full length of both kinds need. The limit comes before the parsing because
 * GnuTLS needs more than linear time for many names. */
#define SAN_SIZE_MAX 16384

struct Identity {
        IdentityKind kind;

        int family; /* of the peer's address, AF_UNSPEC when unknown */
        IdentityAddress address;
        unsigned cid;
        struct ucred ucred;

        char **dns_names;
        IdentityAddress *addresses;
        size_t n_addresses;
        X509Serial serial;
        time_t expiry;

        char *key, *text;
};

Identity *identity_free(Identity *i) {
        if (!i)
                return NULL;
        strv_free(i->dns_names);
        free(i->addresses);
        free(i->key);
        free(i->text);
        free(i);
        return NULL;
}

/* 4 or 16 bytes in network order; a v4-mapped address is the v4 address, so that one address has one form. */
static int address_from_bytes(const void *p, size_t size, IdentityAddress *ret) {
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        const uint8_t *bytes = p;

        if (size != 4 && size != 16)
                return -EINVAL;
        if (size == 16 && memcmp(bytes, mapped, sizeof mapped) == 0) {
                bytes += sizeof mapped;
                size = 4;
        }
        *ret = (IdentityAddress){ .family = size == 4 ? AF_INET : AF_INET6 };
        memcpy(ret->bytes, bytes, size);
        return 0;
}

static bool address_equal(const IdentityAddress *a, const IdentityAddress *b) {
        return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
}

int identity_address_from_string(const char *s, IdentityAddress *ret) {
        uint8_t bytes[16];

        if (inet_pton(AF_INET, s, bytes) == 1)
                return address_from_bytes(bytes, 4, ret);
        if (inet_pton(AF_INET6, s, bytes) == 1)
                return address_from_bytes(bytes, 16, ret);
        return -EINVAL;
}

static void identity_set_peer(Identity *i, const struct sockaddr *peer, socklen_t size) {
        if (!peer || size < sizeof peer->sa_family)
                return;
        if (peer->sa_family == AF_INET && size >= sizeof(struct sockaddr_in))
                (void) address_from_bytes(&((const struct sockaddr_in *) peer)->sin_addr, 4, &i->address);
        else if (peer->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6))
                (void) address_from_bytes(&((const struct sockaddr_in6 *) peer)->sin6_addr, 16, &i->address);
        else if (peer->sa_family == AF_VSOCK && size >= sizeof(struct sockaddr_vm))
                i->cid = ((const struct sockaddr_vm *) peer)->svm_cid;
        else if (peer->sa_family != AF_UNIX)
                return;
        i->family = peer->sa_family == AF_INET6 ? i->address.family : peer->sa_family;
}

/* Where the peer is: "192.168.101.1", "vsock CID 3", "unix" or NULL when nobody knows. */
static const char *identity_format_place(const Identity *i, char *buf, size_t size) {
        switch (i->family) {
        case AF_INET:
        case AF_INET6:
                return inet_ntop(i->family, i->address.bytes, buf, size);
        case AF_VSOCK:
                (void) snprintf(buf, size, "vsock CID %u", i->cid);
                return buf;
        case AF_UNIX:
                return "unix socket";
        default:
                return NULL;
        }
}

static int identity_set_texts(Identity *i) {
        char buf[INET6_ADDRSTRLEN];
        const char *place = identity_format_place(i, buf, sizeof buf);

        switch (i->kind) {
        case IDENTITY_CERTIFICATE:
                i->key = strdup(i->dns_names[0]);
                i->text = place ? strf("%s (%s)", i->dns_names[0], place) : strdup(i->dns_names[0]);
                break;
        case IDENTITY_UNIX:
                i->key = strf("uid:%u", (unsigned) i->ucred.uid);
                i->text = strf("uid %u, pid %d", (unsigned) i->ucred.uid, (int) i->ucred.pid);
                break;
        case IDENTITY_PLAIN:
                i->key = i->family == AF_VSOCK ? strf("vsock:%u", i->cid) : strdup(place ?: "unknown");
                i->text = strf("%s without certificate", place ?: "unknown peer");
                break;
        }
        return i->key && i->text ? 0 : -ENOMEM;
}

static int identity_new(IdentityKind kind, const struct sockaddr *peer, socklen_t peer_size, Identity **ret) {
        Identity *i;

        i = mem_new(Identity, 1);
        if (!i)
                return -ENOMEM;
        *i = (Identity){ .kind = kind, .family = AF_UNSPEC };
        identity_set_peer(i, peer, peer_size);
        *ret = i;
        return 0;
}

int identity_new_plain(const struct sockaddr *peer, socklen_t peer_size, const struct ucred *ucred, Identity **ret) {
        _cleanup_(identity_freep) Identity *i = NULL;
        int r;

        r = identity_new(ucred ? IDENTITY_UNIX : IDENTITY_PLAIN, peer, peer_size, &i);
        if (r < 0)
                return r;
        if (ucred) {
                i->ucred = *ucred;
                i->family = AF_UNIX;
        }
        r = identity_set_texts(i);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

static int identity_add_dns_name(Identity *i, const gnutls_datum_t *name) {
        char text[IDENTITY_NAME_SIZE_MAX + 1];

        if (strv_length(i->dns_names) >= IDENTITY_NAMES_MAX)
                return -E2BIG;
        if (!x509_name_is_valid(name->data, name->size))
                return -EILSEQ;
        memcpy(text, name->data, name->size);
        text[name->size] = 0;
        return strv_extend(&i->dns_names, text);
}

static int identity_add_address(Identity *i, const gnutls_datum_t *address) {
        if (i->n_addresses >= IDENTITY_NAMES_MAX)
                return -E2BIG;
        if (!i->addresses) {
                i->addresses = mem_new(IdentityAddress, IDENTITY_NAMES_MAX);
                if (!i->addresses)
                        return -ENOMEM;
        }
        if (address_from_bytes(address->data, address->size, i->addresses + i->n_addresses) < 0)
                return -EINVAL;
        i->n_addresses++;
        return 0;
}

static int identity_read_names(Identity *i, gnutls_subject_alt_names_t names) {
        int r = 0;

        for (unsigned n = 0; r >= 0; n++) {
                gnutls_datum_t value;
                unsigned type;

                r = gnutls_subject_alt_names_get(names, n, &type, &value, NULL);
                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        break;
                if (r < 0)
                        return x509_errno(r);
                if (type == GNUTLS_SAN_DNSNAME)
                        r = identity_add_dns_name(i, &value);
                else if (type == GNUTLS_SAN_IPADDRESS)
                        r = identity_add_address(i, &value);
                if (r < 0)
                        return r;
        }
        return i->dns_names ? 0 : -ENODATA;
}

static int identity_read_extension(Identity *i, gnutls_x509_crt_t crt) {
        _cleanup_(gnutls_subject_alt_names_deinitp) gnutls_subject_alt_names_t names = NULL;
        _cleanup_(x509_datum_done) gnutls_datum_t extension = {}, second = {};
        int r;

        r = gnutls_x509_crt_get_extension_by_oid2(crt, GNUTLS_X509EXT_OID_SAN, 0, &extension, NULL);
        if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return -ENODATA;
        if (r < 0)
                return x509_errno(r);
        /* Two of them would let the CA look at one and us at the other. */
        if (gnutls_x509_crt_get_extension_by_oid2(crt, GNUTLS_X509EXT_OID_SAN, 1, &second, NULL) >= 0)
                return -EINVAL;
        if (extension.size > SAN_SIZE_MAX)
                return -E2BIG;

        r = gnutls_subject_alt_names_init(&names);
        if (r < 0)
                return x509_errno(r);
        r = gnutls_x509_ext_import_subject_alt_names(&extension, names, 0);
        if (r < 0)
                return x509_errno(r);
        return identity_read_names(i, names);
}

int identity_new_x509(gnutls_x509_crt_t crt, const struct sockaddr *peer, socklen_t peer_size, Identity **ret) {
        _cleanup_(identity_freep) Identity *i = NULL;
        int r;

        r = identity_new(IDENTITY_CERTIFICATE, peer, peer_size, &i);
        if (r < 0)
                return r;
        r = identity_read_extension(i, crt);
        if (r < 0)
                return r;
        r = x509_serial_from_certificate(crt, &i->serial);
        if (r < 0)
                return r;
        i->expiry = gnutls_x509_crt_get_expiration_time(crt);
        if (i->expiry == (time_t) -1)
                return -EINVAL;
        r = identity_set_texts(i);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

int identity_new_certificate(
                const void *der, size_t size, const struct sockaddr *peer, socklen_t peer_size, Identity **ret) {
        _cleanup_(gnutls_x509_crt_deinitp) gnutls_x509_crt_t crt = NULL;
        int r;

        if (size > UINT32_MAX)
                return -EINVAL;
        r = gnutls_x509_crt_init(&crt);
        if (r < 0)
                return x509_errno(r);
        r = gnutls_x509_crt_import(crt, &(gnutls_datum_t){ (void *) der, size }, GNUTLS_X509_FMT_DER);
        if (r < 0)
                return x509_errno(r);
        return identity_new_x509(crt, peer, peer_size, ret);
}

IdentityKind identity_get_kind(const Identity *i) {
        return i->kind;
}

const char *identity_get_principal(const Identity *i) {
        return i->dns_names ? i->dns_names[0] : NULL;
}

char *const *identity_get_dns_names(const Identity *i) {
        static char *const none[] = { NULL };

        return i->dns_names ?: none;
}

bool identity_has_dns_name(const Identity *i, const char *name) {
        STRV_FOREACH(n, i->dns_names)
                if (strcasecmp(*n, name) == 0)
                        return true;
        return false;
}

bool identity_has_address(const Identity *i, const IdentityAddress *a) {
        for (size_t n = 0; n < i->n_addresses; n++)
                if (address_equal(i->addresses + n, a))
                        return true;
        return false;
}

bool identity_is_at_own_address(const Identity *i) {
        if (i->family == AF_UNIX || i->family == AF_VSOCK)
                return true;
        return i->family != AF_UNSPEC && identity_has_address(i, &i->address);
}

bool identity_get_address(const Identity *i, IdentityAddress *ret) {
        if (i->family != AF_INET && i->family != AF_INET6)
                return false;
        *ret = i->address;
        return true;
}

bool identity_get_vsock_cid(const Identity *i, unsigned *ret) {
        if (i->family != AF_VSOCK)
                return false;
        *ret = i->cid;
        return true;
}

const struct ucred *identity_get_ucred(const Identity *i) {
        return i->kind == IDENTITY_UNIX ? &i->ucred : NULL;
}

const char *identity_get_serial(const Identity *i) {
        return i->serial.text;
}

time_t identity_get_expiry(const Identity *i) {
        return i->expiry;
}

const char *identity_get_key(const Identity *i) {
        return i->key;
}

const char *identity_to_string(const Identity *i) {
        return i->text;
}
