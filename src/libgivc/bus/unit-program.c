/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/unit-program.h"

#include <signal.h>
#include <systemd/sd-id128.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/bus-internal.h"

/* The least status that systemd itself ends a process with, where it cannot execute what it is to: systemd.exec(5). */
#define EXIT_OF_SYSTEMD 200

struct UnitPrograms {
        Bus *bus;
        UnitWatch *watch; /* one for all */
        BusListener listener;
        Map *programs; /* by unit name */
        char *prefix;
};

struct UnitProgram {
        UnitPrograms *programs;
        char *name;
        bool held, started, ended;
        Promise *waiter;
};

/* Not before its start job is done: what its state was until then is nobody's end. */
static bool program_is_watched(const char *name, void *userdata) {
        UnitPrograms *p = userdata;
        const UnitProgram *program = map_get(p->programs, name);

        return program && program->started;
}

/* Who waits runs at once and may free it. */
static void program_end(UnitProgram *program) {
        program->ended = true;
        if (program->waiter)
                promise_resolve(TAKE_PTR(program->waiter), 0);
}

static void on_program_change(const UnitStatus *status, void *userdata) {
        UnitPrograms *p = userdata;
        UnitProgram *program = map_get(p->programs, status->name);

        if (!program || !unit_status_is_inactive_or_failed(status))
                return;
        program_end(program);
}

static UnitProgram *find_lost(const UnitPrograms *p) {
        MAP_FOREACH(program, p->programs, UnitProgram)
                if (program->started && !program->ended && !unit_watch_get(p->watch, program->name))
                        return program;
        return NULL;
}

/* What ended while the manager was away may never have been seen. */
static void on_synced(void *userdata) {
        UnitProgram *program;

        while ((program = find_lost(userdata)))
                program_end(program);
}

/* The references went with the old connection. */
static void on_connection(bool connected, void *userdata) {
        UnitPrograms *p = userdata;

        if (connected)
                MAP_FOREACH(program, p->programs, UnitProgram)
                        if (program->held)
                                bus_manager_tell(p->bus, "RefUnit", "s", program->name);
}

int unit_programs_new(Bus *b, const char *prefix, UnitPrograms **ret) {
        static const UnitWatchHooks hooks = {
                .wanted = program_is_watched, .on_change = on_program_change, .on_synced = on_synced
        };
        _cleanup_(unit_programs_freep) UnitPrograms *p = NULL;
        int r;

        p = mem_new0(UnitPrograms, 1);
        if (!p)
                return -ENOMEM;
        p->bus = bus_ref(b);
        p->listener = (BusListener){ .on_connection = on_connection, .userdata = p };
        bus_add_listener(b, &p->listener);
        p->programs = map_new();
        p->prefix = strdup(prefix);
        if (!p->programs || !p->prefix)
                return -ENOMEM;
        r = unit_watch_new(b, &hooks, p, &p->watch);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

UnitPrograms *unit_programs_free(UnitPrograms *p) {
        if (!p)
                return NULL;
        assert(!p->programs || map_size(p->programs) == 0);
        unit_watch_free(p->watch);
        bus_remove_listener(p->bus, &p->listener);
        map_free(p->programs);
        bus_unref(p->bus);
        free(p->prefix);
        free(p);
        return NULL;
}

/* systemd may still know the unit of a program that an earlier process of our name has started. */
static int program_new(UnitPrograms *p, UnitProgram **ret) {
        _cleanup_(unit_program_freep) UnitProgram *program = NULL;
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        program = mem_new0(UnitProgram, 1);
        if (!program)
                return -ENOMEM;
        program->name = strf("%s-%" PRIx64 ".service", p->prefix, id.qwords[0]);
        if (!program->name)
                return -ENOMEM;
        r = map_put(p->programs, program->name, program);
        if (r < 0)
                return r;
        program->programs = p;
        *ret = TAKE_PTR(program);
        return 0;
}

/* Who ends at once may have ended before systemd has noticed that he was executed. The start job has failed then, but
 * how he ended is his own affair. */
static bool program_has_run_wait(const UnitProgram *program) {
        _cleanup_(unit_result_done) UnitResult result = {};

        if (unit_result_wait(program->programs->bus, program->name, &result) < 0)
                return false;
        return result.code == CLD_KILLED || result.code == CLD_DUMPED ||
                        (result.code == CLD_EXITED && result.status < EXIT_OF_SYSTEMD);
}

int unit_program_start_wait(UnitPrograms *p, const UnitRun *run, UnitProgram **ret, BusError *reterr) {
        _cleanup_(unit_program_freep) UnitProgram *program = NULL;
        UnitRun named = *run;
        int r;

        r = program_new(p, &program);
        if (r < 0)
                return r;
        named.name = program->name;
        named.collect = true;
        r = unit_run_held_wait(p->bus, &named, &program->held, reterr);
        if (r < 0 && (r != -EIO || !program_has_run_wait(program)))
                return r;
        bus_error_done(reterr);
        program->started = true;
        unit_watch_refresh(p->watch);
        *ret = TAKE_PTR(program);
        return 0;
}

UnitProgram *unit_program_free(UnitProgram *p) {
        if (!p)
                return NULL;
        assert(!p->waiter);
        if (p->programs) {
                (void) map_remove(p->programs->programs, p->name);
                if (p->held && !p->ended)
                        bus_manager_tell(p->programs->bus, "StopUnit", "ss", p->name, "replace");
                if (p->held)
                        bus_manager_tell(p->programs->bus, "UnrefUnit", "s", p->name);
        }
        free(p->name);
        free(p);
        return NULL;
}

const char *unit_program_get_name(const UnitProgram *p) {
        return p->name;
}

int unit_program_pid_wait(UnitProgram *p, pid_t *ret) {
        _cleanup_free_ char *path = NULL;
        uint32_t pid;
        int r;

        r = unit_path(p->name, &path);
        if (r < 0)
                return r;
        r = bus_get_number_wait(p->programs->bus, path, SERVICE_INTERFACE, "ExecMainPID", 'u', &pid);
        if (r < 0)
                return r;
        *ret = (pid_t) pid;
        return 0;
}

int unit_program_kill_wait(UnitProgram *p, int signal, BusError *reterr) {
        int r;

        if (p->ended)
                return -ESRCH;
        r = unit_kill_wait(p->programs->bus, p->name, "main", signal, reterr);
        return p->ended ? -ESRCH : r;
}

int unit_program_end_wait(UnitProgram *p, usec_t deadline, UnitResult *ret) {
        _cleanup_(unit_result_done) UnitResult result = {};
        int r;

        assert(!p->waiter);
        while (!p->ended) {
                Promise end = {};

                p->waiter = &end;
                r = promise_wait_until(&end, deadline);
                p->waiter = NULL;
                if (r < 0)
                        return r;
        }
        r = unit_result_wait(p->programs->bus, p->name, &result);
        if (r >= 0 && result.code == 0) /* the manager has made up a unit of that name to answer */
                r = -ENOENT;
        if (r < 0)
                return r == -ENOENT ? -ECONNRESET : r;
        *ret = result;
        result = (UnitResult){};
        return 0;
}
