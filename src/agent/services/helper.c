/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/helper.h"

#include <unistd.h>

#include "agent/services/unit-error.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"

#define STOP_USEC (USEC_PER_SEC / 2) /* from SIGTERM to SIGKILL */

/* The agent may be told of more directories than the manager knows. New string, NULL when out of memory. */
static char *find_program(const char *name) {
        for (const char *p = getenv("PATH"); !isempty(p);) {
                size_t n = strcspn(p, ":");
                char *path = strf("%.*s/%s", (int) n, p, name);

                if (!path || (path[0] == '/' && access(path, X_OK) == 0))
                        return path;
                free(path);
                p += n + (p[n] == ':');
        }
        return strdup(name);
}

static int make_argv(const Helper *helper, char ***ret) {
        _cleanup_free_ char *program = find_program(helper->argv[0]);
        _cleanup_strv_free_ char **argv = NULL;
        int r = program ? strv_extend(&argv, program) : -ENOMEM;

        for (char *const *arg = helper->argv + 1; r >= 0 && *arg; arg++)
                r = strv_extend(&argv, *arg);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

static int start_wait(Agent *agent, const Helper *helper, Stdio *stdio, UnitProgram **ret, RpcStatus *reterr) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_free_ char *description = NULL;
        _cleanup_strv_free_ char **argv = NULL;
        const char *name = helper->argv[0];
        UnitRun unit = { .literal = true, .stop_usec = STOP_USEC };
        int r;

        r = make_argv(helper, &argv);
        if (r < 0)
                return r;
        description = strf("Helper %s", name);
        if (!description)
                return -ENOMEM;
        unit.argv = argv;
        r = stdio_new_pipes(true, stdio);
        if (r < 0)
                return r;
        r = agent_manager_wait(agent);
        if (r < 0)
                return unit_error(reterr, r, "run", name, NULL);
        unit.description = description;
        unit.stdio = stdio->theirs;
        unit.binds_to = agent_get_unit(agent);
        r = unit_program_start_wait(agent_get_programs(agent), &unit, ret, &error);
        stdio_release(stdio);
        if (r == -ENOENT)
                return rpc_error(reterr, RPC_NOT_FOUND, "There is no program '%s' on this machine.", name);
        return r < 0 ? unit_error(reterr, r, "run", name, &error) : 0;
}

static int collect_error(int r, const Helper *helper, RpcStatus *reterr) {
        const char *name = helper->argv[0];

        if (r == -EFBIG)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "'%s' has put out more than %zu bytes.", name,
                                helper->output_max);
        if (r == -ETIMEDOUT)
                return rpc_error(reterr, RPC_DEADLINE_EXCEEDED, "'%s' has not ended within %u s.", name,
                                (unsigned) (helper->usec / USEC_PER_SEC));
        return unit_error(reterr, r, "learn the end of", name, NULL);
}

int helper_run_wait(Agent *agent, const Helper *helper, UnitOutput *ret, RpcStatus *reterr) {
        const UnitCollect collect = {
                .input = helper->input,
                .n_input = helper->n_input,
                .output_max = helper->output_max,
                .deadline = usec_add(time_now(CLOCK_MONOTONIC), helper->usec),
        };
        _cleanup_(unit_program_freep) UnitProgram *program = NULL;
        _cleanup_(stdio_done) Stdio stdio = STDIO_NONE;
        int r;

        r = start_wait(agent, helper, &stdio, &program, reterr);
        if (r < 0)
                return r;
        r = unit_collect_wait(program, &stdio, &collect, ret);
        return r < 0 ? collect_error(r, helper, reterr) : 0;
}
