/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/services/services.h"

extern const uint8_t givc_descriptors[], givc_descriptors_end[];

const RpcService *const admin_services[] = {
        &admin_service,
        &journal_service,
        &exec_service,
        &hwid_service,
        &wifi_service,
        NULL,
};

int services_add(RpcServer *s, Admin *admin) {
        int r;

        for (size_t i = 0; admin_services[i]; i++) {
                r = rpc_server_add_service(s, admin_services[i], admin);
                if (r < 0)
                        return r;
        }
        r = rpc_server_add_health(s);
        if (r < 0)
                return r;
        return rpc_server_add_reflection(s, givc_descriptors, givc_descriptors_end - givc_descriptors);
}
