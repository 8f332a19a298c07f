/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/access.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"

static bool service_is_open(const ProtobufCServiceDescriptor *service) {
        return streq(service->name, "grpc.health.v1.Health") || startswith(service->name, "grpc.reflection.");
}

static int check_certificate(const Identity *identity, const Config *config, bool open, RpcStatus *reterr) {
        char text[INET6_ADDRSTRLEN] = "";
        IdentityAddress address;

        if (!identity_is_at_own_address(identity)) {
                if (identity_get_address(identity, &address))
                        (void) inet_ntop(address.family, address.bytes, text, sizeof(text));
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "IP %s not in certificate SAN", text);
        }
        if (open || streq_ptr(identity_get_principal(identity), config->network.admin.name))
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "This agent answers '%s' only, not '%s'.",
                        strempty(config->network.admin.name), strempty(identity_get_principal(identity)));
}

static int check_unix(const Identity *identity, bool open, RpcStatus *reterr) {
        const struct ucred *ucred = identity_get_ucred(identity);

        if (open || (ucred && (ucred->uid == 0 || ucred->uid == geteuid())))
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "This agent answers root only on this machine, not user %i.",
                        ucred ? (int) ucred->uid : -1);
}

/* Without TLS the address is all that there is. */
static int check_plain(const Identity *identity, const Config *config, bool open, RpcStatus *reterr) {
        const RpcAddress *admin = &config->admin_address;
        IdentityAddress address, wanted;
        unsigned cid;

        if (open)
                return 0;
        if (identity_get_address(identity, &address) && admin->kind == RPC_ADDRESS_TCP &&
                        identity_address_from_string(admin->host, &wanted) >= 0 && address.family == wanted.family &&
                        memcmp(address.bytes, wanted.bytes, address.family == AF_INET ? 4 : 16) == 0)
                return 0;
        if (identity_get_vsock_cid(identity, &cid) && admin->kind == RPC_ADDRESS_VSOCK && admin->cid == cid)
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED,
                        "This agent runs without TLS and answers the address of its admin only, not %s.",
                        identity_to_string(identity));
}

static int check_identity(const Identity *identity, const Config *config, bool open, RpcStatus *reterr) {
        switch (identity_get_kind(identity)) {
        case IDENTITY_CERTIFICATE:
                return check_certificate(identity, config, open, reterr);
        case IDENTITY_UNIX:
                return check_unix(identity, open, reterr);
        case IDENTITY_PLAIN:
                return check_plain(identity, config, open, reterr);
        }
        return rpc_error(reterr, RPC_UNAUTHENTICATED, "Nothing is known about the caller.");
}

int access_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const char *method,
                _unused_ const ProtobufCMessage *request, RpcStatus *reterr, void *userdata) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = check_identity(identity, userdata, service_is_open(service), reterr);
        if (r >= 0)
                return 0;
        path = strf("%s/%s", service->name, method);
        log_write(LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ACCESS_DENIED },
                                        { "GIVC_PEER", identity_to_string(identity) }, { "GIVC_METHOD", path },
                                        { "GIVC_REASON", reterr->message }),
                        "Refused %s to %s: %s", strempty(path), identity_to_string(identity),
                        strempty(reterr->message));
        return r;
}
