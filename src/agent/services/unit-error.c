/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/unit-error.h"

#include "base/mem.h"
#include "base/str.h"
#include "bus/unit.h"

static const struct {
        int error;
        RpcCode code;
        const char *reason;
        const char *text;
} errors[] = {
        { ENOENT, RPC_NOT_FOUND, "NO_SUCH_UNIT", "systemd has no such unit" },
        { ENOEXEC, RPC_FAILED_PRECONDITION, "UNIT_NOT_LOADED", "it is not loaded or masked" },
        { EHOSTDOWN, RPC_FAILED_PRECONDITION, "UNIT_NOT_ACTIVE", "it is not active" },
        { EALREADY, RPC_FAILED_PRECONDITION, "ALREADY_SO", "there is nothing to change" },
        { EEXIST, RPC_ALREADY_EXISTS, "UNIT_EXISTS", "it exists already" },
        { EIO, RPC_FAILED_PRECONDITION, "UNIT_FAILED", "its job failed" },
        { EPIPE, RPC_FAILED_PRECONDITION, "DEPENDENCY_FAILED", "a unit that it depends on failed" },
        { ETIMEDOUT, RPC_DEADLINE_EXCEEDED, "JOB_TIMEOUT", "its job did not end in time" },
        { EINTR, RPC_ABORTED, "JOB_CANCELED", "its job was cancelled by another" },
        { EPROTO, RPC_FAILED_PRECONDITION, "ASSERT_FAILED", "a condition that it asserts does not hold" },
        { EBUSY, RPC_ABORTED, "UNIT_BUSY", "something else changes it at the moment" },
        { EDEADLK, RPC_FAILED_PRECONDITION, "JOBS_CONFLICT", "its job conflicts with others" },
        { EACCES, RPC_PERMISSION_DENIED, "MANAGER_REFUSES", "the service manager does not permit it" },
        { ESRCH, RPC_FAILED_PRECONDITION, "NO_SUCH_PROCESS", "that process of it does not run" },
        { EPERM, RPC_PERMISSION_DENIED, "MANAGER_REFUSES", "the service manager does not permit it" },
        { EINVAL, RPC_INVALID_ARGUMENT, "INVALID_UNIT", "the service manager does not understand it" },
        { EOPNOTSUPP, RPC_FAILED_PRECONDITION, "NOT_APPLICABLE", "units of its kind cannot do that" },
        { ESHUTDOWN, RPC_UNAVAILABLE, "MANAGER_STOPS", "the service manager is shutting down" },
        { ENOTCONN, RPC_UNAVAILABLE, "MANAGER_UNREACHABLE", "the service manager cannot be reached" },
        { ECONNRESET, RPC_UNAVAILABLE, "MANAGER_UNREACHABLE", "the service manager went away meanwhile" },
        { ENOBUFS, RPC_RESOURCE_EXHAUSTED, "MANAGER_LIMIT", "a limit of the service manager is reached" },
};

static void explain(RpcStatus *reterr, const char *reason) {
        if (reterr)
                (void) str_replace(&reterr->reason, reason);
}

int unit_error(RpcStatus *reterr, int r, const char *verb, const char *name, const BusError *error) {
        int q = r;

        if (r == -ECANCELED || r == -ENOMEM)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                if (errors[i].error != -r)
                        continue;
                /* The bus tells of a failed job with the result of its service. */
                if (r == -EIO && error && error->message)
                        q = rpc_error(reterr, errors[i].code, "%s", error->message);
                else
                        q = rpc_error(reterr, errors[i].code, "Cannot %s '%s': %s.", verb, name, errors[i].text);
                explain(reterr, errors[i].reason);
                break;
        }
        if (error && error->name)
                return rpc_error_detail(reterr, q, "%s: %s", error->name, strempty(error->message));
        return q;
}

int unit_check_exposed(const Agent *agent, const char *name, RpcCode refusal, RpcStatus *reterr) {
        if (!exposure_contains(agent_get_exposure(agent), name))
                return rpc_error(reterr, refusal, "Unit '%s' is not exposed by this agent.", name);
        if (!unit_name_is_valid(name))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is not the name of a unit.", name);
        return 0;
}
