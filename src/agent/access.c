/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/access.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "proto/field.h"
#include "rpc/denial.h"

static bool service_is_open(const ProtobufCServiceDescriptor *service) {
        return streq(service->name, "grpc.health.v1.Health") || startswith(service->name, "grpc.reflection.");
}

/* Whether the caller is at the address that the configuration says. */
static bool is_at(const Identity *identity, const RpcAddress *expected) {
        IdentityAddress address, wanted;
        unsigned cid;

        if (identity_get_address(identity, &address))
                return expected->kind == RPC_ADDRESS_TCP &&
                                identity_address_from_string(expected->host, &wanted) >= 0 &&
                                address.family == wanted.family &&
                                memcmp(address.bytes, wanted.bytes, address.family == AF_INET ? 4 : 16) == 0;
        return identity_get_vsock_cid(identity, &cid) && expected->kind == RPC_ADDRESS_VSOCK && expected->cid == cid;
}

static bool has_rules(const AccessPeer *peer) {
        return peer->access && peer->access->rules;
}

static int check_certificate(const Identity *identity, const AccessPeer *peer, bool open, RpcStatus *reterr) {
        if (!identity_is_at_own_address(identity))
                return rpc_deny_address(identity, reterr);
        if (open || (peer->rules_decide && has_rules(peer)))
                return 0;
        if (!streq_ptr(identity_get_principal(identity), peer->name))
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "This %s answers '%s' only, not '%s'.", peer->what,
                                strempty(peer->name), strempty(identity_get_principal(identity)));
        if (!peer->is_bound || is_at(identity, &peer->address))
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "This %s answers '%s' at its configured address only.",
                        peer->what, peer->name);
}

static int check_unix(const Identity *identity, const AccessPeer *peer, bool open, RpcStatus *reterr) {
        const struct ucred *ucred = identity_get_ucred(identity);

        if (open || (ucred && (ucred->uid == 0 || ucred->uid == geteuid())))
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "This %s answers root only on this machine, not user %i.",
                        peer->what, ucred ? (int) ucred->uid : -1);
}

/* Without TLS the address is all that there is. */
static int check_plain(const Identity *identity, const AccessPeer *peer, bool open, RpcStatus *reterr) {
        if (open || is_at(identity, &peer->address))
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED,
                        "This %s runs without TLS and answers the address of its %s only, not %s.", peer->what,
                        peer->role, identity_to_string(identity));
}

static int check_identity(const Identity *identity, const AccessPeer *peer, bool open, RpcStatus *reterr) {
        switch (identity_get_kind(identity)) {
        case IDENTITY_CERTIFICATE:
                return check_certificate(identity, peer, open, reterr);
        case IDENTITY_UNIX:
                return check_unix(identity, peer, open, reterr);
        case IDENTITY_PLAIN:
                return check_plain(identity, peer, open, reterr);
        }
        return rpc_error(reterr, RPC_UNAUTHENTICATED, "Nothing is known about the caller.");
}

/* What the caller is about to do to this machine: the messages of systemd.UnitControlService name a unit. */
static RpcTarget find_target(const Access *access, const ProtobufCMessage *request) {
        const ProtobufCFieldDescriptor *field = request
                        ? protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "UnitName")
                        : NULL;
        RpcTarget target = { .vm = text_of(access->vm) };
        const char *unit;

        if (!field || field->type != PROTOBUF_C_TYPE_STRING || field->label == PROTOBUF_C_LABEL_REPEATED)
                return target;
        unit = *(char *const *) field_member(request, field->offset);
        target.unit = text_of(unit);
        target.app = (Text){ unit, instance_app_length(strempty(unit)) };
        return target;
}

int access_check_peer(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata) {
        const AccessPeer *peer = userdata;
        RpcTarget target;
        int r;

        r = check_identity(identity, peer, service_is_open(service), reterr);
        if (r < 0) {
                rpc_log_denied(identity, service, method->name, reterr->message);
                return r;
        }
        if (!has_rules(peer))
                return 0;
        target = find_target(peer->access, request);
        return rpc_rules_judge(peer->access->rules, identity, service, method, request, &target, reterr);
}

AccessPeer access_peer_of(const Config *config, const Access *access) {
        return (AccessPeer){ "agent", "admin", config->network.admin.name, config->admin_address, .access = access,
                .rules_decide = true };
}
