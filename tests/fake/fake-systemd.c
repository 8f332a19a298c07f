/* SPDX-License-Identifier: Apache-2.0 */
/* The fake's units and jobs. The methods that clients call are in fake-methods.c. */
#include "fake/fake-internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/time.h"

static void set(char **field, const char *value) {
        fake_check(str_replace(field, value) >= 0);
}

void fake_systemd_new(sd_event *e, FakeSystemd **ret) {
        FakeSystemd *f = mem_new0(FakeSystemd, 1);

        fake_check(f);
        f->event = sd_event_ref(e);
        f->listen_fd = -EBADF;
        f->generation = 2;
        f->failure_status = 1;
        set(&f->job_result, "done");
        list_init(&f->connections);
        list_init(&f->units);
        list_init(&f->aliases);
        list_init(&f->held);
        *ret = f;
}

static void unit_free(FakeUnit *u) {
        list_remove(&u->units);
        free(u->name);
        free(u->description);
        free(u->load_state);
        free(u->active_state);
        free(u->sub_state);
        free(u->freezer_state);
        free(u->result);
        strv_free(u->argv);
        strv_free(u->environment);
        free(u->type);
        free(u->working_directory);
        free(u->slice);
        free(u->user);
        free(u->tty);
        free(u->environment_file);
        strv_free(u->binds_to);
        for (size_t i = 0; i < ELEMENTSOF(u->stdio); i++)
                (void) fd_close(u->stdio[i]);
        free(u->job_type);
        free(u);
}

FakeSystemd *fake_systemd_free(FakeSystemd *f) {
        if (!f)
                return NULL;
        fake_systemd_unlisten(f);
        fake_systemd_disconnect(f);
        LIST_FOREACH(u, &f->units, FakeUnit, units)
                unit_free(u);
        LIST_FOREACH(a, &f->aliases, FakeAlias, aliases) {
                free(a->alias);
                free(a->name);
                free(a);
        }
        fake_machine_done(&f->machine);
        strv_free(f->glanced);
        free(f->job_result);
        free(f->fail_member);
        free(f->fail_error);
        free(f->fail_message);
        free(f->hold_member);
        sd_event_unref(f->event);
        free(f);
        return NULL;
}

FakeUnit *fake_unit_new(FakeSystemd *f, const char *name) {
        FakeUnit *u = mem_new0(FakeUnit, 1);

        fake_check(u && !fake_systemd_find(f, name));
        for (size_t i = 0; i < ELEMENTSOF(u->stdio); i++)
                u->stdio[i] = -EBADF;
        set(&u->name, name);
        set(&u->description, name);
        set(&u->load_state, "loaded");
        set(&u->active_state, "inactive");
        set(&u->sub_state, "dead");
        set(&u->freezer_state, "running");
        set(&u->result, "success");
        set(&u->type, "simple");
        list_append(&f->units, &u->units);
        return u;
}

FakeUnit *fake_systemd_add(FakeSystemd *f, const char *name) {
        FakeUnit *u = fake_unit_new(f, name);

        u->has_file = true;
        return u;
}

void fake_systemd_add_alias(FakeSystemd *f, const char *alias, const char *name) {
        FakeAlias *a = mem_new0(FakeAlias, 1);

        fake_check(a);
        set(&a->alias, alias);
        set(&a->name, name);
        list_append(&f->aliases, &a->aliases);
}

FakeUnit *fake_systemd_find_by_prefix(FakeSystemd *f, const char *prefix) {
        LIST_FOREACH(u, &f->units, FakeUnit, units)
                if (startswith(u->name, prefix))
                        return u;
        return NULL;
}

FakeUnit *fake_systemd_find(FakeSystemd *f, const char *name) {
        LIST_FOREACH(a, &f->aliases, FakeAlias, aliases)
                if (streq(a->alias, name))
                        return fake_systemd_find(f, a->name);
        LIST_FOREACH(u, &f->units, FakeUnit, units)
                if (streq(u->name, name))
                        return u;
        return NULL;
}

static FakeUnit *unit_get(FakeSystemd *f, const char *name) {
        FakeUnit *u = fake_systemd_find(f, name);

        fake_check(u);
        return u;
}

char *fake_unit_path(const char *name) {
        char *path;

        fake_check(sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &path) >= 0);
        return path;
}

/* UnitNew and UnitRemoved. */
void fake_unit_signal(FakeSystemd *f, const char *member, const char *name) {
        _cleanup_free_ char *path = fake_unit_path(name);

        fake_broadcast(f, NULL, MANAGER_PATH, MANAGER_INTERFACE, member, "so", name, path);
}

/* The manager tells all properties that may have changed, in two signals. */
void fake_unit_announce(FakeSystemd *f, const FakeUnit *u, const char *sender, const char *active_state) {
        _cleanup_free_ char *path = fake_unit_path(u->name);

        fake_broadcast(f, sender, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
                        "org.freedesktop.systemd1.Service", 1, "Result", "s", u->result, 2, "ExecStart", "ExecStop");
        fake_broadcast(f, sender, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
                        UNIT_INTERFACE, 5, "ActiveState", "s", active_state, "FreezerState", "s", u->freezer_state,
                        "SubState", "s", u->sub_state, "Job", "(uo)", u->job, "/", "ConditionResult", "b", true, 1,
                        "InvocationID");
}

void fake_unit_load(FakeSystemd *f, FakeUnit *u) {
        if (u->loaded)
                return;
        u->loaded = true;
        fake_unit_signal(f, "UnitNew", u->name);
}

/* Unloads the unit when nothing keeps it; a transient one is freed. */
void fake_unit_collect(FakeSystemd *f, FakeUnit *u) {
        const bool failed = streq(u->active_state, "failed");

        if (!u->loaded || u->job != 0 || u->n_references > 0 ||
                        !(streq(u->active_state, "inactive") || (failed && u->collect)))
                return;
        u->loaded = false;
        fake_unit_signal(f, "UnitRemoved", u->name);
        if (u->transient)
                unit_free(u);
}

void fake_units_unref(FakeSystemd *f, const void *referrer) {
        LIST_FOREACH(u, &f->units, FakeUnit, units)
                if (u->n_references > 0 && u->referrer == referrer) {
                        u->n_references = 0;
                        fake_unit_collect(f, u);
                }
}

static void unit_change(FakeSystemd *f, FakeUnit *u, const char *active_state, const char *sub_state) {
        const bool was_active = streq(u->active_state, "active");
        const uint64_t now = time_now(CLOCK_MONOTONIC);

        fake_unit_load(f, u);
        if (streq(u->active_state, "inactive") || streq(u->active_state, "failed"))
                u->inactive_exit = now;
        if (streq(active_state, "active") && !was_active)
                u->active_enter = now;
        if (streq(active_state, "inactive") || streq(active_state, "failed")) {
                set(&u->freezer_state, "running");
        }
        set(&u->active_state, active_state);
        set(&u->sub_state, sub_state);
        fake_unit_announce(f, u, NULL, active_state);
}

void fake_unit_set_state(FakeSystemd *f, const char *name, const char *active_state, const char *sub_state) {
        FakeUnit *u = unit_get(f, name);

        unit_change(f, u, active_state, sub_state);
        fake_unit_collect(f, u);
}

static void unit_end(FakeSystemd *f, FakeUnit *u, const char *result, int code, int status) {
        set(&u->result, result);
        u->exec_main_code = code;
        u->exec_main_status = status;
        unit_change(f, u, "failed", "failed");
}

static void unit_fail(FakeSystemd *f, FakeUnit *u, int status) {
        unit_end(f, u, "exit-code", CLD_EXITED, status);
}

void fake_unit_kill(FakeSystemd *f, const char *name, int number) {
        FakeUnit *u = unit_get(f, name);

        unit_end(f, u, "signal", CLD_KILLED, number);
        fake_unit_collect(f, u);
}

void fake_unit_exit(FakeSystemd *f, const char *name, int status) {
        FakeUnit *u = unit_get(f, name);

        if (status != 0)
                unit_fail(f, u, status);
        else {
                u->exec_main_code = CLD_EXITED;
                unit_change(f, u, "inactive", "dead");
        }
        fake_unit_collect(f, u);
}

void fake_unit_set_load_state(FakeSystemd *f, const char *name, const char *state) {
        set(&unit_get(f, name)->load_state, state);
}

void fake_unit_set_freezer_state(FakeSystemd *f, const char *name, const char *state) {
        FakeUnit *u = unit_get(f, name);

        set(&u->freezer_state, state);
        if (f->announce_freezer)
                fake_unit_announce(f, u, NULL, u->active_state);
}

void fake_systemd_announce_freezer(FakeSystemd *f, bool announce) {
        f->announce_freezer = announce;
}

void fake_systemd_have_freezer(FakeSystemd *f, bool have) {
        f->no_freezer = !have;
}

void fake_systemd_begin_reload(FakeSystemd *f) {
        fake_broadcast(f, NULL, MANAGER_PATH, MANAGER_INTERFACE, "Reloading", "b", true);
        LIST_FOREACH(u, &f->units, FakeUnit, units)
                if (u->loaded)
                        fake_unit_signal(f, "UnitRemoved", u->name);
}

void fake_systemd_end_reload(FakeSystemd *f) {
        LIST_FOREACH(u, &f->units, FakeUnit, units)
                if (u->loaded)
                        fake_unit_signal(f, "UnitNew", u->name);
        fake_broadcast(f, NULL, MANAGER_PATH, MANAGER_INTERFACE, "Reloading", "b", false);
}

void fake_systemd_reload(FakeSystemd *f) {
        fake_systemd_begin_reload(f);
        fake_systemd_end_reload(f);
}

void fake_systemd_hold_collection(FakeSystemd *f) {
        f->hold_collection = true;
}

unsigned fake_systemd_collect(FakeSystemd *f) {
        unsigned n = 0;

        STRV_FOREACH(name, f->glanced) {
                fake_unit_signal(f, "UnitRemoved", *name);
                n++;
        }
        strv_free(TAKE_PTR(f->glanced));
        return n;
}

void fake_systemd_set_foreign_jobs(FakeSystemd *f, unsigned n) {
        f->n_foreign_jobs = n;
}

void fake_systemd_set_jobs(FakeSystemd *f, FakeJobs jobs) {
        f->jobs = jobs;
}

void fake_systemd_set_job_result(FakeSystemd *f, const char *result) {
        set(&f->job_result, result);
}

void fake_systemd_set_failure_status(FakeSystemd *f, int status) {
        f->failure_status = status;
}

static void send_job_removed(FakeSystemd *f, const char *sender, uint32_t id, const char *name, const char *result) {
        char path[64];

        (void) snprintf(path, sizeof(path), MANAGER_PATH "/job/%u", id);
        fake_broadcast(f, sender, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", "uoss", id, path, name, result);
}

static void unit_apply_result(FakeSystemd *f, FakeUnit *u, const char *type, const char *result) {
        if (streq(result, "done")) {
                set(&u->result, "success");
                if (streq(type, "stop") || streq(u->type, "oneshot"))
                        unit_change(f, u, "inactive", "dead");
                else {
                        u->active_enter = 0;
                        set(&u->active_state, "activating");
                        unit_change(f, u, "active", "running");
                }
        } else if (streq(result, "failed"))
                unit_fail(f, u, f->failure_status);
        else if (streq(u->active_state, "activating"))
                unit_change(f, u, "inactive", "dead");
}

/* The unit's last state is announced before the end of its job. */
void fake_job_finish(FakeSystemd *f, const char *name, const char *result) {
        _cleanup_free_ char *type = NULL;
        FakeUnit *u = unit_get(f, name);
        uint32_t id = u->job;

        fake_check(id != 0);
        u->job = 0;
        type = TAKE_PTR(u->job_type);
        unit_apply_result(f, u, type, result);
        send_job_removed(f, NULL, id, u->name, result);
        fake_unit_collect(f, u);
}

/* Queues a job; a pending one of another kind is cancelled, as mode "replace" does. */
uint32_t fake_job_new(FakeSystemd *f, FakeUnit *u, const char *type) {
        fake_unit_load(f, u);
        if (u->job != 0) {
                if (streq(u->job_type, type))
                        return u->job;
                send_job_removed(f, NULL, u->job, u->name, "canceled");
        }
        u->job = ++f->last_job;
        set(&u->job_type, type);
        if (streq(type, "stop")) {
                u->n_stops++;
                if (streq(u->active_state, "active"))
                        unit_change(f, u, "deactivating", "stop-sigterm");
        } else {
                u->n_starts++;
                unit_change(f, u, "activating", "start");
        }
        return u->job;
}

void fake_unit_queue_job(FakeSystemd *f, const char *name, const char *type) {
        (void) fake_job_new(f, unit_get(f, name), type);
}

void fake_systemd_send_foreign_jobs(FakeSystemd *f, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                send_job_removed(f, NULL, 1000000 + i, "foreign.service", "failed");
}

void fake_systemd_spoof_job_removed(FakeSystemd *f, uint32_t id, const char *name, const char *result) {
        send_job_removed(f, ":1.666", id, name, result);
}

void fake_systemd_spoof_state(FakeSystemd *f, const char *name, const char *active_state) {
        fake_unit_announce(f, unit_get(f, name), ":1.666", active_state);
}
