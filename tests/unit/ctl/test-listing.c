/* SPDX-License-Identifier: Apache-2.0 */
/* The table of givcctl list, character by character, and messages as JSON. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ctl/listing.h"

#define ITEM(n, d, s, v, k, m)                                                                                         \
        {                                                                                                              \
                .base = PROTOBUF_C_MESSAGE_INIT(&admin__query_list_item__descriptor), .name = (char *) (n),            \
                .description = (char *) (d), .vmstatus = (char *) (s), .trustlevel = (char *) "Warning",               \
                .vmtype = (char *) (v), .servicetype = (char *) (k),                                                   \
                .has_vm_name_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_NAME_VM_NAME, .vmname = (char *) (m)                \
        }

/* In no order, as the admin sends them. */
static Admin__QueryListItem fleet[] = {
        ITEM("hold@0.service", "Application service for hold", "Paused", "AppVM", "App", "app-vm"),
        ITEM("microvm@net-vm.service", "MicroVM 'net-vm'", "PoweredOff", "SysVM", "VM", "net-vm"),
        ITEM("givc-app-vm.service", "givc agent", "Running", "AppVM", "Mgr", "app-vm"),
        ITEM("givc-ghaf-host.service", "givc agent", "Running", "Host", "Mgr", ""),
        ITEM("NetworkManager.service", "Network Manager, with a description that is far too long for eighty columns",
                        "Running", "SysVM", "Svc", "net-vm"),
        ITEM("microvm@app-vm.service", "MicroVM 'app-vm'", "Running", "AppVM", "VM", "app-vm"),
        ITEM("microvm@admin-vm.service", "MicroVM 'admin-vm'", "Running", "AdmVM", "VM", "admin-vm"),
};

static const Look plain = { .unicode = true, .legend = true, .width = 80 };

#define HOUR (3600 * USEC_PER_SEC)
#define NOW  (1000 * 24 * HOUR)

static char *print(const Look *look, size_t n) {
        Admin__QueryListItem *items[ELEMENTSOF(fleet)];
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (size_t i = 0; i < n; i++)
                items[i] = fleet + i;
        assert_non_null(f);
        assert_int_equal(listing_print(f, look, NOW, items, n), 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

static size_t text_columns(const char *line, size_t n) {
        size_t columns = 0;

        for (size_t i = 0; i < n; i++)
                columns += ((unsigned char) line[i] & 0xc0) != 0x80;
        return columns;
}

static void assert_fits(const char *text, size_t width) {
        for (const char *line = text; *line;) {
                size_t n = strcspn(line, "\n");

                if (text_columns(line, n) > width)
                        fail_msg("more than %zu columns: %.*s", width, (int) n, line);
                line += n + (line[n] == '\n');
        }
}

static void test_eighty_columns(void **state) {
        _cleanup_free_ char *text = print(&plain, ELEMENTSOF(fleet));

        (void) state;
        assert_fits(text, 80);
        assert_string_equal(text,
                        "NAME                     STATE      TYPE      DESCRIPTION\n"
                        "ghaf-host                Running    host\n"
                        "└─givc-ghaf-host.service Running    agent     givc agent\n"
                        "admin-vm                 Running    admin VM  MicroVM 'admin-vm'\n"
                        "net-vm                   PoweredOff system VM MicroVM 'net-vm'\n"
                        "└─NetworkManager.service Running    service   Network Manager, with a descriptio\n"
                        "app-vm                   Running    app VM    MicroVM 'app-vm'\n"
                        "├─givc-app-vm.service    Running    agent     givc agent\n"
                        "└─hold@0.service         Paused     app       Application service for hold\n"
                        "\n"
                        "4 VMs, 4 units.\n");
}

/* As our admin sends them: it says since when, and where what has no VmName is. */
static void test_since(void **state) {
        static const usec_t ago[ELEMENTSOF(fleet)] = { 3 * 24 * HOUR, 0, 2 * HOUR, HOUR / 12, 7 * 24 * HOUR,
                USEC_PER_SEC, 45 * USEC_PER_SEC };
        Admin__QueryListItem before[ELEMENTSOF(fleet)];
        _cleanup_free_ char *text = NULL, *narrow = NULL;

        (void) state;
        memcpy(before, fleet, sizeof(fleet));
        for (size_t i = 0; i < ELEMENTSOF(fleet); i++) {
                fleet[i].has_since_case = ADMIN__QUERY_LIST_ITEM__HAS_SINCE_SINCE;
                fleet[i].since = i == 1 ? 0 : NOW - ago[i]; /* of one it does not know */
        }
        fleet[4].vmname = (char *) "";
        fleet[4].has_vm_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_VM;
        fleet[4].vm = (char *) "net-vm";
        text = print(&plain, ELEMENTSOF(fleet));
        narrow = print(&(Look){ .unicode = true, .width = 60 }, ELEMENTSOF(fleet));
        memcpy(fleet, before, sizeof(fleet));
        assert_fits(text, 80);
        assert_fits(narrow, 60);
        assert_string_equal(text,
                        "NAME                     STATE      SINCE      TYPE      DESCRIPTION\n"
                        "ghaf-host                Running    5min ago   host\n"
                        "└─givc-ghaf-host.service Running    5min ago   agent     givc agent\n"
                        "admin-vm                 Running    45s ago    admin VM  MicroVM 'admin-vm'\n"
                        "net-vm                   PoweredOff            system VM MicroVM 'net-vm'\n"
                        "└─NetworkManager.service Running    1 week ago service   Network Manager, with a\n"
                        "app-vm                   Running    1s ago     app VM    MicroVM 'app-vm'\n"
                        "├─givc-app-vm.service    Running    2h ago     agent     givc agent\n"
                        "└─hold@0.service         Paused     3 days ago app       Application service for\n"
                        "\n"
                        "4 VMs, 4 units.\n");
}

static void test_ago(void **state) {
        static const struct {
                uint64_t seconds;
                const char *text;
        } rows[] = {
                { 0, "now" },
                { 1, "1s ago" },
                { 59, "59s ago" },
                { 60, "1min ago" },
                { 179, "2min ago" },
                { 3599, "59min ago" },
                { 3600, "1h ago" },
                { 86399, "23h ago" },
                { 86400, "1 day ago" },
                { 6 * 86400, "6 days ago" },
                { 7 * 86400, "1 week ago" },
                { 30 * 86400, "4 weeks ago" },
                { 31 * 86400, "1 month ago" },
                { 365 * 86400, "11 months ago" },
                { 366 * 86400, "1 year ago" },
                { 900 * 86400, "2 years ago" },
        };
        char text[AGO_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ago_to_text(NOW - rows[i].seconds * USEC_PER_SEC, NOW, text);
                assert_string_equal(text, rows[i].text);
        }
        ago_to_text(NOW + HOUR, NOW, text); /* the admin's clock is not ours */
        assert_string_equal(text, "now");
        ago_to_text(1, UINT64_MAX, text);
        assert_string_equal(text, "584542 years ago");
}

static void test_narrow(void **state) {
        const Look look = { .unicode = true, .width = 44 };
        _cleanup_free_ char *text = print(&look, ELEMENTSOF(fleet));

        (void) state;
        assert_fits(text, 44);
        assert_non_null(strstr(text, "Paused"));
        assert_null(strstr(text, "NAME"));
        assert_null(strstr(text, "units."));
}

static void test_full_width(void **state) {
        const Look look = { .unicode = true, .legend = true };
        _cleanup_free_ char *text = print(&look, ELEMENTSOF(fleet));

        (void) state;
        assert_non_null(strstr(text, "far too long for eighty columns\n"));
}

static void test_colours(void **state) {
        const Look look = { .unicode = true, .colours = true, .width = 80 };
        _cleanup_free_ char *text = print(&look, ELEMENTSOF(fleet)), *grey = print(&plain, ELEMENTSOF(fleet));

        (void) state;
        assert_non_null(strstr(text, "\033[33mPaused"));
        assert_non_null(strstr(text, "\033[32mRunning"));
        assert_null(strchr(grey, '\033'));
}

static void test_ascii(void **state) {
        const Look look = { .legend = true, .width = 80 };
        _cleanup_free_ char *text = print(&look, ELEMENTSOF(fleet));

        (void) state;
        for (const char *p = text; *p; p++)
                assert_in_range((unsigned char) *p, '\n', '~');
        assert_non_null(strstr(text, "`-hold@0.service"));
}

static void test_nothing_to_list(void **state) {
        _cleanup_free_ char *text = print(&plain, 0), *bare = print(&(Look){ .width = 80 }, 0);

        (void) state;
        assert_string_equal(text, "0 VMs, 0 units.\n");
        assert_string_equal(bare, "");
}

static void test_one_of_each(void **state) {
        _cleanup_free_ char *text = print(&plain, 1);

        (void) state;
        assert_non_null(strstr(text, "\n1 VM, 1 unit.\n"));
}

static char *json(OutputMode mode, bool sequence) {
        Admin__StartResponse reply = ADMIN__START_RESPONSE__INIT;
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        reply.registryid = (char *) "hold@0.service";
        assert_int_equal(output_json(f, &reply, mode, sequence), 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void test_json(void **state) {
        _cleanup_free_ char *compact = json(OUTPUT_JSON_SHORT, false), *pretty = json(OUTPUT_JSON_PRETTY, false),
                            *sequence = json(OUTPUT_JSON_SHORT, true);

        (void) state;
        assert_string_equal(compact, "{\"registryId\":\"hold@0.service\"}\n");
        assert_string_equal(pretty, "{\n        \"registryId\": \"hold@0.service\"\n}\n");
        assert_string_equal(sequence, "\036{\"registryId\":\"hold@0.service\"}\n");
}

static void test_look(void **state) {
        Look look;

        (void) state;
        setenv("COLUMNS", "132", 1);
        look_init(&look, &(Options){});
        assert_int_equal(look.width, 132);
        assert_true(look.legend);
        look_init(&look, &(Options){ .full = true, .no_legend = true });
        assert_int_equal(look.width, 0);
        assert_false(look.legend);
        assert_string_equal(look_begin(&(Look){ .colours = true }, state_to_colour("Running")), "\033[32m");
        assert_string_equal(look_begin(&(Look){}, state_to_colour("Running")), "");
        assert_string_equal(look_end(&(Look){ .colours = true }, state_to_colour("Unheard")), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_eighty_columns),
                cmocka_unit_test(test_since),
                cmocka_unit_test(test_ago),
                cmocka_unit_test(test_narrow),
                cmocka_unit_test(test_full_width),
                cmocka_unit_test(test_colours),
                cmocka_unit_test(test_ascii),
                cmocka_unit_test(test_nothing_to_list),
                cmocka_unit_test(test_one_of_each),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_look),
        };

        assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
        return cmocka_run_group_tests(tests, NULL, NULL);
}
