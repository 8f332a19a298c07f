/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/packed.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rpc/wire.h"

struct RpcPacked {
        unsigned n_ref;
        grpc_byte_buffer *buffer;
};

int rpc_packed_new(const void *message, RpcPacked **ret) {
        _cleanup_(rpc_packed_unrefp) RpcPacked *p = NULL;
        int r;

        p = mem_new0(RpcPacked, 1);
        if (!p)
                return -ENOMEM;
        p->n_ref = 1;
        r = wire_pack(message, &p->buffer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

RpcPacked *rpc_packed_ref(RpcPacked *p) {
        if (p)
                p->n_ref++;
        return p;
}

RpcPacked *rpc_packed_unref(RpcPacked *p) {
        if (!p || --p->n_ref > 0)
                return NULL;
        if (p->buffer)
                grpc_byte_buffer_destroy(p->buffer);
        free(p);
        return NULL;
}

grpc_byte_buffer *wire_copy_packed(const RpcPacked *p) {
        return grpc_byte_buffer_copy(p->buffer);
}
