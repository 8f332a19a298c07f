/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl introspect: what the admin serves, and what methods and messages look like, in the words of the .proto
 * files. */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/methods.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/verbs.h"
#include "proto/field.h"
#include "proto/unpack.h"
#include "reflection.pb-c.h"

#define REQUEST_CASE(x)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##x
#define RESPONSE_CASE(x) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##x

/* What is shown: lists of services, methods, messages and enums, as programs get it; text is printed from it. */
static int answer_add(json_t *answer, const char *list, json_t *item) {
        json_t *array = json_object_get(answer, list);

        if (!array) {
                array = json_array();
                if (json_object_set_new(answer, list, array) < 0)
                        array = NULL;
        }
        return json_array_append_new(array, item) < 0 ? -ENOMEM : 0;
}

static json_t *method_to_json(const WireMethod *m) {
        return json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", m->method->name, "request", m->method->input->name,
                        "response", m->method->output->name, "client_streams", (int) m->client_streams,
                        "server_streams", (int) m->server_streams);
}

/* NULL: it is not in this client's contract. */
static int answer_add_service(json_t *answer, const char *name, const ProtobufCServiceDescriptor *service) {
        json_t *item = json_pack("{s:s, s:b, s:[]}", "name", name, "known", service != NULL, "methods"),
               *methods = json_object_get(item, "methods");
        int r;

        r = answer_add(answer, "services", item);
        for (unsigned i = 0; service && i < service->n_methods && r >= 0; i++) {
                WireMethod m = method_get(service, service->methods + i);

                r = json_array_append_new(methods, method_to_json(&m)) < 0 ? -ENOMEM : 0;
        }
        return r;
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
                return "repeated";
        if (!field_in_oneof(f))
                return "";
        for (unsigned i = 0; i < type->n_fields; i++)
                n += field_in_oneof(type->fields + i) && type->fields[i].quantifier_offset == f->quantifier_offset;
        return n == 1 ? "optional" : "oneof";
}

static int answer_add_enum(json_t *answer, const ProtobufCEnumDescriptor *type) {
        json_t *item = json_pack("{s:s, s:{}}", "name", type->name, "values"),
               *values = json_object_get(item, "values");
        int r;

        r = answer_add(answer, "enums", item);
        for (unsigned i = 0; i < type->n_values && r >= 0; i++)
                if (json_object_set_new(values, type->values[i].name, json_integer(type->values[i].value)) < 0)
                        r = -ENOMEM;
        return r;
}

static int answer_add_message(json_t *answer, const ProtobufCMessageDescriptor *type) {
        json_t *item = json_pack("{s:s, s:[]}", "name", type->name, "fields"),
               *fields = json_object_get(item, "fields");
        int r;

        r = answer_add(answer, "messages", item);
        for (unsigned i = 0; i < type->n_fields && r >= 0; i++) {
                const ProtobufCFieldDescriptor *f = type->fields + i;
                json_t *field = json_pack("{s:s, s:i, s:s, s:s}", "name", f->name, "number", (int) f->id, "type",
                                field_type_to_word(f), "label", field_get_label(type, f));

                r = json_array_append_new(fields, field) < 0 ? -ENOMEM : 0;
        }
        for (unsigned i = 0; i < type->n_fields && r >= 0; i++)
                if (type->fields[i].type == PROTOBUF_C_TYPE_ENUM)
                        r = answer_add_enum(answer, type->fields[i].descriptor);
        return r;
}

static const char *get(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key));
}

static const char *get_stream(const json_t *object, const char *key) {
        return json_is_true(json_object_get(object, key)) ? "stream " : "";
}

static void method_print(const json_t *m, const char *indent) {
        printf("%srpc %s(%s%s) returns (%s%s);\n", indent, get(m, "name"), get_stream(m, "client_streams"),
                        get(m, "request"), get_stream(m, "server_streams"), get(m, "response"));
}

static void service_print(const json_t *service) {
        bool known = json_is_true(json_object_get(service, "known"));
        json_t *m;
        size_t i;

        printf("service %s {%s\n", get(service, "name"), known ? "" : " /* not in this client's contract */");
        json_array_foreach(json_object_get(service, "methods"), i, m) method_print(m, "  ");
        puts("}");
}

static void message_print(const json_t *message) {
        json_t *f;
        size_t i;

        printf("message %s {\n", get(message, "name"));
        json_array_foreach(json_object_get(message, "fields"), i, f) {
                const char *label = get(f, "label");

                printf("  %s%s%s %s = %d;\n", streq(label, "oneof") ? "/* one of */" : label, label[0] ? " " : "",
                                get(f, "type"), get(f, "name"), (int) json_integer_value(json_object_get(f, "number")));
        }
        puts("}");
}

static void enum_print(const json_t *type) {
        const char *name;
        json_t *value;

        printf("enum %s {\n", get(type, "name"));
        json_object_foreach(json_object_get(type, "values"), name, value)
                        printf("  %s = %d;\n", name, (int) json_integer_value(value));
        puts("}");
}

static int answer_show(const json_t *answer, const Options *o) {
        json_t *item;
        size_t i;

        pager_open(o);
        if (o->output != OUTPUT_TEXT)
                return output_json_value(stdout, answer, o->output, false);
        json_array_foreach(json_object_get(answer, "services"), i, item) service_print(item);
        json_array_foreach(json_object_get(answer, "methods"), i, item) method_print(item, "");
        json_array_foreach(json_object_get(answer, "messages"), i, item) message_print(item);
        json_array_foreach(json_object_get(answer, "enums"), i, item) enum_print(item);
        return 0;
}

static int answer_add_services(
                json_t *answer, const Grpc__Reflection__V1__ServerReflectionResponse *reply, RpcStatus *reterr) {
        int r = 0;

        if (reply->message_response_case != RESPONSE_CASE(LIST_SERVICES_RESPONSE))
                return rpc_error(reterr, RPC_UNIMPLEMENTED, "It does not tell its services");
        for (size_t i = 0; i < reply->list_services_response->n_service && r >= 0; i++) {
                char *name = reply->list_services_response->service[i]->name;

                str_make_printable(name, '?');
                r = answer_add_service(answer, name, service_find(name));
        }
        return r;
}

static int services_ask_wait(Ctl *ctl, json_t *answer, RpcStatus *reterr) {
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
        return r < 0 ? r : answer_add_services(answer, reply, reterr);
}

/* -ENOENT when the contract has no such name. */
static int answer_add_name(json_t *answer, const char *name) {
        const ProtobufCServiceDescriptor *service = service_find(name);
        const ProtobufCMessageDescriptor *message = message_find(name);
        WireMethod method;
        int r;

        if (service)
                return answer_add_service(answer, service->name, service);
        if (message)
                return answer_add_message(answer, message);
        r = method_find(name, &method);
        if (r >= 0)
                r = answer_add(answer, "methods", method_to_json(&method));
        if (r >= 0)
                r = answer_add_message(answer, method.method->input);
        if (r >= 0 && method.method->output != method.method->input)
                r = answer_add_message(answer, method.method->output);
        return r;
}

CtlExit verb_introspect(Ctl *ctl, char **words, size_t n_words) {
        json_t *answer = json_object();
        RpcStatus status = {};
        CtlExit e = CTL_OK;
        int r = -ENOMEM;

        if (answer)
                r = n_words > 0 ? answer_add_name(answer, words[0]) : services_ask_wait(ctl, answer, &status);
        if (r >= 0)
                r = answer_show(answer, &ctl->options);
        if (r == -ENOENT && n_words > 0)
                e = ctl_usage("'%s' is no service, method or message of the contract.", words[0]);
        else if (r < 0)
                e = ctl_fail(ctl, r, &status, "list the services");
        json_decref(answer);
        return e;
}
