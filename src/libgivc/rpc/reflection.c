/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.reflection.v1 and v1alpha. The two have the same messages under two names: what comes in as v1alpha is read as
 * v1, and what goes out is written as v1alpha. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/unpack.h"
#include "reflection.pb-c.h"
#include "reflection_v1alpha.pb-c.h"
#include "rpc/descriptors.h"
#include "rpc/server-internal.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

#define REQUEST_CASE(x)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##x
#define RESPONSE_CASE(x) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##x

typedef struct Reflection {
        RpcServer *server;
        DescriptorIndex *index;
} Reflection;

/* One message of a call in the words of another package. */
static int message_convert(const ProtobufCMessage *m, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        r = proto_pack(m, &data, &size);
        return r < 0 ? r : proto_unpack(type, data, size, ret, NULL);
}

static int response_send_wait(RpcCall *call, const Response *response, bool alpha) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        int r;

        if (!alpha)
                return rpc_call_send_wait(call, response);
        r = message_convert(&response->base, &grpc__reflection__v1alpha__server_reflection_response__descriptor, &m);
        return r < 0 ? r : rpc_call_send_wait(call, m);
}

static int answer_error_wait(RpcCall *call, Response *response, bool alpha, RpcCode code, const char *text) {
        Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;

        error.error_code = code;
        error.error_message = (char *) text;
        response->message_response_case = RESPONSE_CASE(ERROR_RESPONSE);
        response->error_response = &error;
        return response_send_wait(call, response, alpha);
}

static int answer_file_wait(Reflection *f, RpcCall *call, Response *response, bool alpha, const DescriptorFile *file) {
        Grpc__Reflection__V1__FileDescriptorResponse files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
        _cleanup_free_ const DescriptorFile **list = NULL;
        _cleanup_free_ ProtobufCBinaryData *data = NULL;
        int n;

        if (!file)
                return answer_error_wait(call, response, alpha, RPC_NOT_FOUND, "not found");
        n = descriptor_index_closure(f->index, file, &list);
        data = n < 0 ? NULL : mem_new0(ProtobufCBinaryData, n);
        if (!data)
                return -ENOMEM;
        for (int i = 0; i < n; i++)
                data[i] = (ProtobufCBinaryData){ .data = (uint8_t *) list[i]->data, .len = list[i]->size };
        files.n_file_descriptor_proto = n;
        files.file_descriptor_proto = data;
        response->message_response_case = RESPONSE_CASE(FILE_DESCRIPTOR_RESPONSE);
        response->file_descriptor_response = &files;
        return response_send_wait(call, response, alpha);
}

/* Every service once; entries are one a method. */
static int answer_services_wait(Reflection *f, RpcCall *call, Response *response, bool alpha) {
        Grpc__Reflection__V1__ListServiceResponse services = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
        _cleanup_free_ Grpc__Reflection__V1__ServiceResponse *items = NULL;
        _cleanup_free_ Grpc__Reflection__V1__ServiceResponse **list = NULL;
        size_t n_max = map_size(f->server->entries), n = 0;
        const ProtobufCServiceDescriptor *last = NULL;

        items = mem_new0(Grpc__Reflection__V1__ServiceResponse, n_max);
        list = mem_new0(Grpc__Reflection__V1__ServiceResponse *, n_max);
        if (!items || !list)
                return -ENOMEM;
        MAP_FOREACH(e, f->server->entries, RpcEntry) {
                if (e->service == last) /* a service's methods stand together */
                        continue;
                last = e->service;
                grpc__reflection__v1__service_response__init(&items[n]);
                items[n].name = (char *) e->service->name;
                list[n] = &items[n];
                n++;
        }
        services.n_service = n;
        services.service = list;
        response->message_response_case = RESPONSE_CASE(LIST_SERVICES_RESPONSE);
        response->list_services_response = &services;
        return response_send_wait(call, response, alpha);
}

static int answer_extensions_wait(Reflection *f, RpcCall *call, Response *response, bool alpha, const char *type) {
        Grpc__Reflection__V1__ExtensionNumberResponse none = GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;

        if (!descriptor_index_find_symbol(f->index, type))
                return answer_error_wait(call, response, alpha, RPC_NOT_FOUND, "not found");
        none.base_type_name = (char *) type;
        response->message_response_case = RESPONSE_CASE(ALL_EXTENSION_NUMBERS_RESPONSE);
        response->all_extension_numbers_response = &none;
        return response_send_wait(call, response, alpha);
}

static int answer_wait(Reflection *f, RpcCall *call, const Request *req, bool alpha) {
        Response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

        response.valid_host = req->host;
        response.original_request = (Request *) req;
        switch (req->message_request_case) {
        case REQUEST_CASE(FILE_BY_FILENAME):
                return answer_file_wait(
                                f, call, &response, alpha, descriptor_index_find_file(f->index, req->file_by_filename));
        case REQUEST_CASE(FILE_CONTAINING_SYMBOL):
                return answer_file_wait(f, call, &response, alpha,
                                descriptor_index_find_symbol(f->index, req->file_containing_symbol));
        case REQUEST_CASE(LIST_SERVICES):
                return answer_services_wait(f, call, &response, alpha);
        case REQUEST_CASE(ALL_EXTENSION_NUMBERS_OF_TYPE):
                return answer_extensions_wait(f, call, &response, alpha, req->all_extension_numbers_of_type);
        case REQUEST_CASE(FILE_CONTAINING_EXTENSION):
                return answer_error_wait(call, &response, alpha, RPC_NOT_FOUND, "there are no extensions in proto3");
        default:
                return answer_error_wait(call, &response, alpha, RPC_INVALID_ARGUMENT, "the request asks for nothing");
        }
}

static int reflection_serve_wait(RpcCall *call, Reflection *f, bool alpha) {
        ProtobufCMessage *m;
        int r;

        while ((r = rpc_call_receive_wait(call, &m)) > 0) {
                _cleanup_proto_ ProtobufCMessage *converted = NULL;

                if (alpha) {
                        r = message_convert(
                                        m, &grpc__reflection__v1__server_reflection_request__descriptor, &converted);
                        if (r < 0)
                                return r;
                }
                r = answer_wait(f, call, (const Request *) (alpha ? converted : m), alpha);
                if (r < 0)
                        return r;
        }
        return r;
}

static int method_info(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        return reflection_serve_wait(call, userdata, false);
}

static int method_info_alpha(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        return reflection_serve_wait(call, userdata, true);
}

static const RpcMethod methods[] = {
        { "ServerReflectionInfo", RPC_BIDI_STREAM, method_info },
        {},
};
static const RpcMethod methods_alpha[] = {
        { "ServerReflectionInfo", RPC_BIDI_STREAM, method_info_alpha },
        {},
};

static const RpcService service = { &grpc__reflection__v1__server_reflection__descriptor, methods };
static const RpcService service_alpha = { &grpc__reflection__v1alpha__server_reflection__descriptor, methods_alpha };

static void reflection_free(void *userdata) {
        Reflection *f = userdata;

        descriptor_index_free(f->index);
        free(f);
}

int rpc_server_add_reflection(RpcServer *s, const void *descriptors, size_t size) {
        Reflection *f;
        int r;

        f = mem_new0(Reflection, 1);
        if (!f)
                return -ENOMEM;
        f->server = s;
        r = descriptor_index_new(descriptors, size, &f->index);
        if (r >= 0)
                r = server_own(s, f, reflection_free);
        if (r < 0) {
                reflection_free(f);
                return r;
        }
        r = rpc_server_add_service(s, &service, f);
        return r < 0 ? r : rpc_server_add_service(s, &service_alpha, f);
}
