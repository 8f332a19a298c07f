/* SPDX-License-Identifier: Apache-2.0 */
/* WatchUnits: the list of units and its changes, for one and for several, and how it ends. */
#include "unit/agent/calling.h"

typedef struct Watch {
        RpcStream *stream;
        RpcStatus status;
        Systemd__UnitEvent *event;
        int r;
} Watch;

static void watch_done(Watch *watch) {
        proto_free((ProtobufCMessage *) watch->event);
        rpc_status_done(&watch->status);
        rpc_stream_free(watch->stream);
}

static void watch_open(World *w, Watch *ret) {
        Systemd__WatchUnitsRequest request = SYSTEMD__WATCH_UNITS_REQUEST__INIT;
        const RpcCallOptions options = { .deadline = USEC_INFINITY, .wait_for_ready = true };

        *ret = (Watch){};
        check(rpc_stream_open_wait(w->channel, SERVICE, "WatchUnits", &options, &ret->stream, &ret->status) == 0);
        check(rpc_stream_send_wait(ret->stream, &request) == 0);
        check(rpc_stream_close_send_wait(ret->stream) == 0);
}

static const Systemd__UnitEvent *watch_next(Watch *watch) {
        proto_free((ProtobufCMessage *) watch->event);
        watch->event = NULL;
        watch->r = rpc_stream_receive_wait(watch->stream, &watch->event, &watch->status);
        return watch->r > 0 ? watch->event : NULL;
}

static void check_change(Watch *watch, Systemd__UnitEvent__EventCase kind, const char *name, const char *active_state) {
        const Systemd__UnitEvent *event = watch_next(watch);
        const Systemd__UnitStatus *unit;

        check(event);
        check(event->event_case == kind);
        unit = kind == SYSTEMD__UNIT_EVENT__EVENT_ADDED ? event->added : event->changed;
        check_streq(unit->name, name);
        check_streq(unit->activestate, active_state);
}

static void check_removed(Watch *watch, const char *name) {
        const Systemd__UnitEvent *event = watch_next(watch);

        check(event);
        check(event->event_case == SYSTEMD__UNIT_EVENT__EVENT_REMOVED);
        check_streq(event->removed, name);
}

static const Systemd__UnitStatus *snapshot_find(const Systemd__UnitSnapshot *snapshot, const char *name) {
        for (size_t i = 0; i < snapshot->n_units; i++)
                if (streq(snapshot->units[i]->name, name))
                        return snapshot->units[i];
        return NULL;
}

static void check_snapshot(Watch *watch, size_t n_units) {
        const Systemd__UnitEvent *event = watch_next(watch);

        check(event);
        check(event->event_case == SYSTEMD__UNIT_EVENT__EVENT_INITIAL);
        check(event->initial->complete);
        check(event->initial->n_units == n_units);
}

/* Several steps of a unit may be told as one. */
static void check_reaches(Watch *watch, const char *name, const char *active_state) {
        do {
                check(watch_next(watch));
                check(watch->event->event_case == SYSTEMD__UNIT_EVENT__EVENT_CHANGED);
                check_streq(watch->event->changed->name, name);
        } while (!streq(watch->event->changed->activestate, active_state));
}

static int test_watch(World *w) {
        _cleanup_(watch_done) Watch watch;
        const Systemd__UnitSnapshot *snapshot;
        REPLY;

        watch_open(w, &watch);
        check_snapshot(&watch, 3);
        snapshot = watch.event->initial;
        check_streq(snapshot_find(snapshot, OWN_NAME)->activestate, "active");
        check_streq(snapshot_find(snapshot, "app.service")->activestate, "inactive");
        check_streq(snapshot_find(snapshot, "poweroff.target")->loadstate, "not-found");

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        check_reaches(&watch, "app.service", "active");
        fake_unit_set_state(w->fake, "secret.service", "active", "running"); /* not exposed: not told */
        start_application(w, "foot@0.service", &reply);
        check(reply.r == 0);
        check(watch_next(&watch));
        check(watch.event->event_case == SYSTEMD__UNIT_EVENT__EVENT_ADDED);
        check_streq(watch.event->added->name, "foot@0.service");
        if (!streq(watch.event->added->activestate, "active"))
                check_reaches(&watch, "foot@0.service", "active");
        reply_done(&reply);
        call(w, "FreezeUnit", "foot@0.service", &reply);
        check(reply.r == 0);
        check_change(&watch, SYSTEMD__UNIT_EVENT__EVENT_CHANGED, "foot@0.service", "active");
        check_streq(watch.event->changed->freezerstate, "frozen");
        reply_done(&reply);
        call(w, "UnfreezeUnit", "foot@0.service", &reply);
        check(reply.r == 0);
        check_change(&watch, SYSTEMD__UNIT_EVENT__EVENT_CHANGED, "foot@0.service", "active");
        check_streq(watch.event->changed->freezerstate, "running");
        fake_unit_exit(w->fake, "foot@0.service", 0);
        check_removed(&watch, "foot@0.service");
        return 0;
}

/* Two follow; one leaves, the other is told on; then the agent stops. */
static int test_watch_leaving(World *w) {
        _cleanup_(watch_done) Watch one, two;

        watch_open(w, &one);
        watch_open(w, &two);
        check_snapshot(&one, 3);
        check_snapshot(&two, 3);
        check(count_handlers(w) == 2);
        rpc_stream_cancel(one.stream);
        check_becomes(count_handlers(w) == 1);
        fake_unit_set_state(w->fake, "app.service", "active", "running");
        check_reaches(&two, "app.service", "active");
        feed_close(agent_get_feed(w->agent));
        check(!watch_next(&two));
        check(two.status.code == RPC_UNAVAILABLE);
        check_streq(two.status.message, "The agent stops.");
        check_becomes(count_handlers(w) == 0);
        return 0;
}

/* More units than one message takes. */
static int test_watch_many(World *w) {
        _cleanup_(watch_done) Watch watch;
        size_t n = 0;
        unsigned n_parts = 0;

        for (unsigned i = 0; i < 300; i++) {
                _cleanup_free_ char *name = strf("foot@%u.service", i);

                fake_systemd_add(w->fake, name);
                fake_unit_set_state(w->fake, name, "active", "running");
        }
        check_becomes(feed_count(agent_get_feed(w->agent)) == 303);
        watch_open(w, &watch);
        do {
                check(watch_next(&watch));
                check(watch.event->event_case == SYSTEMD__UNIT_EVENT__EVENT_INITIAL);
                n += watch.event->initial->n_units;
                n_parts++;
        } while (!watch.event->initial->complete);
        check(n == 303);
        check(n_parts == 3);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_watch),
                world_test(test_watch_leaving),
                world_test(test_watch_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
