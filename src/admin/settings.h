/* SPDX-License-Identifier: Apache-2.0 */
/* Language and time zone of all machines, as somebody has set them: kept in files that others read too. A setting that
 * is not on the disk is none. */
#pragma once

#include "event/condition.h"

#define SETTINGS_LOCALE_FILE   "locale-givc.conf" /* KEY=value, a line each, and no line's end behind the last */
#define SETTINGS_TIMEZONE_FILE "timezone.conf"    /* the name of the zone */

typedef struct SettingsWrite SettingsWrite;

typedef struct Settings {
        char *directory; /* NULL: kept as long as we run */
        char **locale;   /* "LANG=fi_FI.UTF-8", …; NULL: nobody has said */
        char *timezone;  /* NULL: nobody has said */
        void (*on_change)(void *userdata);
        void *userdata;
        SettingsWrite *write; /* one at a time */
        Condition written;
} Settings;

/* Reads what is kept; what is no setting is skipped, with a warning. on_change is told of each that is set from then
 * on. 0 or -ENOMEM. */
int settings_init(Settings *s, const char *directory, void (*on_change)(void *userdata), void *userdata) _warn_unused_;
/* When nobody waits any more. Blocks while a file is being written. */
void settings_done(Settings *s);
/* Takes what is a setting over and suspends until it is on the disk: 0, or a negative errno and all is as before.
 * -ECANCELED: it goes on. */
int settings_set_locale_wait(Settings *s, char **assignments) _warn_unused_;
int settings_set_timezone_wait(Settings *s, char *zone) _warn_unused_;
