/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that NetworkManager makes for us: asked for, watched until it is up, and taken back when it is not. */
#include "bus/bus-internal.h"
#include "bus/network-manager-internal.h"

#include "base/mem.h"
#include "base/str.h"

#define ANSWER_USEC        (10 * 60 * USEC_PER_SEC) /* how late an answer may come and still be understood */

#define STATE_ACTIVATED    2 /* of an active connection */
#define STATE_DEACTIVATING 3

#define DEVICE_FAILED      120

static const struct {
        uint32_t reason; /* NMDeviceStateReason */
        const char *text;
} device_reasons[] = {
        { 5, "no address could be had" },
        { 6, "its address is no longer good" },
        { 7, "the password is missing or wrong" },
        { 8, "authentication was broken off" },
        { 9, "what authenticates could not be configured" },
        { 10, "authentication failed" },
        { 11, "authentication took too long" },
        { 15, "DHCP could not be started" },
        { 16, "DHCP failed" },
        { 17, "DHCP failed" },
        { 36, "the device has been removed" },
        { 37, "the machine goes to sleep" },
        { 38, "the connection has been removed" },
        { 39, "somebody has disconnected it" },
        { 53, "the network is not seen any more" },
        { 60, "another connection was activated" },
};

static const struct {
        uint32_t reason; /* NMActiveConnectionStateReason */
        const char *text;
} active_reasons[] = {
        { 2, "somebody has disconnected it" },
        { 3, "the device was disconnected" },
        { 5, "its configuration of addresses is not valid" },
        { 6, "it took too long" },
        { 9, "the password is missing or wrong" },
        { 10, "the password is missing or wrong" },
        { 11, "the connection has been removed" },
        { 14, "the device has been removed" },
};

typedef struct Connecting Connecting;

/* The request, which outlives who makes it: only its answer tells what there is to take back. */
typedef struct Addition {
        Connecting *waiter; /* NULL: it has left */
} Addition;

struct Connecting {
        Bus *bus;
        const WirelessDevice *device;
        BusListener listener;
        sd_bus_slot *added_slot, *active_slot, *device_slot, *owner_slot;
        Addition *addition; /* while it has no answer */
        Promise added, ended;
        char *connection, *active;
        uint32_t active_reason, device_reason;
        bool up;
        BusError *reterr;
};

/* Nobody waits for the answer: also in a cancelled fiber. */
static void connection_delete(sd_bus *bus, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (nm_new_call(bus, path, NM_CONNECTION, "Delete", &m) >= 0 && sd_bus_message_set_expect_reply(m, false) >= 0)
                (void) sd_bus_send(bus, m, NULL);
}

static int on_added(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        Connecting *c = ((Addition *) userdata)->waiter;
        const char *connection, *active;
        int r;

        r = e ? bus_error_to_errno(e->name) : sd_bus_message_read(m, "oo", &connection, &active);
        if (!c) {
                if (r >= 0)
                        connection_delete(sd_bus_message_get_bus(m), connection);
                return 0;
        }
        c->addition = NULL;
        if (e)
                bus_error_copy(c->reterr, e);
        if (r >= 0) {
                c->connection = strdup(connection);
                c->active = strdup(active);
                if (!c->connection)
                        connection_delete(sd_bus_message_get_bus(m), connection);
                r = c->connection && c->active ? 0 : -ENOMEM;
        }
        promise_resolve(&c->added, r);
        return 0;
}

static void connecting_look(Connecting *c, uint32_t state) {
        if (state == STATE_ACTIVATED) {
                c->up = true;
                promise_resolve(&c->ended, 0);
        } else if (state >= STATE_DEACTIVATING)
                promise_resolve(&c->ended, -EIO);
}

/* Of all active connections: which is ours is known when the request has its answer, and that comes before. */
static int on_active_changed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const char *path = sd_bus_message_get_path(m);
        Connecting *c = userdata;
        uint32_t state, reason;

        if (!streq_ptr(path, c->active) || sd_bus_message_read(m, "uu", &state, &reason) < 0)
                return 0;
        c->active_reason = reason;
        connecting_look(c, state);
        return 0;
}

static int on_device_changed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        Connecting *c = userdata;
        uint32_t state, old, reason;

        if (sd_bus_message_read(m, "uuu", &state, &old, &reason) >= 0 && state == DEVICE_FAILED)
                c->device_reason = reason;
        return 0;
}

static void connecting_lose(Connecting *c) {
        promise_resolve(&c->added, -ECONNRESET);
        promise_resolve(&c->ended, -ECONNRESET);
}

static int on_owner_changed(_unused_ sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        connecting_lose(userdata);
        return 0;
}

static void on_connection(bool connected, void *userdata) {
        if (!connected)
                connecting_lose(userdata);
}

static int connecting_watch(Connecting *c, sd_bus *bus) {
        int r;

        r = sd_bus_match_signal_async(
                        bus, &c->active_slot, NM_NAME, NULL, NM_ACTIVE, "StateChanged", on_active_changed, NULL, c);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(bus, &c->device_slot, NM_NAME, c->device->path, NM_DEVICE, "StateChanged",
                        on_device_changed, NULL, c);
        if (r < 0)
                return r;
        return sd_bus_add_match_async(bus, &c->owner_slot,
                        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                        "member='NameOwnerChanged',arg0='" NM_NAME "'",
                        on_owner_changed, NULL, c);
}

static void connecting_done(Connecting *c) {
        sd_bus *bus = bus_get_connection(c->bus);

        if (c->addition) {
                c->addition->waiter = NULL;
                (void) sd_bus_slot_set_floating(c->added_slot, true);
        }
        sd_bus_slot_unref(c->added_slot);
        sd_bus_slot_unref(c->active_slot);
        sd_bus_slot_unref(c->device_slot);
        sd_bus_slot_unref(c->owner_slot);
        if (c->connection && !c->up && bus)
                connection_delete(bus, c->connection);
        bus_remove_listener(c->bus, &c->listener);
        free(c->connection);
        free(c->active);
        bus_unref(c->bus);
}

static int setting_append(sd_bus_message *m, const NetworkSetting *s) {
        int r;

        switch (s->kind) {
        case SETTING_STRING:
                return sd_bus_message_append(m, "{sv}", s->key, "s", (const char *) s->data);
        case SETTING_BOOLEAN:
                return sd_bus_message_append(m, "{sv}", s->key, "b", s->number != 0);
        case SETTING_UNSIGNED:
                return sd_bus_message_append(m, "{sv}", s->key, "u", (uint32_t) s->number);
        case SETTING_SIGNED:
                return sd_bus_message_append(m, "{sv}", s->key, "i", (int32_t) s->number);
        case SETTING_STRINGS:
        case SETTING_BYTES:
                break;
        }
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", s->key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', s->kind == SETTING_STRINGS ? "as" : "ay");
        if (r >= 0)
                r = s->kind == SETTING_STRINGS ? sd_bus_message_append_strv(m, (char **) s->data)
                                               : sd_bus_message_append_array(m, 'y', s->data, s->size);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static bool setting_is_replaced(const NetworkSetting *s, const NetworkSetting *end) {
        for (const NetworkSetting *later = s + 1; later < end; later++)
                if (streq(later->section, s->section) && streq(later->key, s->key))
                        return true;
        return false;
}

static int section_append(sd_bus_message *m, const char *section, const NetworkSetting *s, const NetworkSetting *end) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", section);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (; r >= 0 && s < end; s++)
                if (streq(s->section, section) && !setting_is_replaced(s, end))
                        r = setting_append(m, s);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int settings_append(sd_bus_message *m, const NetworkSetting *settings, const NetworkSetting *end) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        for (const NetworkSetting *s = settings; r >= 0 && s < end; s++) {
                const NetworkSetting *first = settings;

                while (!streq(first->section, s->section))
                        first++;
                if (first == s)
                        r = section_append(m, s->section, s, end);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int connecting_ask(Connecting *c, sd_bus *bus, sd_bus_message *m) {
        Addition *a = mem_new0(Addition, 1);
        int r;

        if (!a)
                return -ENOMEM;
        r = sd_bus_call_async(bus, &c->added_slot, m, on_added, a, ANSWER_USEC);
        if (r < 0) {
                free(a);
                return r;
        }
        (void) sd_bus_slot_set_destroy_callback(c->added_slot, free);
        a->waiter = c;
        c->addition = a;
        return 0;
}

/* It may be up before anybody could be told that it comes up, and gone likewise. */
static int connecting_end_wait(Connecting *c, usec_t deadline) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        uint32_t state = 0;
        int r;

        r = nm_get_wait(c->bus, c->active, NM_ACTIVE, "State", "u", deadline, NULL, &answer);
        if (r == -ENOENT)
                promise_resolve(&c->ended, -EIO);
        else if (r >= 0)
                r = sd_bus_message_read(answer, "u", &state);
        if (r < 0 && r != -ENOENT)
                return r;
        connecting_look(c, state);
        return promise_wait_until(&c->ended, deadline);
}

/* The device's own reason says more than that of its connection, but need not come first. */
static int connecting_explain_wait(Connecting *c, usec_t deadline) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        const char *text = "NetworkManager does not say why";
        uint32_t state, reason = 0;
        int r;

        r = nm_get_wait(c->bus, c->device->path, NM_DEVICE, "StateReason", "(uu)", deadline, NULL, &answer);
        if (r == -ECANCELED)
                return r;
        if (c->device_reason == 0 && r >= 0 && sd_bus_message_read(answer, "(uu)", &state, &reason) >= 0)
                c->device_reason = reason;
        for (size_t i = 0; i < ELEMENTSOF(active_reasons); i++)
                if (active_reasons[i].reason == c->active_reason)
                        text = active_reasons[i].text;
        for (size_t i = 0; i < ELEMENTSOF(device_reasons); i++)
                if (device_reasons[i].reason == c->device_reason)
                        text = device_reasons[i].text;
        bus_error_setf(c->reterr, NM_NAME ".Failed", "%s", text);
        return -EIO;
}

int wireless_connect_wait(Bus *b, const WirelessDevice *d, const AccessPoint *p, const NetworkSetting *settings,
                size_t n_settings, usec_t deadline, BusError *reterr) {
        _cleanup_(connecting_done) Connecting c = { .bus = bus_ref(b), .device = d, .reterr = reterr };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sd_bus *bus = bus_get_connection(b);
        int r;

        c.listener = (BusListener){ .on_connection = on_connection, .userdata = &c };
        bus_add_listener(b, &c.listener);
        r = nm_new_call(bus, NM_PATH, NM_NAME, "AddAndActivateConnection", &m);
        if (r >= 0)
                r = settings_append(m, settings, settings + n_settings);
        if (r >= 0)
                r = sd_bus_message_append(m, "oo", d->path, p->path);
        if (r >= 0)
                r = sd_bus_message_sensitive(m);
        if (r >= 0)
                r = connecting_watch(&c, bus);
        if (r >= 0)
                r = connecting_ask(&c, bus, m);
        if (r >= 0)
                r = promise_wait_until(&c.added, deadline);
        if (r < 0)
                return r;
        r = connecting_end_wait(&c, deadline);
        return r == -EIO ? connecting_explain_wait(&c, deadline) : r;
}
