/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS 1.3 connection as a transformation of bytes: cipher text in and out through buffers, plain text through
 * read and write. It never touches a socket and never waits; rpc/relay moves the bytes. Mutual authentication, ALPN
 * "h2". */
#pragma once

#include <sys/socket.h>

#include "base/macro.h"
#include "base/mem.h"
#include "tls/credentials.h"
#include "tls/identity.h"

typedef struct TlsSession TlsSession;

typedef enum TlsRole {
        TLS_SERVER, /* asks for a client certificate, refuses the handshake without a valid one */
        TLS_CLIENT, /* checks the server's certificate for server_name among its SAN dNSNames */
} TlsRole;

/* Bytes that a peer may send in its handshake, or later in records without data. */
#define TLS_HANDSHAKE_SIZE_MAX (64 * 1024)
#define TLS_CHAIN_DEPTH_MAX    3

/* server_name is for clients: checked and sent as SNI (-EINVAL when it is no host name); NULL for servers. */
int tls_session_new(TlsCredentials *credentials, TlsRole role, const char *server_name, TlsSession **ret) _warn_unused_;
TlsSession *tls_session_free(TlsSession *s);
DEFINE_CLEANUP(TlsSession *, tls_session_free)

/* Cipher text from the peer: append here (buffer_reserve, buffer_commit), then call handshake or read. */
Buffer *tls_session_input(TlsSession *s);
/* Cipher text for the peer: send from here and consume, after every call below. */
Buffer *tls_session_output(TlsSession *s);

/* 1: done; 0: wants more input; negative errno: refused, tls_session_get_error() says why and the output may hold an
 * alert. -EACCES: the peer's certificate; -ECONNREFUSED: the peer refused us; -EMSGSIZE: too much handshake;
 * -EPROTO: the rest. In TLS 1.3 a client is done before the server has looked at its certificate: a refusal then
 * comes from its first read. */
int tls_session_handshake(TlsSession *s);
/* After the handshake: who the peer is. peer is its socket address, NULL when unknown. */
int tls_session_get_identity(
                TlsSession *s, const struct sockaddr *peer, socklen_t peer_size, Identity **ret) _warn_unused_;
/* Plain text, as much of it as fits: > 0 bytes; 0: the peer closed in order (close_notify); -EAGAIN: wants more
 * input; else a negative errno. The session cannot see the end of the socket: one without close_notify before it was
 * cut off. */
ssize_t tls_session_read(TlsSession *s, void *p, size_t size);
/* Encrypts all of it into the output buffer; 0 or a negative errno. */
int tls_session_write(TlsSession *s, const void *p, size_t size);
/* Puts close_notify into the output buffer. */
void tls_session_close(TlsSession *s);
/* A sentence about the last failure: "the certificate is not signed by the CA", "no certificate", … Never NULL. */
const char *tls_session_get_error(const TlsSession *s);
