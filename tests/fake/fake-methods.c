/* SPDX-License-Identifier: Apache-2.0 */
/* What the fake answers: the manager's methods and the properties of units. */
#include "fake/fake-internal.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/strv.h"

#define SYSTEMD_ERROR(name) "org.freedesktop.systemd1." name
#define DBUS_ERROR(name)    "org.freedesktop.DBus.Error." name

static int append_row(sd_bus_message *reply, const FakeUnit *u, const char *name) {
        _cleanup_free_ char *path = fake_unit_path(u ? u->name : name);

        return sd_bus_message_append(reply, "(ssssssouso)", u ? u->name : name, u ? u->description : name,
                        u ? u->load_state : "not-found", u ? u->active_state : "inactive", u ? u->sub_state : "dead",
                        "", path, u ? u->job : 0, u && u->job ? u->job_type : "", "/");
}

static int send_rows(sd_bus_message *reply) {
        fake_check(sd_bus_message_close_container(reply) >= 0);
        return sd_bus_send(NULL, reply, NULL);
}

static sd_bus_message *new_rows(sd_bus_message *m) {
        sd_bus_message *reply;

        fake_check(sd_bus_message_new_method_return(m, &reply) >= 0);
        fake_check(sd_bus_message_open_container(reply, 'a', "(ssssssouso)") >= 0);
        return reply;
}

static int method_subscribe(FakeConnection *c, sd_bus_message *m) {
        if (c->subscribed)
                return sd_bus_reply_method_errorf(
                                m, SYSTEMD_ERROR("AlreadySubscribed"), "Client is already subscribed.");
        c->subscribed = true;
        return sd_bus_reply_method_return(m, NULL);
}

static int method_list_units(FakeConnection *c, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = new_rows(m);

        LIST_FOREACH(u, &c->fake->units, FakeUnit, units)
                if (u->loaded)
                        fake_check(append_row(reply, u, NULL) >= 0);
        return send_rows(reply);
}

static int method_list_units_by_patterns(FakeConnection *c, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = new_rows(m);
        _cleanup_strv_free_ char **states = NULL, **patterns = NULL;

        fake_check(sd_bus_message_read_strv(m, &states) >= 0 && strv_length(states) == 0);
        fake_check(sd_bus_message_read_strv(m, &patterns) >= 0 && strv_length(patterns) > 0);
        LIST_FOREACH(u, &c->fake->units, FakeUnit, units) {
                bool matches = false;

                STRV_FOREACH(p, patterns)
                        matches |= fnmatch(*p, u->name, FNM_NOESCAPE) == 0;
                if (u->loaded && matches)
                        fake_check(append_row(reply, u, NULL) >= 0);
        }
        return send_rows(reply);
}

/* Asking for it loads the unit until the next collection. */
static void glance(FakeSystemd *f, const char *name) {
        FakeUnit *u = fake_systemd_find(f, name);

        if (u && u->loaded)
                return;
        fake_unit_signal(f, "UnitNew", u ? u->name : name);
        if (f->hold_collection)
                fake_check(strv_extend(&f->glanced, u ? u->name : name) >= 0);
        else
                fake_unit_signal(f, "UnitRemoved", u ? u->name : name);
}

static int method_list_units_by_names(FakeConnection *c, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = new_rows(m);
        _cleanup_strv_free_ char **names = NULL;
        int r;

        fake_check(sd_bus_message_read_strv(m, &names) >= 0);
        STRV_FOREACH(n, names)
                fake_check(append_row(reply, fake_systemd_find(c->fake, *n), *n) >= 0);
        r = send_rows(reply);
        STRV_FOREACH(i, names)
                glance(c->fake, *i);
        return r;
}

static int reply_job(FakeConnection *c, sd_bus_message *m, FakeUnit *u, const char *type) {
        _cleanup_free_ char *name = NULL;
        FakeSystemd *f = c->fake;
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), MANAGER_PATH "/job/%u", fake_job_new(f, u, type));
        name = strdup(u->name);
        fake_check(name);
        if (f->jobs == FAKE_JOBS_EARLY) {
                fake_job_finish(f, name, f->job_result);
                fake_systemd_send_foreign_jobs(f, f->n_foreign_jobs);
        }
        r = sd_bus_reply_method_return(m, "o", path);
        if (f->jobs == FAKE_JOBS_AT_ONCE)
                fake_job_finish(f, name, f->job_result);
        return r;
}

static int queue_job(FakeConnection *c, sd_bus_message *m, const char *type) {
        const char *name, *mode;
        FakeUnit *u;

        fake_check(sd_bus_message_read(m, "ss", &name, &mode) >= 0 && streq(mode, "replace"));
        u = fake_systemd_find(c->fake, name);
        if (!u || (streq(type, "stop") && !u->loaded))
                return sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("NoSuchUnit"),
                                streq(type, "stop") ? "Unit %s not loaded." : "Unit %s not found.", name);
        if (streq(u->load_state, "masked"))
                return sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("UnitMasked"), "Unit %s is masked.", name);
        if (!streq(u->load_state, "loaded"))
                return sd_bus_reply_method_errorf(
                                m, SYSTEMD_ERROR("LoadFailed"), "Unit %s failed to load properly.", name);
        return reply_job(c, m, u, type);
}

static int method_start_unit(FakeConnection *c, sd_bus_message *m) {
        return queue_job(c, m, "start");
}

static int method_stop_unit(FakeConnection *c, sd_bus_message *m) {
        return queue_job(c, m, "stop");
}

static int method_restart_unit(FakeConnection *c, sd_bus_message *m) {
        return queue_job(c, m, "restart");
}

/* The unit that a method names, which must be loaded; NULL when the error was sent. */
static FakeUnit *loaded_unit(FakeConnection *c, sd_bus_message *m, const char *name) {
        FakeUnit *u = fake_systemd_find(c->fake, name);

        if (u && u->loaded)
                return u;
        fake_check(sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("NoSuchUnit"), "Unit %s not loaded.", name) >= 0);
        return NULL;
}

static int method_kill_unit(FakeConnection *c, sd_bus_message *m) {
        const char *name, *who;
        int32_t number;
        FakeUnit *u;

        fake_check(sd_bus_message_read(m, "ssi", &name, &who, &number) >= 0);
        fake_check(streq(who, "all") || streq(who, "main") || streq(who, "control"));
        if (number < 1 || number > 64)
                return sd_bus_reply_method_errorf(m, DBUS_ERROR("InvalidArgs"), "Signal number out of range.");
        u = loaded_unit(c, m, name);
        if (!u)
                return 1;
        if (u->has_no_main && streq(who, "main"))
                return sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("NoSuchProcess"), "No main process to kill");
        u->last_signal = number;
        u->last_whom = streq(who, "all") ? "all" : streq(who, "main") ? "main" : "control";
        return sd_bus_reply_method_return(m, NULL);
}

static int method_reset_failed_unit(FakeConnection *c, sd_bus_message *m) {
        const char *name;
        FakeUnit *u;
        int r;

        fake_check(sd_bus_message_read(m, "s", &name) >= 0);
        u = loaded_unit(c, m, name);
        if (!u)
                return 1;
        r = sd_bus_reply_method_return(m, NULL);
        if (streq(u->active_state, "failed"))
                fake_unit_set_state(c->fake, u->name, "inactive", "dead");
        return r;
}

static int freezer_action(FakeConnection *c, sd_bus_message *m, const char *state) {
        const char *name;
        FakeUnit *u;

        fake_check(sd_bus_message_read(m, "s", &name) >= 0);
        u = loaded_unit(c, m, name);
        if (!u)
                return 1;
        if (!endswith(u->name, ".service"))
                return sd_bus_reply_method_errorf(
                                m, DBUS_ERROR("NotSupported"), "Unit '%s' does not support freezing.", name);
        if (!streq(u->active_state, "active"))
                return sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("UnitInactive"), "Unit is not active.");
        if (u->job != 0)
                return sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("UnitBusy"), "Unit has a pending job.");
        fake_unit_set_freezer_state(c->fake, u->name, state);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_freeze_unit(FakeConnection *c, sd_bus_message *m) {
        return freezer_action(c, m, "frozen");
}

static int method_thaw_unit(FakeConnection *c, sd_bus_message *m) {
        return freezer_action(c, m, "running");
}

static int method_ref_unit(FakeConnection *c, sd_bus_message *m) {
        const char *name;
        FakeUnit *u;

        fake_check(sd_bus_message_read(m, "s", &name) >= 0);
        u = loaded_unit(c, m, name);
        if (!u)
                return 1;
        u->n_references++;
        return sd_bus_reply_method_return(m, NULL);
}

static int method_unref_unit(FakeConnection *c, sd_bus_message *m) {
        const char *name;
        FakeUnit *u;

        fake_check(sd_bus_message_read(m, "s", &name) >= 0);
        u = fake_systemd_find(c->fake, name);
        if (!u || u->n_references == 0)
                return sd_bus_reply_method_errorf(
                                m, SYSTEMD_ERROR("NotReferenced"), "Unit has not been referenced yet.");
        u->n_references--;
        fake_unit_collect(c->fake, u);
        return sd_bus_reply_method_return(m, NULL);
}

static int read_exec_start(sd_bus_message *m, FakeUnit *u) {
        const char *path;
        int ignore;

        if (sd_bus_message_enter_container(m, 'v', "a(sasb)") < 0 ||
                        sd_bus_message_enter_container(m, 'a', "(sasb)") < 0 ||
                        sd_bus_message_enter_container(m, 'r', "sasb") < 0 || sd_bus_message_read(m, "s", &path) < 0 ||
                        sd_bus_message_read_strv(m, &u->argv) < 0 || sd_bus_message_read(m, "b", &ignore) < 0)
                return -EINVAL;
        fake_check(streq(path, u->argv[0]) && !ignore);
        for (int i = 0; i < 3; i++)
                fake_check(sd_bus_message_exit_container(m) >= 0);
        return 0;
}

static int read_string_property(sd_bus_message *m, const char *property, FakeUnit *u) {
        _cleanup_free_ char *terminal = NULL;
        const struct {
                const char *property;
                char **field;
        } fields[] = {
                { "Description", &u->description },
                { "Type", &u->type },
                { "WorkingDirectory", &u->working_directory },
                { "Slice", &u->slice },
                { "User", &u->user },
                { "TTYPath", &u->tty },
                { "StandardInput", &terminal },
                { "StandardOutput", &terminal },
                { "StandardError", &terminal },
        };
        const char *value;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (streq(property, fields[i].property)) {
                        if (sd_bus_message_read(m, "v", "s", &value) < 0)
                                return -EINVAL;
                        return str_replace(fields[i].field, value);
                }
        if (!streq(property, "CollectMode") || sd_bus_message_read(m, "v", "s", &value) < 0)
                return -EINVAL;
        u->collect = streq(value, "inactive-or-failed");
        return 0;
}

static int read_strv(sd_bus_message *m, char ***ret) {
        strv_free(TAKE_PTR(*ret));
        if (sd_bus_message_enter_container(m, 'v', "as") < 0 || sd_bus_message_read_strv(m, ret) < 0)
                return -EINVAL;
        return sd_bus_message_exit_container(m);
}

static int read_stdio(sd_bus_message *m, const char *property, FakeUnit *u) {
        static const char *const properties[] = { "StandardInputFileDescriptor", "StandardOutputFileDescriptor",
                "StandardErrorFileDescriptor" };
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(property, properties[i])) {
                        if (sd_bus_message_read(m, "v", "h", &fd) < 0)
                                return -EINVAL;
                        u->stdio[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                        fake_check(u->stdio[i] >= 0);
                        return 1;
                }
        return 0;
}

/* Its text, as the manager reads it: when the unit starts. */
static int read_environment_file(sd_bus_message *m, FakeUnit *u) {
        const char *path;
        int optional;

        if (sd_bus_message_read(m, "v", "a(sb)", 1, &path, &optional) < 0 || optional)
                return -EINVAL;
        return file_read(path, 65536, &u->environment_file, NULL);
}

/* 1 when it is one of them. */
static int read_number_property(sd_bus_message *m, const char *property, FakeUnit *u) {
        const struct {
                const char *property;
                uint64_t *value;
        } numbers[] = {
                { "TimeoutStopUSec", &u->stop_usec },
                { "RuntimeMaxUSec", &u->runtime_max_usec },
                { "TasksMax", &u->tasks_max },
                { "MemoryMax", &u->memory_max },
        };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (streq(property, numbers[i].property))
                        return sd_bus_message_read(m, "v", "t", numbers[i].value) < 0 ? -EINVAL : 1;
        return 0;
}

/* What it may not do, in the types that the manager takes. */
static int read_wall(sd_bus_message *m, const char *property, FakeUnit *u) {
        static const struct {
                const char *property, *type;
        } walls[] = {
                { "DynamicUser", "b" },
                { "NoNewPrivileges", "b" },
                { "LockPersonality", "b" },
                { "MemoryDenyWriteExecute", "b" },
                { "PrivateDevices", "b" },
                { "PrivateIPC", "b" },
                { "PrivateTmp", "b" },
                { "ProtectClock", "b" },
                { "ProtectControlGroups", "b" },
                { "ProtectHostname", "b" },
                { "ProtectKernelLogs", "b" },
                { "ProtectKernelModules", "b" },
                { "ProtectKernelTunables", "b" },
                { "RestrictRealtime", "b" },
                { "RestrictSUIDSGID", "b" },
                { "ProtectHome", "s" },
                { "ProtectSystem", "s" },
                { "ProtectProc", "s" },
                { "ProcSubset", "s" },
                { "KeyringMode", "s" },
                { "CapabilityBoundingSet", "t" },
                { "RestrictNamespaces", "t" },
                { "LimitFSIZE", "t" },
                { "RestrictAddressFamilies", "(bas)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(walls); i++)
                if (streq(property, walls[i].property)) {
                        u->n_walls++;
                        if (sd_bus_message_verify_type(m, 'v', walls[i].type) <= 0)
                                return -EINVAL;
                        return sd_bus_message_skip(m, "v") < 0 ? -EINVAL : 1;
                }
        return 0;
}

static int read_property(sd_bus_message *m, const char *property, FakeUnit *u) {
        char **ignored = NULL;
        int flag, r;

        r = read_stdio(m, property, u);
        if (r == 0)
                r = read_wall(m, property, u);
        if (r != 0)
                return MIN(r, 0);

        if (streq(property, "ExecStart"))
                return read_exec_start(m, u);
        if (streq(property, "Environment"))
                return read_strv(m, &u->environment);
        if (streq(property, "EnvironmentFiles"))
                return read_environment_file(m, u);
        if (streq(property, "BindsTo"))
                return read_strv(m, &u->binds_to);
        if (streq(property, "After")) {
                r = read_strv(m, &ignored);
                strv_free(ignored);
                return r;
        }
        r = read_number_property(m, property, u);
        if (r != 0)
                return MIN(r, 0);
        if (streq(property, "AddRef")) {
                if (sd_bus_message_read(m, "v", "b", &flag) < 0)
                        return -EINVAL;
                u->n_references += flag;
                return 0;
        }
        return read_string_property(m, property, u);
}

static int method_start_transient_unit(FakeConnection *c, sd_bus_message *m) {
        const char *name, *mode, *property;
        FakeUnit *u;
        int r;

        fake_check(sd_bus_message_read(m, "ss", &name, &mode) >= 0);
        if (fake_systemd_find(c->fake, name))
                return sd_bus_reply_method_errorf(m, SYSTEMD_ERROR("UnitExists"),
                                "Unit %s was already loaded or has a fragment file.", name);
        u = fake_unit_new(c->fake, name);
        u->transient = true;
        u->referrer = c;
        fake_check(sd_bus_message_enter_container(m, 'a', "(sv)") >= 0);
        while (sd_bus_message_enter_container(m, 'r', "sv") > 0) {
                fake_check(sd_bus_message_read(m, "s", &property) >= 0);
                r = read_property(m, property, u);
                if (r < 0) {
                        r = sd_bus_reply_method_errorf(m, DBUS_ERROR("PropertyReadOnly"),
                                        "Cannot set property %s, or unknown property.", property);
                        u->n_references = 0;
                        u->loaded = true;
                        fake_unit_collect(c->fake, u);
                        return r;
                }
                fake_check(sd_bus_message_exit_container(m) >= 0);
        }
        return reply_job(c, m, u, "start");
}

static int reply_unit_property(FakeConnection *c, sd_bus_message *m, const FakeUnit *u, const char *property) {
        const struct {
                const char *property, *value;
        } strings[] = {
                { "FreezerState", u ? u->freezer_state : "running" },
                { "ActiveState", u ? u->active_state : "inactive" },
                { "ControlGroup", strempty(u ? u->control_group : NULL) },
                { "Result", u ? u->result : "success" },
        };
        char path[64];

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                if (streq(property, strings[i].property) && !(i == 0 && c->fake->no_freezer))
                        return sd_bus_reply_method_return(m, "v", "s", strings[i].value);
        if (streq(property, "ExecMainPID"))
                return sd_bus_reply_method_return(m, "v", "u", u && u->loaded ? FAKE_PID : 0);
        if (streq(property, "ExecMainStatus"))
                return sd_bus_reply_method_return(m, "v", "i", u ? u->exec_main_status : 0);
        if (streq(property, "ExecMainCode"))
                return sd_bus_reply_method_return(m, "v", "i", u ? u->exec_main_code : 0);
        if (streq(property, "ActiveEnterTimestampMonotonic"))
                return sd_bus_reply_method_return(m, "v", "t", u ? u->active_enter : 0);
        if (streq(property, "InactiveExitTimestampMonotonic"))
                return sd_bus_reply_method_return(m, "v", "t", u ? u->inactive_exit : 0);
        if (streq(property, "CPUUsageNSec"))
                return sd_bus_reply_method_return(m, "v", "t", u ? u->cpu_usage_nsec : UINT64_MAX);
        if (streq(property, "MemoryCurrent"))
                return sd_bus_reply_method_return(m, "v", "t", u ? u->memory_current : UINT64_MAX);
        if (streq(property, "Job")) {
                (void) snprintf(path, sizeof(path), MANAGER_PATH "/job/%u", u ? u->job : 0);
                return sd_bus_reply_method_return(m, "v", "(uo)", u ? u->job : 0, u && u->job ? path : "/");
        }
        return sd_bus_reply_method_errorf(m, DBUS_ERROR("UnknownProperty"), "Unknown property '%s'.", property);
}

static int method_get(FakeConnection *c, sd_bus_message *m) {
        _cleanup_free_ char *name = NULL;
        const char *interface, *property;
        int r;

        fake_check(sd_bus_message_read(m, "ss", &interface, &property) >= 0);
        if (sd_bus_path_decode(sd_bus_message_get_path(m), "/org/freedesktop/systemd1/unit", &name) <= 0)
                return sd_bus_reply_method_errorf(m, DBUS_ERROR("UnknownObject"), "Unknown object.");
        r = reply_unit_property(c, m, fake_systemd_find(c->fake, name), property);
        glance(c->fake, name);
        return r;
}

static const struct {
        const char *member;
        int (*method)(FakeConnection *c, sd_bus_message *m);
} methods[] = {
        { "Subscribe", method_subscribe },
        { "ListUnits", method_list_units },
        { "ListUnitsByPatterns", method_list_units_by_patterns },
        { "ListUnitsByNames", method_list_units_by_names },
        { "StartUnit", method_start_unit },
        { "StopUnit", method_stop_unit },
        { "RestartUnit", method_restart_unit },
        { "KillUnit", method_kill_unit },
        { "ResetFailedUnit", method_reset_failed_unit },
        { "FreezeUnit", method_freeze_unit },
        { "ThawUnit", method_thaw_unit },
        { "RefUnit", method_ref_unit },
        { "UnrefUnit", method_unref_unit },
        { "StartTransientUnit", method_start_transient_unit },
        { "Get", method_get },
};

static void count(FakeSystemd *f, const char *member) {
        for (unsigned i = 0; i < f->n_counts; i++)
                if (streq(f->counts[i].member, member)) {
                        f->counts[i].n++;
                        return;
                }
        fake_check(f->n_counts < CALLS_MAX);
        (void) snprintf(f->counts[f->n_counts].member, sizeof(f->counts[0].member), "%s", member);
        f->counts[f->n_counts++].n = 1;
}

static int dispatch(FakeConnection *c, sd_bus_message *m) {
        const char *member = sd_bus_message_get_member(m);
        FakeSystemd *f = c->fake;
        int r;

        if (f->fail_member && streq(f->fail_member, member)) {
                free(TAKE_PTR(f->fail_member));
                return sd_bus_reply_method_errorf(m, f->fail_error, "%s", f->fail_message);
        }
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i].member, member))
                        return methods[i].method(c, m);
        r = fake_machine_handle(c, m);
        if (r != 0)
                return r;
        return sd_bus_reply_method_errorf(m, DBUS_ERROR("UnknownMethod"), "Unknown method '%s'.", member);
}

int fake_handle(FakeConnection *c, sd_bus_message *m) {
        const char *member = sd_bus_message_get_member(m);
        FakeSystemd *f = c->fake;
        FakeHeld *h;

        count(f, member);
        if (!f->hold_member || !streq(f->hold_member, member))
                return dispatch(c, m);
        h = mem_new0(FakeHeld, 1);
        fake_check(h);
        h->call = sd_bus_message_ref(m);
        h->connection = c;
        list_append(&f->held, &h->held);
        return 1;
}

void fake_systemd_fail_next(FakeSystemd *f, const char *member, const char *error, const char *message) {
        fake_check(str_replace(&f->fail_member, member) >= 0);
        fake_check(str_replace(&f->fail_error, error) >= 0);
        fake_check(str_replace(&f->fail_message, message) >= 0);
}

void fake_systemd_hold(FakeSystemd *f, const char *member) {
        fake_check(str_replace(&f->hold_member, member) >= 0);
}

void fake_systemd_release(FakeSystemd *f) {
        free(TAKE_PTR(f->hold_member));
        while (!list_is_empty(&f->held)) {
                FakeHeld *h = LIST_ITEM(f->held.next, FakeHeld, held);

                list_remove(&h->held);
                (void) dispatch(h->connection, h->call);
                sd_bus_message_unref(h->call);
                free(h);
        }
}

unsigned fake_systemd_count_calls(const FakeSystemd *f, const char *member) {
        unsigned n = 0;

        for (unsigned i = 0; i < f->n_counts; i++)
                if (*member == 0 || streq(f->counts[i].member, member))
                        n += f->counts[i].n;
        return n;
}
