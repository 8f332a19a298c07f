/* SPDX-License-Identifier: Apache-2.0 */
/* An agent for the tests of the admin: systemd.UnitControlService over units that exist only here. It pushes as ours
 * do, or knows nothing of that, as those before us. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctap.pb-c.h"
#include "event/fiber.h"
#include "exec.pb-c.h"
#include "hwid.pb-c.h"
#include "journal.pb-c.h"
#include "locale.pb-c.h"
#include "notify.pb-c.h"
#include "policyadmin.pb-c.h"
#include "rpc/server.h"
#include "stats.pb-c.h"
#include "systemd.pb-c.h"
#include "wifimanager.pb-c.h"

typedef struct FakeUnit {
        char *name;
        const char *load, *active, *sub, *freezer;
        const char *alias_of; /* the name that it is answered by; NULL: its own */
} FakeUnit;

typedef struct FakeAgent {
        RpcServer *server;
        char *path;
        Map *units;
        bool pushes;                /* else WatchUnits is UNIMPLEMENTED */
        const char *refuses;        /* why every action fails, as an agent before us says it */
        bool stuck;                 /* actions are answered and change nothing */
        bool silent;                /* actions are never answered */
        bool tells_nothing;         /* nor is GetUnitStatus */
        const char *merges_into;    /* StartApplication answers with this unit */
        const char *starts_in;      /* ActiveState of what was started; NULL: active */
        const char *units_start_in; /* ActiveState after StartUnit; NULL: active */
        const char *units_stop_in;  /* ActiveState after StopUnit; NULL: inactive */
        const char *holds;          /* StartUnit or StopUnit of this unit is answered when it is let go */
        Promise let_go;
        RpcCode settings_code; /* how settings and notifications are refused; RPC_OK: not */
        unsigned n_settings;
        char *locale, *timezone, *notification, *policy; /* what it was told last */
        unsigned n_policies;
        const char *policy_status; /* NULL: it is taken */
        bool holds_policy;         /* it answers when it is let go */
        unsigned n_starts, n_polls, n_unit_starts;
        unsigned n_kills;
        int last_signal; /* of KillUnit, -1: it did not say */
        char last_whom[16];
        unsigned n_watchers;
        unsigned n_waiting;                     /* calls that are not answered, or not yet */
        unsigned n_journals;                    /* that are read */
        unsigned n_lines;                       /* of each */
        unsigned n_lines_sent;                  /* of the last */
        const char *tool_says, *tool_complains; /* the command "ota-update", by bytes of tool_chunk at once */
        size_t tool_chunk;
        int tool_status;
        char tool_arguments[256], tool_variables[256]; /* what it was given */
        unsigned n_commands;                           /* that run */
        bool command_ended;                            /* the last one had its end of input */
        size_t line_size;                              /* 0: as long as "line N" is */
        char *event_unit;                              /* the change to push: one at a time is enough here */
        bool event_gone;
        Promise event;
} FakeAgent;

static inline FakeUnit *fake_unit(FakeAgent *a, const char *name) {
        return map_get(a->units, name);
}

static inline FakeUnit *fake_unit_add(FakeAgent *a, const char *name, const char *active, const char *sub) {
        FakeUnit *u = fake_unit(a, name);

        if (!u) {
                u = mem_new0(FakeUnit, 1);
                assert_non_null(u);
                u->name = strdup(name);
                assert_int_equal(map_put(a->units, name, u), 0);
        }
        u->load = "loaded";
        u->active = active;
        u->sub = sub;
        u->freezer = "running";
        return u;
}

static inline void fake_unit_forget(FakeAgent *a, const char *name) {
        FakeUnit *u = map_remove(a->units, name);

        if (u)
                free(u->name);
        free(u);
}

/* Tells the watcher that the unit changed, or is gone. */
static inline void fake_agent_push(FakeAgent *a, const char *name, bool gone) {
        free(a->event_unit);
        a->event_unit = strdup(name);
        a->event_gone = gone;
        promise_resolve(&a->event, 0);
}

static inline void fake_fill(Systemd__UnitStatus *s, const FakeUnit *u, const char *name) {
        systemd__unit_status__init(s);
        s->name = (char *) name;
        s->description = (char *) "Fake unit";
        s->loadstate = (char *) (u ? u->load : "not-found");
        s->activestate = (char *) (u ? u->active : "inactive");
        s->substate = (char *) (u ? u->sub : "dead");
        s->path = (char *) "/fake";
        s->freezerstate = (char *) (u ? u->freezer : "running");
}

static inline int fake_reply(RpcCall *call, FakeAgent *a, const char *name) {
        Systemd__UnitResponse response = SYSTEMD__UNIT_RESPONSE__INIT;
        Systemd__UnitStatus status;

        fake_fill(&status, fake_unit(a, name), name);
        if (fake_unit(a, name) && fake_unit(a, name)->alias_of)
                status.name = (char *) fake_unit(a, name)->alias_of;
        response.unitstatus = &status;
        return rpc_call_reply(call, &response);
}

static inline int fake_hold_wait(FakeAgent *a, Promise *p) {
        int r;

        a->n_waiting++;
        r = promise_wait(p);
        a->n_waiting--;
        return r;
}

static inline int fake_begin(FakeAgent *a, RpcStatus *reterr) {
        Promise never = {};

        if (a->silent)
                return fake_hold_wait(a, &never);
        return a->refuses ? rpc_error(reterr, RPC_UNKNOWN, "cannot do that: %s", a->refuses) : 0;
}

static inline int fake_get_unit_status(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        FakeAgent *a = userdata;
        Promise never = {};

        a->n_polls++;
        if (a->tells_nothing)
                return fake_hold_wait(a, &never);
        if (!fake_unit(a, req->unitname))
                return rpc_error(reterr, RPC_NOT_FOUND, "No unit '%s'.", req->unitname);
        return fake_reply(call, a, req->unitname);
}

static inline int fake_set(RpcCall *call, FakeAgent *a, const char *name, const char *active, const char *sub,
                const char *freezer, RpcStatus *reterr) {
        FakeUnit *u = fake_unit(a, name);
        int r = fake_begin(a, reterr);

        if (r < 0)
                return r;
        if (!u)
                return rpc_error(reterr, RPC_NOT_FOUND, "No unit '%s'.", name);
        if (!a->stuck) {
                u->active = active;
                u->sub = sub;
                u->freezer = freezer;
                fake_agent_push(a, name, false);
        }
        return fake_reply(call, a, name);
}

static inline int fake_unfreeze_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;

        return fake_set(call, userdata, req->unitname, "active", "running", "running", reterr);
}

static inline int fake_start_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        FakeAgent *a = userdata;
        int r = 0;

        a->n_unit_starts++;
        if (a->holds && streq(a->holds, req->unitname))
                r = fake_hold_wait(a, &a->let_go);
        if (r < 0)
                return r;
        if (a->units_start_in)
                return fake_set(call, a, req->unitname, a->units_start_in, "dead", "running", reterr);
        return fake_unfreeze_unit(call, request, reterr, userdata);
}

static inline int fake_stop_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        FakeAgent *a = userdata;
        int r = 0;

        if (a->holds && streq(a->holds, req->unitname))
                r = fake_hold_wait(a, &a->let_go);
        if (r < 0)
                return r;
        return fake_set(call, a, req->unitname, a->units_stop_in ? a->units_stop_in : "inactive", "dead", "running",
                        reterr);
}

static inline int fake_kill_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        FakeAgent *a = userdata;

        a->n_kills++;
        a->last_signal = req->has_signal_case ? req->signal : -1;
        (void) snprintf(a->last_whom, sizeof(a->last_whom), "%s", req->has_whom_case ? req->whom : "");
        return fake_set(call, a, req->unitname, "inactive", "dead", "running", reterr);
}

static inline int fake_freeze_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;

        return fake_set(call, userdata, req->unitname, "active", "running", "frozen", reterr);
}

static inline int fake_other(
                _unused_ RpcCall *call, _unused_ const void *request, RpcStatus *reterr, _unused_ void *userdata) {
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "Not in the tests.");
}

static inline int fake_start_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__AppUnitRequest *req = request;
        FakeAgent *a = userdata;
        const char *active = a->starts_in ? a->starts_in : "active";
        const char *name = a->merges_into ? a->merges_into : req->unitname;
        int r = fake_begin(a, reterr);

        if (r < 0)
                return r;
        a->n_starts++;
        if (!a->merges_into && fake_unit(a, name) && streq(fake_unit(a, name)->active, "activating"))
                return rpc_error(reterr, RPC_ALREADY_EXISTS, "Unit '%s' exists already.", name);
        fake_unit_add(a, name, active, streq(active, "active") ? "running" : "dead");
        if (!a->starts_in)
                fake_agent_push(a, name, false);
        return fake_reply(call, a, name);
}

static inline int fake_send_event_wait(RpcCall *call, FakeAgent *a) {
        _cleanup_free_ char *name = TAKE_PTR(a->event_unit);
        Systemd__UnitEvent event = SYSTEMD__UNIT_EVENT__INIT;
        Systemd__UnitStatus status;

        if (a->event_gone) {
                event.event_case = SYSTEMD__UNIT_EVENT__EVENT_REMOVED;
                event.removed = name;
        } else {
                fake_fill(&status, fake_unit(a, name), name);
                event.event_case = SYSTEMD__UNIT_EVENT__EVENT_CHANGED;
                event.changed = &status;
        }
        return rpc_call_send_wait(call, &event);
}

static inline int fake_watch_units(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        FakeAgent *a = userdata;
        Systemd__UnitStatus statuses[16], *pointers[16];
        Systemd__UnitSnapshot snapshot = SYSTEMD__UNIT_SNAPSHOT__INIT;
        Systemd__UnitEvent event = SYSTEMD__UNIT_EVENT__INIT;
        int r;

        if (!a->pushes)
                return rpc_error(reterr, RPC_UNIMPLEMENTED, "unknown method WatchUnits");
        MAP_FOREACH(u, a->units, FakeUnit) {
                assert_true(snapshot.n_units < ELEMENTSOF(statuses));
                fake_fill(&statuses[snapshot.n_units], u, u->name);
                pointers[snapshot.n_units] = &statuses[snapshot.n_units];
                snapshot.n_units++;
        }
        snapshot.units = pointers;
        snapshot.complete = true;
        event.event_case = SYSTEMD__UNIT_EVENT__EVENT_INITIAL;
        event.initial = &snapshot;
        a->n_watchers++;
        a->event = (Promise){};
        r = rpc_call_send_wait(call, &event);
        while (r >= 0) {
                r = promise_wait(&a->event);
                a->event = (Promise){};
                if (r >= 0)
                        r = fake_send_event_wait(call, a);
        }
        a->n_watchers--;
        return r;
}

static const RpcMethod fake_methods[] = {
        { "GetUnitStatus", RPC_UNARY, fake_get_unit_status },
        { "StartUnit", RPC_UNARY, fake_start_unit },
        { "StopUnit", RPC_UNARY, fake_stop_unit },
        { "KillUnit", RPC_UNARY, fake_kill_unit },
        { "FreezeUnit", RPC_UNARY, fake_freeze_unit },
        { "UnfreezeUnit", RPC_UNARY, fake_unfreeze_unit },
        { "MonitorUnit", RPC_SERVER_STREAM, fake_other },
        { "StartApplication", RPC_UNARY, fake_start_application },
        { "WatchUnits", RPC_SERVER_STREAM, fake_watch_units },
        {},
};

/* "line N" of the unit in the VM that was asked for; follows for ever. */
static inline int fake_send_lines_wait(RpcCall *call, const Journal__JournalRequest *req, FakeAgent *a) {
        _cleanup_free_ char *text = mem_alloc_multiply(1, a->line_size + 32, true);
        Promise never = {};
        int r = 0;

        assert_non_null(text);
        for (a->n_lines_sent = 0; r >= 0 && a->n_lines_sent < a->n_lines; a->n_lines_sent++) {
                Journal__JournalEntry entry = JOURNAL__JOURNAL_ENTRY__INIT;

                memset(text, 'x', a->line_size);
                (void) sprintf(text + a->line_size, "line %u", a->n_lines_sent);
                entry.unitname = req->unitname;
                entry.identifier = req->vmname;
                entry.message = text;
                r = rpc_call_send_wait(call, &entry);
        }
        return r >= 0 && req->follow ? promise_wait(&never) : r;
}

static inline int fake_read_journal(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Journal__JournalRequest *req = request;
        FakeAgent *a = userdata;
        int r;

        if (!isempty(req->unitname) && !fake_unit(a, req->unitname))
                return rpc_error(reterr, RPC_NOT_FOUND, "Unit '%s' is not exposed by this agent.", req->unitname);
        a->n_journals++;
        r = fake_send_lines_wait(call, req, a);
        a->n_journals--;
        return r;
}

static const RpcMethod fake_journal_methods[] = {
        { "ReadJournal", RPC_SERVER_STREAM, fake_read_journal },
        {},
};

static const RpcService fake_journal_service = { &journal__journal_service__descriptor, fake_journal_methods };

/* Says back what it reads; its status is the number of bytes, as soon as there are no more. "deny" is refused. */
static inline int fake_echo_wait(RpcCall *call, FakeAgent *a) {
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;
        Exec__FinishedEvent finished = EXEC__FINISHED_EVENT__INIT;
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;
        const Exec__CommandRequest *request;
        int r;

        while ((r = rpc_call_receive_wait(call, &request)) > 0) {
                io.payload = request->stdin->payload;
                finished.returncode += (int) io.payload.len;
                response.event_case = EXEC__COMMAND_RESPONSE__EVENT_STDOUT;
                response.stdout = &io;
                r = rpc_call_send_wait(call, &response);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        a->command_ended = true;
        response.event_case = EXEC__COMMAND_RESPONSE__EVENT_FINISHED;
        response.finished = &finished;
        return rpc_call_send_wait(call, &response);
}

static inline int fake_say_wait(RpcCall *call, Exec__CommandResponse__EventCase kind, const char *text, size_t chunk) {
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;
        int r = 0;

        response.event_case = kind;
        response.stdout = &io;
        for (size_t n = strlen(strempty(text)); n > 0 && r >= 0;) {
                io.payload = (ProtobufCBinaryData){ .data = (uint8_t *) text, .len = MIN(n, chunk ? chunk : n) };
                r = rpc_call_send_wait(call, &response);
                text += io.payload.len;
                n -= io.payload.len;
        }
        return r;
}

static inline int fake_tool_wait(RpcCall *call, const Exec__StartCommand *start, FakeAgent *a) {
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;
        Exec__FinishedEvent finished = EXEC__FINISHED_EVENT__INIT;
        int r;

        *a->tool_arguments = *a->tool_variables = 0;
        for (size_t i = 0; i < start->n_arguments; i++)
                strcat(strcat(a->tool_arguments, i > 0 ? " " : ""), start->arguments[i]);
        for (size_t i = 0; i < start->n_envvars; i++)
                strcat(strcat(strcat(strcat(a->tool_variables, i > 0 ? " " : ""), start->envvars[i]->key), "="),
                                start->envvars[i]->value);
        r = fake_say_wait(call, EXEC__COMMAND_RESPONSE__EVENT_STDERR, a->tool_complains, a->tool_chunk);
        if (r >= 0)
                r = fake_say_wait(call, EXEC__COMMAND_RESPONSE__EVENT_STDOUT, a->tool_says, a->tool_chunk);
        if (r < 0)
                return r;
        finished.returncode = a->tool_status;
        response.event_case = EXEC__COMMAND_RESPONSE__EVENT_FINISHED;
        response.finished = &finished;
        return rpc_call_send_wait(call, &response);
}

static inline int fake_run_command(RpcCall *call, _unused_ const void *none, RpcStatus *reterr, void *userdata) {
        const Exec__CommandRequest *request;
        FakeAgent *a = userdata;
        int r;

        r = rpc_call_receive_wait(call, &request);
        if (r <= 0)
                return r;
        assert_int_equal(request->command_case, EXEC__COMMAND_REQUEST__COMMAND_START);
        assert_string_equal(request->start->vmname, "");
        if (streq(request->start->command, "deny"))
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "Command 'deny' is not one that this agent runs.");
        a->n_commands++;
        r = streq(request->start->command, "ota-update") ? fake_tool_wait(call, request->start, a)
                                                         : fake_echo_wait(call, a);
        a->n_commands--;
        return r;
}

static const RpcMethod fake_exec_methods[] = {
        { "RunCommand", RPC_BIDI_STREAM, fake_run_command },
        {},
};

static const RpcService fake_exec_service = { &exec__exec__descriptor, fake_exec_methods };

static inline int fake_get_stats(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Stats__StatsResponse response = STATS__STATS_RESPONSE__INIT;
        Stats__MemoryStats memory = STATS__MEMORY_STATS__INIT;
        int r = fake_begin(userdata, reterr);

        memory.total = 4096;
        response.memory = &memory;
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static inline int fake_get_sysinfo(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Stats__SysinfoResponse response = STATS__SYSINFO_RESPONSE__INIT;
        int r = fake_begin(userdata, reterr);

        response.ghafversion = (char *) "25.06";
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static const RpcMethod fake_stats_methods[] = {
        { "GetStats", RPC_UNARY, fake_get_stats },
        { "GetSysinfo", RPC_UNARY, fake_get_sysinfo },
        {},
};

static const RpcService fake_stats_service = { &stats__stats_service__descriptor, fake_stats_methods };

static inline int fake_get_hw_id(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Hwid__HwIdRequest *req = request;
        Hwid__HwIdResponse response = HWID__HW_ID_RESPONSE__INIT;
        int r = fake_begin(userdata, reterr);

        assert_string_equal(req->vmname, "");
        response.identifier = (char *) "00:11:22:33:44:55";
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static const RpcMethod fake_hwid_methods[] = {
        { "GetHwId", RPC_UNARY, fake_get_hw_id },
        {},
};

static const RpcService fake_hwid_service = { &hwid__hwid_service__descriptor, fake_hwid_methods };

/* A key that says back what it is told. */
static inline int fake_ctap(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Ctap__CtapRequest *req = request;
        Ctap__CtapResponse response = CTAP__CTAP_RESPONSE__INIT;
        int r = fake_begin(userdata, reterr);

        response.output = req->payload;
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static const RpcMethod fake_ctap_methods[] = {
        { "Ctap", RPC_UNARY, fake_ctap },
        {},
};

static const RpcService fake_ctap_service = { &ctap__ctap__descriptor, fake_ctap_methods };

/* Language, time zone and notifications, as one text each. */
static inline int fake_take_wait(FakeAgent *a, char **field, char *text, RpcStatus *reterr) {
        int r = fake_begin(a, reterr);

        a->n_settings++;
        if (r >= 0 && a->settings_code != RPC_OK)
                r = rpc_error(reterr, a->settings_code, "Not now.");
        free(r >= 0 ? *field : text);
        if (r >= 0)
                *field = text;
        return r;
}

static inline int fake_locale_set(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Locale__LocaleMessage *req = request;
        Locale__Empty reply = LOCALE__EMPTY__INIT;
        FakeAgent *a = userdata;
        char *text = strdup("");
        int r;

        for (size_t i = 0; i < req->n_assignments; i++) {
                char *longer = strf("%s%d=%s;", text, (int) req->assignments[i]->key, req->assignments[i]->value);

                free(text);
                text = longer;
        }
        r = fake_take_wait(a, &a->locale, text, reterr);
        return r < 0 ? r : rpc_call_reply(call, &reply);
}

static inline int fake_timezone_set(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Locale__TimezoneMessage *req = request;
        Locale__Empty reply = LOCALE__EMPTY__INIT;
        FakeAgent *a = userdata;
        int r = fake_take_wait(a, &a->timezone, strdup(req->timezone), reterr);

        return r < 0 ? r : rpc_call_reply(call, &reply);
}

static inline int fake_notify_user(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Notify__UserNotification *req = request;
        Notify__Status reply = NOTIFY__STATUS__INIT;
        FakeAgent *a = userdata;
        int r = fake_take_wait(a, &a->notification,
                        strf("%s|%s|%s|%s|%d", req->event, req->title, req->icon, req->message, (int) req->urgency),
                        reterr);

        reply.status = (char *) "Notification sent";
        return r < 0 ? r : rpc_call_reply(call, &reply);
}

/* "NAME|bytes" of the last one. */
static inline int fake_stream_policy(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Policyadmin__Status reply = POLICYADMIN__STATUS__INIT;
        const Policyadmin__StreamPolicyRequest *chunk;
        _cleanup_(buffer_done) Buffer text = {};
        FakeAgent *a = userdata;
        int r;

        while ((r = rpc_call_receive_wait(call, &chunk)) > 0) {
                assert_int_equal(isempty(chunk->policy_name), text.size > 0);
                if (text.size == 0) {
                        assert_int_equal(buffer_append(&text, chunk->policy_name, strlen(chunk->policy_name)), 0);
                        assert_int_equal(buffer_append(&text, "|", 1), 0);
                }
                assert_int_equal(buffer_append(&text, chunk->policy_chunk.data, chunk->policy_chunk.len), 0);
        }
        if (r < 0)
                return r;
        assert_int_equal(buffer_append(&text, "", 1), 0);
        a->n_policies++;
        r = a->holds_policy ? fake_hold_wait(a, &a->let_go) : 0;
        if (r < 0)
                return r;
        r = fake_take_wait(a, &a->policy, strdup((char *) buffer_head(&text)), reterr);
        reply.status = (char *) (a->policy_status ? a->policy_status : "Success");
        return r < 0 ? r : rpc_call_reply(call, &reply);
}

static const RpcMethod fake_policy_methods[] = {
        { "StreamPolicy", RPC_CLIENT_STREAM, fake_stream_policy },
        {},
};

static const RpcService fake_policy_service = { &policyadmin__policy_admin__descriptor, fake_policy_methods };

static const RpcMethod fake_locale_methods[] = {
        { "LocaleSet", RPC_UNARY, fake_locale_set },
        { "TimezoneSet", RPC_UNARY, fake_timezone_set },
        {},
};

static const RpcMethod fake_notify_methods[] = {
        { "NotifyUser", RPC_UNARY, fake_notify_user },
        {},
};

static const RpcService fake_locale_service = { &locale__locale_client__descriptor, fake_locale_methods };
static const RpcService fake_notify_service = { &notify__user_notification_service__descriptor, fake_notify_methods };

static inline int fake_list_network(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__WifiNetworkResponse response = WIFIMANAGER__WIFI_NETWORK_RESPONSE__INIT;
        Wifimanager__AccessPoint point = WIFIMANAGER__ACCESS_POINT__INIT, *points[] = { &point };
        const Wifimanager__WifiNetworkRequest *req = request;
        int r = fake_begin(userdata, reterr);

        assert_string_equal(req->vmname, "");
        point.ssid = (char *) "home";
        response.networks = points;
        response.n_networks = 1;
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static inline int fake_get_active_connection(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__AccessPoint response = WIFIMANAGER__ACCESS_POINT__INIT;
        const Wifimanager__EmptyRequest *req = request;
        int r = fake_begin(userdata, reterr);

        assert_string_equal(req->vmname, "");
        response.ssid = (char *) "home";
        return r < 0 ? r : rpc_call_reply(call, &response);
}

/* Answers with what it was told. */
static inline int fake_connect_network(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__WifiConnectionResponse response = WIFIMANAGER__WIFI_CONNECTION_RESPONSE__INIT;
        const Wifimanager__WifiConnectionRequest *req = request;
        int r = fake_begin(userdata, reterr);

        assert_string_equal(req->vmname, "");
        response.response = strf("%s %s %s", req->ssid, req->password, req->settings);
        if (r >= 0)
                r = rpc_call_reply(call, &response);
        free(response.response);
        return r;
}

static inline int fake_change_wifi(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__WifiConnectionResponse response = WIFIMANAGER__WIFI_CONNECTION_RESPONSE__INIT;
        const Wifimanager__EmptyRequest *req = request;
        int r = fake_begin(userdata, reterr);

        assert_string_equal(req->vmname, "");
        response.response = (char *) rpc_call_get_path(call);
        return r < 0 ? r : rpc_call_reply(call, &response);
}

static const RpcMethod fake_wifi_methods[] = {
        { "ListNetwork", RPC_UNARY, fake_list_network },
        { "GetActiveConnection", RPC_UNARY, fake_get_active_connection },
        { "ConnectNetwork", RPC_UNARY, fake_connect_network },
        { "DisconnectNetwork", RPC_UNARY, fake_change_wifi },
        { "TurnOn", RPC_UNARY, fake_change_wifi },
        { "TurnOff", RPC_UNARY, fake_change_wifi },
        {},
};

static const RpcService fake_wifi_service = { &wifimanager__wifi_service__descriptor, fake_wifi_methods };

static const RpcService fake_service = { &systemd__unit_control_service__descriptor, fake_methods };

/* The server can be taken away and brought back; the units stay. */
static inline void fake_agent_listen(FakeAgent *a, RpcQueue *queue) {
        RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = a->path };

        assert_int_equal(rpc_server_new(queue, &a->server), 0);
        assert_int_equal(rpc_server_add_service(a->server, &fake_service, a), 0);
        assert_int_equal(rpc_server_add_service(a->server, &fake_locale_service, a), 0);
        assert_int_equal(rpc_server_add_service(a->server, &fake_policy_service, a), 0);
        if (a->pushes) {
                assert_int_equal(rpc_server_add_service(a->server, &fake_journal_service, a), 0);
                assert_int_equal(rpc_server_add_service(a->server, &fake_exec_service, a), 0);
                assert_int_equal(rpc_server_add_service(a->server, &fake_notify_service, a), 0);
                assert_int_equal(rpc_server_add_service(a->server, &fake_stats_service, a), 0);
                assert_int_equal(rpc_server_add_service(a->server, &fake_hwid_service, a), 0);
                assert_int_equal(rpc_server_add_service(a->server, &fake_ctap_service, a), 0);
                assert_int_equal(rpc_server_add_service(a->server, &fake_wifi_service, a), 0);
        }
        assert_int_equal(rpc_server_listen(a->server, &address, 0600, (gid_t) -1), 0);
}

static inline void fake_agent_init(FakeAgent *a, RpcQueue *queue, const char *path, bool pushes) {
        *a = (FakeAgent){ .path = strdup(path), .units = map_new(), .pushes = pushes };
        assert_non_null(a->path);
        assert_non_null(a->units);
        fake_agent_listen(a, queue);
}

static inline void fake_agent_done(FakeAgent *a) {
        rpc_server_free(a->server);
        MAP_FOREACH(u, a->units, FakeUnit)
                fake_unit_forget(a, u->name);
        map_free(a->units);
        free(a->event_unit);
        free(a->locale);
        free(a->timezone);
        free(a->policy);
        free(a->notification);
        (void) unlink(a->path);
        free(a->path);
}
