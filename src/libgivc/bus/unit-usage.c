/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/unit-usage.h"

#include "base/mem.h"
#include "bus/bus-internal.h"
#include "bus/unit-cgroup.h"

static int get_uint64_wait(Bus *b, const char *path, const char *interface, const char *property, uint64_t *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        int r;

        r = bus_get_property_wait(b, path, interface, property, "t", &answer);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(answer, 't', ret);
        return r < 0 ? r : 0;
}

int unit_usage_wait(Bus *b, const char *name, UnitUsage *ret) {
        const char *interface = unit_cgroup_interface(name);
        _cleanup_free_ char *path = NULL;
        UnitUsage usage;
        int r;

        if (!interface)
                return -EOPNOTSUPP;
        r = unit_path(name, &path);
        if (r < 0)
                return r;
        r = get_uint64_wait(b, path, UNIT_INTERFACE, "InactiveExitTimestampMonotonic", &usage.begin);
        if (r < 0)
                return r;
        r = get_uint64_wait(b, path, interface, "CPUUsageNSec", &usage.cpu_nsec);
        if (r < 0)
                return r;
        r = get_uint64_wait(b, path, interface, "MemoryCurrent", &usage.memory);
        if (r < 0)
                return r;
        if (usage.cpu_nsec == UINT64_MAX || usage.memory == UINT64_MAX)
                return -ENODATA;
        *ret = usage;
        return 0;
}
