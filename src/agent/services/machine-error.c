/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/machine-error.h"

#include "base/str.h"

static const struct {
        int error;
        RpcCode code;
        const char *text;
} errors[] = {
        { EINVAL, RPC_FAILED_PRECONDITION, "the machine does not have it" },
        { EACCES, RPC_PERMISSION_DENIED, "the machine does not permit its agent to do so" },
        { EPERM, RPC_PERMISSION_DENIED, "the machine does not permit its agent to do so" },
        { ENOTCONN, RPC_UNAVAILABLE, "the machine has no service for it that could be reached" },
        { ECONNRESET, RPC_UNAVAILABLE, "the machine's service for it went away meanwhile" },
        { ETIMEDOUT, RPC_DEADLINE_EXCEEDED, "the machine's service for it did not answer in time" },
};

int machine_error(RpcStatus *reterr, int r, const char *what, const BusError *error) {
        const char *text = "the machine's service for it failed";
        RpcCode code = RPC_FAILED_PRECONDITION;

        if (r == -ECANCELED || r == -ENOMEM)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].error == -r) {
                        code = errors[i].code;
                        text = errors[i].text;
                }
        r = rpc_error(reterr, code, "Cannot %s: %s%s%s.", what, text, isempty(error->message) ? "" : ": ",
                        strempty(error->message));
        return error->name ? rpc_error_detail(reterr, r, "%s: %s", error->name, strempty(error->message)) : r;
}
