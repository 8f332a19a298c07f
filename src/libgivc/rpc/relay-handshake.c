/* SPDX-License-Identifier: Apache-2.0 */
/* From a socket to a peer that is known: connecting, TLS, identity, and the time that each may take. */
#include "rpc/relay-internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "rpc/address.h"

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Relay *r = userdata;
        const char *error = r->state <= RELAY_CONNECTING ? "connection timed out"
                        : r->state == RELAY_HANDSHAKE    ? "handshake timed out"
                                                         : "no HTTP/2 in time";

        relay_abort(r, NULL, error);
        rpc_queue_enter(r->queue);
        relay_pump(r);
        rpc_queue_leave(r->queue);
        return 0;
}

int relay_start_timer(Relay *r, usec_t usec) {
        r->timer = sd_event_source_disable_unref(r->timer);
        return sd_event_add_time_relative(rpc_queue_get_event(r->queue), &r->timer, CLOCK_MONOTONIC, usec,
                        100 * USEC_PER_MSEC, on_timer, r);
}

/* The other end is known: by certificate, by the kernel, or only by address. */
static int relay_identify(Relay *r) {
        const struct sockaddr *peer = (struct sockaddr *) &r->peer_address;
        struct ucred ucred;
        socklen_t size = sizeof(ucred);

        if (r->session)
                return tls_session_get_identity(r->session, peer, r->peer_size, &r->identity);
        if (r->peer_address.ss_family == AF_UNIX && getsockopt(r->net, SOL_SOCKET, SO_PEERCRED, &ucred, &size) == 0)
                return identity_new_plain(peer, r->peer_size, &ucred, &r->identity);
        return identity_new_plain(peer, r->peer_size, NULL, &r->identity);
}

static void relay_establish(Relay *r) {
        int k;

        k = relay_identify(r);
        if (k < 0) {
                relay_abort(r, "certificate", strerror(-k));
                return;
        }
        r->state = RELAY_ESTABLISHED;
        k = relay_start_timer(r, r->preface_usec);
        if (k < 0) {
                relay_abort(r, NULL, strerror(-k));
                return;
        }
        r->hooks.established(r, r->userdata);
}

int relay_make_session(Relay *r) {
        if (!r->credentials || r->session)
                return 0;
        return tls_session_new(r->credentials, r->is_server ? TLS_SERVER : TLS_CLIENT, r->server_name, &r->session);
}

void relay_handshake(Relay *r) {
        int k = 1;

        if (r->is_server && r->credentials && !r->session)
                k = 0; /* not a byte yet */
        else if (r->credentials) {
                k = relay_make_session(r);
                if (k >= 0)
                        k = tls_session_handshake(r->session);
                if (r->session)
                        relay_flush(r);
        }
        if (k < 0)
                relay_abort(r, "handshake", r->session ? tls_session_get_error(r->session) : strerror(-k));
        else if (k > 0 && r->state == RELAY_HANDSHAKE)
                relay_establish(r);
        else if (r->net_eof)
                relay_abort(r, "handshake", "closed by peer");
}

int relay_learn_peer(Relay *r) {
        int one = 1;

        r->peer_size = sizeof(r->peer_address);
        if (getpeername(r->net, (struct sockaddr *) &r->peer_address, &r->peer_size) < 0)
                return -errno;
        if (r->peer_address.ss_family == AF_INET || r->peer_address.ss_family == AF_INET6)
                (void) setsockopt(r->net, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (!r->peer)
                r->peer = rpc_sockaddr_to_string((struct sockaddr *) &r->peer_address, r->peer_size);
        return r->peer ? 0 : -ENOMEM;
}

void relay_connected(Relay *r) {
        int error = 0, k = 0;
        socklen_t size = sizeof(error);

        if (getsockopt(r->net, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error == 0)
                k = relay_learn_peer(r);
        if (error != 0 || k < 0) {
                relay_abort(r, "connect", strerror(error != 0 ? error : -k));
                return;
        }
        r->state = RELAY_HANDSHAKE;
        relay_handshake(r);
}
