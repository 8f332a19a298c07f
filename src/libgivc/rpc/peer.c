/* SPDX-License-Identifier: Apache-2.0 */
/* What a server knows of its peers, however many connections they have: their budgets, and what was said of them. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "rpc/server-internal.h"

#define STRANGERS_REPORTED_MAX 60
#define REPORT_USEC            (60 * USEC_PER_SEC)
#define PEERS_PRUNE_ABOVE      256

static void peer_free(RpcPeer *p) {
        free(p->key);
        free(p);
}

/* Peers that are gone and whose budgets are full again carry no information. */
static void server_prune_peers(RpcServer *s) {
        usec_t now = time_now(CLOCK_MONOTONIC);

        MAP_FOREACH(p, s->peers, RpcPeer) {
                if (p->n_connections > 0 || !guard_budget_is_full(&p->budget, now))
                        continue;
                (void) map_remove(s->peers, p->key);
                peer_free(p);
        }
}

void server_free_peers(RpcServer *s) {
        if (s->peers)
                MAP_FOREACH(p, s->peers, RpcPeer)
                        peer_free(p);
        map_free(s->peers);
}

int server_get_peer(RpcServer *s, const Identity *identity, RpcPeer **ret) {
        const char *key = identity_get_key(identity);
        RpcPeer *p;
        int r;

        p = map_get(s->peers, key);
        if (!p) {
                if (map_size(s->peers) >= PEERS_PRUNE_ABOVE)
                        server_prune_peers(s);
                p = mem_new0(RpcPeer, 1);
                if (!p)
                        return -ENOMEM;
                p->server = s;
                guard_budget_init(&p->budget, time_now(CLOCK_MONOTONIC));
                p->key = strdup(key);
                r = p->key ? map_put(s->peers, p->key, p) : -ENOMEM;
                if (r < 0) {
                        peer_free(p);
                        return r;
                }
        }
        if (p->n_connections >= RPC_CONNECTIONS_PER_PEER_MAX)
                return -ENOBUFS;
        p->n_connections++;
        *ret = p;
        return 0;
}

void server_put_peer(RpcPeer *p) {
        if (p)
                p->n_connections--;
}

/* Who has no name yet cannot be told apart: all strangers together get so many lines a minute. */
static bool server_may_report_stranger(RpcServer *s, usec_t now) {
        if (now - s->strangers_since >= REPORT_USEC) {
                s->strangers_since = now;
                s->n_strangers = 0;
        }
        return s->n_strangers++ < STRANGERS_REPORTED_MAX;
}

void server_report(RpcServer *s, RpcPeer *peer, const char *who, const char *principal, const char *why) {
        usec_t now = time_now(CLOCK_MONOTONIC);

        s->stats.n_refused++;
        if (peer && peer->reported != 0 && now - peer->reported < REPORT_USEC)
                return;
        if (peer)
                peer->reported = now;
        else if (!server_may_report_stranger(s, now))
                return;
        log_write(LOG_NOTICE,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_PEER_REFUSED }, { "GIVC_PEER", principal ? principal : who },
                                        { "GIVC_REASON", why }),
                        "Refused %s%s%s%s: %s", principal ? principal : who, principal ? " (" : "",
                        principal ? who : "", principal ? ")" : "", why);
}
