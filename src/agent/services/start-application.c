/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/start-application.h"

#include <unistd.h>

#include "agent/application.h"
#include "agent/environment.h"
#include "agent/journal-tail.h"
#include "agent/services/unit-error.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/unit-run.h"
#include "event/fiber.h"

/* How long a new application is looked at before its caller is told that it runs: programs that cannot start (a
 * library or a display that is missing) end within this time, and a person does not notice it. */
#define SETTLE_USEC (20 * USEC_PER_MSEC) /* where nothing runs that it may hand itself over to */

/* The command line of an application's start, or why there is none. */
static int application_argv(const Agent *agent, const Systemd__AppUnitRequest *req, char ***ret, RpcStatus *reterr) {
        const char *name = req->unitname;
        _cleanup_strv_free_ char **argv = NULL;
        _cleanup_free_ char *reason = NULL;
        const ConfigApplication *app;
        int r;

        app = config_find_application(agent_get_config(agent), name, strcspn(name, "@"));
        if (!app || isempty(app->name))
                return rpc_error(reterr, RPC_NOT_FOUND, "Application '%.*s' is not in the manifest of this agent.",
                                (int) MIN(strcspn(name, "@"), (size_t) UNIT_NAME_SIZE_MAX), name);
        if (!application_instance_is_valid(name) || !unit_name_is_valid(name))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is not an instance: %s@NUMBER.service is.", name,
                                app->name);
        r = application_check_args(app, req->args, req->n_args, &reason);
        if (r == -EINVAL || r == -E2BIG)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%s", reason);
        if (r < 0)
                return r;
        r = application_split_command(strempty(app->command), &argv);
        if (r < 0)
                return r;
        if (strv_length(argv) == 0)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Application '%s' has no command.", app->name);
        for (size_t i = 0; i < req->n_args; i++) {
                r = strv_extend(&argv, req->args[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(argv);
        return 0;
}

/* A start that has got so far that there is something to start. */
typedef struct Start {
        Agent *agent;
        const char *name;
        char **argv;
        usec_t begin;
} Start;

static void start_done(Start *s) {
        strv_free(s->argv);
}

static char *join_lines(char *const *lines) {
        _cleanup_free_ char *text = NULL;

        STRV_FOREACH(line, lines)
                if (str_extend(&text, "\n", "%s", *line) < 0)
                        return NULL;
        return TAKE_PTR(text);
}

/* The failure in words, and what the application has said of it: the last line in the sentence, all of them as its
 * detail. */
static int failure(const Start *s, const char *result, char **lines, RpcStatus *reterr) {
        const char *last = lines ? lines[strv_length(lines) - 1] : NULL;
        _cleanup_free_ char *detail = NULL;
        int r;

        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_APPLICATION_FAILED }, { "UNIT", s->name }),
                        "Application '%s' failed at once: %s%s%s", s->name, result, last ? ": " : "", strempty(last));
        if (!last)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Application '%s' failed at once: %s.", s->name,
                                result);
        r = rpc_error(reterr, RPC_FAILED_PRECONDITION, "Application '%s' failed at once: %s: %s", s->name, result,
                        last);
        detail = join_lines(lines);
        return detail ? rpc_error_detail(reterr, r, "%s", detail) : -ENOMEM;
}

/* Fills *reterr with why the application failed, and makes its instance free again. Until then nobody else can write
 * to the journal under its name. */
static int application_failed_wait(const Start *s, RpcStatus *reterr) {
        _cleanup_(unit_result_done) UnitResult known = {}, result = {};
        _cleanup_strv_free_ char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = unit_result_wait(agent_get_bus(s->agent), s->name, &known);
        if (r == -ECANCELED)
                return r;
        r = journal_tail_wait(s->name, bus_get_scope(agent_get_bus(s->agent)) == BUS_USER, known.pid, s->begin, &lines);
        if (r == -ECANCELED)
                return r;
        if (r < 0)
                log_debug("Cannot read what '%s' has said: %s", s->name, strerror(-r));
        r = agent_conclude_wait(s->agent, s->name, &result);
        if (r < 0)
                return unit_error(reterr, r, "learn the result of", s->name, NULL);
        text = unit_result_to_string(&result);
        if (!text)
                return -ENOMEM;
        r = failure(s, text, lines, reterr);
        (void) str_replace(&reterr->reason, "APPLICATION_FAILED");
        return r;
}

static int application_run_wait(const Start *s, RpcStatus *reterr) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_strv_free_ char **environment = NULL;
        _cleanup_free_ char *description = NULL;
        UnitRun run = { .name = s->name, .argv = s->argv };
        int r;

        description = strf("Application service for %.*s", (int) strcspn(s->name, "@"), s->name);
        if (!description)
                return -ENOMEM;
        r = environment_for_applications(environ, agent_get_config(s->agent)->from_environment, &environment);
        if (r < 0)
                return r;
        run.description = description;
        run.environment = environment;
        r = unit_run_wait(agent_get_bus(s->agent), &run, &error);
        if (r == -EIO || r == -ESRCH || r == -ENOTDIR)
                return application_failed_wait(s, reterr);
        if (r == -ENOENT)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Cannot start '%s': there is no program '%s'.",
                                s->name, s->argv[0]);
        return r < 0 ? unit_error(reterr, r, "start", s->name, &error) : 0;
}

typedef struct Handover {
        const Agent *agent;
        const char *name;    /* the new instance */
        const char *program; /* what it runs */
} Handover;

static bool runs_same_program(const UnitStatus *status, void *userdata) {
        const Handover *h = userdata;
        _cleanup_free_ char *program = NULL;
        const ConfigApplication *app;

        if (!unit_status_is_active(status) || streq(status->name, h->name) ||
                        !exposure_is_application(agent_get_exposure(h->agent), status->name))
                return false;
        app = config_find_application(agent_get_config(h->agent), status->name, strcspn(status->name, "@"));
        return app && application_get_program(app, &program) >= 0 && streq_ptr(program, h->program);
}

/* The instance to which a new one of that name may hand itself over: a copy of its name, or NULL. */
static int find_predecessor(const Agent *agent, const char *name, char **ret) {
        const ConfigApplication *app = config_find_application(agent_get_config(agent), name, strcspn(name, "@"));
        _cleanup_free_ char *program = NULL;
        Handover h = { .agent = agent, .name = name };
        const UnitStatus *found;
        int r;

        r = application_get_program(app, &program);
        if (r < 0)
                return r;
        h.program = program;
        found = feed_find(agent_get_feed(agent), runs_same_program, &h);
        *ret = found ? strdup(found->name) : NULL;
        return found && !*ret ? -ENOMEM : 0;
}

/* The state of the new unit once it has ended, or at the deadline. */
static int settle_wait(Agent *agent, AgentHold *hold, usec_t deadline, UnitStatus *ret) {
        int r;

        for (;;) {
                UnitStatus status = {};

                r = agent_unit_status_wait(agent, hold->name, &status);
                if (r < 0)
                        return r;
                if (unit_status_is_inactive_or_failed(&status) || time_now(CLOCK_MONOTONIC) >= deadline) {
                        *ret = status;
                        return 0;
                }
                unit_status_done(&status);
                r = agent_hold_ended_wait(hold, deadline);
                if (r < 0 && r != -ETIMEDOUT)
                        return r;
        }
}

/* The new unit ended with success: *status becomes what is left of it. */
static int hand_over_wait(Agent *agent, const char *predecessor, UnitStatus *status) {
        _cleanup_(unit_status_done) UnitStatus other = {};
        int r;

        if (predecessor) {
                r = agent_unit_status_wait(agent, predecessor, &other);
                if (r < 0)
                        return r;
                if (unit_status_is_active(&other)) {
                        unit_status_done(status);
                        *status = other;
                        other = (UnitStatus){};
                        return 0;
                }
        }
        if (!streq(status->load_state, "not-found"))
                return 0;
        free(status->description);
        status->description = strf("Exited application: %s", status->name);
        return status->description ? 0 : -ENOMEM;
}

static int start_and_settle_wait(const Start *s, const char *predecessor, UnitStatus *ret, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(agent_release) AgentHold hold = {};
        usec_t deadline;
        int r;

        agent_hold(s->agent, s->name, &hold);
        r = application_run_wait(s, reterr);
        if (r < 0)
                return r;
        deadline = usec_add(time_now(CLOCK_MONOTONIC), predecessor ? HANDOVER_USEC : SETTLE_USEC);
        r = settle_wait(s->agent, &hold, deadline, &status);
        if (r < 0)
                return unit_error(reterr, r, "read the state of", s->name, NULL);
        if (streq(status.active_state, "failed"))
                return application_failed_wait(s, reterr);
        if (unit_status_is_inactive_or_failed(&status)) {
                r = hand_over_wait(s->agent, predecessor, &status);
                if (r < 0)
                        return unit_error(reterr, r, "read the state of", strempty(predecessor), NULL);
        }
        *ret = status;
        status = (UnitStatus){};
        return 0;
}

int start_application_wait(Agent *agent, const Systemd__AppUnitRequest *req, UnitStatus *ret, RpcStatus *reterr) {
        _cleanup_(start_done) Start start = { .agent = agent, .name = req->unitname };
        _cleanup_free_ char *predecessor = NULL;
        int r;

        r = application_argv(agent, req, &start.argv, reterr);
        if (r < 0)
                return r;
        r = agent_manager_wait(agent);
        if (r < 0)
                return unit_error(reterr, r, "start", start.name, NULL);
        r = find_predecessor(agent, start.name, &predecessor);
        if (r < 0)
                return r;
        start.begin = time_now(CLOCK_REALTIME);
        return start_and_settle_wait(&start, predecessor, ret, reterr);
}
