/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/unit-usage.h"

#include "base/mem.h"
#include "bus/bus-internal.h"
#include "bus/unit-cgroup.h"

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
        r = bus_get_number_wait(b, path, UNIT_INTERFACE, "InactiveExitTimestampMonotonic", 't', &usage.begin);
        if (r < 0)
                return r;
        r = bus_get_number_wait(b, path, interface, "CPUUsageNSec", 't', &usage.cpu_nsec);
        if (r < 0)
                return r;
        r = bus_get_number_wait(b, path, interface, "MemoryCurrent", 't', &usage.memory);
        if (r < 0)
                return r;
        if (usage.cpu_nsec == UINT64_MAX || usage.memory == UINT64_MAX)
                return -ENODATA;
        *ret = usage;
        return 0;
}
