/* SPDX-License-Identifier: Apache-2.0 */
/* Log sentences with machine-readable fields beside them. They go to standard error until the program installs a sink
 * (event/daemon.c installs the journal's). Rooms log at LOG_DEBUG at most and return what went wrong, which the program
 * logs once; above that they log what they alone know: who was refused, what a programmer forgot. */
#pragma once

#include <stdarg.h>
#include <syslog.h>

#include "base/macro.h"

typedef struct LogField {
        const char *key;   /* upper case, as the journal wants it; NULL ends a list */
        const char *value; /* NULL leaves the field out */
} LogField;

#define LOG_FIELDS(...) ((const LogField[]){ __VA_ARGS__, {} })

/* Called once a message, from the loop's thread or gRPC's. text has no newline. */
typedef void (*log_sink_t)(int level, const LogField *fields, const char *text);

void log_set_sink(log_sink_t sink);
/* Messages above this level (LOG_ERR … LOG_DEBUG) are dropped. Default LOG_INFO. */
void log_set_level(int level);
int log_get_level(void);
/* error, warning, notice, info, debug, or trace words as GIVC_LOG has them ("givc=debug"), or syslog(3)'s; the level or
 * -EINVAL. */
int log_level_from_string(const char *s) _warn_unused_;
/* syslog(3)'s word for a level: "err", "warning". */
const char *log_level_to_string(int level);

/* Lines within a minute about one GIVC_PEER or, without it, GIVC_VM; more are left out, errors excepted. */
#define LOG_LINES_PER_SUBJECT_MAX 600

void log_write(int level, const LogField *fields, const char *fmt, ...) _printf_(3, 4);
/* Logs "sentence: reason of the error" and returns error, which is a negative errno. */
int log_write_errno(int level, int error, const char *fmt, ...) _printf_(3, 4);

#define log_debug(...)                log_write(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...)                 log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_notice(...)               log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_warning(...)              log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_error(...)                log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_error_errno(error, ...)   log_write_errno(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_write_errno(LOG_WARNING, error, __VA_ARGS__)
#define log_oom()                     log_write_errno(LOG_ERR, -ENOMEM, "Cannot go on")
