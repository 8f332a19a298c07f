/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/log-control.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "bus/bus-connection.h"
#include "event/log-target.h"

#define LOG_CONTROL_PATH      "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

struct LogControl {
        Bus *bus;
        BusListener listener;
        const char *name, *identifier;
        sd_bus_slot *object_slot, *name_slot;
};

static int get_level(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                _unused_ const char *property, sd_bus_message *reply, _unused_ void *userdata,
                _unused_ sd_bus_error *reterr) {
        return sd_bus_message_append(reply, "s", log_level_to_string(log_get_level()));
}

static int set_level(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                _unused_ const char *property, sd_bus_message *value, _unused_ void *userdata, sd_bus_error *reterr) {
        const char *word;
        int r, level;

        r = sd_bus_message_read(value, "s", &word);
        if (r < 0)
                return r;
        level = log_level_from_string(word);
        if (level < 0)
                return sd_bus_error_setf(reterr, SD_BUS_ERROR_INVALID_ARGS, "'%s' is no log level.", word);
        log_set_level(level);
        log_notice("The log level is %s now", log_level_to_string(level));
        return 0;
}

static int get_target(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                _unused_ const char *property, sd_bus_message *reply, _unused_ void *userdata,
                _unused_ sd_bus_error *reterr) {
        return sd_bus_message_append(reply, "s", log_target_get());
}

static int set_target(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                _unused_ const char *property, sd_bus_message *value, _unused_ void *userdata, sd_bus_error *reterr) {
        const char *word;
        int r;

        r = sd_bus_message_read(value, "s", &word);
        if (r < 0)
                return r;
        r = log_target_set(word);
        if (r < 0)
                return sd_bus_error_setf(reterr, SD_BUS_ERROR_INVALID_ARGS, "'%s' is no log target here.", word);
        return 0;
}

static int get_identifier(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                _unused_ const char *property, sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *reterr) {
        const LogControl *c = userdata;

        return sd_bus_message_append(reply, "s", c->identifier);
}

/* Who may write is the bus's business, see units/givc-*.dbus.conf: sd-bus would ask it about the caller, and block. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

static int on_name(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const LogControl *c = userdata;

        if (e)
                log_debug("The bus does not let us be '%s': %s", c->name, e->message ? e->message : e->name);
        return 0;
}

static void log_control_leave(LogControl *c) {
        c->object_slot = sd_bus_slot_unref(c->object_slot);
        c->name_slot = sd_bus_slot_unref(c->name_slot);
}

static void on_connection(bool connected, void *userdata) {
        LogControl *c = userdata;
        sd_bus *connection = bus_get_connection(c->bus);
        int r;

        log_control_leave(c);
        if (!connected || !connection)
                return;
        r = sd_bus_add_object_vtable(connection, &c->object_slot, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE, vtable, c);
        if (r >= 0 && sd_bus_is_bus_client(connection) > 0)
                r = sd_bus_request_name_async(connection, &c->name_slot, c->name, SD_BUS_NAME_QUEUE, on_name, c);
        if (r < 0)
                log_write_errno(LOG_DEBUG, r, "Logging cannot be controlled over the bus");
}

int log_control_new(Bus *b, const char *name, const char *identifier, LogControl **ret) {
        LogControl *c;

        c = mem_new0(LogControl, 1);
        if (!c)
                return -ENOMEM;
        c->bus = bus_ref(b);
        c->name = name;
        c->identifier = identifier;
        c->listener = (BusListener){ .on_connection = on_connection, .userdata = c };
        bus_add_listener(b, &c->listener);
        on_connection(bus_is_connected(b), c);
        *ret = c;
        return 0;
}

LogControl *log_control_free(LogControl *c) {
        if (!c)
                return NULL;
        bus_remove_listener(c->bus, &c->listener);
        log_control_leave(c);
        bus_unref(c->bus);
        free(c);
        return NULL;
}
