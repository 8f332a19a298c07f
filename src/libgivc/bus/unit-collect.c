/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/unit-collect.h"

#include "base/str.h"
#include "event/task.h"

#define CHUNK         ((size_t) 64 * 1024)
#define COMPLAINT_MAX ((size_t) 1024) /* bytes of standard error that are kept, the last of it */

typedef struct Collecting {
        const UnitCollect *collect;
        UnitProgram *program;
        Stdio *stdio;
        Buffer complaints;
        UnitOutput output;
} Collecting;

void unit_output_done(UnitOutput *o) {
        buffer_done(&o->output);
        unit_result_done(&o->result);
        free(o->complaint);
        *o = (UnitOutput){};
}

static void collecting_done(Collecting *c) {
        buffer_done(&c->complaints);
        unit_output_done(&c->output);
}

/* A program need not read what it is given. */
static int input_main(void *userdata) {
        Collecting *c = userdata;
        int r;

        if (!c->stdio->in)
                return 0;
        r = io_write_wait(c->stdio->in, c->collect->input, c->collect->n_input, USEC_INFINITY);
        if (r >= 0)
                r = stdio_end_input_wait(c->stdio);
        return r == -EPIPE ? 0 : r;
}

static int output_main(void *userdata) {
        Collecting *c = userdata;
        Buffer *b = &c->output.output;

        for (;;) {
                uint8_t *p = buffer_reserve(b, CHUNK);
                ssize_t n = p ? stdio_read_wait(c->stdio->out, p, CHUNK) : -ENOMEM;

                if (n <= 0)
                        return (int) n;
                buffer_commit(b, (size_t) n);
                if (b->size > c->collect->output_max)
                        return -EFBIG;
        }
}

static int complaints_main(void *userdata) {
        Collecting *c = userdata;
        Buffer *b = &c->complaints;

        for (;;) {
                uint8_t *p = buffer_reserve(b, COMPLAINT_MAX);
                ssize_t n = p ? stdio_read_wait(c->stdio->err, p, COMPLAINT_MAX) : -ENOMEM;

                if (n <= 0)
                        return (int) n;
                buffer_commit(b, (size_t) n);
                if (b->size > COMPLAINT_MAX)
                        buffer_consume(b, b->size - COMPLAINT_MAX);
        }
}

static int end_main(void *userdata) {
        Collecting *c = userdata;
        int r = unit_program_end_wait(c->program, c->collect->deadline, &c->output.result);

        if (r >= 0)
                stdio_end_output(c->stdio);
        return r;
}

/* The last line that says anything. */
static int take_complaint(Collecting *c) {
        _cleanup_free_ char *text = mem_dup(buffer_head(&c->complaints), c->complaints.size);
        char *line;

        if (!text)
                return -ENOMEM;
        str_trim_end(text);
        line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        if (isempty(line))
                return 0;
        str_make_printable(line, '?');
        c->output.complaint = strdup(line);
        return c->output.complaint ? 0 : -ENOMEM;
}

int unit_collect_wait(UnitProgram *p, Stdio *stdio, const UnitCollect *collect, UnitOutput *ret) {
        static const fiber_func_t tasks[] = { end_main, output_main, complaints_main, input_main };
        _cleanup_(collecting_done) Collecting c = { .collect = collect, .program = p, .stdio = stdio };
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r = group ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tasks); i++)
                r = task_group_start(group, tasks[i], &c);
        if (r >= 0)
                r = task_group_wait(group);
        if (r >= 0)
                r = take_complaint(&c);
        if (r < 0)
                return r;
        *ret = c.output;
        c.output = (UnitOutput){};
        return 0;
}
