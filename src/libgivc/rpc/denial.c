/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/denial.h"

#include <arpa/inet.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"

int rpc_deny_address(const Identity *identity, RpcStatus *reterr) {
        char text[INET6_ADDRSTRLEN] = "?";
        IdentityAddress address;

        if (identity_get_address(identity, &address))
                (void) inet_ntop(address.family, address.bytes, text, sizeof(text));
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "IP %s not in certificate SAN", text);
}

void rpc_log_denied(const Identity *identity, const ProtobufCServiceDescriptor *service, const char *method,
                const char *why) {
        _cleanup_free_ char *path = strf("%s/%s", service->name, method);

        log_write(LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ACCESS_DENIED }, { "GIVC_PEER", identity_get_key(identity) },
                                        { "GIVC_METHOD", path }, { "GIVC_REASON", why }),
                        "Refused %s, which called %s: %s", identity_to_string(identity), strempty(path), strempty(why));
}
