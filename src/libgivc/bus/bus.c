/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: opened without blocking, replaced when it ends, subscribed again whenever the manager's name gets a
 * new owner (systemd leaves the bus when it re-executes itself, and comes back as somebody else). Calls are in
 * bus-call.c. */
#include "bus/bus-internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define RECONNECT_MIN_USEC (50 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (5 * USEC_PER_SEC)

#define SYSTEM_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define OWNER_CHANGED_RULE                                                                                             \
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"   \
        "member='NameOwnerChanged',arg0='" MANAGER_NAME "'"

static void bus_connect(Bus *b);

static void source_done(sd_event_source **s) {
        *s = sd_event_source_disable_unref(*s);
}

static void slot_done(sd_bus_slot **s) {
        *s = sd_bus_slot_unref(*s);
}

static void bus_tell(Bus *b, bool connected) {
        for (BusListener *l = b->listeners; l; l = b->next_listener) {
                b->next_listener = l->next;
                l->on_connection(connected, l->userdata);
        }
        b->next_listener = NULL;
}

static void manager_come(Bus *b) {
        _cleanup_(bus_unrefp) _unused_ Bus *keep = bus_ref(b);

        b->connected = true;
        backoff_reset(&b->backoff);
        log_debug("Connected to the %s manager", b->scope == BUS_SYSTEM ? "system" : "user");
        bus_tell(b, true);
        condition_broadcast(&b->settled, 0);
}

static void manager_go(Bus *b) {
        slot_done(&b->subscribe_slot);
        if (!b->connected)
                return;
        b->connected = false;
        bus_tell(b, false);
        unit_jobs_lost(b);
}

static int on_retry(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Bus *b = userdata;

        source_done(&b->retry);
        bus_connect(b);
        return 0;
}

/* Leaves the connection, if there is one, and plans the next. */
static void bus_leave(Bus *b) {
        _cleanup_(bus_unrefp) _unused_ Bus *keep = bus_ref(b);
        sd_bus *connection = TAKE_PTR(b->connection);
        usec_t next;
        int r;

        slot_done(&b->disconnected_slot);
        slot_done(&b->owner_changed_slot);
        slot_done(&b->job_removed_slot);
        slot_done(&b->get_owner_slot);
        free(TAKE_PTR(b->owner));
        manager_go(b);
        sd_bus_close_unref(connection);
        if (!b->reconnects) {
                condition_broadcast(&b->settled, -ENOTCONN);
                return;
        }
        source_done(&b->retry);
        next = usec_add(time_now(CLOCK_MONOTONIC), backoff_next_usec(&b->backoff));
        r = sd_event_add_time(b->event, &b->retry, CLOCK_MONOTONIC, next, USEC_PER_MSEC, on_retry, b);
        if (r < 0) {
                log_write_errno(LOG_DEBUG, r, "Cannot plan the next connection to the bus");
                b->reconnects = false;
                condition_broadcast(&b->settled, -ENOTCONN);
        }
}

static int on_disconnected(_unused_ sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        bus_leave(userdata);
        return 0;
}

static int on_subscribed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        Bus *b = userdata;

        slot_done(&b->subscribe_slot);
        if (e && bus_error_to_errno(e->name) != -EALREADY) {
                log_debug("The manager refused our subscription: %s", strempty(e->message));
                bus_leave(b);
                return 0;
        }
        manager_come(b);
        return 0;
}

static int bus_subscribe(Bus *b) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                        b->connection, &m, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, "Subscribe");
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        return sd_bus_call_async(b->connection, &b->subscribe_slot, m, on_subscribed, b, UINT64_MAX);
}

/* owner is empty when the manager is not on the bus. */
static int bus_set_owner(Bus *b, const char *owner) {
        int r;

        if (streq(strempty(b->owner), owner))
                return 0;
        manager_go(b);
        r = str_replace(&b->owner, isempty(owner) ? NULL : owner);
        if (r < 0)
                return r;
        return b->owner && b->connection ? bus_subscribe(b) : 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        _cleanup_(bus_unrefp) Bus *b = bus_ref(userdata);
        const char *name, *old, *owner;

        if (sd_bus_message_read(m, "sss", &name, &old, &owner) < 0 || !streq(name, MANAGER_NAME))
                return 0;
        if (bus_set_owner(b, owner) < 0)
                bus_leave(b);
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        _cleanup_(bus_unrefp) Bus *b = bus_ref(userdata);
        const char *owner;

        slot_done(&b->get_owner_slot);
        if (sd_bus_message_is_method_error(m, NULL))
                return 0; /* not there yet; NameOwnerChanged will tell */
        if (sd_bus_message_read(m, "s", &owner) < 0 || bus_set_owner(b, owner) < 0)
                bus_leave(b);
        return 0;
}

/* All of this is queued and sent once the connection stands. Matches go first, so that nothing can slip between. */
static int bus_begin(Bus *b) {
        const bool broker = sd_bus_is_bus_client(b->connection) > 0;
        int r;

        r = sd_bus_match_signal(b->connection, &b->disconnected_slot, "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                        b);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(b->connection, &b->job_removed_slot, broker ? MANAGER_NAME : NULL, MANAGER_PATH,
                        MANAGER_INTERFACE, "JobRemoved", unit_jobs_on_removed, NULL, b);
        if (r < 0)
                return r;
        if (!broker)
                return bus_subscribe(b);
        r = sd_bus_add_match_async(
                        b->connection, &b->owner_changed_slot, OWNER_CHANGED_RULE, on_owner_changed, NULL, b);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(b->connection, &b->get_owner_slot, "org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", on_owner, b, "s",
                        MANAGER_NAME);
}

/* Values in a D-Bus address are escaped but for these. */
static char *address_of_path(const char *path) {
        static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_/.*";
        static const char hex[] = "0123456789abcdef";
        const size_t prefix = strlen("unix:path=");
        char *address = mem_new(char, prefix + strlen(path) * 3 + 1), *p;

        if (!address)
                return NULL;
        memcpy(address, "unix:path=", prefix);
        p = address + prefix;
        for (const char *s = path; *s; s++) {
                if (strchr(plain, *s)) {
                        *p++ = *s;
                        continue;
                }
                *p++ = '%';
                *p++ = hex[(uint8_t) *s >> 4];
                *p++ = hex[(uint8_t) *s & 15];
        }
        *p = 0;
        return address;
}

static int bus_address(BusScope scope, char **ret) {
        const char *e = secure_getenv(scope == BUS_SYSTEM ? "DBUS_SYSTEM_BUS_ADDRESS" : "DBUS_SESSION_BUS_ADDRESS");
        _cleanup_free_ char *path = NULL;

        if (!isempty(e) || scope == BUS_SYSTEM)
                *ret = strdup(isempty(e) ? SYSTEM_BUS_ADDRESS : e);
        else {
                e = secure_getenv("XDG_RUNTIME_DIR");
                path = isempty(e) ? strf("/run/user/%u/bus", (unsigned) getuid()) : strf("%s/bus", e);
                *ret = path ? address_of_path(path) : NULL;
        }
        return *ret ? 0 : -ENOMEM;
}

static int bus_open(Bus *b) {
        _cleanup_free_ char *address = NULL;
        int r;

        r = bus_address(b->scope, &address);
        if (r < 0)
                return r;
        r = sd_bus_new(&b->connection);
        if (r < 0)
                return r;
        r = sd_bus_set_address(b->connection, address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(b->connection, true);
        if (r < 0)
                return r;
        /* A socket that is not there yet is waited for by inotify. */
        r = sd_bus_set_watch_bind(b->connection, true);
        if (r < 0)
                return r;
        r = sd_bus_start(b->connection);
        if (r < 0)
                return r;
        return sd_bus_attach_event(b->connection, b->event, SD_EVENT_PRIORITY_NORMAL);
}

static void bus_connect(Bus *b) {
        int r;

        r = bus_open(b);
        if (r >= 0)
                r = bus_begin(b);
        if (r < 0) {
                log_write_errno(LOG_DEBUG, r, "Cannot connect to the bus");
                bus_leave(b);
        }
}

static Bus *bus_allocate(sd_event *e, BusScope scope) {
        Bus *b = mem_new0(Bus, 1);

        if (!b)
                return NULL;
        b->n_ref = 1;
        b->scope = scope;
        b->event = sd_event_ref(e);
        b->backoff = (Backoff){ .min_usec = RECONNECT_MIN_USEC, .max_usec = RECONNECT_MAX_USEC };
        list_init(&b->jobs);
        list_init(&b->watches);
        return b;
}

int bus_new(sd_event *e, BusScope scope, Bus **ret) {
        Bus *b = bus_allocate(e, scope);

        if (!b)
                return -ENOMEM;
        b->reconnects = true;
        bus_connect(b);
        *ret = b;
        return 0;
}

int bus_new_from_connection(sd_event *e, sd_bus *connection, Bus **ret) {
        _cleanup_(bus_unrefp) Bus *b = bus_allocate(e, BUS_SYSTEM);
        int r;

        if (!b)
                return -ENOMEM;
        b->connection = sd_bus_ref(connection);
        if (!sd_bus_get_event(connection)) {
                r = sd_bus_attach_event(connection, e, SD_EVENT_PRIORITY_NORMAL);
                if (r < 0)
                        return r;
        }
        r = bus_begin(b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

Bus *bus_ref(Bus *b) {
        b->n_ref++;
        return b;
}

Bus *bus_unref(Bus *b) {
        if (!b || --b->n_ref > 0)
                return NULL;
        slot_done(&b->disconnected_slot);
        slot_done(&b->owner_changed_slot);
        slot_done(&b->job_removed_slot);
        slot_done(&b->get_owner_slot);
        slot_done(&b->subscribe_slot);
        source_done(&b->retry);
        if (b->reconnects)
                sd_bus_close_unref(b->connection);
        else
                sd_bus_unref(b->connection);
        sd_event_unref(b->event);
        free(b->owner);
        free(b);
        return NULL;
}

/* A connection that is closing answers calls with errors before it tells that it is closed. */
bool bus_is_connected(const Bus *b) {
        return b->connected && sd_bus_is_open(b->connection) > 0;
}

BusScope bus_get_scope(const Bus *b) {
        return b->scope;
}

sd_bus *bus_get_connection(Bus *b) {
        return bus_is_connected(b) ? b->connection : NULL;
}

void bus_add_listener(Bus *b, BusListener *l) {
        BusListener **end = &b->listeners;

        while (*end)
                end = &(*end)->next;
        l->next = NULL;
        *end = l;
}

void bus_remove_listener(Bus *b, BusListener *l) {
        for (BusListener **p = &b->listeners; *p; p = &(*p)->next) {
                if (*p != l)
                        continue;
                *p = l->next;
                if (b->next_listener == l)
                        b->next_listener = l->next;
                break;
        }
        l->next = NULL;
}

bool bus_is_from_manager(const Bus *b, sd_bus_message *m) {
        const char *sender = sd_bus_message_get_sender(m);

        return !sd_bus_is_bus_client(b->connection) || (b->owner && sender && streq(sender, b->owner));
}

int bus_connected_wait(Bus *b, usec_t deadline) {
        _cleanup_(bus_unrefp) _unused_ Bus *keep = bus_ref(b);

        if (bus_is_connected(b))
                return 0;
        if (!b->connection && !b->reconnects)
                return -ENOTCONN;
        return condition_wait_until(&b->settled, deadline);
}
