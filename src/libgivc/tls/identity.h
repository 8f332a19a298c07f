/* SPDX-License-Identifier: Apache-2.0 */
/* Who the other end of a connection is. Made once when the connection is accepted or its handshake ended, and never
 * changed: it is the connection's, and lives as long. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "base/macro.h"

/* SAN dNSNames and SAN iPAddresses that are kept, each; a certificate with more is refused. */
#define IDENTITY_NAMES_MAX     16
#define IDENTITY_NAME_SIZE_MAX 253

typedef enum IdentityKind {
        IDENTITY_PLAIN,       /* no TLS over a network: nothing is known but the address */
        IDENTITY_CERTIFICATE, /* mutual TLS: the certificate was verified */
        IDENTITY_UNIX,        /* no TLS over a unix socket: the kernel says who connected (SO_PEERCRED) */
} IdentityKind;

typedef struct IdentityAddress {
        int family; /* AF_INET or AF_INET6; v4-mapped addresses are stored as AF_INET */
        uint8_t bytes[16];
} IdentityAddress;

typedef struct Identity Identity;

Identity *identity_free(Identity *i);
DEFINE_CLEANUP(Identity *, identity_free)

/* For a connection without TLS: a unix socket's credentials or only the address. peer may be NULL (unknown). 0 or
 * -errno. */
int identity_new_plain(const struct sockaddr *peer, socklen_t peer_size, const struct ucred *ucred,
                Identity **ret) _warn_unused_;
/* The same parsing that a handshake uses, over a DER certificate: for tests, fuzzing and tools. -EINVAL when it
 * cannot be parsed, -ENODATA when it has no SAN dNSName, -E2BIG when it has more than IDENTITY_NAMES_MAX of a kind,
 * -EILSEQ when a name is not a plain host name (wildcards, control characters). */
int identity_new_certificate(const void *der, size_t size, const struct sockaddr *peer, socklen_t peer_size,
                Identity **ret) _warn_unused_;

IdentityKind identity_get_kind(const Identity *i);
/* The first SAN dNSName; NULL unless the kind is IDENTITY_CERTIFICATE. */
const char *identity_get_principal(const Identity *i);
/* NULL-terminated, never NULL. For tests and fuzzing, which look at all; others ask for one that they know. */
char *const *identity_get_dns_names(const Identity *i);
/* Without regard to case, as DNS. */
bool identity_has_dns_name(const Identity *i, const char *name);
/* The address is among the SAN iPAddresses of the certificate. */
bool identity_has_address(const Identity *i, const IdentityAddress *a);
/* The peer's network address is among its SAN iPAddresses. True for peers on unix and vsock sockets, which have
 * none; false when the address is not known. */
bool identity_is_at_own_address(const Identity *i);
/* The peer's IP address; false for unix and vsock peers. */
bool identity_get_address(const Identity *i, IdentityAddress *ret);
/* The CID of a vsock peer; false for others. */
bool identity_get_vsock_cid(const Identity *i, unsigned *ret);
/* Credentials of a unix peer; NULL for others. */
const struct ucred *identity_get_ucred(const Identity *i);
/* Serial number in lower-case hexadecimal without leading zero bytes, or "" without a certificate; and when the
 * certificate ends (0 without). */
const char *identity_get_serial(const Identity *i);
time_t identity_get_expiry(const Identity *i);
/* What budgets and limits are counted by: the principal, "uid:N", the address without its port, "vsock:CID". */
const char *identity_get_key(const Identity *i);
/* For people: "net-vm (192.168.101.1)", "uid 1000, pid 812", "192.168.101.30 without certificate". */
const char *identity_to_string(const Identity *i);

/* Text of an IP address to its bytes (v4-mapped becomes v4); 0 or -EINVAL. */
int identity_address_from_string(const char *s, IdentityAddress *ret) _warn_unused_;
