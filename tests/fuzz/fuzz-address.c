/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an address, any words as a transport: what is taken has a text that is the same address, what is not has
 * a reason. */
#include "base/mem.h"
#include "base/str.h"
#include "rpc/address.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(const RpcAddress *a, const RpcAddress *b) {
        check(a->kind == b->kind && a->cid == b->cid && a->port == b->port && streq_ptr(a->host, b->host));
}

static void check_address(int r, RpcAddress *a, const char *error) {
        _cleanup_(rpc_address_done) RpcAddress again = {}, copy = {};
        _cleanup_free_ char *text = NULL;

        if (r < 0) {
                check(r == -EINVAL && !isempty(error) && !a->host);
                return;
        }
        check(!error);
        check((a->kind == RPC_ADDRESS_VSOCK) == !a->host);
        check((a->kind == RPC_ADDRESS_TCP || a->kind == RPC_ADDRESS_VSOCK) == (a->port > 0));
        check(a->kind != RPC_ADDRESS_UNIX || strlen(a->host) < sizeof(((struct sockaddr_un *) NULL)->sun_path));
        text = rpc_address_to_string(a);
        check(text && str_is_printable(text));
        check(rpc_address_parse(text, &again, NULL) == 0);
        check_equal(a, &again);
        check(rpc_address_copy(a, &copy) == 0);
        check_equal(a, &copy);
        rpc_address_done(a);
}

/* One line: an address. Three: protocol, address and port. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(words_done) Words w = words_split(data, size);
        _cleanup_free_ char *error = NULL;
        RpcAddress a = {};
        int r;

        r = w.n < 3 ? rpc_address_parse(w.words[0], &a, &error)
                    : rpc_address_from_transport(w.words[0], w.words[1], w.words[2], &a, &error);
        check_address(r, &a, error);
        return 0;
}
