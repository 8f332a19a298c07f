/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/locale.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/offload.h"

#define FILE_SIZE_MAX 65536
#define FILE_MODE     0644 /* what the machine's language is, is no secret */

/* A setting on its way to the disk. It goes there also when nobody waits for it any more. */
struct SettingsWrite {
        Settings *settings;
        char **locale; /* one of the two */
        char *timezone;
        char *path, *text;
        Promise *waiter;
        Offload *offload;
};

static SettingsWrite *write_free(SettingsWrite *w) {
        if (!w)
                return NULL;
        offload_free(w->offload);
        strv_free(w->locale);
        free(w->timezone);
        free(w->path);
        free(w->text);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(SettingsWrite *, write_free)

static int file_load(const Settings *s, const char *name, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!s->directory)
                return -ENOENT;
        path = strf("%s/%s", s->directory, name);
        if (!path)
                return -ENOMEM;
        r = file_read(path, FILE_SIZE_MAX, ret, NULL);
        if (r < 0 && r != -ENOENT && r != -ENOMEM) {
                log_write_errno(LOG_WARNING, r, "Cannot read %s", path);
                return -ENOENT;
        }
        return r;
}

static int line_load(Settings *s, const char *line) {
        _cleanup_free_ char *reason = NULL;
        const char *equals = strchr(line, '=');
        int r;

        if (!equals)
                return 0;
        r = locale_variable_from_string(line, (size_t) (equals - line));
        if (r >= 0)
                r = locale_assign(&s->locale, (unsigned) r, equals + 1, &reason);
        if (r == -EINVAL)
                log_warning("%s/" SETTINGS_LOCALE_FILE ": '%s' is skipped", s->directory, line);
        return r == -EINVAL ? 0 : r;
}

static int settings_load(Settings *s) {
        _cleanup_free_ char *locale = NULL, *zone = NULL;
        char *state = NULL;
        int r;

        r = file_load(s, SETTINGS_LOCALE_FILE, &locale);
        if (r == -ENOMEM)
                return r;
        for (char *line = locale ? strtok_r(locale, "\n", &state) : NULL; line; line = strtok_r(NULL, "\n", &state)) {
                r = line_load(s, line);
                if (r < 0)
                        return r;
        }
        r = file_load(s, SETTINGS_TIMEZONE_FILE, &zone);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        zone[strcspn(zone, "\n")] = 0;
        if (timezone_is_valid(zone))
                s->timezone = TAKE_PTR(zone);
        else
                log_warning("%s/" SETTINGS_TIMEZONE_FILE ": '%s' is skipped", s->directory, zone);
        return 0;
}

int settings_init(Settings *s, const char *directory, void (*on_change)(void *userdata), void *userdata) {
        int r;

        *s = (Settings){ .on_change = on_change, .userdata = userdata };
        if (directory) {
                s->directory = strdup(directory);
                if (!s->directory)
                        return -ENOMEM;
        }
        r = settings_load(s);
        if (r < 0)
                settings_done(s);
        return r;
}

void settings_done(Settings *s) {
        write_free(s->write);
        strv_free(s->locale);
        free(s->timezone);
        free(s->directory);
        *s = (Settings){};
}

/* In its thread. */
static int write_main(void *userdata) {
        const SettingsWrite *w = userdata;

        return w->path ? file_write(w->path, w->text, strlen(w->text), FILE_MODE) : 0;
}

static void on_written(int result, void *userdata) {
        SettingsWrite *w = userdata;
        Settings *s = w->settings;
        Promise *waiter = w->waiter;

        if (result >= 0 && w->timezone) {
                free(s->timezone);
                s->timezone = TAKE_PTR(w->timezone);
        } else if (result >= 0) {
                strv_free(s->locale);
                s->locale = TAKE_PTR(w->locale);
        }
        s->write = write_free(w);
        if (result >= 0)
                s->on_change(s->userdata);
        if (waiter)
                promise_resolve(waiter, result);
        condition_broadcast(&s->written, 0);
}

static int write_wait(Settings *s, SettingsWrite *write) {
        _cleanup_(write_freep) SettingsWrite *w = write;
        Promise written = {};
        int r;

        while (s->write) {
                r = condition_wait(&s->written);
                if (r < 0)
                        return r;
        }
        w->settings = s;
        r = offload_start(write_main, on_written, w, &w->offload);
        if (r < 0) {
                condition_broadcast(&s->written, 0);
                return r;
        }
        w->waiter = &written;
        s->write = TAKE_PTR(w);
        r = promise_wait(&written);
        if (!written.done)
                write->waiter = NULL;
        return r;
}

static int write_new(const Settings *s, const char *name, SettingsWrite **ret) {
        _cleanup_(write_freep) SettingsWrite *w = mem_new0(SettingsWrite, 1);

        if (!w)
                return -ENOMEM;
        if (s->directory) {
                w->path = strf("%s/%s", s->directory, name);
                if (!w->path)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(w);
        return 0;
}

static char *lines_join(char **lines) {
        _cleanup_free_ char *text = NULL;

        STRV_FOREACH(line, lines)
                if (str_extend(&text, "\n", "%s", *line) < 0)
                        return NULL;
        return text ? TAKE_PTR(text) : strdup("");
}

int settings_set_locale_wait(Settings *s, char **assignments) {
        _cleanup_strv_free_ char **taken = assignments;
        _cleanup_(write_freep) SettingsWrite *w = NULL;
        int r;

        r = write_new(s, SETTINGS_LOCALE_FILE, &w);
        if (r < 0)
                return r;
        w->text = lines_join(taken);
        if (!w->text)
                return -ENOMEM;
        w->locale = TAKE_PTR(taken);
        return write_wait(s, TAKE_PTR(w));
}

int settings_set_timezone_wait(Settings *s, char *zone) {
        _cleanup_free_ char *taken = zone;
        _cleanup_(write_freep) SettingsWrite *w = NULL;
        int r;

        r = write_new(s, SETTINGS_TIMEZONE_FILE, &w);
        if (r < 0)
                return r;
        w->text = strdup(taken);
        if (!w->text)
                return -ENOMEM;
        w->timezone = TAKE_PTR(taken);
        return write_wait(s, TAKE_PTR(w));
}
