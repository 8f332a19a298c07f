/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/services.h"

/* What the configuration can switch off is served when it is on. */
static const struct {
        const RpcService *service;
        size_t enabled; /* offset of a bool in Config; 0: always */
} services[] = {
        { &systemd_service, 0 },
        { &journal_service, 0 },
        { &stats_service, 0 },
        { &locale_service, 0 },
        { &exec_service, offsetof(Config, exec) },
        { &notify_service, offsetof(Config, notifier) },
        { &hwid_service, offsetof(Config, hwid) },
        { &ctap_service, offsetof(Config, ctap) },
        { &wifi_service, offsetof(Config, wifi) },
        { &policy_admin_service, offsetof(Config, policy) },
};

const RpcService *services_get(size_t i) {
        return i < ELEMENTSOF(services) ? services[i].service : NULL;
}

int services_add(RpcServer *server, Agent *agent) {
        int r;

        for (size_t i = 0; i < ELEMENTSOF(services); i++) {
                const uint8_t *config = (const uint8_t *) agent_get_config(agent);

                if (services[i].enabled > 0 && !*(const bool *) (config + services[i].enabled))
                        continue;
                r = rpc_server_add_service(server, services[i].service, agent);
                if (r < 0)
                        return r;
        }
        return 0;
}
