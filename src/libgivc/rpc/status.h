/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ended: a code, a sentence for people, and for programs a reason (google.rpc.ErrorInfo) and a detail
 * (google.rpc.DebugInfo), which travel in grpc-status-details-bin. */
#pragma once

#include "base/macro.h"

/* The numbers of grpc-status, https://grpc.io/docs/guides/status-codes/. */
typedef enum RpcCode {
        RPC_OK = 0,
        RPC_CANCELLED = 1,
        RPC_UNKNOWN = 2,
        RPC_INVALID_ARGUMENT = 3,
        RPC_DEADLINE_EXCEEDED = 4,
        RPC_NOT_FOUND = 5,
        RPC_ALREADY_EXISTS = 6,
        RPC_PERMISSION_DENIED = 7,
        RPC_RESOURCE_EXHAUSTED = 8,
        RPC_FAILED_PRECONDITION = 9,
        RPC_ABORTED = 10,
        RPC_OUT_OF_RANGE = 11,
        RPC_UNIMPLEMENTED = 12,
        RPC_INTERNAL = 13,
        RPC_UNAVAILABLE = 14,
        RPC_DATA_LOSS = 15,
        RPC_UNAUTHENTICATED = 16,
        RPC_CODE_MAX_ = 17,
} RpcCode;

#define RPC_ERROR_DOMAIN "givc" /* ErrorInfo.domain */
/* Bytes of a status sentence, and of a detail; longer ones are cut at a character. Percent-encoded and again in the
 * details they have to fit into the 8 KiB of headers that a gRPC client accepts. */
#define RPC_MESSAGE_SIZE_MAX 1024

/* Zero-initialised is OK and owns nothing. */
typedef struct RpcStatus {
        RpcCode code;
        char *message; /* may be NULL */
        char *reason;  /* ErrorInfo.reason, UPPER_SNAKE_CASE; NULL: derived from the code when sent */
        char *detail;  /* DebugInfo.detail: the root cause; may be NULL */
} RpcStatus;

void rpc_status_done(RpcStatus *s);

/* Fills *reterr (NULL is fine) and returns the negative errno that stands for code, so that a handler can say
 * `return rpc_error(reterr, RPC_NOT_FOUND, "No unit '%s'.", name)`. Never returns 0 unless code is RPC_OK. */
int rpc_error(RpcStatus *reterr, RpcCode code, const char *fmt, ...) _printf_(3, 4);
/* Adds the root cause to an error that was filled already; returns r. */
int rpc_error_detail(RpcStatus *reterr, int r, const char *fmt, ...) _printf_(3, 4);
/* Turns a negative errno that a function below has returned into a status, unless *reterr has one already: code by the
 * table, message from strerror(3) ("INTERNAL" errors say no more than "internal error"). */
void rpc_status_from_errno(RpcStatus *reterr, int r);

/* The one table: negative errno to code, and code to the errno that rpc_error() returns. Unknown errnos are
 * RPC_INTERNAL. */
RpcCode rpc_code_from_errno(int r);
int rpc_code_to_errno(RpcCode code);
/* "NOT_FOUND", and "NotFound" as grpcurl and people spell it; never NULL. */
const char *rpc_code_to_string(RpcCode code);
const char *rpc_code_to_word(RpcCode code);
