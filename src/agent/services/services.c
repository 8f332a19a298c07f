/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/services.h"

static const RpcService *const services[] = {
        &systemd_service,
        &journal_service,
};

int services_add(RpcServer *server, Agent *agent) {
        int r;

        for (size_t i = 0; i < ELEMENTSOF(services); i++) {
                r = rpc_server_add_service(server, services[i], agent);
                if (r < 0)
                        return r;
        }
        return 0;
}
