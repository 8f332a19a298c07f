/* SPDX-License-Identifier: Apache-2.0 */
/* SetLocale, SetTimezone: what is kept, who hears of it and when, and what a disk that is full changes: nothing. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/locale.h"
#include "admin/monitor.h"
#include "unit/admin/world.h"
#include "unit/leave.h"

typedef struct Assignments {
        Admin__LocaleRequest request;
        Locale__LocaleAssignment assignments[16], *list[16];
} Assignments;

static void assign(Assignments *a, int key, const char *value) {
        size_t i = a->request.n_assignments;

        if (i == 0) {
                admin__locale_request__init(&a->request);
                a->request.assignments = a->list;
        }
        a->request.n_assignments = i + 1;
        locale__locale_assignment__init(&a->assignments[i]);
        a->assignments[i].key = (Locale__LocaleMacroKey) key;
        a->assignments[i].value = (char *) value;
        a->list[i] = &a->assignments[i];
}

static RpcCode set_language(World *w, const char *lang, char **ret_message) {
        Assignments a = {};

        assign(&a, LOCALE__LOCALE_MACRO_KEY__LANG, lang);
        assign(&a, LOCALE__LOCALE_MACRO_KEY__LC_TIME, "C");
        return call(w, "SetLocale", &a.request, NULL, ret_message);
}

static RpcCode set_zone(World *w, const char *zone, char **ret_message) {
        Admin__TimezoneRequest request = ADMIN__TIMEZONE_REQUEST__INIT;

        request.timezone = (char *) zone;
        return call(w, "SetTimezone", &request, NULL, ret_message);
}

static void check_kept(World *w, const char *file, const char *text) {
        _cleanup_free_ char *path = strf("%s/%s", w->directory, file), *kept = NULL;
        struct stat st;
        int r = file_read(path, 1000, &kept, NULL);

        if (!text) {
                leave_check(r == -ENOENT);
                return;
        }
        leave_check(r == 0 && streq(kept, text));
        leave_check(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644);
}

#define FINNISH "0=fi_FI.UTF-8;12=C;"

static bool has(const FakeAgent *a, const char *locale, const char *zone) {
        return streq_ptr(a->locale, locale) && streq_ptr(a->timezone, zone);
}

static int test_all_hear(World *w) {
        register_agents(w);
        leave_check(set_language(w, "fi_FI.UTF-8", NULL) == RPC_OK);
        leave_check(set_zone(w, "Europe/Helsinki", NULL) == RPC_OK);
        check_kept(w, SETTINGS_LOCALE_FILE, "LANG=fi_FI.UTF-8\nLC_TIME=C");
        check_kept(w, SETTINGS_TIMEZONE_FILE, "Europe/Helsinki");
        leave_becomes(has(&w->app_vm, FINNISH, "Europe/Helsinki") && has(&w->net_vm, FINNISH, "Europe/Helsinki"));
        leave_check(set_zone(w, "UTC", NULL) == RPC_OK);
        leave_becomes(has(&w->app_vm, FINNISH, "UTC") && has(&w->net_vm, FINNISH, "UTC"));
        return 0;
}

/* Who registers later hears of it then, and again when it comes again. */
static int test_newcomers_hear(World *w) {
        leave_check(set_language(w, "fi_FI.UTF-8", NULL) == RPC_OK);
        leave_check(set_zone(w, "UTC", NULL) == RPC_OK);
        register_agents(w);
        leave_becomes(has(&w->app_vm, FINNISH, "UTC") && has(&w->net_vm, FINNISH, "UTC"));
        free(TAKE_PTR(w->app_vm.locale));
        leave_check(do_register(w, "givc-app-vm.service", "microvm@app-vm.service", 12, "app-vm", w->app_vm.path,
                                    "active", "running") == RPC_OK);
        leave_becomes(has(&w->app_vm, FINNISH, "UTC"));
        return 0;
}

/* One that cannot be reached holds up nobody, and has it when it is back. */
static int test_unreachable(World *w) {
        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        stop_agent(w, &w->app_vm);
        leave_check(set_zone(w, "UTC", NULL) == RPC_OK);
        leave_becomes(has(&w->net_vm, NULL, "UTC"));
        leave_check(!w->app_vm.timezone);
        leave_check(set_zone(w, "Europe/Helsinki", NULL) == RPC_OK);
        fake_agent_listen(&w->app_vm, w->queue);
        leave_becomes(has(&w->app_vm, NULL, "Europe/Helsinki") && has(&w->net_vm, NULL, "Europe/Helsinki"));
        return 0;
}

static bool is_pushing(World *w, const char *agent) {
        return agents_get(&w->admin.agents, agent)->push;
}

static unsigned n_told;

static void sink(int level, _unused_ const LogField *fields, const char *text) {
        n_told += level <= LOG_INFO && strstr(text, "'givc-app-vm.service' does not take the time zone now");
}

/* What may pass is tried again, and told once; a refusal is not, until there is something else to say. */
static int test_trying(World *w) {
        unsigned n;

        n_told = 0;
        log_set_level(LOG_INFO);
        log_set_sink(sink);

        register_agents(w);
        w->app_vm.settings_code = RPC_UNAVAILABLE;
        w->net_vm.settings_code = RPC_FAILED_PRECONDITION;
        leave_check(set_zone(w, "UTC", NULL) == RPC_OK);
        leave_becomes(w->app_vm.n_settings >= 3 && w->net_vm.n_settings == 1);
        log_set_sink(NULL);
        log_set_level(LOG_CRIT);
        leave_check(n_told == 1);
        leave_becomes(!is_pushing(w, "givc-net-vm.service"));
        leave_check(is_pushing(w, "givc-app-vm.service"));
        w->app_vm.settings_code = RPC_OK;
        leave_becomes(has(&w->app_vm, NULL, "UTC") && !is_pushing(w, "givc-app-vm.service"));
        n = w->net_vm.n_settings;
        w->net_vm.settings_code = RPC_OK;
        leave_check(set_zone(w, "Asia/Abu_Dhabi", NULL) == RPC_OK);
        leave_becomes(has(&w->net_vm, NULL, "Asia/Abu_Dhabi") && has(&w->app_vm, NULL, "Asia/Abu_Dhabi"));
        leave_check(w->net_vm.n_settings == n + 1);
        return 0;
}

/* A VM that is off is told nothing, also when that is said in the middle of telling it. */
static int test_forgotten(World *w) {
        register_agents(w);
        w->app_vm.silent = true;
        leave_check(set_zone(w, "UTC", NULL) == RPC_OK);
        leave_becomes(w->app_vm.n_waiting > 0);
        monitor_drop_vm(&w->admin.agents, "app-vm");
        leave_becomes(w->app_vm.n_waiting == 0);
        leave_check(!agents_get(&w->admin.agents, "givc-app-vm.service"));
        w->app_vm.silent = false;
        return 0;
}

static int test_invalid(World *w) {
        static const char *const zones[] = { "", "/foobar", "`whoami`", "Almost//Valid" };
        _cleanup_free_ char *message = NULL;
        Admin__LocaleRequest none = ADMIN__LOCALE_REQUEST__INIT;
        Assignments key = {}, twice = {};

        register_agents(w);
        leave_check(call(w, "SetLocale", &none, NULL, &message) == RPC_INVALID_ARGUMENT);
        leave_check(streq(message, "A locale needs at least one assignment."));
        leave_check(set_language(w, "iwaenfli", &message) == RPC_INVALID_ARGUMENT);
        leave_check(streq(message, "LANG: 'iwaenfli' is no name of a locale."));
        assign(&key, LOCALE_VARIABLES_MAX, "C");
        leave_check(call(w, "SetLocale", &key.request, NULL, &message) == RPC_INVALID_ARGUMENT);
        assign(&twice, 0, "C");
        assign(&twice, 0, "C");
        leave_check(call(w, "SetLocale", &twice.request, NULL, &message) == RPC_INVALID_ARGUMENT);
        for (size_t i = 0; i < ELEMENTSOF(zones); i++)
                leave_check(set_zone(w, zones[i], &message) == RPC_INVALID_ARGUMENT);
        check_kept(w, SETTINGS_LOCALE_FILE, NULL);
        check_kept(w, SETTINGS_TIMEZONE_FILE, NULL);
        leave_check(w->net_vm.n_settings + w->app_vm.n_settings == 0);
        return 0;
}

/* A directory where the file would be made first is what a disk that cannot be written to is, for root too. */
static int test_not_kept(World *w) {
        _cleanup_free_ char *in_the_way = strf("%s/" SETTINGS_TIMEZONE_FILE ".new", w->directory), *message = NULL;

        register_agents(w);
        leave_check(set_zone(w, "UTC", NULL) == RPC_OK);
        leave_becomes(has(&w->app_vm, NULL, "UTC"));
        leave_check(mkdir(in_the_way, 0700) == 0);
        leave_check(set_zone(w, "Europe/Helsinki", &message) == RPC_FAILED_PRECONDITION);
        leave_check(startswith(message, "The time zone stays as it is, since it cannot be kept in /tmp/givc-admin-"));
        leave_check(rmdir(in_the_way) == 0);
        check_kept(w, SETTINGS_TIMEZONE_FILE, "UTC");
        leave_check(streq(w->admin.settings.timezone, "UTC"));
        leave_check(set_language(w, "C", NULL) == RPC_OK);
        leave_becomes(w->app_vm.locale);
        leave_check(has(&w->app_vm, "0=C;12=C;", "UTC"));
        return 0;
}

static void on_change(void *userdata) {
        (void) userdata;
}

static void write_kept(const char *directory, const char *file, const char *text) {
        _cleanup_free_ char *path = strf("%s/%s", directory, file);

        assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static void test_read_back(void **state) {
        char directory[] = "/tmp/givc-settings-XXXXXX";
        _cleanup_free_ char *locale = NULL, *zone = NULL;
        Settings s;

        (void) state;
        assert_non_null(mkdtemp(directory));
        locale = strf("%s/" SETTINGS_LOCALE_FILE, directory);
        zone = strf("%s/" SETTINGS_TIMEZONE_FILE, directory);
        assert_int_equal(settings_init(&s, directory, on_change, NULL), 0);
        assert_null(s.locale);
        assert_null(s.timezone);
        settings_done(&s);
        write_kept(directory, SETTINGS_LOCALE_FILE,
                        "# by hand\n\nLANG=fi_FI.UTF-8\nLANGUAGE=fi\nLC_TIME=$(reboot)\nLC_CTYPE=C\nLANG=C");
        write_kept(directory, SETTINGS_TIMEZONE_FILE, "Etc/GMT+8\nmore\n");
        assert_int_equal(settings_init(&s, directory, on_change, NULL), 0);
        assert_string_equal(s.locale[0], "LANG=fi_FI.UTF-8");
        assert_string_equal(s.locale[1], "LC_CTYPE=C");
        assert_null(s.locale[2]);
        assert_string_equal(s.timezone, "Etc/GMT+8");
        settings_done(&s);
        write_kept(directory, SETTINGS_TIMEZONE_FILE, "../../etc/shadow");
        assert_int_equal(unlink(locale), 0);
        assert_int_equal(mkdir(locale, 0700), 0);
        assert_int_equal(settings_init(&s, directory, on_change, NULL), 0);
        assert_null(s.locale);
        assert_null(s.timezone);
        settings_done(&s);
        assert_int_equal(rmdir(locale), 0);
        assert_int_equal(unlink(zone), 0);
        assert_int_equal(rmdir(directory), 0);
}

/* As everybody else has them. */
static void test_variables(void **state) {
        const ProtobufCEnumDescriptor *d = &locale__locale_macro_key__descriptor;

        (void) state;
        assert_int_equal(d->n_values, LOCALE_VARIABLES_MAX);
        for (unsigned i = 0; i < d->n_values; i++)
                assert_string_equal(locale_variable_to_string((unsigned) d->values[i].value), d->values[i].name);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_all_hear),
                world_test(test_newcomers_hear),
                world_test(test_unreachable),
                world_test(test_trying),
                world_test(test_forgotten),
                world_test(test_invalid),
                world_test(test_not_kept),
                cmocka_unit_test(test_read_back),
                cmocka_unit_test(test_variables),
        };

        log_set_level(LOG_CRIT);
        return cmocka_run_group_tests_name("admin-settings", tests, NULL, NULL);
}
