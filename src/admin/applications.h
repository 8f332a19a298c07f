/* SPDX-License-Identifier: Apache-2.0 */
/* Applications on VMs: start an instance, pause, resume, stop. What is meant is resolved first; that is acted on. */
#pragma once

#include "admin/launcher.h"

typedef enum ApplicationAction {
        APPLICATION_PAUSE,
        APPLICATION_RESUME,
        APPLICATION_STOP,
} ApplicationAction;

#define APPLICATION_ARGS_MAX 64
/* Instance numbers that one start tries. Agents of the reference leave a unit behind for each instance that has
 * crashed, which keeps its number until somebody cleans up there. */
#define APPLICATION_START_ATTEMPTS 64

/* What a caller says; borrowed. vm NULL: APP-vm to start, any to act. */
typedef struct ApplicationRequest {
        const char *app, *vm;
        char *const *args;
        size_t n_args;
        usec_t deadline; /* CLOCK_MONOTONIC */
} ApplicationRequest;

/* What a request is about, resolved: units under one agent. */
typedef struct ApplicationTarget {
        char *agent;
        char **units; /* at least one */
} ApplicationTarget;
void application_target_done(ApplicationTarget *t);

/* Starts an instance, and its VM first when that is off; *ret_unit is the unit that is the application now, which may
 * be one that ran already (new string). */
int application_start_wait(Launcher *launcher, const ApplicationRequest *request, char **ret_unit,
                RpcStatus *reterr) _warn_unused_;
/* The instance, or all instances, that a name means in a VM (NULL or "": any): NOT_FOUND, FAILED_PRECONDITION when it
 * means those of two VMs, PERMISSION_DENIED when it means something that is no application. */
int application_resolve(const Registry *registry, const char *app, const char *vm, ApplicationTarget *ret,
                RpcStatus *reterr) _warn_unused_;
/* Acts on an instance, or on all instances of an application; entries of other kinds are refused. */
int application_act_wait(Agents *agents, ApplicationAction action, const ApplicationRequest *request,
                RpcStatus *reterr) _warn_unused_;
