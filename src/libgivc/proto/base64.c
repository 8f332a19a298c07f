/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648): writes the standard alphabet, reads the URL-safe one too. */

#include "base/mem.h"
#include "proto/base64.h"

void base64_write(char *text, const void *data, size_t size) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *p = data;

        for (; size > 0; p += 3) {
                size_t n = MIN(size, 3U);
                uint32_t v = (uint32_t) p[0] << 16 | (n > 1 ? (uint32_t) p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

                *text++ = alphabet[v >> 18];
                *text++ = alphabet[v >> 12 & 63];
                *text++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
                *text++ = n > 2 ? alphabet[v & 63] : '=';
                size -= n;
        }
        *text = 0;
}

char *base64_encode(const void *data, size_t size) {
        char *text = mem_new(char, base64_size(size) + 1);

        if (text)
                base64_write(text, data, size);
        return text;
}

static int digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == '+' || c == '-')
                return 62;
        if (c == '/' || c == '_')
                return 63;
        return -EINVAL;
}

int base64_decode(const char *text, size_t n, void **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        unsigned n_bits = 0;
        uint32_t bits = 0;
        size_t size = 0;

        if (n > 0 && n % 4 == 0 && text[n - 1] == '=')
                n -= text[n - 2] == '=' ? 2 : 1;
        if (n % 4 == 1)
                return -EINVAL;

        data = mem_new(uint8_t, n / 4 * 3 + 3);
        if (!data)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int d = digit(text[i]);

                if (d < 0)
                        return d;
                bits = bits << 6 | (uint32_t) d;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        data[size++] = (uint8_t) (bits >> n_bits);
                }
        }
        /* What is left over is not a byte; anything but zero there means that the text was cut. */
        if (bits & ((UINT32_C(1) << n_bits) - 1))
                return -EINVAL;

        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}
