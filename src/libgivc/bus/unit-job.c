/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs. One exchange, one promise: the answer to the call says which job it is, JobRemoved how it ended. Both are
 * recorded by callbacks, and the fiber is woken by whichever is last. */
#include "bus/bus-internal.h"

#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "bus/unit-result.h"

/* The promise's word for "connection lost": the job may go on without us. No errno, never returned to callers. */
#define JOB_LOST (-4096)

typedef struct JobWait {
        List jobs;
        Bus *bus;
        Promise promise;
        sd_bus_slot *slot;
        BusError error;            /* the answer, when it was an error */
        bool unanswered;           /* the call is out */
        bool unsure;               /* the job is one that we found, not the one that we were told */
        uint32_t id;               /* 0: not known */
        uint64_t n_removed_before; /* by the bus' count, when the call went out */
        const char *result;
} JobWait;

static const struct {
        const char *result;
        int error;
        const char *reason;
} results[] = {
        { "done", 0, "was done" },
        { "failed", EIO, "failed" },
        { "timeout", ETIMEDOUT, "timed out" },
        { "dependency", EPIPE, "failed: a unit that it depends on did not start" },
        { "canceled", EINTR, "was canceled by another job" },
        { "skipped", EALREADY, "was skipped: it does not apply to the unit" },
        { "invalid", ENOEXEC, "became invalid: the unit is not loaded" },
        { "assert", EPROTO, "failed: an assertion of the unit does not hold" },
        { "unsupported", EOPNOTSUPP, "failed: units of this type are not supported" },
        { "collected", EINTR, "was dropped: the unit was unloaded" },
        { "once", EPERM, "failed: the unit may be started only once" },
        { "frozen", EBUSY, "was refused: the unit is frozen" },
        { "concurrency", EBUSY, "was refused: too many units of the slice run" },
};

static const char *result_intern(const char *result) {
        for (size_t i = 0; i < ELEMENTSOF(results); i++)
                if (streq(results[i].result, result))
                        return results[i].result;
        return "";
}

static int result_to_errno(const char *result, const char **ret_reason) {
        for (size_t i = 0; i < ELEMENTSOF(results); i++)
                if (streq(results[i].result, result)) {
                        *ret_reason = results[i].reason;
                        return -results[i].error;
                }
        *ret_reason = "ended in a way that is not known";
        return -EIO;
}

static void job_answered(JobWait *w) {
        if (!w->unanswered)
                return;
        w->unanswered = false;
        w->bus->n_unanswered--;
}

static void job_wait_done(JobWait *w) {
        list_remove(&w->jobs);
        job_answered(w);
        sd_bus_slot_unref(w->slot);
        bus_error_done(&w->error);
        bus_unref(w->bus);
}

/* A fiber that is woken may end others that are on the list: take out first, then wake. */
static void jobs_resolve(List *jobs, int result) {
        while (!list_is_empty(jobs)) {
                JobWait *w = LIST_ITEM(jobs->next, JobWait, jobs);

                list_remove(&w->jobs);
                promise_resolve(&w->promise, result);
        }
}

int unit_jobs_on_removed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const char *path, *unit, *result;
        Bus *b = userdata;
        uint32_t id;
        List ended;

        if (!bus_is_from_manager(b, m) || sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        result = result_intern(result);
        if (b->n_unanswered > 0)
                b->removed[b->n_removed++ % BUS_JOBS_REMEMBERED] = (RemovedJob){ .id = id, .result = result };
        list_init(&ended);
        LIST_FOREACH(w, &b->jobs, JobWait, jobs)
                if (w->id == id) {
                        w->result = result;
                        list_remove(&w->jobs);
                        list_append(&ended, &w->jobs);
                }
        jobs_resolve(&ended, 0);
        return 0;
}

/* The job's JobRemoved may have overtaken the answer that names it. JOB_LOST when too many others have passed to
 * know. */
static int job_find_removed(JobWait *w) {
        const Bus *b = w->bus;
        uint64_t n = MIN(b->n_removed - w->n_removed_before, (uint64_t) BUS_JOBS_REMEMBERED);

        for (uint64_t i = 1; i <= n; i++) {
                const RemovedJob *job = &b->removed[(b->n_removed - i) % BUS_JOBS_REMEMBERED];

                if (job->id == w->id) {
                        w->result = job->result;
                        return 1;
                }
        }
        return b->n_removed - w->n_removed_before > BUS_JOBS_REMEMBERED ? JOB_LOST : 0;
}

static int job_id_from_path(const char *path, uint32_t *ret) {
        unsigned id;

        if (sscanf(path, MANAGER_PATH "/job/%u", &id) != 1 || id == 0)
                return -EBADMSG;
        *ret = id;
        return 0;
}

static int on_queued(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        JobWait *w = userdata;
        const char *path;
        int r;

        if (e) {
                r = bus_error_to_errno(e->name);
                if (r == -ECONNRESET)
                        r = JOB_LOST;
                bus_error_copy(&w->error, e);
        } else {
                r = sd_bus_message_read(m, "o", &path);
                if (r >= 0)
                        r = job_id_from_path(path, &w->id);
                if (r >= 0)
                        r = job_find_removed(w);
        }
        job_answered(w);
        if (r != 0)
                promise_resolve(&w->promise, MIN(r, 0));
        return 0;
}

void unit_jobs_lost(Bus *b) {
        List lost;

        list_init(&lost);
        LIST_FOREACH(w, &b->jobs, JobWait, jobs) {
                list_remove(&w->jobs);
                list_append(&lost, &w->jobs);
        }
        jobs_resolve(&lost, JOB_LOST);
}

/* The job is gone and nobody told how it ended: does the unit look as if it had been done since the call? Timestamps of
 * the manager are of the same CLOCK_MONOTONIC as ours. */
static int job_judge_wait(Bus *b, UnitJob job, const char *name, const char *path, usec_t since) {
        _cleanup_(unit_status_done) UnitStatus s = {};
        uint64_t begun;
        int r;

        r = unit_status_wait(b, name, &s);
        if (r < 0)
                return r;
        if (job == UNIT_JOB_STOP)
                return unit_status_is_inactive_or_failed(&s) ? 0 : -ECONNRESET;
        if (streq(s.active_state, "failed"))
                return -EIO;
        if (job == UNIT_JOB_START && unit_status_is_active(&s))
                return 0;
        /* Inactive again, but begun since: a oneshot service that has done its work. */
        r = bus_get_number_wait(b, path, UNIT_INTERFACE,
                        unit_status_is_active(&s) ? "ActiveEnterTimestampMonotonic" : "InactiveExitTimestampMonotonic",
                        't', &begun);
        if (r < 0)
                return r;
        if (begun >= since && (unit_status_is_active(&s) || streq(s.active_state, "inactive")))
                return 0;
        return -ECONNRESET;
}

/* The number of the job that the unit has now, 0 for none. */
static int unit_job_id_wait(Bus *b, const char *path, uint32_t *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *job;
        int r;

        r = bus_get_property_wait(b, path, UNIT_INTERFACE, "Job", "(uo)", &m);
        return r < 0 ? r : sd_bus_message_read(m, "(uo)", ret, &job);
}

/* After the connection was lost: waits for the next, and listens again before it asks, so that the end cannot slip
 * between. 1 when the job goes on and is listened for, 0 when it is gone. */
static int job_recover_wait(JobWait *w, const char *path) {
        Bus *b = w->bus;
        uint32_t id;
        int r;

        w->slot = sd_bus_slot_unref(w->slot);
        job_answered(w);
        bus_error_done(&w->error);
        list_remove(&w->jobs);
        r = bus_connected_wait(b, usec_add(time_now(CLOCK_MONOTONIC), BUS_CALL_TIMEOUT_USEC));
        if (r < 0)
                return r == -ETIMEDOUT ? -ENOTCONN : r;
        w->promise = (Promise){};
        list_append(&b->jobs, &w->jobs);
        r = unit_job_id_wait(b, path, &id);
        if (r < 0)
                return r == -ECONNRESET || r == -ENOTCONN ? JOB_LOST : r;
        if (w->promise.done)
                return 1;
        if (id != 0 && w->id == 0) {
                w->id = id;
                w->unsure = true;
        }
        return id != 0 && w->id == id;
}

/* " (exit-code, status 1)": what the service itself says about its failure; NULL when it says nothing. */
static char *service_failure_wait(Bus *b, const char *name) {
        _cleanup_(unit_result_done) UnitResult result = {};
        _cleanup_free_ char *text = NULL;

        if (!endswith(name, ".service") || unit_result_wait(b, name, &result) < 0 || streq(result.result, "success"))
                return NULL;
        text = unit_result_to_string(&result);
        return text ? strf(" (%s)", text) : NULL;
}

static int job_conclude_wait(JobWait *w, UnitJob job, const char *name, BusError *reterr) {
        static const char *const words[] = {
                [UNIT_JOB_START] = "start",
                [UNIT_JOB_STOP] = "stop",
                [UNIT_JOB_RESTART] = "restart",
        };
        _cleanup_free_ char *failure = NULL;
        const char *reason;
        int r;

        r = result_to_errno(w->result, &reason);
        if (r == 0)
                return 0;
        if (r == -EIO)
                failure = service_failure_wait(w->bus, name);
        bus_error_setf(reterr, "org.freedesktop.systemd1.JobFailed", "The %s job of unit '%s' %s%s.", words[job], name,
                        reason, strempty(failure));
        return r;
}

static int job_unknown_wait(Bus *b, UnitJob job, const char *name, const char *path, usec_t since, BusError *reterr) {
        int r;

        r = job_judge_wait(b, job, name, path, since);
        if (r == -ECONNRESET)
                bus_error_setf(reterr, "org.freedesktop.DBus.Error.Disconnected",
                                "The manager was lost while it had a job for unit '%s', and the job was not done.",
                                name);
        else if (r == -EIO)
                bus_error_setf(reterr, "org.freedesktop.systemd1.JobFailed", "Unit '%s' has failed.", name);
        return r;
}

static int job_queue(JobWait *w, sd_bus_message *m) {
        Bus *b = w->bus;
        int r;

        if (fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        if (!bus_is_connected(b))
                return -ENOTCONN;
        r = sd_bus_call_async(b->connection, &w->slot, m, on_queued, w, UINT64_MAX);
        if (r < 0)
                return r;
        w->unanswered = true;
        b->n_unanswered++;
        w->n_removed_before = b->n_removed;
        list_append(&b->jobs, &w->jobs);
        return 0;
}

/* The part behind the call, which ends with every way that the wait can end. */
static int job_finish_wait(
                JobWait *w, UnitJob job, const char *name, const char *path, usec_t since, BusError *reterr) {
        int r;

        for (;;) {
                r = promise_wait(&w->promise);
                if (r != JOB_LOST)
                        break;
                do
                        r = job_recover_wait(w, path);
                while (r == JOB_LOST);
                if (r < 0)
                        return r;
                if (r == 0)
                        return job_unknown_wait(w->bus, job, name, path, since, reterr);
        }
        if (r < 0) {
                if (reterr && w->error.name) {
                        bus_error_done(reterr);
                        *reterr = w->error;
                        w->error = (BusError){};
                }
                return r;
        }
        if (w->unsure)
                return job_unknown_wait(w->bus, job, name, path, since, reterr);
        return job_conclude_wait(w, job, name, reterr);
}

int unit_job_call_wait(Bus *b, sd_bus_message *m, UnitJob job, const char *name, bool *ret_queued, BusError *reterr) {
        _cleanup_(job_wait_done) JobWait w = { .bus = bus_ref(b) };
        const usec_t since = time_now(CLOCK_MONOTONIC);
        _cleanup_free_ char *path = NULL;
        int r;

        r = unit_path(name, &path);
        if (r < 0)
                return r;
        r = job_queue(&w, m);
        if (r < 0)
                return r;
        r = job_finish_wait(&w, job, name, path, since, reterr);
        if (ret_queued)
                *ret_queued = w.id != 0 || w.unanswered;
        return r;
}

int unit_job_wait(Bus *b, UnitJob job, const char *name, BusError *reterr) {
        static const char *const methods[] = {
                [UNIT_JOB_START] = "StartUnit",
                [UNIT_JOB_STOP] = "StopUnit",
                [UNIT_JOB_RESTART] = "RestartUnit",
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (!unit_name_is_valid(name))
                return -EINVAL;
        r = bus_new_manager_call(b, methods[job], &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", name, "replace");
        if (r < 0)
                return r;
        return unit_job_call_wait(b, m, job, name, NULL, reterr);
}

bool unit_kill_whom_is_valid(const char *whom) {
        return streq(whom, "main") || streq(whom, "control") || streq(whom, "all");
}

bool unit_kill_signal_is_valid(int signal) {
        return signal > 0 && signal <= SIGRTMAX;
}

int unit_kill_wait(Bus *b, const char *name, const char *whom, int signal, BusError *reterr) {
        if (!unit_name_is_valid(name) || !unit_kill_whom_is_valid(whom) || !unit_kill_signal_is_valid(signal))
                return -EINVAL;
        return bus_manager_call_wait(b, "KillUnit", reterr, "ssi", name, whom, signal);
}

int unit_reset_failed_wait(Bus *b, const char *name, BusError *reterr) {
        if (!unit_name_is_valid(name))
                return -EINVAL;
        return bus_manager_call_wait(b, "ResetFailedUnit", reterr, "s", name);
}
