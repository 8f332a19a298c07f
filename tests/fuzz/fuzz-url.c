/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a URL: what is permitted has a scheme of ours, a host, no user, and nothing that a shell, a desktop file
 * or systemd acts on. */
#include <stdlib.h>
#include <strings.h>

#include "agent/url.h"
#include "base/mem.h"
#include "base/str.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *behind_scheme(const char *text) {
        static const char *const schemes[] = { "http://", "https://", "element:", "io.element.desktop:" };

        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
                        return text + strlen(schemes[i]);
        return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = mem_dup(data, size);
        const char *rest;
        size_t n;

        check(text);
        if (!url_is_permitted(text))
                return 0;
        rest = behind_scheme(text);
        check(rest);
        rest += strspn(rest, "/");
        n = strcspn(rest, "/?#");
        check(n > 0 && !memchr(rest, '@', n));
        for (const char *p = text; *p; p++)
                check(*p > ' ' && *p < 0x7F && !strchr("'\"`;\\<>{}|^", *p));
        check(!strstr(text, "$("));
        return 0;
}
