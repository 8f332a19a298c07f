/* SPDX-License-Identifier: Apache-2.0 */
/* One peer's connection, seen from the server: its relay, its lane, and a grpc_server that serves it alone. It is freed
 * when the relay is closed, gRPC has shut its server down, and the last call has ended. */
#include <stdlib.h>

#include <grpc/grpc_posix.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/server-internal.h"
#include "rpc/wire.h"

static void connection_free(RpcConnection *c) {
        RpcServer *s = c->server;

        list_remove(&c->connections);
        list_remove(&c->handshakes);
        for (unsigned i = 0; i < RPC_SLOTS; i++) {
                grpc_call_details_destroy(&c->slots[i].details);
                grpc_metadata_array_destroy(&c->slots[i].metadata);
        }
        (void) relay_free(c->relay);
        if (c->grpc)
                grpc_server_destroy(c->grpc);
        (void) rpc_lane_free(c->lane);
        server_put_peer(c->peer);
        free(c->source);
        free(c);
        s->stats.n_connections--;
        server_trim(s);
        server_notice_end(s);
}

static void on_shutdown(RpcOp *op, _unused_ bool ok) {
        RpcConnection *c = CONTAINER_OF(op, RpcConnection, shutdown_op);

        c->shut = true;
        connection_check(c);
}

static void connection_shutdown(RpcConnection *c) {
        if (c->shutting || !c->grpc)
                return;
        c->shutting = true;
        rpc_op_init(&c->shutdown_op, c->server->queue, on_shutdown);
        rpc_queue_enter(c->server->queue);
        grpc_server_shutdown_and_notify(c->grpc, rpc_lane_get_queue(c->lane), &c->shutdown_op);
        rpc_lane_touch(c->lane);
        rpc_queue_leave(c->server->queue);
}

void connection_check(RpcConnection *c) {
        if (c->relay_closed && (c->shut || !c->grpc) && c->n_slots == 0 && list_is_empty(&c->calls))
                connection_free(c);
}

void connection_drain(RpcConnection *c) {
        if (c->grpc)
                connection_shutdown(c);
        else
                connection_close(c, "the server stops");
}

void connection_cancel_calls(RpcConnection *c) {
        if (c->grpc)
                grpc_server_cancel_all_calls(c->grpc);
}

static void connection_leave_handshakes(RpcConnection *c) {
        if (!c->handshakes.next || list_is_empty(&c->handshakes))
                return;
        list_remove(&c->handshakes);
        c->server->stats.n_handshakes--;
}

/* It counts as a handshake no longer, though it closes only when the loop comes to it. */
void connection_close(RpcConnection *c, const char *reason) {
        connection_leave_handshakes(c);
        relay_close(c->relay, reason);
}

static void on_relay_closed(_unused_ Relay *r, void *userdata) {
        RpcConnection *c = userdata;
        RpcServer *s = c->server;

        c->relay_closed = true;
        connection_leave_handshakes(c);
        if (relay_was_guarded(c->relay)) {
                s->stats.n_guarded++;
                server_report(s, c->peer, relay_get_peer(c->relay),
                                c->peer ? identity_get_principal(connection_get_identity(c)) : NULL,
                                relay_get_error(c->relay));
        } else if (!relay_is_alive(c->relay) && !streq(relay_get_error(c->relay), "closed by peer"))
                server_report(s, c->peer, relay_get_peer(c->relay), NULL, relay_get_error(c->relay));
        else
                log_debug("Connection of %s ended: %s", relay_get_peer(c->relay), relay_get_error(c->relay));
        if (c->grpc) {
                RpcQueue *q = s->queue;

                rpc_queue_enter(q);
                connection_shutdown(c);
                grpc_server_cancel_all_calls(c->grpc);
                connection_check(c); /* a drain may have shut everything down before */
                rpc_queue_leave(q);  /* may free the connection */
        } else
                connection_check(c);
}

void connection_finish_now(RpcConnection *c) {
        RpcQueue *q = c->server->queue;

        rpc_queue_enter(q);
        if (!c->relay_closed) {
                relay_pump(c->relay);
                relay_drop(c->relay); /* a peer that does not read would keep us */
        } else if (c->lane)
                rpc_lane_drive(c->lane);
        if (!c->relay_closed && relay_is_closed(c->relay))
                on_relay_closed(c->relay, c);
        rpc_queue_leave(q);
}

static void on_request(RpcOp *op, bool ok);

static void slot_request(RpcSlot *slot) {
        RpcConnection *c = slot->connection;
        grpc_completion_queue *q = rpc_lane_get_queue(c->lane);

        rpc_op_init(&slot->op, c->server->queue, on_request);
        if (grpc_server_request_call(c->grpc, &slot->call, &slot->details, &slot->metadata, q, q, &slot->op) ==
                        GRPC_CALL_OK)
                c->n_slots++;
}

static void on_request(RpcOp *op, bool ok) {
        RpcSlot *slot = CONTAINER_OF(op, RpcSlot, op);
        RpcConnection *c = slot->connection;

        c->n_slots--;
        if (!ok) {
                connection_check(c);
                return;
        }
        call_accept(slot);
        slot_request(slot);
}

/* Bounds before anything of gRPC exists for this peer. */
static int connection_admit(RpcConnection *c) {
        int r;

        r = server_get_peer(c->server, relay_get_identity(c->relay), &c->peer);
        if (r == -ENOBUFS)
                relay_close(c->relay, "too many connections of this peer");
        return r;
}

static int connection_start(RpcConnection *c) {
        RpcServer *s = c->server;
        int fd, r;

        r = server_notice_expiry(s, connection_get_identity(c));
        if (r < 0)
                return r;
        r = rpc_lane_new(s->queue, relay_pump, c->relay, &c->lane);
        if (r < 0)
                return r;
        r = relay_attach(c->relay, c->lane, &c->peer->budget, &fd);
        if (r < 0)
                return r;
        c->grpc = grpc_server_create(wire_server_args(), NULL);
        grpc_server_register_completion_queue(c->grpc, rpc_lane_get_queue(c->lane), NULL);
        grpc_server_register_completion_queue(c->grpc, rpc_lane_get_driver(c->lane), NULL);
        grpc_server_start(c->grpc);
        grpc_server_add_channel_from_fd(c->grpc, fd, wire_server_credentials());
        for (unsigned i = 0; i < RPC_SLOTS; i++) {
                c->slots[i].connection = c;
                slot_request(&c->slots[i]);
        }
        rpc_lane_touch(c->lane);
        return 0;
}

static void on_established(Relay *r, void *userdata) {
        RpcConnection *c = userdata;
        int k;

        rpc_queue_enter(c->server->queue);
        if (c->server->draining)
                relay_close(r, "the server stops");
        else {
                k = connection_admit(c);
                if (k >= 0)
                        k = connection_start(c);
                if (k < 0)
                        relay_close(r, strerror(-k)); /* unless it was closed for a better reason */
        }
        rpc_queue_leave(c->server->queue);
}

static void on_alive(_unused_ Relay *r, void *userdata) {
        RpcConnection *c = userdata;

        connection_leave_handshakes(c);
}

/* The address without its port; all unix peers are one source. */
static char *source_of(const char *peer) {
        const char *colon = strrchr(peer, ':');

        return colon ? strndup(peer, colon - peer) : strdup(peer);
}

int connection_new(RpcServer *s, int fd, bool is_unix) {
        static const RelayHooks hooks = { on_established, on_alive, on_relay_closed };
        RelayOptions options = {
                .credentials = is_unix ? NULL : s->credentials,
                .is_server = true,
                .handshake_usec = RPC_HANDSHAKE_USEC,
                .preface_usec = RPC_PREFACE_USEC,
        };
        RpcConnection *c;
        int r;

        c = mem_new0(RpcConnection, 1);
        if (!c) {
                (void) fd_close(fd);
                return -ENOMEM;
        }
        c->server = s;
        list_init(&c->calls);
        for (unsigned i = 0; i < RPC_SLOTS; i++) {
                grpc_call_details_init(&c->slots[i].details);
                grpc_metadata_array_init(&c->slots[i].metadata);
        }
        list_append(&s->connections, &c->connections);
        s->stats.n_connections++;
        r = relay_new(s->queue, fd, &options, &hooks, c, &c->relay);
        if (r >= 0) {
                c->source = source_of(relay_get_peer(c->relay));
                if (!c->source)
                        r = -ENOMEM;
        }
        if (r < 0) {
                connection_free(c);
                return r;
        }
        list_append(&s->handshakes, &c->handshakes);
        s->stats.n_handshakes++;
        server_limit_handshakes(s, c);
        relay_start(c->relay);
        return 0;
}

Identity *connection_get_identity(const RpcConnection *c) {
        return relay_get_identity(c->relay);
}
