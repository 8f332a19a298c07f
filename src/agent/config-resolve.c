/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config-resolve.h"

#include <netdb.h>
#include <string.h>

#include "agent/config-environment.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "tls/identity.h"

DEFINE_CLEANUP(struct addrinfo *, freeaddrinfo)

/* An IPv4 address where there is one: that is what certificates of VMs have. */
static const char *look_up(const char *name, char ret_address[static NI_MAXHOST]) {
        static const int families[] = { AF_INET, AF_INET6 };
        int r = EAI_NONAME;

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                _cleanup_(freeaddrinfop) struct addrinfo *found = NULL;

                r = getaddrinfo(name, NULL, &(struct addrinfo){ .ai_family = families[i], .ai_socktype = SOCK_STREAM },
                                &found);
                if (r == 0)
                        r = getnameinfo(found->ai_addr, found->ai_addrlen, ret_address, NI_MAXHOST, NULL, 0,
                                        NI_NUMERICHOST);
                if (r == 0)
                        return NULL;
        }
        return gai_strerror(r);
}

static int resolve(const Config *c, RpcAddress *a, ConfigTransport *t, const char *key, char **reterr) {
        _cleanup_free_ char *reason = NULL, *translated = NULL;
        char address[NI_MAXHOST];
        IdentityAddress ip;
        const char *error;

        if (a->kind != RPC_ADDRESS_TCP || identity_address_from_string(a->host, &ip) >= 0)
                return 0;
        error = look_up(a->host, address);
        if (!error)
                return str_replace(&a->host, address) < 0 || str_replace(&t->addr, address) < 0 ? -ENOMEM : 0;
        reason = strf("network.%s.transport.addr: '%s': %s", key, a->host, error);
        if (c->from_environment && reason)
                translated = config_environment_translate(reason);
        *reterr = strf("%s: %s", c->path, strempty(translated ? translated : reason));
        return *reterr ? -EHOSTUNREACH : -ENOMEM;
}

static int resolve_host(char **host) {
        char address[NI_MAXHOST];
        IdentityAddress ip;

        if (identity_address_from_string(*host, &ip) >= 0)
                return 0;
        if (look_up(*host, address))
                return -EHOSTUNREACH;
        return str_replace(host, address) < 0 ? -ENOMEM : 0;
}

/* A peer that nobody knows is no reason not to control this machine. */
static int resolve_socket(Config *c, ConfigSocket *s) {
        int r = 0;

        if (s->server && s->address.kind == RPC_ADDRESS_TCP && c->agent_address.kind == RPC_ADDRESS_TCP)
                r = str_replace(&s->address.host, c->agent_address.host);
        if (r >= 0 && s->has_peer && s->peer.kind == RPC_ADDRESS_TCP)
                r = resolve_host(&s->peer.host);
        if (r >= 0 && !s->server && s->address.kind == RPC_ADDRESS_TCP)
                r = resolve_host(&s->address.host);
        if (r != -EHOSTUNREACH)
                return r;
        s->usable = false;
        log_warning("%s: capabilities.socketProxy.sockets: '%s' has no address; it is not served", c->path,
                        s->transport.addr);
        return 0;
}

static int resolve_event(const Config *c, ConfigEvent *e) {
        int r = 0;

        if (e->usable && e->address.kind == RPC_ADDRESS_TCP)
                r = resolve_host(&e->address.host);
        if (r != -EHOSTUNREACH)
                return r;
        e->usable = false;
        log_warning("%s: capabilities.eventProxy.events: '%s' has no address; it is not served", c->path,
                        e->transport.addr);
        return 0;
}

int config_resolve(Config *c, char **reterr) {
        int r;

        r = resolve(c, &c->admin_address, &c->network.admin, "admin", reterr);
        if (r >= 0)
                r = resolve(c, &c->agent_address, &c->network.agent, "agent", reterr);
        for (size_t i = 0; r >= 0 && i < c->n_sockets; i++)
                if (c->sockets[i].usable)
                        r = resolve_socket(c, &c->sockets[i]);
        for (size_t i = 0; r >= 0 && i < c->n_events; i++)
                r = resolve_event(c, &c->events[i]);
        return r;
}
