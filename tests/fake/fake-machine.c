/* SPDX-License-Identifier: Apache-2.0 */
/* The fake's other services: locale1, timedate1 and a desktop's notifications. They take what they are told. */
#include "fake/fake-internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strv.h"

static void append(char **text, const char *prefix, const char *word) {
        char *longer = strf("%s%s%s%s", strempty(*text), isempty(*text) ? "" : " ", prefix, word);

        fake_check(longer);
        free(*text);
        *text = longer;
}

static void read_list(sd_bus_message *m, const char *prefix, char **text) {
        _cleanup_strv_free_ char **list = NULL;

        fake_check(sd_bus_message_read_strv(m, &list) >= 0);
        STRV_FOREACH(s, list)
                append(text, prefix, *s);
}

/* An interactive call would ask a person. */
static void check_not_interactive(sd_bus_message *m) {
        int interactive;

        fake_check(sd_bus_message_read(m, "b", &interactive) >= 0 && !interactive);
}

static int method_set_locale(FakeMachine *machine, sd_bus_message *m) {
        free(TAKE_PTR(machine->locale));
        read_list(m, "", &machine->locale);
        check_not_interactive(m);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_set_timezone(FakeMachine *machine, sd_bus_message *m) {
        const char *zone;

        fake_check(sd_bus_message_read(m, "s", &zone) >= 0);
        fake_check(str_replace(&machine->timezone, zone) >= 0);
        check_not_interactive(m);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_unset_and_set_environment(FakeMachine *machine, sd_bus_message *m) {
        free(TAKE_PTR(machine->environment));
        read_list(m, "-", &machine->environment);
        read_list(m, "", &machine->environment);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_notify(FakeMachine *machine, sd_bus_message *m) {
        const char *application, *icon, *summary, *body;
        uint32_t replaces;
        uint8_t urgency;
        int expires;

        fake_check(sd_bus_message_read(m, "susssasa{sv}i", &application, &replaces, &icon, &summary, &body, 0, 1, NULL,
                                   "y", &urgency, &expires) >= 0);
        free(machine->notification);
        machine->notification = strf("%s|%s|%s|%s|%u", application, icon, summary, body, urgency);
        return sd_bus_reply_method_return(m, "u", 1);
}

static const struct {
        const char *destination, *member;
        int (*method)(FakeMachine *machine, sd_bus_message *m);
} methods[] = {
        { "org.freedesktop.locale1", "SetLocale", method_set_locale },
        { "org.freedesktop.timedate1", "SetTimezone", method_set_timezone },
        { MANAGER_NAME, "UnsetAndSetEnvironment", method_unset_and_set_environment },
        { "org.freedesktop.Notifications", "Notify", method_notify },
};

int fake_machine_handle(FakeConnection *c, sd_bus_message *m) {
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq_ptr(sd_bus_message_get_destination(m), methods[i].destination) &&
                                streq(sd_bus_message_get_member(m), methods[i].member))
                        return methods[i].method(&c->fake->machine, m);
        return 0;
}

const FakeMachine *fake_systemd_get_machine(const FakeSystemd *f) {
        return &f->machine;
}

void fake_machine_done(FakeMachine *m) {
        free(m->locale);
        free(m->timezone);
        free(m->environment);
        free(m->notification);
}
