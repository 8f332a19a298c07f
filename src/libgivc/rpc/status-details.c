/* SPDX-License-Identifier: Apache-2.0 */
/* The details of a status as google.rpc.Status: what travels in the trailer grpc-status-details-bin. */
#include "rpc/wire.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "error_details.pb-c.h"
#include "proto/unpack.h"
#include "status.pb-c.h"

#define TYPE_URL_PREFIX "type.googleapis.com/"

static int any_pack(const ProtobufCMessage *message, const char *type_url, Google__Protobuf__Any *ret) {
        void *data;
        size_t size;
        int r;

        google__protobuf__any__init(ret);
        r = proto_pack(message, &data, &size);
        if (r < 0)
                return r;
        ret->type_url = (char *) type_url;
        ret->value = (ProtobufCBinaryData){ .data = data, .len = size };
        return 0;
}

int status_pack_details(const RpcStatus *s, void **ret, size_t *ret_size) {
        Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
        Google__Rpc__DebugInfo debug = GOOGLE__RPC__DEBUG_INFO__INIT;
        Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
        Google__Protobuf__Any details[2], *list[] = { &details[0], &details[1] };
        int r;

        info.domain = (char *) RPC_ERROR_DOMAIN;
        info.reason = (char *) (s->reason ? s->reason : rpc_code_to_string(s->code));
        debug.detail = (char *) strempty(s->detail);
        r = any_pack(&info.base, TYPE_URL_PREFIX "google.rpc.ErrorInfo", &details[0]);
        if (r < 0)
                return r;
        status.n_details = 1;
        if (s->detail) {
                r = any_pack(&debug.base, TYPE_URL_PREFIX "google.rpc.DebugInfo", &details[1]);
                if (r < 0) {
                        free(details[0].value.data);
                        return r;
                }
                status.n_details = 2;
        }
        status.code = s->code;
        status.message = (char *) strempty(s->message);
        status.details = list;
        r = proto_pack(&status.base, ret, ret_size);
        for (size_t i = 0; i < status.n_details; i++)
                free(details[i].value.data);
        return r;
}

static void status_take_detail(RpcStatus *s, const Google__Protobuf__Any *any) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;

        if (streq(any->type_url, TYPE_URL_PREFIX "google.rpc.ErrorInfo")) {
                if (proto_unpack(&google__rpc__error_info__descriptor, any->value.data, any->value.len, &m, NULL) >= 0)
                        (void) str_replace(&s->reason, ((Google__Rpc__ErrorInfo *) m)->reason);
        } else if (streq(any->type_url, TYPE_URL_PREFIX "google.rpc.DebugInfo")) {
                if (proto_unpack(&google__rpc__debug_info__descriptor, any->value.data, any->value.len, &m, NULL) >= 0)
                        (void) str_replace(&s->detail, ((Google__Rpc__DebugInfo *) m)->detail);
        }
}

void status_unpack_details(RpcStatus *s, const void *data, size_t size) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        const Google__Rpc__Status *status;

        if (proto_unpack(&google__rpc__status__descriptor, data, size, &m, NULL) < 0)
                return;
        status = (const Google__Rpc__Status *) m;
        for (size_t i = 0; i < status->n_details; i++)
                status_take_detail(s, status->details[i]);
}
