/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the admin share: states and entries in few words. Borrowed strings only. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "admin/registry.h"
#include "base/mem.h"
#include "base/str.h"

static inline UnitStatus status_of(const char *name, const char *active, const char *sub, const char *freezer) {
        return (UnitStatus){
                .name = (char *) name,
                .description = (char *) "A unit",
                .load_state = (char *) "loaded",
                .active_state = (char *) active,
                .sub_state = (char *) sub,
                .path = (char *) "/unit",
                .freezer_state = (char *) freezer,
        };
}

static inline UnitStatus running(const char *name) {
        return status_of(name, "active", "running", "running");
}

static inline UnitStatus dead(const char *name) {
        return status_of(name, "inactive", "dead", "running");
}

static inline UnitStatus frozen(const char *name) {
        return status_of(name, "active", "running", "frozen");
}

/* What happens from now on has another time than what has happened. */
static inline void wait_for_tick(void) {
        usec_t now = time_now(CLOCK_REALTIME);

        while (time_now(CLOCK_REALTIME) == now)
                ;
}

static inline int put(Registry *r, const char *agent, const char *name, VmType vm, ServiceType service,
                const UnitStatus *status) {
        UnitStatus fallback = running(name);

        return registry_put(r,
                        &(EntryInfo){
                                        .name = name,
                                        .agent = agent,
                                        .type = { vm, service },
                                        .placement = service == SERVICE_APP ? PLACED_MANAGED : PLACED_ENDPOINT,
                                        .vm = "",
                                        .status = status ? status : &fallback,
                        });
}
