/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: what is one, how it is written again, and what is in what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/extension.h"

/* What is accepted, and how it is written again. */
static const struct {
        const char *text, *again;
} good[] = {
        { "127.0.0.1", "127.0.0.1" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "255.255.255.255/32", "255.255.255.255" },
        { "192.168.0.1/24", "192.168.0.1/24" }, /* the host's bits stay */
        { "::", "::" },
        { "::1", "::1" },
        { "ffee::11", "ffee::11" },
        { "FFEE::/64", "ffee::/64" },
        { "::/0", "::/0" },
        { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
        { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
        { "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128", "abcd:ef01:2345:6789:abcd:ef01:2345:6789" },
        { "::ffff:ff00:1", "::ffff:ff00:1" },
        { "::5:06", "::5:6" },
        { "::ffff:abcd:ffff/96", "::ffff:abcd:ffff/96" },
        { "::900:0/64", "::900:0/64" },
};

static const char *const bad[] = {
        "",
        "?",
        "127.0.0",
        "127.0.0.1.1",
        "127.0.0.01",
        "0x7f.0.0.1",
        "127.1",
        "380.0.0.1",
        " 127.0.0.1",
        "127.0.0.1 ",
        "127.0.0.1/",
        "127.0.0.1/33",
        "127.0.0.1/032",
        "127.0.0.1/00",
        "127.0.0.1/+8",
        "127.0.0.1/-0",
        "127.0.0.1/ 8",
        "127.0.0.1/8/24",
        "127.0.0.1/4294967304",
        "127.0.0.1/8a",
        "/8",
        "ab.ab.ab.ab",
        "foo::1",
        ":",
        ":::",
        ":1",
        "1:",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "00001::",
        "fe80::1%eth0",
        "[::1]",
        "::/129",
        "::/01",
        "::/1234",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/0128",
};

static void test_parse(_unused_ void **state) {
        const char *why = NULL;
        IpRange ip;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                char buffer[IP_RANGE_STRING_MAX];

                print_message("%s\n", good[i].text);
                assert_int_equal(ip_range_parse(text_of(good[i].text), &ip, &why), 0);
                ip_range_format(&ip, buffer);
                assert_string_equal(buffer, good[i].again);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                print_message("%s\n", bad[i]);
                why = NULL;
                assert_int_equal(ip_range_parse(text_of(bad[i]), &ip, &why), -EINVAL);
                assert_non_null(why);
        }
        assert_int_equal(ip_range_parse(TEXT("127.0.0.1\0"), &ip, &why), -EINVAL);
        assert_int_equal(ip_range_parse((Text){}, &ip, &why), -EINVAL);
}

static const struct {
        const char *ip;
        bool is_loopback, is_multicast;
} kinds[] = {
        { "127.0.0.1", true, false },
        { "127.255.200.200", true, false },
        { "127.0.0.1/8", true, false },
        { "127.0.0.1/7", false, false },
        { "127.0.0.1/0", false, false },
        { "128.0.0.1", false, false },
        { "::1", true, false },
        { "::1/127", false, false },
        { "::2", false, false },
        { "::ffff:7f00:1", false, false },
        { "224.0.0.0", false, true },
        { "239.255.255.255", false, true },
        { "240.0.0.0", false, false },
        { "224.0.0.0/4", false, true },
        { "224.0.0.0/3", false, false },
        { "ff00::2", false, true },
        { "ff00::/8", false, true },
        { "ff00::/7", false, false },
        { "fe00::", false, false },
};

static IpRange parse(const char *text) {
        const char *why;
        IpRange ip;

        assert_int_equal(ip_range_parse(text_of(text), &ip, &why), 0);
        return ip;
}

static void test_kinds(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                IpRange ip = parse(kinds[i].ip);

                print_message("%s\n", kinds[i].ip);
                assert_int_equal(ip_range_is_loopback(&ip), kinds[i].is_loopback);
                assert_int_equal(ip_range_is_multicast(&ip), kinds[i].is_multicast);
        }
}

static const struct {
        const char *ip, *other;
        bool is_in;
} ranges[] = {
        { "192.168.0.1/24", "192.168.0.1/24", true },
        { "192.168.0.1", "192.168.0.1/28", true },
        { "192.168.0.10", "192.168.0.1/24", true },
        { "192.168.0.10", "192.168.0.1/28", true },
        { "192.168.0.75", "192.168.0.1/24", true },
        { "192.168.0.75", "192.168.0.1/28", false },
        { "192.168.0.1", "192.168.0.1", true },
        { "192.168.0.1", "192.168.0.2", false },
        { "192.168.0.0/16", "192.168.0.0/24", false },
        { "1.2.3.4", "0.0.0.0/0", true },
        { "0.0.0.0/0", "0.0.0.0/0", true },
        { "0.0.0.0/0", "0.0.0.0/1", false },
        { "1:2:3:4::", "1:2:3:4::/48", true },
        { "1:2:3:6::", "1:2:3:4::/52", true },
        { "1:2:3:ffff::", "1:2:3:4::/48", true },
        { "1:2:3:ffff::", "1:2:3:4::/52", false },
        { "1:2:3:4::", "1:2:3:4::", true },
        { "::1", "::/0", true },
        { "192.168.0.1", "1:2:3:4::/48", false },
        { "0.0.0.1", "::/0", false },
        { "::", "0.0.0.0/0", false },
};

static void test_ranges(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
                IpRange ip = parse(ranges[i].ip), other = parse(ranges[i].other);

                print_message("%s in %s\n", ranges[i].ip, ranges[i].other);
                assert_int_equal(ip_range_is_in(&ip, &other), ranges[i].is_in);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_ranges),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
