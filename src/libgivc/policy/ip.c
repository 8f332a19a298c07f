/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ranges of them, IPv4 and IPv6. An address is the range of itself. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/str.h"
#include "policy/extension.h"

/* The longest there is: ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128. */
#define TEXT_MAX 43

static unsigned bits_of(const IpRange *ip) {
        return ip->is_v6 ? 128 : 32;
}

/* No sign, no blank, no leading zero; -1 for what is no prefix of that many bits. */
static int parse_prefix(const char *s, unsigned bits) {
        unsigned n = 0;

        if (s[0] == '\0' || (s[0] == '0' && s[1] != '\0'))
                return -1;
        for (; *s; s++) {
                if (!char_is_digit(*s))
                        return -1;
                n = n * 10 + (unsigned) (*s - '0');
                if (n > bits)
                        return -1;
        }
        return (int) n;
}

int ip_range_parse(Text text, IpRange *ret, const char **ret_why) {
        char buffer[TEXT_MAX + 1] = {};
        IpRange ip = {};
        char *slash;
        int prefix;

        *ret_why = "this is no IP address or range of them, as 10.0.0.1, 10.0.0.0/8 or fd00::/64";
        if (text.size == 0 || text.size > TEXT_MAX || memchr(text.data, '\0', text.size))
                return -EINVAL;
        memcpy(buffer, text.data, text.size);
        slash = strchr(buffer, '/');
        if (slash)
                *slash = '\0';
        ip.is_v6 = strchr(buffer, ':') != NULL;
        if (ip.is_v6 && strchr(buffer, '.')) {
                *ret_why = "this is IPv4 within IPv6, which has to be written in hexadecimal";
                return -EINVAL;
        }
        if (inet_pton(ip.is_v6 ? AF_INET6 : AF_INET, buffer, ip.bytes) != 1)
                return -EINVAL;
        prefix = slash ? parse_prefix(slash + 1, bits_of(&ip)) : (int) bits_of(&ip);
        if (prefix < 0) {
                *ret_why = ip.is_v6 ? "the prefix of an IPv6 range is 0 to 128"
                                    : "the prefix of an IPv4 range is 0 to 32";
                return -EINVAL;
        }
        ip.prefix = (uint8_t) prefix;
        *ret = ip;
        return 0;
}

void ip_range_format(const IpRange *ip, char *buffer) {
        char address[INET6_ADDRSTRLEN] = "", *end;

        (void) inet_ntop(ip->is_v6 ? AF_INET6 : AF_INET, ip->bytes, address, sizeof(address));
        end = strrchr(address, ':');
        /* What inet_ntop() writes as ::1.2.3.4 would not be read back. */
        if (end && strchr(end, '.'))
                (void) snprintf(end + 1, sizeof(address) - (size_t) (end + 1 - address), "%x:%x",
                                ip->bytes[12] << 8 | ip->bytes[13], ip->bytes[14] << 8 | ip->bytes[15]);
        if (ip->prefix == bits_of(ip))
                (void) snprintf(buffer, IP_RANGE_STRING_MAX, "%s", address);
        else
                (void) snprintf(buffer, IP_RANGE_STRING_MAX, "%s/%u", address, ip->prefix);
}

bool ip_range_is_in(const IpRange *ip, const IpRange *other) {
        unsigned whole = other->prefix / 8, rest = other->prefix % 8;

        if (ip->is_v6 != other->is_v6 || ip->prefix < other->prefix || memcmp(ip->bytes, other->bytes, whole) != 0)
                return false;
        return rest == 0 || (ip->bytes[whole] ^ other->bytes[whole]) >> (8 - rest) == 0;
}

bool ip_range_is_loopback(const IpRange *ip) {
        static const IpRange v4 = { .prefix = 8, .bytes = { 127 } };
        static const IpRange v6 = { .is_v6 = true, .prefix = 128, .bytes = { [15] = 1 } };

        return ip_range_is_in(ip, ip->is_v6 ? &v6 : &v4);
}

bool ip_range_is_multicast(const IpRange *ip) {
        static const IpRange v4 = { .prefix = 4, .bytes = { 224 } };
        static const IpRange v6 = { .is_v6 = true, .prefix = 8, .bytes = { 0xff } };

        return ip_range_is_in(ip, ip->is_v6 ? &v6 : &v4);
}
