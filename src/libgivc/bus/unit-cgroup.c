/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/unit-cgroup.h"

#include <sys/inotify.h>

#include "base/mem.h"
#include "base/str.h"
#include "bus/bus-internal.h"

struct UnitCgroup {
        sd_event *event;
        sd_bus_slot *slot; /* asking for the path */
        sd_event_source *source;
        void (*on_event)(void *userdata);
        void *userdata;
};

const char *unit_cgroup_root = "/sys/fs/cgroup";

static int on_inotify(_unused_ sd_event_source *s, const struct inotify_event *event, void *userdata) {
        UnitCgroup *c = userdata;

        if (event->mask & (IN_MODIFY | IN_Q_OVERFLOW))
                c->on_event(c->userdata);
        return 0;
}

static int on_control_group(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        _cleanup_free_ char *file = NULL;
        UnitCgroup *c = userdata;
        const char *cgroup;

        c->slot = sd_bus_slot_unref(c->slot);
        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "s", &cgroup) <= 0 ||
                        isempty(cgroup))
                return 0;
        file = strf("%s%s/cgroup.events", unit_cgroup_root, cgroup);
        if (!file || sd_event_add_inotify(c->event, &c->source, file, IN_MODIFY, on_inotify, c) < 0)
                return 0;         /* the legacy hierarchy cannot freeze, or the unit has just ended */
        c->on_event(c->userdata); /* what happened while we asked */
        return 0;
}

const char *unit_cgroup_interface(const char *name) {
        static const char *const interfaces[][2] = {
                { ".service", SERVICE_INTERFACE },
                { ".scope", "org.freedesktop.systemd1.Scope" },
                { ".slice", "org.freedesktop.systemd1.Slice" },
        };

        for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
                if (endswith(name, interfaces[i][0]))
                        return interfaces[i][1];
        return NULL;
}

UnitCgroup *unit_cgroup_watch(
                Bus *b, const char *name, const char *path, void (*on_event)(void *userdata), void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *interface = unit_cgroup_interface(name);
        UnitCgroup *c;

        if (!interface || bus_new_property_call(b, path, interface, "ControlGroup", &m) < 0)
                return NULL;
        c = mem_new0(UnitCgroup, 1);
        if (!c)
                return NULL;
        c->event = sd_event_ref(b->event);
        c->on_event = on_event;
        c->userdata = userdata;
        (void) sd_bus_call_async(b->connection, &c->slot, m, on_control_group, c, BUS_CALL_TIMEOUT_USEC);
        return c;
}

UnitCgroup *unit_cgroup_free(UnitCgroup *c) {
        if (!c)
                return NULL;
        sd_bus_slot_unref(c->slot);
        sd_event_source_disable_unref(c->source);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}
