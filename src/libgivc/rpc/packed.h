/* SPDX-License-Identifier: Apache-2.0 */
/* A message that was packed once and can be sent in many calls: nobody copies its bytes. */
#pragma once

#include "base/macro.h"

typedef struct RpcPacked RpcPacked;

/* 0, -EMSGSIZE, -ENOMEM. */
int rpc_packed_new(const void *message, RpcPacked **ret) _warn_unused_;
RpcPacked *rpc_packed_ref(RpcPacked *p);
RpcPacked *rpc_packed_unref(RpcPacked *p);
DEFINE_CLEANUP(RpcPacked *, rpc_packed_unref)
