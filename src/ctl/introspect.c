/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl introspect: what the admin serves, and what methods and messages look like, in the words of the .proto
 * files. */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/methods.h"
#include "ctl/pager.h"
#include "ctl/verbs.h"
#include "proto/field.h"
#include "proto/unpack.h"
#include "reflection.pb-c.h"

#define REQUEST_CASE(x)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##x
#define RESPONSE_CASE(x) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##x

static void method_print(const Method *m, const char *indent) {
        printf("%srpc %s(%s%s) returns (%s%s);\n", indent, m->method->name, m->client_streams ? "stream " : "",
                        m->method->input->name, m->server_streams ? "stream " : "", m->method->output->name);
}

static void service_print(const char *name, const ProtobufCServiceDescriptor *service) {
        printf("service %s {%s\n", name, service ? "" : " /* not in this client's contract */");
        for (unsigned i = 0; service && i < service->n_methods; i++) {
                Method m = method_get(service, service->methods + i);

                method_print(&m, "  ");
        }
        puts("}");
}

static const char *field_type_to_word(const ProtobufCFieldDescriptor *f) {
        static const char *const words[] = {
                [PROTOBUF_C_TYPE_INT32] = "int32",
                [PROTOBUF_C_TYPE_SINT32] = "sint32",
                [PROTOBUF_C_TYPE_SFIXED32] = "sfixed32",
                [PROTOBUF_C_TYPE_INT64] = "int64",
                [PROTOBUF_C_TYPE_SINT64] = "sint64",
                [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
                [PROTOBUF_C_TYPE_UINT32] = "uint32",
                [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
                [PROTOBUF_C_TYPE_UINT64] = "uint64",
                [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
                [PROTOBUF_C_TYPE_FLOAT] = "float",
                [PROTOBUF_C_TYPE_DOUBLE] = "double",
                [PROTOBUF_C_TYPE_BOOL] = "bool",
                [PROTOBUF_C_TYPE_STRING] = "string",
                [PROTOBUF_C_TYPE_BYTES] = "bytes",
        };

        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
                return ((const ProtobufCMessageDescriptor *) f->descriptor)->name;
        if (f->type == PROTOBUF_C_TYPE_ENUM)
                return ((const ProtobufCEnumDescriptor *) f->descriptor)->name;
        return words[f->type];
}

/* An optional field is a choice with one member in protobuf-c. */
static const char *field_get_label(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f) {
        unsigned n = 0;

        if (f->label == PROTOBUF_C_LABEL_REPEATED)
                return "repeated ";
        if (!field_in_oneof(f))
                return "";
        for (unsigned i = 0; i < type->n_fields; i++)
                n += field_in_oneof(type->fields + i) && type->fields[i].quantifier_offset == f->quantifier_offset;
        return n == 1 ? "optional " : "/* one of */ ";
}

static void enum_print(const ProtobufCEnumDescriptor *type) {
        printf("enum %s {\n", type->name);
        for (unsigned i = 0; i < type->n_values; i++)
                printf("  %s = %d;\n", type->values[i].name, type->values[i].value);
        puts("}");
}

static void message_print(const ProtobufCMessageDescriptor *type) {
        printf("message %s {\n", type->name);
        for (unsigned i = 0; i < type->n_fields; i++)
                printf("  %s%s %s = %u;\n", field_get_label(type, type->fields + i),
                                field_type_to_word(type->fields + i), type->fields[i].name, type->fields[i].id);
        puts("}");
        for (unsigned i = 0; i < type->n_fields; i++)
                if (type->fields[i].type == PROTOBUF_C_TYPE_ENUM)
                        enum_print(type->fields[i].descriptor);
}

static int services_print(const Grpc__Reflection__V1__ServerReflectionResponse *reply, RpcStatus *reterr) {
        if (reply->message_response_case != RESPONSE_CASE(LIST_SERVICES_RESPONSE))
                return rpc_error(reterr, RPC_UNIMPLEMENTED, "It does not tell its services");
        for (size_t i = 0; i < reply->list_services_response->n_service; i++) {
                char *name = reply->list_services_response->service[i]->name;

                str_make_printable(name, '?');
                service_print(name, service_find(name));
        }
        return 0;
}

static int services_ask_wait(Ctl *ctl, RpcStatus *reterr) {
        Grpc__Reflection__V1__ServerReflectionRequest request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
        _cleanup_proto_ Grpc__Reflection__V1__ServerReflectionResponse *reply = NULL;
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        int r;

        r = client_open_wait(ctl->client, &grpc__reflection__v1__server_reflection__descriptor, "ServerReflectionInfo",
                        &stream, reterr);
        if (r < 0)
                return r;
        request.message_request_case = REQUEST_CASE(LIST_SERVICES);
        request.list_services = (char *) "";
        r = rpc_stream_send_wait(stream, &request);
        if (r >= 0)
                r = rpc_stream_close_send_wait(stream);
        if (r >= 0 || r == -EPIPE)
                r = rpc_stream_receive_wait(stream, &reply, reterr);
        if (r == 0)
                return rpc_error(reterr, RPC_INTERNAL, "No answer");
        return r < 0 ? r : services_print(reply, reterr);
}

static CtlExit introspect_name(const char *name) {
        const ProtobufCServiceDescriptor *service = service_find(name);
        const ProtobufCMessageDescriptor *message = message_find(name);
        Method method;

        if (service)
                service_print(service->name, service);
        else if (message)
                message_print(message);
        else if (method_find(name, &method) >= 0) {
                method_print(&method, "");
                message_print(method.method->input);
                if (method.method->output != method.method->input)
                        message_print(method.method->output);
        } else
                return ctl_usage("'%s' is no service, method or message of the contract.", name);
        return CTL_OK;
}

CtlExit verb_introspect(Ctl *ctl, char **words, size_t n_words) {
        RpcStatus status = {};
        int r;

        pager_open(&ctl->options);
        if (n_words > 0)
                return introspect_name(words[0]);
        r = services_ask_wait(ctl, &status);
        return r < 0 ? ctl_fail(ctl, r, &status, "list the services") : CTL_OK;
}
