/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/contract.h"

#include "admin.pb-c.h"
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
        &admin__admin_service__descriptor,
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

const ProtobufCServiceDescriptor *contract_get_service(size_t i) {
        return i < ELEMENTSOF(services) ? services[i] : NULL;
}

bool contract_get_method(size_t i, ContractMethod *ret) {
        const ProtobufCServiceDescriptor *service;

        for (size_t k = 0; (service = contract_get_service(k)); k++) {
                if (i < service->n_methods) {
                        *ret = (ContractMethod){ service, service->methods + i };
                        return true;
                }
                i -= service->n_methods;
        }
        return false;
}
