/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a relay, in both directions: as far as each side takes them, and past the frame guard. */
#include "rpc/relay-internal.h"

#include <sys/socket.h>

#define RELAY_READ_SIZE  (64 * 1024)
#define RELAY_KEEP_SIZE  (4 * 1024)  /* of an empty buffer between two messages */
#define RELAY_DRIVE_SIZE (16 * 1024) /* having taken so much from gRPC, it may have been waiting for room */
#define RELAY_TURNS_MAX  16          /* of gRPC's, one out of the other, before other connections get theirs */

/* All connections live on one thread, and nothing runs between a read into here and the use of what was read. */
static uint8_t scratch[RELAY_READ_SIZE];

Buffer *relay_output(Relay *r) {
        return r->session ? tls_session_output(r->session) : &r->to_net;
}

/* Plain text for gRPC: what does not fit at once is kept. True when gRPC's end took something. */
static bool relay_give(Relay *r, const uint8_t *p, size_t size) {
        size_t given = 0;

        while (given < size && r->to_grpc.size == 0 && r->inner >= 0) {
                ssize_t n = send(r->inner, p + given, size - given, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) /* gRPC has closed its end: what the peer still sends is of no use */
                        return given > 0;
                given += n;
        }
        if (buffer_append(&r->to_grpc, p + given, size - given) < 0)
                relay_abort(r, NULL, "out of memory");
        return given > 0;
}

static void relay_guard(Relay *r, const uint8_t *p, size_t n) {
        if (guard_scan(&r->guard, GUARD_INCOMING, p, n) >= 0)
                return;
        r->guarded = true;
        relay_abort(r, "guard", r->guard.error);
}

void relay_receive(Relay *r) {
        ssize_t n;
        int k;

        n = recv(r->net, scratch, sizeof(scratch), 0);
        r->net_more = n == sizeof(scratch) || (n < 0 && errno == EINTR) || (n > 0 && r->net_ending);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                relay_set_error(r, NULL, n == 0 ? "closed by peer" : strerror(errno));
                r->net_eof = true;
                return;
        }
        if (!r->credentials && r->state == RELAY_OPEN)
                relay_guard(r, scratch, n);
        if (r->net < 0)
                return;
        k = relay_make_session(r);
        if (k >= 0)
                k = buffer_append(r->session ? tls_session_input(r->session) : &r->to_grpc, scratch, n);
        if (k < 0)
                relay_abort(r, NULL, strerror(-k));
}

/* Plain text out of the cipher text that has come, as far as there is room for it. True when gRPC's end took
 * something. */
static bool relay_decrypt(Relay *r) {
        bool given = false;

        while (r->to_grpc.size < RPC_RELAY_BUFFER_SIZE && r->net >= 0) {
                ssize_t n = tls_session_read(r->session, scratch, sizeof(scratch));

                if (n == -EAGAIN)
                        break;
                if (n <= 0) {
                        relay_set_error(r, NULL, n == 0 ? "closed by peer" : tls_session_get_error(r->session));
                        r->net_eof = true;
                        break;
                }
                relay_guard(r, scratch, n);
                if (r->net >= 0)
                        given |= relay_give(r, scratch, n);
        }
        buffer_trim(tls_session_input(r->session), RELAY_KEEP_SIZE);
        return given;
}

/* What was kept before. */
static bool relay_give_kept(Relay *r) {
        Buffer kept = r->to_grpc;
        bool given;

        if (kept.size == 0)
                return false;
        r->to_grpc = (Buffer){};
        given = relay_give(r, buffer_head(&kept), kept.size);
        buffer_done(&kept);
        return given;
}

static void relay_note_alive(Relay *r) {
        if (r->alive || r->guard.n_frames == 0)
                return;
        r->alive = true;
        r->timer = sd_event_source_disable_unref(r->timer);
        if (r->hooks.alive)
                r->hooks.alive(r, r->userdata);
}

bool relay_feed(Relay *r) {
        bool given = relay_give_kept(r);

        if (r->session && !r->net_eof)
                given |= relay_decrypt(r);
        relay_note_alive(r);
        if (!given)
                return false;
        rpc_lane_drive(r->lane);
        for (unsigned i = 0; i < RELAY_TURNS_MAX && rpc_queue_dispatch(r->queue) > 0; i++)
                ; /* a call's batches complete one out of the other */
        return true;
}

void relay_collect(Relay *r) {
        size_t taken = 0;

        rpc_lane_clear(r->lane);
        while (!r->inner_eof && relay_output(r)->size < RPC_RELAY_BUFFER_SIZE) {
                ssize_t n = recv(r->inner, scratch, sizeof(scratch), 0);
                int k = 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        r->inner_eof = true;
                        if (r->session && r->net >= 0)
                                tls_session_close(r->session);
                        break;
                }
                taken += n;
                if (r->net >= 0 && guard_scan(&r->guard, GUARD_OUTGOING, scratch, n) < 0) {
                        r->guarded = true;
                        relay_abort(r, "guard", r->guard.error);
                } else if (r->net >= 0)
                        k = r->session ? tls_session_write(r->session, scratch, n)
                                       : buffer_append(&r->to_net, scratch, n);
                if (k < 0)
                        relay_abort(r, NULL, strerror(-k));
                if ((size_t) n < sizeof(scratch))
                        break;
        }
        if (taken >= RELAY_DRIVE_SIZE)
                rpc_lane_drive(r->lane);
}

void relay_flush(Relay *r) {
        Buffer *b = relay_output(r);

        while (b->size > 0 && r->net >= 0) {
                ssize_t n = send(r->net, buffer_head(b), b->size, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        relay_set_error(r, NULL, strerror(errno));
                        relay_begin_close(r);
                        relay_close_net(r);
                        break;
                }
                buffer_consume(b, n);
                r->flushed = true;
        }
        buffer_trim(b, RELAY_KEEP_SIZE);
}

bool relay_takes_input(const Relay *r) {
        return !r->net_eof && r->state < RELAY_CLOSING && r->to_grpc.size < RPC_RELAY_BUFFER_SIZE;
}
