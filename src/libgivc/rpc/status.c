/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/status.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
        const char *string, *word;
        int error; /* what rpc_error() returns for it */
} codes[RPC_CODE_MAX_] = {
        [RPC_OK] = { "OK", "Ok", 0 },
        [RPC_CANCELLED] = { "CANCELLED", "Canceled", -ECANCELED },
        [RPC_UNKNOWN] = { "UNKNOWN", "Unknown", -EREMOTEIO },
        [RPC_INVALID_ARGUMENT] = { "INVALID_ARGUMENT", "InvalidArgument", -EINVAL },
        [RPC_DEADLINE_EXCEEDED] = { "DEADLINE_EXCEEDED", "DeadlineExceeded", -ETIMEDOUT },
        [RPC_NOT_FOUND] = { "NOT_FOUND", "NotFound", -ENOENT },
        [RPC_ALREADY_EXISTS] = { "ALREADY_EXISTS", "AlreadyExists", -EEXIST },
        [RPC_PERMISSION_DENIED] = { "PERMISSION_DENIED", "PermissionDenied", -EACCES },
        [RPC_RESOURCE_EXHAUSTED] = { "RESOURCE_EXHAUSTED", "ResourceExhausted", -ENOBUFS },
        [RPC_FAILED_PRECONDITION] = { "FAILED_PRECONDITION", "FailedPrecondition", -ENOEXEC },
        [RPC_ABORTED] = { "ABORTED", "Aborted", -EINTR },
        [RPC_OUT_OF_RANGE] = { "OUT_OF_RANGE", "OutOfRange", -ERANGE },
        [RPC_UNIMPLEMENTED] = { "UNIMPLEMENTED", "Unimplemented", -EOPNOTSUPP },
        [RPC_INTERNAL] = { "INTERNAL", "Internal", -EIO },
        [RPC_UNAVAILABLE] = { "UNAVAILABLE", "Unavailable", -ENOTCONN },
        [RPC_DATA_LOSS] = { "DATA_LOSS", "DataLoss", -EUCLEAN },
        [RPC_UNAUTHENTICATED] = { "UNAUTHENTICATED", "Unauthenticated", -ENOKEY },
};

/* What functions below a handler return, beyond the errnos of the table above. */
static const struct {
        int error;
        RpcCode code;
} errnos[] = {
        { -EPERM, RPC_PERMISSION_DENIED },
        { -ENXIO, RPC_NOT_FOUND },
        { -ESRCH, RPC_NOT_FOUND },
        { -ENODEV, RPC_NOT_FOUND },
        { -ENODATA, RPC_NOT_FOUND },
        { -EADDRNOTAVAIL, RPC_UNAVAILABLE },
        { -ECONNREFUSED, RPC_UNAVAILABLE },
        { -ECONNRESET, RPC_UNAVAILABLE },
        { -ECONNABORTED, RPC_UNAVAILABLE },
        { -EHOSTUNREACH, RPC_UNAVAILABLE },
        { -EHOSTDOWN, RPC_UNAVAILABLE },
        { -ENETUNREACH, RPC_UNAVAILABLE },
        { -ENETDOWN, RPC_UNAVAILABLE },
        { -ESHUTDOWN, RPC_UNAVAILABLE },
        { -EAGAIN, RPC_UNAVAILABLE },
        { -EALREADY, RPC_FAILED_PRECONDITION },
        { -EBUSY, RPC_FAILED_PRECONDITION },
        { -EPIPE, RPC_FAILED_PRECONDITION },
        { -ENOTDIR, RPC_FAILED_PRECONDITION },
        { -EISDIR, RPC_FAILED_PRECONDITION },
        { -EROFS, RPC_FAILED_PRECONDITION },
        { -ELOOP, RPC_FAILED_PRECONDITION },
        { -EUNATCH, RPC_FAILED_PRECONDITION },
        { -EPROTO, RPC_FAILED_PRECONDITION },
        { -EADDRINUSE, RPC_FAILED_PRECONDITION },
        { -EDEADLK, RPC_ABORTED },
        { -EBADMSG, RPC_INVALID_ARGUMENT },
        { -EILSEQ, RPC_INVALID_ARGUMENT },
        { -ENAMETOOLONG, RPC_INVALID_ARGUMENT },
        { -EMSGSIZE, RPC_RESOURCE_EXHAUSTED },
        { -EFBIG, RPC_RESOURCE_EXHAUSTED },
        { -E2BIG, RPC_RESOURCE_EXHAUSTED },
        { -ENOMEM, RPC_RESOURCE_EXHAUSTED },
        { -ENOSPC, RPC_RESOURCE_EXHAUSTED },
        { -EDQUOT, RPC_RESOURCE_EXHAUSTED },
        { -EMFILE, RPC_RESOURCE_EXHAUSTED },
        { -ENFILE, RPC_RESOURCE_EXHAUSTED },
        { -ETIME, RPC_DEADLINE_EXCEEDED },
        { -ENOSYS, RPC_UNIMPLEMENTED },
        { -ENOTSUP, RPC_UNIMPLEMENTED },
        { -ECHILD, RPC_ABORTED },
};

RpcCode rpc_code_from_errno(int r) {
        if (r >= 0)
                return RPC_OK;
        for (unsigned i = 1; i < RPC_CODE_MAX_; i++)
                if (codes[i].error == r)
                        return i;
        for (size_t i = 0; i < ELEMENTSOF(errnos); i++)
                if (errnos[i].error == r)
                        return errnos[i].code;
        return RPC_INTERNAL;
}

/* A peer may send any number; RFC says to read an unknown one as UNKNOWN. */
static RpcCode rpc_code_sanitize(RpcCode code) {
        return (unsigned) code < RPC_CODE_MAX_ ? code : RPC_UNKNOWN;
}

int rpc_code_to_errno(RpcCode code) {
        return codes[rpc_code_sanitize(code)].error;
}

const char *rpc_code_to_string(RpcCode code) {
        return codes[rpc_code_sanitize(code)].string;
}

const char *rpc_code_to_word(RpcCode code) {
        return codes[rpc_code_sanitize(code)].word;
}

void rpc_status_done(RpcStatus *s) {
        free(s->message);
        free(s->reason);
        free(s->detail);
        *s = (RpcStatus){};
}

static void text_vset(char **p, const char *fmt, va_list ap) {
        char *s = strvf(fmt, ap);

        if (s)
                s[str_fit(s, RPC_MESSAGE_SIZE_MAX)] = 0;
        free(*p);
        *p = s;
}

int rpc_error(RpcStatus *reterr, RpcCode code, const char *fmt, ...) {
        va_list ap;

        if (reterr) {
                reterr->code = code;
                va_start(ap, fmt);
                text_vset(&reterr->message, fmt, ap);
                va_end(ap);
        }
        return rpc_code_to_errno(code);
}

int rpc_error_detail(RpcStatus *reterr, int r, const char *fmt, ...) {
        va_list ap;

        if (reterr) {
                va_start(ap, fmt);
                text_vset(&reterr->detail, fmt, ap);
                va_end(ap);
        }
        return r;
}

void rpc_status_from_errno(RpcStatus *reterr, int r) {
        RpcCode code = rpc_code_from_errno(r);

        if (!reterr || reterr->code != RPC_OK || code == RPC_OK)
                return;
        (void) rpc_error(reterr, code, "%s", code == RPC_INTERNAL ? "internal error" : strerror(-r));
}
