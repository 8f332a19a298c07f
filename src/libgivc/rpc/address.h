/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server listens and a channel connects, as text and as socket addresses. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <netinet/in.h>

#include "base/macro.h"

typedef enum RpcAddressKind {
        RPC_ADDRESS_TCP,
        RPC_ADDRESS_UNIX, /* path or @abstract */
        RPC_ADDRESS_VSOCK,
        RPC_ADDRESS_PASSED, /* sd-listen: sockets that the service manager opened */
} RpcAddressKind;

typedef struct RpcAddress {
        RpcAddressKind kind;
        char *host;    /* TCP: IP or name; UNIX: path or "@name"; PASSED: the sockets' name, "*" all, "" the first */
        unsigned cid;  /* VSOCK */
        unsigned port; /* TCP, VSOCK */
} RpcAddress;

/* tcp:HOST:PORT, IP:PORT, [v6]:PORT, unix:PATH, /path, ./path, @abstract, vsock:CID:PORT (CID a number, host, local,
 * any), sd-listen, sd-listen:NAME, sd-listen:*. 0; -EINVAL with a sentence in *reterr (new string) that says what is
 * wrong. */
int rpc_address_parse(const char *s, RpcAddress *ret, char **reterr) _warn_unused_;
/* From the words of a configuration: protocol tcp|unix|abstract|vsock, address (IPv6 in brackets or bare), port as
 * text. */
int rpc_address_from_transport(const char *protocol, const char *address, const char *port, RpcAddress *ret,
                char **reterr) _warn_unused_;
void rpc_address_done(RpcAddress *a);
int rpc_address_copy(const RpcAddress *a, RpcAddress *ret) _warn_unused_;
/* The text that parses to this address; new string, NULL when out of memory. */
char *rpc_address_to_string(const RpcAddress *a) _warn_unused_;

/* A listening, non-blocking socket. TCP: an IP literal, IP_FREEBIND so that the interface may get its address later.
 * A unix socket that is there and that nobody answers on is unlinked first; mode (0: 0660) and group (-1: leave) are
 * set before it listens. Negative errno. PASSED addresses are taken from the daemon, not from here (-EINVAL). */
int rpc_address_listen(const RpcAddress *a, mode_t mode, gid_t group);
/* Begins to connect: a non-blocking socket, whose EPOLLOUT says that it is done (see SO_ERROR). Host names are refused
 * (-EINVAL): resolving would block. Negative errno. */
int rpc_address_connect(const RpcAddress *a);
/* Text of a peer's or a socket's own address: "192.168.101.1:41234", "vsock:3:1024", "unix". New string. */
char *rpc_sockaddr_to_string(const struct sockaddr *sa, socklen_t size) _warn_unused_;
