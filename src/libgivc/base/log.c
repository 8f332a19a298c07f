/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#include "base/message-id.h"
#include "base/str.h"
#include "base/time.h"

#define LOG_LINE_MAX      2048
#define LOG_SUBJECTS_MAX  64 /* more share what one may have */
#define LOG_INTERVAL_USEC (60 * USEC_PER_SEC)

static void log_to_stderr(int level, const LogField *fields, const char *text);

static log_sink_t log_sink = log_to_stderr;
static int log_max_level = LOG_INFO;

static void log_to_stderr(_unused_ int level, _unused_ const LogField *fields, const char *text) {
        fprintf(stderr, "%s\n", text);
}

void log_set_sink(log_sink_t sink) {
        log_sink = sink ? sink : log_to_stderr;
}

void log_set_level(int level) {
        log_max_level = level;
}

int log_get_level(void) {
        return log_max_level;
}

/* The first word of a level is syslog's. */
static const struct {
        const char *word;
        int level;
} words[] = {
        { "emerg", LOG_EMERG },
        { "alert", LOG_ALERT },
        { "crit", LOG_CRIT },
        { "err", LOG_ERR },
        { "error", LOG_ERR },
        { "warning", LOG_WARNING },
        { "warn", LOG_WARNING },
        { "notice", LOG_NOTICE },
        { "info", LOG_INFO },
        { "debug", LOG_DEBUG },
        { "trace", LOG_DEBUG },
};

const char *log_level_to_string(int level) {
        size_t i = 0;

        while (i < ELEMENTSOF(words) - 1 && words[i].level < level)
                i++;
        return words[i].word;
}

int log_level_from_string(const char *s) {
        const char *word = s ? strrchr(s, '=') : NULL;

        word = word ? word + 1 : s;
        for (size_t i = 0; word && i < ELEMENTSOF(words); i++)
                if (streq(word, words[i].word))
                        return words[i].level;
        return -EINVAL;
}

static void log_dispatch(int level, const LogField *fields, char *text) {
        str_make_printable(text, ' '); /* what peers say is quoted in it */
        log_sink(level, fields, text);
}

/* Whom a line is about, where somebody else has caused it. */
static const LogField *log_get_subject(const LogField *fields) {
        static const char *const keys[] = { "GIVC_PEER", "GIVC_VM" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                for (const LogField *f = fields; f && f->key; f++)
                        if (streq(f->key, keys[i]) && !isempty(f->value))
                                return f;
        return NULL;
}

/* A peer may cause any number of lines: they would push all others out of the journal. */
static bool log_is_permitted(int level, const LogField *fields) {
        static struct {
                usec_t begin;
                unsigned n;
        } intervals[LOG_SUBJECTS_MAX];
        const LogField *subject = log_get_subject(fields);
        usec_t now = time_now(CLOCK_MONOTONIC);
        char text[LOG_LINE_MAX];
        unsigned i = 0;

        if (!subject || level <= LOG_ERR)
                return true;
        for (const char *p = subject->value; *p; p++)
                i = i * 31 + (unsigned char) *p;
        i %= LOG_SUBJECTS_MAX;
        if (intervals[i].n == 0 || now - intervals[i].begin >= LOG_INTERVAL_USEC) {
                intervals[i].begin = now;
                intervals[i].n = 0;
        }
        if (++intervals[i].n == LOG_LINES_PER_SUBJECT_MAX) {
                (void) snprintf(text, sizeof(text), "Too many lines about '%s', leaving out more for a minute",
                                subject->value);
                log_dispatch(LOG_WARNING,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LIMIT_REACHED }, { subject->key, subject->value }),
                                text);
        }
        return intervals[i].n < LOG_LINES_PER_SUBJECT_MAX;
}

void log_write(int level, const LogField *fields, const char *fmt, ...) {
        char text[LOG_LINE_MAX];
        int saved = errno;
        va_list ap;

        if (level > log_max_level || !log_is_permitted(level, fields))
                return;
        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        log_dispatch(level, fields, text);
        errno = saved;
}

int log_write_errno(int level, int error, const char *fmt, ...) {
        char text[LOG_LINE_MAX], number[16];
        size_t n;
        va_list ap;

        if (level > log_max_level)
                return error;
        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        n = strlen(text);
        (void) snprintf(text + n, sizeof(text) - n, ": %s", strerror(-error));
        (void) snprintf(number, sizeof(number), "%d", -error);
        log_dispatch(level, LOG_FIELDS({ "ERRNO", number }), text);
        return error;
}
