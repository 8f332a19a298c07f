/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/methods.h"

#include <string.h>

#include "admin.pb-c.h"
#include "base/str.h"
#include "ctap.pb-c.h"
#include "eventproxy.pb-c.h"
#include "exec.pb-c.h"
#include "health.pb-c.h"
#include "hwid.pb-c.h"
#include "journal.pb-c.h"
#include "locale.pb-c.h"
#include "notify.pb-c.h"
#include "policyadmin.pb-c.h"
#include "reflection.pb-c.h"
#include "reflection_v1alpha.pb-c.h"
#include "socketproxy.pb-c.h"
#include "stats.pb-c.h"
#include "systemd.pb-c.h"
#include "wifimanager.pb-c.h"

static const ProtobufCServiceDescriptor *const services[] = {
        &admin__admin_service__descriptor, /* first: its methods may be named alone */
        &ctap__ctap__descriptor,
        &eventproxy__event_service__descriptor,
        &exec__exec__descriptor,
        &grpc__health__v1__health__descriptor,
        &grpc__reflection__v1__server_reflection__descriptor,
        &grpc__reflection__v1alpha__server_reflection__descriptor,
        &hwid__hwid_service__descriptor,
        &journal__journal_service__descriptor,
        &locale__locale_client__descriptor,
        &notify__user_notification_service__descriptor,
        &policyadmin__policy_admin__descriptor,
        &socketproxy__socket_stream__descriptor,
        &stats__stats_service__descriptor,
        &systemd__unit_control_service__descriptor,
        &wifimanager__wifi_service__descriptor,
};

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

ContractMethod method_get(const ProtobufCServiceDescriptor *service, const ProtobufCMethodDescriptor *method) {
        Bytes set = { givc_descriptors, givc_descriptors_end }, file, s, m;
        ContractMethod found = { .service = service, .method = method };
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

const ProtobufCServiceDescriptor *service_get(size_t i) {
        return i < ELEMENTSOF(services) ? services[i] : NULL;
}

const ProtobufCServiceDescriptor *service_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                if (streq(services[i]->name, name))
                        return services[i];
        return NULL;
}

int method_find(const char *name, ContractMethod *ret) {
        const ProtobufCMethodDescriptor *m;

        for (size_t i = 0; i < ELEMENTSOF(services); i++) {
                const char *rest = startswith(name, services[i]->name);

                if (rest && (*rest == '/' || *rest == '.'))
                        rest++;
                else if (i > 0)
                        continue;
                else
                        rest = name;
                m = protobuf_c_service_descriptor_get_method_by_name(services[i], rest);
                if (m) {
                        *ret = method_get(services[i], m);
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

        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                for (unsigned k = 0; !found && k < services[i]->n_methods; k++) {
                        found = message_find_in(services[i]->methods[k].input, name, DEPTH_MAX);
                        if (!found)
                                found = message_find_in(services[i]->methods[k].output, name, DEPTH_MAX);
                }
        return found;
}
