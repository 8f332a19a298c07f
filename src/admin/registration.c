/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/registration.h"

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "bus/unit.h"

void registered_done(Registered *r) {
        free(r->agent);
        free(r->vm);
        rpc_address_done(&r->address);
        *r = (Registered){};
}

/* Who runs the machine may register whatever runs on it. */
static bool peer_is_local_root(const Identity *peer) {
        const struct ucred *ucred = identity_get_ucred(peer);

        return ucred && (ucred->uid == 0 || ucred->uid == geteuid());
}

static int deny(RpcStatus *reterr, const Identity *peer, const char *what, const char *name) {
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "%s may not register %s '%s'.", identity_to_string(peer), what,
                        name);
}

/* The name that speaks: the certificate's, which is the one that its server has to prove later. Without certificates
 * it is what the peer says. */
static int judge_speaker(const Registration *g, const Identity *peer, const char **ret, RpcStatus *reterr) {
        const char *principal = identity_get_principal(peer);

        if (identity_get_kind(peer) == IDENTITY_UNIX && !peer_is_local_root(peer))
                return deny(reterr, peer, "anything, so not", g->name);
        if (principal && !streq(g->tls_name, principal))
                return deny(reterr, peer, "under the TLS name", g->tls_name);
        if (!entry_word_is_valid(g->tls_name))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Transport name '%s' is no name.", g->tls_name);
        *ret = g->tls_name;
        return 0;
}

static bool addresses_equal(const IdentityAddress *a, const IdentityAddress *b) {
        return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
}

static int judge_tcp(const RpcAddress *a, const Identity *peer, RpcStatus *reterr) {
        IdentityAddress address, from;

        if (identity_address_from_string(a->host, &address) < 0)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Transport address '%s' is no IP address.", a->host);
        if (identity_get_kind(peer) == IDENTITY_CERTIFICATE)
                return identity_has_address(peer, &address) ? 0 : deny(reterr, peer, "at the address", a->host);
        if (!peer_is_local_root(peer) && !(identity_get_address(peer, &from) && addresses_equal(&address, &from)))
                return deny(reterr, peer, "at the address", a->host);
        return 0;
}

/* The admin connects to where it is told, with its own certificate: only to what is the peer's. */
static int judge_transport(const Registration *g, const Identity *peer, RpcAddress *ret, RpcStatus *reterr) {
        _cleanup_(rpc_address_done) RpcAddress a = {};
        _cleanup_free_ char *why = NULL;
        unsigned cid;
        int r;

        r = rpc_address_from_transport(g->protocol, g->address, g->port, &a, &why);
        if (r == -EINVAL)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Transport: %s", strempty(why));
        if (r < 0)
                return r;
        if (a.kind == RPC_ADDRESS_TCP)
                r = judge_tcp(&a, peer, reterr);
        else if (!peer_is_local_root(peer) &&
                        (a.kind != RPC_ADDRESS_VSOCK || !identity_get_vsock_cid(peer, &cid) || cid != a.cid))
                r = deny(reterr, peer, "at the address", g->address);
        if (r < 0)
                return r;
        *ret = a;
        a = (RpcAddress){};
        return 0;
}

static int judge_host(const Registration *g, const RegistrationRules *rules, const char *agent, const char *speaker,
                const Identity *peer, RpcStatus *reterr) {
        const Entry *host = registry_get_host(rules->registry);
        unsigned cid;

        /* The kernel vouches for who calls over a vsock: VMs have numbers above the host's. */
        if (identity_get_vsock_cid(peer, &cid) && cid > VMADDR_CID_HOST)
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "%s may not register '%s' as the host: it is a VM.",
                                identity_to_string(peer), g->name);
        if (host ? !streq(host->name, agent) : rules->host && !streq(rules->host, speaker))
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "%s may not register '%s' as the host: %s is.",
                                identity_to_string(peer), g->name, host ? host->name : rules->host);
        return 0;
}

static int judge_agent(const Registration *g, const RegistrationRules *rules, EntryType type, const char *agent,
                const char *speaker, const Identity *peer, RpcStatus *reterr) {
        if (!streq(g->name, agent))
                return deny(reterr, peer, "the agent", g->name);
        if (type.vm == VM_HOST)
                return judge_host(g, rules, agent, speaker, peer, reterr);
        if (type.vm == VM_ADM && rules->own_name && !streq(rules->own_name, speaker))
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "%s may not register '%s' as the admin's VM: '%s' is.",
                                identity_to_string(peer), g->name, rules->own_name);
        return 0;
}

static int judge_unit(const Registration *g, const RegistrationRules *rules, EntryType type, const char *agent,
                const Identity *peer, RpcStatus *reterr) {
        bool is_vm = unit_is_vm(g->name);
        const Entry *own = registry_get(rules->registry, agent, agent);
        bool by_host = own && own->type.vm == VM_HOST;

        if (!own)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Agent '%s' has to register before '%s'.", agent,
                                g->name);
        if (unit_is_agent(g->name))
                return deny(reterr, peer, "what is an agent's name,", g->name);
        if (is_vm != (type.service == SERVICE_VM))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Type %u does not fit the name '%s'.", g->type, g->name);
        if (!by_host && (is_vm || type.vm == VM_HOST))
                return deny(reterr, peer, "what is the host's,", g->name);
        if (!by_host && type.vm == VM_ADM && own->type.vm != VM_ADM)
                return deny(reterr, peer, "what is the admin's,", g->name);
        return 0;
}

/* The parent tells where it runs, so it has to be where the peer is. */
static int judge_parent(const Registration *g, const char *agent, const char *speaker, const Identity *peer,
                char **ret_vm, RpcStatus *reterr) {
        _cleanup_free_ char *vm = unit_is_vm(g->parent) ? vm_from_unit(g->parent) : strdup("");

        if (!vm)
                return -ENOMEM;
        if ((!isempty(vm) && !streq(vm, speaker)) || (unit_is_agent(g->parent) && !streq(g->parent, agent)))
                return deny(reterr, peer, "something under", g->parent);
        *ret_vm = TAKE_PTR(vm);
        return 0;
}

int registration_judge(const Registration *g, const RegistrationRules *rules, const Identity *peer, Registered *ret,
                RpcStatus *reterr) {
        _cleanup_(registered_done) Registered v = {};
        const char *speaker = NULL;
        int r;

        if (entry_type_from_number(g->type, &v.type) < 0)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Unknown type %u.", g->type);
        if (!unit_name_is_valid(g->name))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of a unit.", g->name);
        r = judge_speaker(g, peer, &speaker, reterr);
        if (r < 0)
                return r;
        v.agent = agent_from_vm(speaker);
        if (!v.agent)
                return -ENOMEM;
        r = judge_transport(g, peer, &v.address, reterr);
        if (r < 0)
                return r;
        if (v.type.service == SERVICE_MGR)
                r = judge_agent(g, rules, v.type, v.agent, speaker, peer, reterr);
        else
                r = judge_unit(g, rules, v.type, v.agent, peer, reterr);
        if (r < 0)
                return r;
        r = judge_parent(g, v.agent, speaker, peer, &v.vm, reterr);
        if (r < 0)
                return r;
        *ret = v;
        v = (Registered){};
        return 0;
}
