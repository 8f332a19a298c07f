/* SPDX-License-Identifier: Apache-2.0 */
/* locale.LocaleClient: what the machine is told, what is refused before it, and what it refuses itself. */
#include "locale.pb-c.h"
#include "unit/agent/calling.h"
#include "unit/leave.h"

#define LOCALE_SERVICE (&locale__locale_client__descriptor)
#define UNSET                                                                                                          \
        "-LANG -LC_ADDRESS -LC_COLLATE -LC_CTYPE -LC_IDENTIFICATION -LC_MONETARY -LC_MESSAGES -LC_MEASUREMENT "        \
        "-LC_NAME -LC_NUMERIC -LC_PAPER -LC_TELEPHONE -LC_TIME -LC_ALL "

typedef struct Assignments {
        Locale__LocaleMessage message;
        Locale__LocaleAssignment assignments[16], *list[16];
} Assignments;

static void assign(Assignments *a, int key, const char *value) {
        size_t i = a->message.n_assignments++;

        if (i == 0) {
                locale__locale_message__init(&a->message);
                a->message.n_assignments = 1;
                a->message.assignments = a->list;
        }
        locale__locale_assignment__init(&a->assignments[i]);
        a->assignments[i].key = (Locale__LocaleMacroKey) key;
        a->assignments[i].value = (char *) value;
        a->list[i] = &a->assignments[i];
}

static int send_call(World *w, const char *method, const void *request, RpcStatus *reterr) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);

        return rpc_channel_call_wait(w->channel, LOCALE_SERVICE, method, request, &options, NULL, reterr);
}

static int set_zone(World *w, const char *zone, RpcStatus *reterr) {
        Locale__TimezoneMessage request = LOCALE__TIMEZONE_MESSAGE__INIT;

        request.timezone = (char *) zone;
        return send_call(w, "TimezoneSet", &request, reterr);
}

static int test_set(World *w) {
        const FakeMachine *m = fake_systemd_get_machine(w->machine ? w->machine : w->fake);
        const FakeMachine *manager = fake_systemd_get_machine(w->fake);
        Assignments two = {}, all = {};

        assign(&two, 0, "fi_FI.UTF-8");
        assign(&two, 12, "C.UTF-8");
        check(send_call(w, "LocaleSet", &two.message, NULL) == 0);
        check_streq(m->locale, "LANG=fi_FI.UTF-8 LC_TIME=C.UTF-8");
        check_streq(manager->environment, UNSET "LANG=fi_FI.UTF-8 LC_TIME=C.UTF-8");
        assign(&all, 1, "C");
        assign(&all, 13, "en_US.UTF-8");
        check(send_call(w, "LocaleSet", &all.message, NULL) == 0);
        check_streq(m->locale, "LANG=en_US.UTF-8");
        check_streq(manager->environment, UNSET "LANG=en_US.UTF-8");
        check(set_zone(w, "America/Argentina/Rio_Gallegos", NULL) == 0);
        check_streq(m->timezone, "America/Argentina/Rio_Gallegos");
        return 0;
}

/* Language and time zone are the machine's, the environment is the session's. */
static void test_session(_unused_ void **state) {
        world_run_in(test_set, true, NULL);
}

static void check_locale_refused(World *w, const Assignments *a, const char *message) {
        _cleanup_(rpc_status_done) RpcStatus status = {};

        check(send_call(w, "LocaleSet", &a->message, &status) < 0);
        check_streq(status.message, message);
        check(status.code == RPC_INVALID_ARGUMENT);
}

static int test_invalid(World *w) {
        static const char *const zones[] = { "", "/foobar", "`whoami`", "Almost//Valid" };
        Assignments none = { .message = LOCALE__LOCALE_MESSAGE__INIT }, shell = {}, key = {}, twice = {};

        check_locale_refused(w, &none, "A locale needs at least one assignment.");
        assign(&shell, 0, "C; reboot");
        check_locale_refused(w, &shell, "LANG: 'C; reboot' is no name of a locale.");
        assign(&key, 0, "C");
        assign(&key, 14, "C");
        check_locale_refused(w, &key, "There is no locale variable of number 14.");
        assign(&twice, 3, "C");
        assign(&twice, 3, "POSIX");
        check_locale_refused(w, &twice, "LC_CTYPE is assigned to twice.");
        for (size_t i = 0; i < ELEMENTSOF(zones); i++) {
                _cleanup_(rpc_status_done) RpcStatus status = {};

                check(set_zone(w, zones[i], &status) < 0);
                check(status.code == RPC_INVALID_ARGUMENT);
        }
        check(fake_systemd_count_calls(w->fake, "SetLocale") == 0);
        check(fake_systemd_count_calls(w->fake, "SetTimezone") == 0);
        return 0;
}

static const struct {
        const char *error;
        RpcCode code;
        const char *text;
} refusals[] = {
        { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", RPC_PERMISSION_DENIED,
                        "the machine does not permit its agent to do so: It is so." },
        { "org.freedesktop.DBus.Error.InvalidArgs", RPC_FAILED_PRECONDITION,
                        "the machine does not have it: It is so." },
        { "org.freedesktop.DBus.Error.ServiceUnknown", RPC_UNAVAILABLE,
                        "the machine has no service for it that could be reached: It is so." },
        { "org.freedesktop.DBus.Error.Spawn.Failed", RPC_FAILED_PRECONDITION,
                        "the machine's service for it failed: It is so." },
};

static int test_refused(World *w) {
        Assignments a = {};

        assign(&a, 0, "fi_FI.UTF-8");
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                _cleanup_(rpc_status_done) RpcStatus locale = {}, zone = {};

                fake_systemd_fail_next(w->fake, "SetLocale", refusals[i].error, "It is so.");
                check(send_call(w, "LocaleSet", &a.message, &locale) < 0);
                check(locale.code == refusals[i].code);
                check(startswith(locale.message, "Cannot set the locale: ") &&
                                strstr(locale.message, refusals[i].text));
                check(strstr(locale.detail, refusals[i].error));
                fake_systemd_fail_next(w->fake, "SetTimezone", refusals[i].error, "It is so.");
                check(set_zone(w, "UTC", &zone) < 0);
                check(zone.code == refusals[i].code && strstr(zone.message, refusals[i].text));
        }
        check(!fake_systemd_get_machine(w->fake)->environment);
        fake_systemd_fail_next(w->fake, "UnsetAndSetEnvironment", refusals[0].error, "It is so.");
        check(send_call(w, "LocaleSet", &a.message, NULL) == 0); /* what matters is done */
        return 0;
}

static int test_leaving(World *w) {
        Assignments a = {};
        Locale__TimezoneMessage zone = LOCALE__TIMEZONE_MESSAGE__INIT;
        const struct {
                const char *method, *member;
                const void *request;
        } rows[] = {
                { "LocaleSet", "SetLocale", &a.message },
                { "LocaleSet", "UnsetAndSetEnvironment", &a.message },
                { "TimezoneSet", "SetTimezone", &zone },
        };
        Leaver l;

        assign(&a, 0, "C");
        zone.timezone = (char *) "UTC";
        check(set_zone(w, "UTC", NULL) == 0);
        leave_init(&l, w->queue, w->server, SERVICE, "GetUnitStatus");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (Leave how = 0; how < _LEAVE_MAX; how++) {
                        unsigned n = fake_systemd_count_calls(w->fake, rows[i].member);

                        fake_systemd_hold(w->fake, rows[i].member);
                        leave_begin(&l, how, LOCALE_SERVICE, rows[i].method, rows[i].request);
                        leave_becomes(fake_systemd_count_calls(w->fake, rows[i].member) > n || leave_is_late(&l));
                        leave_end(&l);
                        fake_systemd_release(w->fake);
                        leave_settle(&l, rows[i].method);
                }
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_set),
                cmocka_unit_test(test_session),
                world_test(test_invalid),
                world_test(test_refused),
                world_test(test_leaving),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
