/* SPDX-License-Identifier: Apache-2.0 */
#include "event/task.h"

#include "base/list.h"
#include "base/mem.h"

typedef struct Task {
        List siblings;
        TaskGroup *group;
        Fiber *fiber;
        fiber_func_t func;
        void *userdata;
} Task;

struct TaskGroup {
        List tasks;
        int result;     /* the first failure */
        Promise *ended; /* who waits for the last task */
};

TaskGroup *task_group_new(void) {
        TaskGroup *g = mem_new0(TaskGroup, 1);

        if (g)
                list_init(&g->tasks);
        return g;
}

/* Cancels all that still run; task_group_wait() then returns reason. */
static void task_group_cancel(TaskGroup *g, int reason) {
        if (g->result == 0)
                g->result = reason;
        LIST_FOREACH(t, &g->tasks, Task, siblings)
                fiber_cancel(t->fiber);
}

static int task_run(void *userdata) {
        Task *t = userdata;
        TaskGroup *g = t->group;
        int r;

        r = t->func(t->userdata);
        fiber_release_slot();
        list_remove(&t->siblings);
        free(t);
        if (r < 0)
                task_group_cancel(g, r);
        if (list_is_empty(&g->tasks) && g->ended)
                promise_resolve(g->ended, 0);
        return r;
}

int task_group_start(TaskGroup *g, fiber_func_t func, void *userdata) {
        Task *t;
        int r;

        t = mem_new0(Task, 1);
        if (!t)
                return -ENOMEM;
        t->group = g;
        t->func = func;
        t->userdata = userdata;
        list_append(&g->tasks, &t->siblings);
        r = fiber_start(&t->fiber, task_run, t);
        if (r < 0) {
                list_remove(&t->siblings);
                free(t);
        }
        return r;
}

/* Ends when the last task has returned, even if the caller is cancelled: their stacks may refer to its frame. */
static int task_group_join_wait(TaskGroup *g, int (*wait)(Promise *)) {
        Promise ended = {};
        int r;

        if (list_is_empty(&g->tasks))
                return 0;
        g->ended = &ended;
        r = wait(&ended);
        g->ended = NULL;
        return r;
}

int task_group_wait(TaskGroup *g) {
        int r;

        r = task_group_join_wait(g, promise_wait);
        if (r < 0) {
                task_group_cancel(g, r);
                (void) task_group_join_wait(g, promise_wait_uncanceled);
        }
        return g->result;
}

void task_group_free(TaskGroup *g) {
        if (!g)
                return;
        task_group_cancel(g, -ECANCELED);
        if (fiber_current())
                (void) task_group_join_wait(g, promise_wait_uncanceled);
        assert(list_is_empty(&g->tasks));
        free(g);
}
