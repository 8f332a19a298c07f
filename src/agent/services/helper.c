/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/helper.h"

#include <unistd.h>

#include "agent/services/unit-error.h"
#include "event/stdio.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/task.h"

#define CHUNK         ((size_t) 16 * 1024)
#define COMPLAINT_MAX ((size_t) 512)
#define STOP_USEC     (USEC_PER_SEC / 2) /* from SIGTERM to SIGKILL */

typedef struct Run {
        const Helper *helper;
        UnitProgram *program;
        Stdio stdio;
        Buffer complaints; /* the last of them */
        usec_t deadline;
        HelperAnswer answer;
        RpcStatus *reterr;
} Run;

void helper_answer_done(HelperAnswer *a) {
        buffer_done(&a->output);
        unit_result_done(&a->result);
        free(a->complaint);
        *a = (HelperAnswer){};
}

static void run_done(Run *run) {
        unit_program_free(run->program);
        stdio_done(&run->stdio);
        buffer_done(&run->complaints);
        helper_answer_done(&run->answer);
}

/* A program need not read what it is given. */
static int input_main(void *userdata) {
        Run *run = userdata;
        int r = io_write_wait(run->stdio.in, run->helper->input, run->helper->n_input, USEC_INFINITY);

        if (r >= 0)
                r = stdio_end_input_wait(&run->stdio);
        return r == -EPIPE ? 0 : r;
}

static int output_main(void *userdata) {
        Run *run = userdata;

        for (;;) {
                uint8_t *p = buffer_reserve(&run->answer.output, CHUNK);
                ssize_t n = p ? stdio_read_wait(run->stdio.out, p, CHUNK) : -ENOMEM;

                if (n <= 0)
                        return (int) n;
                buffer_commit(&run->answer.output, (size_t) n);
                if (run->answer.output.size > run->helper->output_max)
                        return rpc_error(run->reterr, RPC_RESOURCE_EXHAUSTED, "'%s' has put out more than %zu bytes.",
                                        run->helper->argv[0], run->helper->output_max);
        }
}

static int complaints_main(void *userdata) {
        Run *run = userdata;
        Buffer *b = &run->complaints;

        for (;;) {
                uint8_t *p = buffer_reserve(b, COMPLAINT_MAX);
                ssize_t n = p ? stdio_read_wait(run->stdio.err, p, COMPLAINT_MAX) : -ENOMEM;

                if (n <= 0)
                        return (int) n;
                buffer_commit(b, (size_t) n);
                if (b->size > COMPLAINT_MAX)
                        buffer_consume(b, b->size - COMPLAINT_MAX);
        }
}

static int end_main(void *userdata) {
        Run *run = userdata;
        const char *name = run->helper->argv[0];
        int r;

        r = unit_program_end_wait(run->program, run->deadline, &run->answer.result);
        if (r == -ETIMEDOUT)
                return rpc_error(run->reterr, RPC_DEADLINE_EXCEEDED, "'%s' has not ended within %u s.", name,
                                (unsigned) (run->helper->usec / USEC_PER_SEC));
        if (r < 0)
                return unit_error(run->reterr, r, "learn the end of", name, NULL);
        stdio_end_output(&run->stdio);
        return 0;
}

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

static int run_start_wait(Run *run, Agent *agent) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_free_ char *description = NULL;
        _cleanup_strv_free_ char **argv = NULL;
        const char *name = run->helper->argv[0];
        UnitRun unit = { .literal = true, .stop_usec = STOP_USEC };
        int r;

        r = make_argv(run->helper, &argv);
        if (r < 0)
                return r;
        description = strf("Helper %s", name);
        if (!description)
                return -ENOMEM;
        unit.argv = argv;
        r = stdio_new_pipes(true, &run->stdio);
        if (r < 0)
                return r;
        r = agent_manager_wait(agent);
        if (r < 0)
                return unit_error(run->reterr, r, "run", name, NULL);
        unit.description = description;
        unit.stdio = run->stdio.theirs;
        unit.binds_to = agent_get_unit(agent);
        r = unit_program_start_wait(agent_get_programs(agent), &unit, &run->program, &error);
        stdio_release(&run->stdio);
        if (r == -ENOENT)
                return rpc_error(run->reterr, RPC_NOT_FOUND, "There is no program '%s' on this machine.", name);
        return r < 0 ? unit_error(run->reterr, r, "run", name, &error) : 0;
}

static int run_wait(Run *run) {
        static const fiber_func_t tasks[] = { end_main, output_main, complaints_main, input_main };
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r = group ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tasks); i++)
                r = task_group_start(group, tasks[i], run);
        return r < 0 ? r : task_group_wait(group);
}

/* The last line that says anything. */
static int take_complaint(Run *run) {
        _cleanup_free_ char *text = mem_dup(buffer_head(&run->complaints), run->complaints.size);
        char *line;

        if (!text)
                return -ENOMEM;
        for (size_t n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]); n--)
                text[n - 1] = 0;
        line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        if (isempty(line))
                return 0;
        str_make_printable(line, '?');
        run->answer.complaint = strdup(line);
        return run->answer.complaint ? 0 : -ENOMEM;
}

int helper_run_wait(Agent *agent, const Helper *helper, HelperAnswer *ret, RpcStatus *reterr) {
        _cleanup_(run_done) Run run = { .helper = helper, .stdio = STDIO_NONE, .reterr = reterr };
        int r;

        run.deadline = usec_add(time_now(CLOCK_MONOTONIC), helper->usec);
        r = run_start_wait(&run, agent);
        if (r >= 0)
                r = run_wait(&run);
        if (r >= 0)
                r = take_complaint(&run);
        if (r < 0)
                return r;
        *ret = run.answer;
        run.answer = (HelperAnswer){};
        return 0;
}
