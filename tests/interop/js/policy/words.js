// SPDX-License-Identifier: Apache-2.0
// What generated policies and entities are made of: few names, so that they meet, and values at the edges.
'use strict';

const words = (s) => s.trim().split(/\s+/);

// Attributes by what they mostly hold; some entities lack them, or hold something else.
const attributes = {
        n: 'long',
        m: 'long',
        count: 'long',
        s: 'string',
        name: 'string',
        VmName: 'string',
        b: 'bool',
        'is ok': 'bool',
        permit: 'bool',
        e: 'entity',
        owner: 'entity',
        es: 'entities',
        ns: 'longs',
        ss: 'strings',
        mix: 'mixed',
        r: 'record',
        '': 'record',
        'é"\\': 'record',
        ip: 'ip',
        dec: 'decimal',
        dt: 'datetime',
        dur: 'duration',
};

const types = words('Source Command Module User Group Ns::Doc A::B::C _x9 principal ip::range permit');
const actions = words('Action Action Ns::Action A::B::Action');
const ids = [
        'admin-vm',
        'app-vm',
        'gui-vm',
        '0',
        '',
        'a b',
        'é',
        '\u{1F600}',
        'x"y\\z',
        'l\nm',
        'a*b',
        "it's",
        '\0',
        '\u2028',
];
const strings = [
        '',
        'a',
        'b',
        'ab',
        'aab',
        'abab',
        'a*b',
        '*',
        '**',
        'aaaaaaaab',
        'é',
        'éé',
        '\u{1F600}x',
        'e\u0301',
        'x"y',
        '\\',
        '\n',
        '\t',
        '\0',
        "'",
        'admin-vm',
        'app-vm',
        'foo.bar@baz',
        '/etc/x/../y',
        'A',
        '\x7f',
        '\u{10FFFF}',
        '\u00a0',
];
const patterns = [
        '*',
        '',
        'a*',
        '*b',
        '*a*',
        'a*b',
        '*a*b*',
        '**',
        '***a',
        '*\\**',
        '\\*',
        'a\\**',
        '*é*',
        'é',
        '*\u{1F600}*',
        'a*a*b',
        '*aab',
        'aab*',
        '*-vm',
        'a*-*',
        '\\u{1F600}*',
        '\\x61*',
        '*\\"*',
        '*\\\\*',
        '\\0',
        '*\\n',
        '\\u{2a}',
        '*.bar@*',
        '?',
        'a?b',
        '[a]',
];
const longs = words(`
        0 1 2 3 -1 -2 7 10 100 -100 4611686018427387904 -4611686018427387904 3037000500 -3037000500 3037000499
        9223372036854775807 -9223372036854775807 -9223372036854775808 9223372036854775806 2147483648 4294967296
        0001 00 -0
`);
const unrepresentable = words(
        '9223372036854775808 18446744073709551615 18446744073709551616 99999999999999999999999',
);

const ip = words(`
        127.0.0.1 127.0.0.1/8 127.0.0.1/7 10.0.0.1 10.0.0.0/8 10.1.2.3/32 10.0.0.1/24 0.0.0.0/0 224.0.0.1
        224.0.0.0/4 224.0.0.0/3 239.255.255.255 255.255.255.255 ::1 ::1/128 ::1/127 :: ::/0 fe80::/10 fe80::1
        ff00::/8 ff00::/7 ff02::1 ::ffff:1.2.3.4 ::ffff:127.0.0.1 ::ffff:224.0.0.1/100 1:2:3:4:5:6:7:8
        1:2:3:4:5:6:7:8/64 2001:db8::/32 2001:DB8::1 1::8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1.2.3.4/33 1.2.3.4/08
        1.2.3.4/00 1.2.3.4/ 1.2.3.4/+8 1.2.3 1.2.3.4.5 01.2.3.4 256.1.1.1 1.2.3.4/-1 ::/129 ::/0128 ::/1000
        ::/00 1::2::3 12345:: ::1.2.3.4 ::1.2.3.4/96 1:2:3:4:5:6:1.2.3.4 g:: : ::: 1: :1 fe80::1%eth0 localhost
        0x7f.1.1.1 1.2.3.4/8/8 [::1] ::ffff:1.2.3 0000:0000:0000:0000:0000:0000:0000:0001 00000::1
        ::ffff:255.255.255.255/128 1.2.3.4:80 127.1 1..2.3 1.2.3.4. 000.0.0.0 ::ffff:01.2.3.4
`);
const decimal = words(`
        0.0 1.0 -1.0 0.5 1.5 1.2345 -1.2345 12.34 1.23 1.230 0.0001 -0.0001 -0.0 922337203685477.5807
        -922337203685477.5808 922337203685477.5808 -922337203685477.5809 922337203685478.0 1. .5 1 -.5 1.00000
        1.12345 +1.0 --1.0 1e3 1.-5 1.+5 00001.0 1.0.0 1,0 1_0.0 - 9223372036854775807.0 99999999999999999999.0
        0.99999 ١.٠ 1.٠ abc 0x1.0 -00.00 922337203685477.0 -922337203685477.9999 1.0a
`);
const datetime = words(`
        1970-01-01 2024-02-29 2000-02-29 2024-12-31 2024-01-01T00:00:00Z 2024-01-01T23:59:59Z
        2024-01-01T12:34:56.789Z 0000-01-01 2023-02-29 1900-02-29 2024-01-01T23:59:60Z 2024-01-01T24:00:00Z
        2024-01-01T12:34:56.7Z 2024-01-01T12:34:56.7890Z 2024-01-01T12:34:56+0000 2024-01-01T12:34:56-0000
        2024-01-01T12:34:56+0530 2024-01-01T12:34:56-1234 2024-01-01T12:34:56+2359 2024-01-01T12:34:56-2359
        2024-01-01T12:34:56+2400 2024-01-01T12:34:56+2360 2024-01-01T12:34:56.789+0130
        2024-01-01T12:34:56.789-0130 2024-01-01T12:34:56+01:00 2024-01-01T12:34:56 2024-01-01T12:34Z 2024-1-1
        24-01-01 0000-01-01 0001-01-01 9999-12-31 9999-12-31T23:59:59.999Z 9999-12-31T23:59:59-2359
        0000-01-01T00:00:00+2359 10000-01-01 -001-01-01 2024-13-01 2024-00-01 2024-01-00 2024-01-32 2024-04-31
        2024-01-01t00:00:00z 2024-01-01T1:00:00Z 2024-01-01T00:60:00Z 2024/01/01 1969-12-31
        1969-12-31T23:59:59.999Z 2024-01-01Z 2024-01-01T 2024-01-01T00:00:00.Z 2024-01-01T00:00:00ZZ +2024-01-01
        ٢٠٢٤-01-01 2024-01-01T12:34:56.789z
`);
const duration = words(`
        0ms 1ms -1ms 1s 1m 1h 1d -1d 1d2h3m4s5ms -1d2h3m4s5ms 1d5ms 36h 90m 86400s 86400000ms 1h1d 1s1m 5ms4s d
        ms 1 -1 - 1d- 1D 1 1dd 1d1d +1d --1d 00d 007s 1.5h 1d2h3m4s5ms6 9223372036854775807ms
        -9223372036854775808ms 9223372036854775808ms -9223372036854775809ms 106751991167d 106751991168d
        -106751991168d -106751991167d7h12m55s808ms 106751991167d7h12m55s807ms 106751991167d7h12m55s808ms
        99999999999999999999d 9223372036854775s808ms ١d 1d2 1m1ms 1ms1s 2h2m 0d0h0m0s0ms 1µs 1us 1w 1y
`);

const extensions = {
        ip: words('isIpv4 isIpv6 isLoopback isMulticast isInRange'),
        decimal: words('lessThan lessThanOrEqual greaterThan greaterThanOrEqual'),
        datetime: words('offset durationSince toDate toTime'),
        duration: words('toMilliseconds toSeconds toMinutes toHours toDays'),
};

// Put where they do not belong.
const tokens = words(`
        permit forbid when unless principal action resource context if then else true false in has like is == !=
        < <= > >= && || ! - + * / % = . , ; : :: ( ) { } [ ] @ ?principal ?resource ?other "x" "" 1 0 x _
        __cedar User::"a" ip decimal contains isEmpty getTag lessThan // "\\q" "\\u{}" " 'a' # $ & | ~ ^ \\ é
        \u00a0 \u200b /* @id("x") 9223372036854775808 @x
`);
const blanks = [
        ' ',
        '  ',
        '\n',
        '\t',
        '\r\n',
        '\r',
        '\f',
        '\v',
        '\u0085',
        '\u00a0',
        '\u2003',
        '\u2028',
        '\u3000',
        '// x\n',
        '//\n',
        '// "(\n',
        '// é\r\n',
        ' // /* \n\n',
];

module.exports = {
        attributes,
        types,
        actions,
        ids,
        strings,
        patterns,
        longs,
        unrepresentable,
        texts: { ip, decimal, datetime, duration },
        extensions,
        tokens,
        blanks,
};
