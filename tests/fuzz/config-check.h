/* SPDX-License-Identifier: Apache-2.0 */
/* What every configuration of the agent that was accepted keeps, wherever it came from. */
#pragma once

#include "agent/config.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "words.h"

static inline void check_address(const RpcAddress *a) {
        _cleanup_free_ char *text = rpc_address_to_string(a);

        check(!isempty(text) && a->kind != RPC_ADDRESS_PASSED);
}

static inline void check_config(const Config *c) {
        check(!isempty(c->identity.name) && strlen(c->identity.name) <= CONFIG_NAME_MAX);
        check(c->identity.type <= CONFIG_TYPE_MAX && c->identity.subtype <= CONFIG_TYPE_MAX);
        check(!c->network.tls || (c->network.ca && c->network.cert && c->network.key && c->network.admin.name));
        check(!c->access_control);
        check_address(&c->admin_address);
        check_address(&c->agent_address);
        for (size_t i = 0; i < c->n_applications; i++) {
                const char *name = strempty(c->applications[i].name);
                const ConfigApplication *a = config_find_application(c, name, strlen(name));

                check(a && a <= &c->applications[i] && streq(strempty(a->name), name));
        }
        STRV_FOREACH(warning, c->warnings)
                check(!isempty(*warning));
}
