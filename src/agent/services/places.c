/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/places.h"

#include "base/str.h"

/* Only certificates are of many: without them the agent answers its admin's address, and root on this machine. */
static bool is_admin(const Identity *identity, const Config *config) {
        return identity_get_kind(identity) != IDENTITY_CERTIFICATE ||
                        streq_ptr(identity_get_principal(identity), config->network.admin.name);
}

int place_take(Place *p, Places *of, const Identity *identity, const Config *config, RpcStatus *reterr) {
        const char *peer = identity_get_key(identity);
        const unsigned share = MAX(of->max / 4, 1U);
        unsigned n = 0, n_own = 0;

        LIST_FOREACH(other, &of->taken, Place, places) {
                n++;
                n_own += streq(other->peer, peer);
        }
        if (n_own >= share && !is_admin(identity, config))
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "You have %u %s already, of %u for all.", n_own,
                                of->what, of->max);
        if (n >= of->max)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "There are %u %s already, and more are not served.", n,
                                of->what);
        p->peer = peer;
        list_append(&of->taken, &p->places);
        return 0;
}

void place_leave(Place *p) {
        list_remove(&p->places);
}
