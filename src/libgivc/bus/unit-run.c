/* SPDX-License-Identifier: Apache-2.0 */
/* Transient services. */
#include "bus/unit-run.h"

#include <signal.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/bus-internal.h"
#include "bus/unit-result.h"

/* Statuses of systemd.exec(5) that tell what was wrong with the request. */
#define EXIT_CHDIR 200
#define EXIT_EXEC  203
#define EXIT_GROUP 216
#define EXIT_USER  217

/* The unit is held until we have seen how it began: one that fails and collects itself would be gone before. */
typedef struct UnitHold {
        Bus *bus;
        const char *name;
        bool held;
} UnitHold;

static void unit_hold_done(UnitHold *h) {
        if (h->held)
                bus_manager_tell(h->bus, "UnrefUnit", "s", h->name);
        bus_unref(h->bus);
}

static int append_strv(sd_bus_message *m, const char *property, char *const *l) {
        int r;

        r = sd_bus_message_open_container(m, 'r', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", property);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', "as");
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, (char **) l);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int append_string(sd_bus_message *m, const char *property, const char *value) {
        return value ? sd_bus_message_append(m, "(sv)", property, "s", value) : 0;
}

static int append_number(sd_bus_message *m, const char *property, uint64_t value) {
        return value > 0 ? sd_bus_message_append(m, "(sv)", property, "t", value) : 0;
}

/* systemd takes "$$" for "$", and what follows one "$" for the name of a variable. */
static char *escape(const char *word) {
        char *escaped = mem_new(char, 2 * strlen(word) + 1), *p = escaped;

        for (; p && *word; word++) {
                if (*word == '$')
                        *p++ = '$';
                *p++ = *word;
        }
        if (p)
                *p = 0;
        return escaped;
}

static int append_argv(sd_bus_message *m, char *const *argv, bool literal) {
        _cleanup_strv_free_ char **escaped = NULL;

        if (!literal)
                return sd_bus_message_append_strv(m, (char **) argv);
        for (char *const *word = argv; *word; word++) {
                _cleanup_free_ char *text = escape(*word);
                int r = text ? strv_extend(&escaped, text) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        return sd_bus_message_append_strv(m, escaped);
}

/* ExecStart is a(sasb): one program, its arguments, and whether a failure is ignored. */
static int append_exec_start(sd_bus_message *m, char *const *argv, bool literal) {
        static const struct {
                char type;
                const char *contents;
        } nesting[] = { { 'r', "sv" }, { 'v', "a(sasb)" }, { 'a', "(sasb)" }, { 'r', "sasb" } };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(nesting); i++) {
                r = sd_bus_message_open_container(m, nesting[i].type, nesting[i].contents);
                if (r < 0)
                        return r;
                if (i == 0) {
                        r = sd_bus_message_append(m, "s", "ExecStart");
                        if (r < 0)
                                return r;
                }
        }
        r = sd_bus_message_append(m, "s", argv[0]);
        if (r < 0)
                return r;
        r = append_argv(m, argv, literal);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "b", false);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(nesting); i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_stdio(sd_bus_message *m, const int stdio[3]) {
        return sd_bus_message_append(m, "(sv)(sv)(sv)", "StandardInputFileDescriptor", "h", stdio[0],
                        "StandardOutputFileDescriptor", "h", stdio[1], "StandardErrorFileDescriptor", "h", stdio[2]);
}

static int append_tty(sd_bus_message *m, const char *path) {
        return sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "TTYPath", "s", path, "StandardInput", "s", "tty",
                        "StandardOutput", "s", "tty", "StandardError", "s", "tty");
}

/* For programs that work on what strangers send and need nothing but the network. */
static int append_sandbox(sd_bus_message *m) {
        static const char *const switches[] = { "DynamicUser", "LockPersonality", "MemoryDenyWriteExecute",
                "NoNewPrivileges", "PrivateDevices", "PrivateIPC", "PrivateTmp", "ProtectClock", "ProtectControlGroups",
                "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
                "RestrictRealtime", "RestrictSUIDSGID" };
        static const struct {
                const char *property, *value;
        } words[] = { { "ProtectHome", "yes" }, { "ProtectSystem", "strict" }, { "ProtectProc", "invisible" },
                { "ProcSubset", "pid" }, { "KeyringMode", "private" } };
        static const struct {
                const char *property;
                uint64_t value;
        } numbers[] = {
                { "CapabilityBoundingSet", 0 },
                { "RestrictNamespaces", 0 },
                { "LimitFSIZE", UINT64_C(256) << 20 },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(switches); i++)
                r = sd_bus_message_append(m, "(sv)", switches[i], "b", true);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(words); i++)
                r = append_string(m, words[i].property, words[i].value);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = sd_bus_message_append(m, "(sv)", numbers[i].property, "t", numbers[i].value);
        if (r < 0)
                return r;
        return sd_bus_message_append(
                        m, "(sv)", "RestrictAddressFamilies", "(bas)", true, 3, "AF_UNIX", "AF_INET", "AF_INET6");
}

static int append_properties(sd_bus_message *m, const UnitRun *run) {
        const struct {
                const char *property, *value;
        } strings[] = {
                { "Description", run->description },
                { "Type", run->service_type ? run->service_type : "exec" },
                { "WorkingDirectory", run->working_directory },
                { "Slice", run->slice },
                { "User", run->user },
                { "CollectMode", run->collect ? "inactive-or-failed" : NULL },
        };
        const struct {
                const char *property;
                uint64_t value;
        } numbers[] = {
                { "TimeoutStopUSec", run->stop_usec },
                { "RuntimeMaxUSec", run->runtime_max_usec },
                { "TasksMax", run->tasks_max },
                { "MemoryMax", run->memory_max },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                r = append_string(m, strings[i].property, strings[i].value);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_append(m, "(sv)", "AddRef", "b", true);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                r = append_number(m, numbers[i].property, numbers[i].value);
                if (r < 0)
                        return r;
        }
        if (run->sandbox) {
                r = append_sandbox(m);
                if (r < 0)
                        return r;
        }
        if (run->binds_to) {
                r = sd_bus_message_append(
                                m, "(sv)(sv)", "BindsTo", "as", 1, run->binds_to, "After", "as", 1, run->binds_to);
                if (r < 0)
                        return r;
        }
        if (run->environment_file) {
                r = sd_bus_message_append(m, "(sv)", "EnvironmentFiles", "a(sb)", 1, run->environment_file, false);
                if (r < 0)
                        return r;
        }
        if (run->tty) {
                r = append_tty(m, run->tty);
                if (r < 0)
                        return r;
        }
        if (run->stdio) {
                r = append_stdio(m, run->stdio);
                if (r < 0)
                        return r;
        }
        if (strv_length(run->environment) > 0) {
                r = append_strv(m, "Environment", run->environment);
                if (r < 0)
                        return r;
        }
        return append_exec_start(m, run->argv, run->literal);
}

static int new_call(Bus *b, const UnitRun *run, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_new_manager_call(b, "StartTransientUnit", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", run->name, "replace");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r < 0)
                return r;
        r = append_properties(m, run);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "a(sa(sv))", 0); /* auxiliary units */
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* What kept the program from being executed, where that is known; r otherwise. */
static int run_explain_wait(Bus *b, const UnitRun *run, int r, BusError *reterr) {
        const struct {
                int status, error;
                const char *what, *name;
        } rows[] = {
                { EXIT_CHDIR, -ENOTDIR, "cannot go to directory", run->working_directory },
                { EXIT_EXEC, -ENOENT, "cannot execute", run->argv[0] },
                { EXIT_GROUP, -ESRCH, "cannot become user", run->user },
                { EXIT_USER, -ESRCH, "cannot become user", run->user },
        };
        _cleanup_(unit_result_done) UnitResult result = {};

        if (r != -EIO || unit_result_wait(b, run->name, &result) < 0 || result.code != CLD_EXITED)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (result.status != rows[i].status)
                        continue;
                bus_error_done(reterr);
                bus_error_setf(reterr, "org.freedesktop.DBus.Error.FileNotFound", "Unit '%s': %s '%s'.", run->name,
                                rows[i].what, strempty(rows[i].name));
                return rows[i].error;
        }
        return r;
}

int unit_run_wait(Bus *b, const UnitRun *run, BusError *reterr) {
        _cleanup_(unit_hold_done) UnitHold hold = { bus_ref(b), run->name, false };

        return unit_run_held_wait(b, run, &hold.held, reterr);
}

int unit_run_held_wait(Bus *b, const UnitRun *run, bool *ret_held, BusError *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (!unit_name_is_valid(run->name) || !endswith(run->name, ".service") || strv_length(run->argv) == 0)
                return -EINVAL;
        r = new_call(b, run, &m);
        if (r < 0)
                return r;
        r = unit_job_call_wait(b, m, UNIT_JOB_START, run->name, ret_held, reterr);
        return run_explain_wait(b, run, r, reterr);
}
