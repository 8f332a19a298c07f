/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/registration.h"

#include "agent/calls/admin.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/backoff.h"
#include "event/fiber.h"

/* Something to register: the agent first, then its units, each with its own pace after a failure. */
typedef struct Entry {
        const char *name, *parent;
        uint32_t type;
        bool registered;
        Backoff backoff;
        usec_t next_usec; /* not before */
        char *error;      /* of the last try */
} Entry;

struct Registration {
        Agent *agent;
        RpcChannel *channel;
        void (*on_change)(void *userdata);
        void *userdata;
        Entry *entries;
        size_t n_entries, n_registered;
        char *admin; /* its name, for people */
        Fiber *fiber;
        Promise wake;
        uint64_t session; /* counts how often the channel became ready */
        bool connected;
        bool told_unreachable;
        time_t since;
};

static void registration_changed(Registration *reg) {
        if (reg->on_change)
                reg->on_change(reg->userdata);
}

bool registration_is_complete(const Registration *reg) {
        return reg->n_registered == reg->n_entries;
}

static void registration_add(Registration *reg, const char *name, const char *parent, uint32_t type) {
        Entry *e = &reg->entries[reg->n_entries];

        if (!endswith(name, ".service"))
                return;
        *e = (Entry){ .name = name, .parent = parent, .type = type };
        e->backoff.min_usec = REGISTRATION_BACKOFF_MIN_USEC;
        e->backoff.max_usec = REGISTRATION_BACKOFF_MAX_USEC;
        reg->n_entries++;
}

static int registration_fill(Registration *reg) {
        const Config *c = agent_get_config(reg->agent);
        const Exposure *exposure = agent_get_exposure(reg->agent);
        const char *own = exposure_get_own_name(exposure);
        const ExposedUnit *units;
        size_t n;

        units = exposure_get_units(exposure, &n);
        reg->entries = mem_new0(Entry, n + 1);
        if (!reg->entries)
                return -ENOMEM;
        registration_add(reg, own, strempty(c->identity.parent), c->identity.type);
        for (size_t i = 0; i < n; i++)
                registration_add(reg, units[i].name, own, units[i].type);
        return 0;
}

/* The agent before its units, which the admin knows by their agent; then whoever waits for the shortest time. */
static Entry *registration_next(Registration *reg) {
        Entry *next = NULL;

        if (!reg->entries[0].registered)
                return &reg->entries[0];
        for (size_t i = 1; i < reg->n_entries; i++) {
                Entry *e = &reg->entries[i];

                if (!e->registered && (!next || e->next_usec < next->next_usec))
                        next = e;
        }
        return next;
}

static void registration_start_over(Registration *reg) {
        for (size_t i = 0; i < reg->n_entries; i++) {
                Entry *e = &reg->entries[i];

                e->registered = false;
                e->next_usec = 0;
                backoff_reset(&e->backoff);
        }
        reg->n_registered = 0;
}

/* Says the same thing once: a unit that is refused is tried again for as long as the agent runs. That the connection
 * was lost is the channel's to say. */
static void entry_failed(Registration *reg, Entry *e, RpcCode code, const char *reason) {
        e->next_usec = usec_add(time_now(CLOCK_MONOTONIC), backoff_next_usec(&e->backoff));
        if (streq_ptr(e->error, reason))
                return;
        if (str_replace(&e->error, reason) < 0)
                e->error = NULL;
        log_write(code == RPC_UNAVAILABLE ? LOG_DEBUG : LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_REGISTRATION_FAILED }, { "UNIT", e->name },
                                        { "GIVC_PEER", reg->admin }, { "GIVC_REASON", reason }),
                        "Cannot register '%s' with %s: %s", e->name, reg->admin, reason);
        registration_changed(reg);
}

static void entry_registered(Registration *reg, Entry *e) {
        e->registered = true;
        free(e->error);
        e->error = NULL;
        reg->n_registered++;
        log_debug("Registered '%s' with %s", e->name, reg->admin);
        if (registration_is_complete(reg)) {
                reg->since = time_now(CLOCK_REALTIME) / USEC_PER_SEC;
                log_write(LOG_INFO,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_REGISTERED }, { "GIVC_PEER", reg->admin },
                                                { "UNIT", reg->entries[0].name }),
                                "Registered with %s: %zu unit%s", reg->admin, reg->n_entries - 1,
                                reg->n_entries == 2 ? "" : "s");
        }
        registration_changed(reg);
}

static int entry_register_wait(Registration *reg, Entry *e) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(rpc_status_done) RpcStatus error = {};
        const AdminRegistration request = { e->name, e->parent, e->type, &status };
        uint64_t session = reg->session;
        int r;

        /* The manager may be away for a moment, as when it executes itself anew. */
        r = bus_connected_wait(agent_get_bus(reg->agent), usec_add(time_now(CLOCK_MONOTONIC), REGISTRATION_BUS_USEC));
        if (r >= 0)
                r = agent_unit_status_wait(reg->agent, e->name, &status);
        if (r < 0)
                rpc_error(&error, RPC_FAILED_PRECONDITION, "the service manager does not tell its state: %s",
                                strerror(-r));
        else
                r = admin_register_wait(reg->channel, &agent_get_config(reg->agent)->network.agent, &request, &error);
        if (fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        /* What the admin of an older session answered says nothing about the one that is there now. */
        if (session != reg->session || !reg->connected)
                return 0;
        if (r < 0)
                entry_failed(reg, e, error.code, error.message ? error.message : strerror(-r));
        else
                entry_registered(reg, e);
        return 0;
}

static int registration_sleep_wait(Registration *reg, usec_t until) {
        int r;

        reg->wake = (Promise){};
        r = promise_wait_until(&reg->wake, until);
        return r == -ETIMEDOUT ? 0 : r;
}

/* One connection's worth. 0 when the channel is gone or has come again. */
static int registration_session_wait(Registration *reg) {
        uint64_t session = reg->session;
        int r = 0;

        registration_start_over(reg);
        registration_changed(reg);
        while (r >= 0 && session == reg->session && reg->connected) {
                Entry *e = registration_next(reg);

                if (e && e->next_usec <= time_now(CLOCK_MONOTONIC))
                        r = entry_register_wait(reg, e);
                else
                        r = registration_sleep_wait(reg, e ? e->next_usec : USEC_INFINITY);
        }
        registration_start_over(reg);
        return r;
}

static int registration_main(void *userdata) {
        Registration *reg = userdata;
        int r;

        do
                r = reg->connected ? registration_session_wait(reg) : registration_sleep_wait(reg, USEC_INFINITY);
        while (r >= 0);
        if (r != -ECANCELED)
                log_error_errno(r, "Registration with %s has ended", reg->admin);
        return r;
}

static void on_channel_state(RpcChannel *c, RpcChannelState state, void *userdata) {
        Registration *reg = userdata;

        reg->connected = state == RPC_CHANNEL_READY;
        if (reg->connected) {
                reg->session++;
                reg->told_unreachable = false;
        } else if (state == RPC_CHANNEL_FAILED && !reg->told_unreachable) {
                reg->told_unreachable = true;
                log_write(LOG_WARNING,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ADMIN_UNREACHABLE }, { "GIVC_PEER", reg->admin },
                                                { "GIVC_REASON", rpc_channel_get_error(c) }),
                                "%s is not reachable: %s; trying on", reg->admin, rpc_channel_get_error(c));
        }
        promise_resolve(&reg->wake, 0);
        registration_changed(reg);
}

int registration_new(
                Agent *a, RpcChannel *channel, void (*on_change)(void *userdata), void *userdata, Registration **ret) {
        _cleanup_(registration_freep) Registration *reg = NULL;
        const Config *c = agent_get_config(a);
        int r;

        reg = mem_new0(Registration, 1);
        if (!reg)
                return -ENOMEM;
        reg->agent = a;
        reg->channel = rpc_channel_ref(channel);
        reg->on_change = on_change;
        reg->userdata = userdata;
        reg->admin = isempty(c->network.admin.name) ? rpc_address_to_string(&c->admin_address)
                                                    : strdup(c->network.admin.name);
        if (!reg->admin)
                return -ENOMEM;
        r = registration_fill(reg);
        if (r < 0)
                return r;
        rpc_channel_set_listener(channel, on_channel_state, reg);
        rpc_channel_connect(channel);
        reg->connected = rpc_channel_get_state(channel) == RPC_CHANNEL_READY;
        r = fiber_start(&reg->fiber, registration_main, reg);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reg);
        return 0;
}

Registration *registration_free(Registration *reg) {
        if (!reg)
                return NULL;
        fiber_cancel(reg->fiber);
        if (reg->channel)
                rpc_channel_set_listener(reg->channel, NULL, NULL);
        rpc_channel_unref(reg->channel);
        for (size_t i = 0; i < reg->n_entries; i++)
                free(reg->entries[i].error);
        free(reg->entries);
        free(reg->admin);
        free(reg);
        return NULL;
}

static char *describe_registered(const Registration *reg) {
        const Config *c = agent_get_config(reg->agent);
        size_t n_units = reg->n_entries - 1;
        char since[64] = "";
        struct tm tm;

        if (localtime_r(&reg->since, &tm))
                (void) strftime(since, sizeof(since), "%F %T", &tm);
        return strf("registered with %s; %zu unit%s, %zu application%s; since %s", reg->admin, n_units,
                        n_units == 1 ? "" : "s", c->n_applications, c->n_applications == 1 ? "" : "s", since);
}

static char *describe_unfinished(const Registration *reg) {
        for (size_t i = 0; i < reg->n_entries; i++)
                if (reg->entries[i].error)
                        return strf("registering with %s, %zu of %zu done; '%s': %s", reg->admin, reg->n_registered,
                                        reg->n_entries, reg->entries[i].name, reg->entries[i].error);
        return strf("registering with %s, %zu of %zu done", reg->admin, reg->n_registered, reg->n_entries);
}

char *registration_describe(const Registration *reg) {
        switch (rpc_channel_get_state(reg->channel)) {
        case RPC_CHANNEL_READY:
                return registration_is_complete(reg) ? describe_registered(reg) : describe_unfinished(reg);
        case RPC_CHANNEL_FAILED:
                return strf("%s not reachable: %s", reg->admin, rpc_channel_get_error(reg->channel));
        default:
                return reg->told_unreachable
                                ? strf("%s not reachable: %s", reg->admin, rpc_channel_get_error(reg->channel))
                                : strf("connecting to %s", reg->admin);
        }
}
