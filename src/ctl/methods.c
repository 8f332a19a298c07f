/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/methods.h"

#include <string.h>

#include "base/str.h"
#include "rpc/contract.h"

/* protobuf-c's descriptors do not say what streams, protoc's do. */
extern const uint8_t givc_descriptors[], givc_descriptors_end[];

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
        SET_FILE = 1,
        FILE_PACKAGE = 2,
        FILE_SERVICE = 6,
        SERVICE_METHOD = 2,
        ANY_NAME = 1,
        METHOD_CLIENT_STREAMING = 5,
        METHOD_SERVER_STREAMING = 6,
};

typedef struct Bytes {
        const uint8_t *data, *end;
} Bytes;

static uint64_t bytes_take_varint(Bytes *b) {
        uint64_t v = 0;

        for (unsigned shift = 0; b->data < b->end && shift < 64; shift += 7) {
                uint8_t byte = *b->data++;

                v |= (uint64_t) (byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        break;
        }
        return v;
}

/* The next field of that number: its content, or its value where it is a number. Descriptors hold no other kinds. */
static bool bytes_next(Bytes *b, unsigned field, Bytes *ret, uint64_t *ret_value) {
        while (b->data < b->end) {
                uint64_t tag = bytes_take_varint(b), v = bytes_take_varint(b);

                *ret = (Bytes){};
                *ret_value = v;
                if ((tag & 7) == 2) {
                        v = MIN(v, (uint64_t) (b->end - b->data));
                        *ret = (Bytes){ b->data, b->data + v };
                        b->data += v;
                }
                if (tag >> 3 == field)
                        return true;
        }
        return false;
}

static bool bytes_have(Bytes b, unsigned field, const char *text) {
        uint64_t v;
        Bytes s;

        return bytes_next(&b, field, &s, &v) && (size_t) (s.end - s.data) == strlen(text) &&
                        memcmp(s.data, text, strlen(text)) == 0;
}

static bool bytes_get_flag(Bytes b, unsigned field) {
        uint64_t v;
        Bytes s;

        return bytes_next(&b, field, &s, &v) && v;
}

/* The field of that number whose name is that. */
static bool bytes_find(Bytes b, unsigned field, const char *name, Bytes *ret) {
        uint64_t v;

        while (bytes_next(&b, field, ret, &v))
                if (bytes_have(*ret, ANY_NAME, name))
                        return true;
        return false;
}

WireMethod method_get(const ProtobufCServiceDescriptor *service, const ProtobufCMethodDescriptor *method) {
        Bytes set = { givc_descriptors, givc_descriptors_end }, file, s, m;
        WireMethod found = { .service = service, .method = method };
        uint64_t v;

        while (bytes_next(&set, SET_FILE, &file, &v))
                if (bytes_have(file, FILE_PACKAGE, service->package) &&
                                bytes_find(file, FILE_SERVICE, service->short_name, &s) &&
                                bytes_find(s, SERVICE_METHOD, method->name, &m)) {
                        found.client_streams = bytes_get_flag(m, METHOD_CLIENT_STREAMING);
                        found.server_streams = bytes_get_flag(m, METHOD_SERVER_STREAMING);
                }
        return found;
}

const ProtobufCServiceDescriptor *service_find(const char *name) {
        const ProtobufCServiceDescriptor *service;
        size_t i = 0;

        while ((service = contract_get_service(i)) && !streq(service->name, name))
                i++;
        return service;
}

/* What stands behind the service's name; NULL when it is another one's. Those of the admin may be named alone. */
static const char *method_name_in(const ProtobufCServiceDescriptor *service, const char *name) {
        const char *rest = startswith(name, service->name);

        if (rest && (*rest == '/' || *rest == '.'))
                return rest + 1;
        return streq(service->name, "admin.AdminService") ? name : NULL;
}

int method_find(const char *name, WireMethod *ret) {
        const ProtobufCServiceDescriptor *service;

        for (size_t i = 0; (service = contract_get_service(i)); i++) {
                const char *method = method_name_in(service, name);
                const ProtobufCMethodDescriptor *m =
                                method ? protobuf_c_service_descriptor_get_method_by_name(service, method) : NULL;

                if (m) {
                        *ret = method_get(service, m);
                        return 0;
                }
        }
        return -ENOENT;
}

#define DEPTH_MAX 8 /* of messages in messages in this contract, which has none that are in themselves */

static const ProtobufCMessageDescriptor *message_find_in(
                const ProtobufCMessageDescriptor *type, const char *name, unsigned depth) {
        const ProtobufCMessageDescriptor *found = streq(type->name, name) ? type : NULL;

        for (unsigned i = 0; !found && depth > 0 && i < type->n_fields; i++)
                if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
                        found = message_find_in(type->fields[i].descriptor, name, depth - 1);
        return found;
}

const ProtobufCMessageDescriptor *message_find(const char *name) {
        const ProtobufCMessageDescriptor *found = NULL;
        ContractMethod m;

        for (size_t i = 0; !found && contract_get_method(i, &m); i++) {
                found = message_find_in(m.method->input, name, DEPTH_MAX);
                if (!found)
                        found = message_find_in(m.method->output, name, DEPTH_MAX);
        }
        return found;
}
