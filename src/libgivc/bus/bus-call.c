/* SPDX-License-Identifier: Apache-2.0 */
/* Method calls that suspend the fiber, and the shapes of call that this room needs more than once. */
#include "bus/bus-internal.h"

#include <stdarg.h>

#include "base/str.h"

typedef struct BusCall {
        Promise promise;
        sd_bus_message *answer;
        sd_bus_slot *slot;
} BusCall;

/* The slot goes first: with it goes the callback that knows the call. */
static void bus_call_done(BusCall *c) {
        sd_bus_slot_unref(c->slot);
        sd_bus_message_unref(c->answer);
}

static int on_answer(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        BusCall *c = userdata;

        c->answer = sd_bus_message_ref(m);
        promise_resolve(&c->promise, 0);
        return 0;
}

int bus_call_wait(Bus *b, sd_bus_message *m, usec_t deadline, BusError *reterr, sd_bus_message **ret) {
        _cleanup_(bus_unrefp) _unused_ Bus *keep = bus_ref(b);
        _cleanup_(bus_call_done) BusCall c = {};
        const sd_bus_error *e;
        int r;

        if (fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        if (!bus_is_connected(b))
                return -ENOTCONN;
        if (deadline == USEC_INFINITY)
                deadline = usec_add(time_now(CLOCK_MONOTONIC), BUS_CALL_TIMEOUT_USEC);
        /* sd-bus' own timeout may be a quarter of a second late. */
        r = sd_bus_call_async(b->connection, &c.slot, m, on_answer, &c, UINT64_MAX);
        if (r < 0)
                return r;
        r = promise_wait_until(&c.promise, deadline);
        if (r < 0)
                return r;
        e = sd_bus_message_get_error(c.answer);
        if (e) {
                bus_error_copy(reterr, e);
                return bus_error_to_errno(e->name);
        }
        if (ret)
                *ret = TAKE_PTR(c.answer);
        return 0;
}

int bus_new_call(Bus *b, const char *name, const char *path, const char *interface, const char *member,
                sd_bus_message **ret) {
        if (!bus_is_connected(b))
                return -ENOTCONN;
        return sd_bus_message_new_method_call(b->connection, ret, name, path, interface, member);
}

int bus_new_manager_call(Bus *b, const char *member, sd_bus_message **ret) {
        return bus_new_call(b, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, member, ret);
}

int bus_method_wait(Bus *b, const char *name, const char *path, const char *interface, const char *member,
                usec_t deadline, BusError *reterr, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r;

        r = bus_new_call(b, name, path, interface, member, &m);
        if (r < 0)
                return r;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        return r < 0 ? r : bus_call_wait(b, m, deadline, reterr, NULL);
}

void bus_manager_tell(Bus *b, const char *member, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r;

        if (bus_new_manager_call(b, member, &m) < 0)
                return;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0 && sd_bus_message_set_expect_reply(m, false) >= 0)
                (void) sd_bus_send(b->connection, m, NULL);
}

int bus_new_property_call(Bus *b, const char *path, const char *interface, const char *property, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_new_call(b, MANAGER_NAME, path, "org.freedesktop.DBus.Properties", "Get", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", interface, property);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int bus_get_property_wait(Bus *b, const char *path, const char *interface, const char *property, const char *type,
                sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *answer = NULL;
        int r;

        r = bus_new_property_call(b, path, interface, property, &m);
        if (r < 0)
                return r;
        r = bus_call_wait(b, m, USEC_INFINITY, NULL, &answer);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(answer, 'v', type);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(answer);
        return 0;
}

int bus_get_number_wait(Bus *b, const char *path, const char *interface, const char *property, char type, void *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        int r;

        r = bus_get_property_wait(b, path, interface, property, (const char[]){ type, 0 }, &answer);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(answer, type, ret);
        return r < 0 ? r : 0;
}
