/* SPDX-License-Identifier: Apache-2.0 */
/* A group of fibers that end together: the first one that fails cancels the others, and nobody goes on before all have
 * returned. */
#pragma once

#include "event/fiber.h"

typedef struct TaskGroup TaskGroup;

/* NULL when out of memory. */
TaskGroup *task_group_new(void) _warn_unused_;
/* Cancels what still runs, waits for it to return, frees the group. Must be called from a fiber, or with nothing
 * running. */
void task_group_free(TaskGroup *g);
DEFINE_CLEANUP(TaskGroup *, task_group_free)

/* Adds a fiber that runs func(userdata). 0 or -ENOMEM. */
int task_group_start(TaskGroup *g, fiber_func_t func, void *userdata) _warn_unused_;
/* Suspends until all have returned: 0, or the first negative result, or -ECANCELED when the caller was cancelled. */
int task_group_wait(TaskGroup *g);
