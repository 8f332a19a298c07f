/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the details of a status: what is understood is text, and the same after packing it. */
#include "base/mem.h"
#include "base/str.h"
#include "rpc/wire.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s) {
        check(!s || str_is_utf8(s, strlen(s)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(rpc_status_done) RpcStatus status = { .code = RPC_INTERNAL }, again = { .code = RPC_INTERNAL };
        _cleanup_free_ void *packed = NULL;
        size_t n_packed;

        status_unpack_details(&status, data, size);
        check(status.code == RPC_INTERNAL && !status.message);
        check_text(status.reason);
        check_text(status.detail);
        check(status_pack_details(&status, &packed, &n_packed) == 0);
        status_unpack_details(&again, packed, n_packed);
        check(streq(again.reason, status.reason ? status.reason : "INTERNAL"));
        check(streq_ptr(again.detail, status.detail));
        return 0;
}
