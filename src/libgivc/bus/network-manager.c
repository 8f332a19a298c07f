/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/network-manager-internal.h"

#include <stdarg.h>

#include "base/mem.h"
#include "base/str.h"

#define DEVICE_TYPE_WIFI 2

int nm_new_call(sd_bus *connection, const char *path, const char *interface, const char *member, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (!connection)
                return -ENOTCONN;
        r = sd_bus_message_new_method_call(connection, &m, NM_NAME, path, interface, member);
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static int nm_ask_wait(Bus *b, const char *path, const char *interface, const char *member, usec_t deadline,
                BusError *reterr, sd_bus_message **ret, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r;

        r = nm_new_call(bus_get_connection(b), path, interface, member, &m);
        if (r < 0)
                return r;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = bus_call_wait(b, m, deadline, reterr, ret);
        return r == -EOPNOTSUPP ? -ENOENT : r; /* an object that is gone has no methods either */
}

int nm_get_wait(Bus *b, const char *path, const char *interface, const char *property, const char *type,
                usec_t deadline, BusError *reterr, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        int r;

        r = nm_ask_wait(b, path, PROPERTIES_INTERFACE, "Get", deadline, reterr, &answer, "ss", interface, property);
        if (r >= 0)
                r = sd_bus_message_enter_container(answer, 'v', type);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(answer);
        return 0;
}

static int nm_get_all_wait(Bus *b, const char *path, const char *interface, usec_t deadline, BusError *reterr,
                sd_bus_message **ret) {
        return nm_ask_wait(b, path, PROPERTIES_INTERFACE, "GetAll", deadline, reterr, ret, "s", interface);
}

/* Where a property goes that is of a basic type; strings are borrowed from the message. */
typedef struct Property {
        const char *name, *type;
        void *value;
} Property;

/* 1 when it was one of them, which are read; 0 when its value is still to be read. */
static int property_read(sd_bus_message *m, const char *name, const Property *properties, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(name, properties[i].name)) {
                        int r = sd_bus_message_read(m, "v", properties[i].type, properties[i].value);

                        return r < 0 ? r : 1;
                }
        return 0;
}

static int ssid_read(sd_bus_message *m, AccessPoint *p) {
        const void *data;
        size_t n;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(m, 'y', &data, &n);
        if (r < 0)
                return r;
        p->n_ssid = MIN(n, (size_t) WIRELESS_SSID_MAX);
        if (n > 0)
                memcpy(p->ssid, data, p->n_ssid);
        return sd_bus_message_exit_container(m);
}

static int properties_read(sd_bus_message *m, const Property *properties, size_t n, AccessPoint *point) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                r = property_read(m, name, properties, n);
                if (r == 0)
                        r = point && streq(name, "Ssid") ? ssid_read(m, point) : sd_bus_message_skip(m, "v");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static void access_point_done(AccessPoint *p) {
        free(p->path);
        free(p->name);
}

static void device_done(WirelessDevice *d) {
        for (size_t i = 0; i < d->n_points; i++)
                access_point_done(&d->points[i]);
        free(d->points);
        free(d->path);
        free(d->interface);
}

void wireless_done(Wireless *w) {
        for (size_t i = 0; i < w->n_devices; i++)
                device_done(&w->devices[i]);
        free(w->devices);
        *w = (Wireless){};
}

static int access_point_name(AccessPoint *p) {
        p->name = mem_dup(p->ssid, p->n_ssid);
        if (!p->name)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_ssid; i++)
                if (p->name[i] == 0)
                        p->name[i] = '?';
        str_make_utf8(p->name, '?');
        return 0;
}

static int access_point_read_wait(Bus *b, const char *path, usec_t deadline, AccessPoint *ret, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        _cleanup_(access_point_done) AccessPoint p = {};
        const Property properties[] = {
                { "Strength", "y", &p.strength },
                { "Flags", "u", &p.flags },
                { "WpaFlags", "u", &p.wpa_flags },
                { "RsnFlags", "u", &p.rsn_flags },
        };
        int r;

        r = nm_get_all_wait(b, path, NM_ACCESS_POINT, deadline, reterr, &answer);
        if (r < 0)
                return r;
        r = properties_read(answer, properties, ELEMENTSOF(properties), &p);
        if (r < 0)
                return r;
        r = access_point_name(&p);
        if (r < 0)
                return r;
        p.path = strdup(path);
        if (!p.path)
                return -ENOMEM;
        *ret = p;
        p = (AccessPoint){};
        return 0;
}

static int device_read_points_wait(Bus *b, WirelessDevice *d, const char *active, usec_t deadline, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        size_t n_allocated = 0;
        const char *path;
        int r;

        r = nm_ask_wait(b, d->path, NM_WIRELESS, "GetAllAccessPoints", deadline, reterr, &answer, "");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(answer, 'a', "o");
        while (r >= 0 && d->n_points < WIRELESS_POINTS_MAX) {
                r = sd_bus_message_read(answer, "o", &path);
                if (r <= 0)
                        return r;
                r = mem_grow((void **) &d->points, &n_allocated, d->n_points + 1, sizeof(AccessPoint));
                if (r >= 0)
                        r = access_point_read_wait(b, path, deadline, &d->points[d->n_points], reterr);
                if (r >= 0)
                        d->points[d->n_points++].active = streq(path, active);
                else if (r == -ENOENT) {
                        bus_error_done(reterr);
                        r = 0;
                }
        }
        return r;
}

/* 1 and a device, or 0 when it is none of ours. */
static int device_read_wait(Bus *b, const char *path, usec_t deadline, WirelessDevice *ret, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL, *active_answer = NULL;
        _cleanup_(device_done) WirelessDevice d = {};
        const char *interface = "", *active = "/";
        uint32_t type = 0;
        int managed = 0, r;
        const Property properties[] = {
                { "DeviceType", "u", &type },
                { "Managed", "b", &managed },
                { "Interface", "s", &interface },
        };

        r = nm_get_all_wait(b, path, NM_DEVICE, deadline, reterr, &answer);
        if (r < 0)
                return r;
        r = properties_read(answer, properties, ELEMENTSOF(properties), NULL);
        if (r < 0 || !managed || type != DEVICE_TYPE_WIFI)
                return MIN(r, 0);
        r = nm_get_wait(b, path, NM_WIRELESS, "ActiveAccessPoint", "o", deadline, reterr, &active_answer);
        if (r >= 0)
                r = sd_bus_message_read(active_answer, "o", &active);
        if (r < 0)
                return r;
        d.path = strdup(path);
        d.interface = strdup(interface);
        if (!d.path || !d.interface)
                return -ENOMEM;
        r = device_read_points_wait(b, &d, active, deadline, reterr);
        if (r < 0)
                return r;
        *ret = d;
        d = (WirelessDevice){};
        return 1;
}

int wireless_read_wait(Bus *b, usec_t deadline, Wireless *ret, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        _cleanup_(wireless_done) Wireless w = {};
        const char *path;
        int r;

        w.devices = mem_new(WirelessDevice, WIRELESS_DEVICES_MAX);
        if (!w.devices)
                return -ENOMEM;
        r = nm_ask_wait(b, NM_PATH, NM_NAME, "GetDevices", deadline, reterr, &answer, "");
        if (r >= 0)
                r = sd_bus_message_enter_container(answer, 'a', "o");
        while (r >= 0 && w.n_devices < WIRELESS_DEVICES_MAX) {
                r = sd_bus_message_read(answer, "o", &path);
                if (r <= 0)
                        break;
                r = device_read_wait(b, path, deadline, &w.devices[w.n_devices], reterr);
                if (r > 0)
                        w.n_devices++;
                else if (r == -ENOENT) {
                        bus_error_done(reterr);
                        r = 0;
                }
        }
        if (r < 0)
                return r;
        *ret = w;
        w = (Wireless){};
        return 0;
}

int wireless_enable_wait(Bus *b, bool enable, usec_t deadline, BusError *reterr) {
        return nm_ask_wait(b, NM_PATH, PROPERTIES_INTERFACE, "Set", deadline, reterr, NULL, "ssv", NM_NAME,
                        "WirelessEnabled", "b", (int) enable);
}

int wireless_disconnect_wait(Bus *b, const WirelessDevice *d, usec_t deadline, BusError *reterr) {
        return nm_ask_wait(b, d->path, NM_DEVICE, "Disconnect", deadline, reterr, NULL, "");
}
